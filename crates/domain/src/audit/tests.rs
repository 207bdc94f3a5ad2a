use super::*;

fn tenant() -> TenantId {
    TenantId(Uuid::from_u128(7))
}

fn entry(number: u128) -> Entry {
    Entry {
        id: Uuid::from_u128(number),
        at: DateTime::from_timestamp(1_750_000_000, 123_456_000).unwrap(),
        origin: Origin {
            actor: Actor::Token(TokenId(Uuid::from_u128(8))),
            request: "request".into(),
            address: "address".into(),
        },
        action: "updated".into(),
        resource_type: "User".into(),
        resource_id: Uuid::from_u128(9),
        old_version: Some(1),
        new_version: 2,
        attributes: "title".into(),
        detail: None,
        warning: None,
    }
}

fn chain(length: u128) -> (Vec<Row>, Head) {
    let mut head = Head::default();
    let mut rows = Vec::new();
    for number in 1..=length {
        let entry = entry(number);
        head = head.next(tenant(), &entry);
        rows.push(Row { seq: head.seq, hash: head.hash.clone(), entry });
    }
    (rows, head)
}

fn walk(rows: &[Row], head: &Head) -> Result<i64, (i64, Fault)> {
    walk_past(rows, head, None)
}

fn walk_past(rows: &[Row], head: &Head, kept: Option<&Head>) -> Result<i64, (i64, Fault)> {
    let mut walk = Walk::new(tenant(), Head::default(), head.clone(), kept.cloned());
    let walked = rows.iter().try_for_each(|row| walk.step(row)).and_then(|()| walk.finish());
    walked.map(|()| walk.reached()).map_err(|flaw| (flaw.seq, flaw.fault))
}

/// The encoding is a promise: what was written by one version of the program is verified by the next.
#[test]
fn the_encoding_stays() {
    let hash = Head::default().next(tenant(), &entry(1)).hash;
    let text: String = hash.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(text, "0180ca7e8053a6d2f52de1ec3a28713492e4c6b27eb596a960a719c7472b85d1b8");
}

#[test]
fn every_column_is_hashed_and_none_runs_into_the_next() {
    type Edit = fn(&mut Entry);
    let edits: [Edit; 15] = [
        |entry| entry.id = Uuid::from_u128(2),
        |entry| entry.at += chrono::TimeDelta::microseconds(1),
        |entry| entry.origin.actor = Actor::Operator,
        |entry| entry.origin.request = "requesta".into(),
        |entry| entry.origin.address = "other".into(),
        |entry| (entry.origin.request, entry.origin.address) = ("requesta".into(), "ddress".into()),
        |entry| entry.action = "deleted".into(),
        |entry| entry.resource_type = "Group".into(),
        |entry| entry.resource_id = Uuid::from_u128(1),
        |entry| entry.old_version = None,
        |entry| entry.new_version = 3,
        |entry| entry.attributes = "title active".into(),
        |entry| entry.detail = Some(String::new()),
        |entry| entry.warning = Some(String::new()),
        |entry| (entry.detail, entry.warning) = (Some("a".into()), Some("b".into())),
    ];
    let hash = |entry: &Entry| Head::default().next(tenant(), entry).hash;
    let mut seen = std::collections::BTreeSet::from([hash(&entry(1))]);
    for (number, edit) in edits.iter().enumerate() {
        let mut edited = entry(1);
        edit(&mut edited);
        assert!(seen.insert(hash(&edited)), "edit {number} is not seen");
    }
    assert!(seen.insert(Head::default().next(TenantId(Uuid::from_u128(6)), &entry(1)).hash), "the tenant");
    let later = Head { seq: 1, hash: Vec::new() };
    assert!(seen.insert(later.next(tenant(), &entry(1)).hash), "the place");
    let other = Head { seq: 0, hash: vec![0] };
    assert!(seen.insert(other.next(tenant(), &entry(1)).hash), "the row before");
}

#[test]
fn the_first_bad_row_is_named() {
    let (rows, head) = chain(5);
    assert_eq!(walk(&rows, &head), Ok(5));
    assert_eq!(walk(&[], &Head::default()), Ok(0));

    for place in 0..5 {
        let seq = place as i64 + 1;
        let mut edited = rows.clone();
        edited[place].entry.new_version = 9;
        assert_eq!(walk(&edited, &head), Err((seq, Fault::Altered)));
        let mut unhashed = rows.clone();
        unhashed[place].hash.clear();
        assert_eq!(walk(&unhashed, &head), Err((seq, Fault::Altered)));
        let mut shorter = rows.clone();
        shorter.remove(place);
        assert_eq!(walk(&shorter, &head), Err((seq, Fault::Missing)));
    }
    let mut swapped = rows.clone();
    let (one, other) = (rows[1].entry.clone(), rows[3].entry.clone());
    (swapped[1].entry, swapped[3].entry) = (other, one);
    assert_eq!(walk(&swapped, &head), Err((2, Fault::Altered)));

    assert_eq!(walk(&rows[..3], &head), Err((4, Fault::Missing)));
    assert_eq!(walk(&[], &head), Err((1, Fault::Missing)));
    let earlier = Head { seq: 4, hash: rows[3].hash.clone() };
    assert_eq!(walk(&rows, &earlier), Err((5, Fault::BehindHead)));
    let other = Head { seq: 5, hash: rows[3].hash.clone() };
    assert_eq!(walk(&rows, &other), Err((5, Fault::OtherHead)));
    let mut before = rows.clone();
    before.insert(0, Row { seq: 0, ..rows[0].clone() });
    assert_eq!(walk(&before, &head), Err((0, Fault::Altered)));
}

#[test]
fn a_chain_made_anew_does_not_lead_past_a_head_that_was_kept() {
    let (rows, head) = chain(5);
    for row in &rows {
        let kept = Head { seq: row.seq, hash: row.hash.clone() };
        assert_eq!(walk_past(&rows, &head, Some(&kept)), Ok(5));
        let other = Head { seq: row.seq, hash: head.next(tenant(), &row.entry).hash };
        assert_eq!(walk_past(&rows, &head, Some(&other)), Err((row.seq, Fault::OtherThanKept)));
    }
    assert_eq!(walk_past(&rows, &head, Some(&Head::default())), Ok(5));
    // Cut off together with its head.
    let (shorter, earlier) = chain(3);
    assert_eq!(walk_past(&shorter, &earlier, Some(&head)), Err((4, Fault::Missing)));
}

#[test]
fn settings_are_told_by_what_differs() {
    let origin = entry(1).origin;
    let at = entry(1).at;
    let before = TenantSettings::default();
    let after = TenantSettings { default_role: Some("admin".into()), ..before.clone() };
    assert_eq!(Entry::tenant_settings(tenant(), &after, &after, at, &origin).unwrap(), None);
    let told = Entry::tenant_settings(tenant(), &before, &after, at, &origin).unwrap().unwrap();
    assert_eq!(told.attributes, "defaultRole");
    assert_eq!(told.detail.as_deref(), Some(r#"{} -> {"defaultRole":"admin"}"#));
}
