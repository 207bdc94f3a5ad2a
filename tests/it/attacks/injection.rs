//! SQL in every place that ends in a query: it is refused, or it is a text like any other.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{BASES, Client, encode, id_of, user_path};
use crate::support::users::{user, with};

both!(case_67_sql_in_every_place);

/// Ways to end what stands before.
const ENDS: [&str; 10] = ["'", "\"", "\\'", "')", "'))", "\")", "`", "]", "''", "%27"];
/// What is put there then. Small letters, because no reply may hold `SELECT`, and a name is repeated in it.
const STATEMENTS: [&str; 10] = [
    " or 1=1",
    " or '1'='1",
    " union select id::text from tokens",
    " and 1=(select count(*) from sqlite_master)",
    "; drop table resources",
    "; delete from resources; commit",
    " and pg_sleep(9) is not null",
    " || (select current_setting('app.tenant_id'))",
    "; set app.tenant_id = ''",
    " like '%",
];
/// Ways to leave out what stands behind.
const TAILS: [&str; 2] = ["--", "/*"];

/// 200 texts, each of which was or is an attack on somebody.
fn attacks() -> Vec<String> {
    let all = ENDS.iter().flat_map(|end| {
        STATEMENTS.iter().flat_map(move |statement| TAILS.map(|tail| format!("{end}{statement}{tail}")))
    });
    all.collect()
}

fn quoted(text: &str) -> String {
    Value::String(text.to_owned()).to_string()
}

fn case_67_sql_in_every_place(backend: Backend) {
    let mut app = TestApp::start(backend);
    let attacks = attacks();
    assert_eq!(attacks.len(), 200);
    let mia = app.rfc().create(&with(user("mia"), json!({"displayName": "Mia", "title": "Lead"})));
    app.client(BASES[0], app.globex()).create(&user("zoe"));
    let before = app.db.db_dump();
    for base in BASES {
        let client = app.client(base, app.acme());
        for attack in &attacks {
            as_value(&client, attack);
            as_name(&client, attack, &mia);
            as_id(&client, attack);
        }
    }
    app.db.db_assert_unchanged(&before);
    // Stored, it is what was sent, and found as what it is.
    let client = app.rfc();
    for (n, attack) in attacks.iter().enumerate() {
        let more = json!({"displayName": attack, "externalId": attack, "profile": {attack.as_str(): attack}});
        let made = client.create(&with(user(&format!("n{n}")), more));
        assert_eq!((&made["displayName"], &made["externalId"]), (&json!(attack), &json!(attack)));
        for filter in ["displayName eq", "externalId eq", "displayName sw", "displayName ew"] {
            let found = client.filter(&format!("{filter} {}", quoted(attack)));
            assert!(found.ids().contains(&id_of(&made).to_owned()), "{filter} {attack}: {}", found.text);
        }
        client.delete(&user_path(&made)).expect(204);
    }
    assert!(app.server.is_running());
    let zoe = app.client(BASES[0], app.globex()).get("/Users").resources();
    assert_eq!(zoe.len(), 1, "the other tenant has what it had");
}

/// As the value of a filter it is a text, which nothing equals.
fn as_value(client: &Client, attack: &str) {
    for filter in [format!("userName eq {}", quoted(attack)), format!("title co {}", quoted(attack))] {
        assert_eq!(client.filter(&filter).total(), 0, "{filter}");
    }
    // Without quotes it may end in words that mean something: then they mean what the grammar says.
    let bare = client.filter(&format!("userName eq {attack}"));
    match bare.status {
        200 => assert_eq!(bare.total(), 0, "{attack}"),
        _ => {
            bare.expect_error(400, Some("invalidFilter"));
        }
    }
}

/// As the name of an attribute it is none: refused where a name decides something, passed over in a projection.
fn as_name(client: &Client, attack: &str, mia: &Value) {
    client.filter(&format!("{attack} eq \"x\"")).expect_error(400, Some("invalidFilter"));
    client.filter(&format!("emails[{attack} eq \"x\"]")).expect_error(400, Some("invalidFilter"));
    let sorted = client.get(&format!("/Users?sortBy={}", encode(attack)));
    sorted.expect_error(400, Some("invalidValue"));
    for parameter in ["attributes", "excludedAttributes"] {
        let reply = client.get(&format!("/Users?{parameter}={}", encode(attack)));
        assert_eq!(reply.ids(), [id_of(mia)], "{parameter}={attack}");
    }
    for number in ["startIndex", "count"] {
        client.get(&format!("/Users?{number}=1{}", encode(attack))).expect_error(400, Some("invalidValue"));
    }
}

/// As an id it is one that nobody has.
fn as_id(client: &Client, attack: &str) {
    for collection in ["Users", "Groups", "Usergroups", "Roles"] {
        client.get(&format!("/{collection}/{}", encode(attack))).expect_error(404, None);
    }
    client.delete(&format!("/Users/{}", encode(attack))).expect_error(404, None);
    let groups = client.post("/Groups", &json!({"displayName": "Ops", "members": [attack]}));
    groups.expect_error(400, Some("invalidValue"));
}
