//! `GET /Groups`, `POST /Groups/.search` and the search at the root: pages, filters, order.

use serde_json::{Value, json};

use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::groups::{KINDS, people};
use crate::support::http::{BASES, encode, id_of};

both!(groups_are_filtered, pages_join, a_search_at_the_root_goes_over_all_types);

fn groups_are_filtered(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    for kind in KINDS {
        let ops = kind.create(
            &rfc,
            &json!({"displayName": "Ops", "externalId": "g-1", "members": [mia["id"], kai["id"]], "owners": [zoe["id"]]}),
        );
        let nights = kind.create(
            &rfc,
            &json!({"displayName": "Night Shift", "members": [mia["id"]], "owners": [mia["id"]]}),
        );
        let empty = kind.create(&rfc, &json!({"displayName": "Empty"}));
        let [m, k, z] = [&mia, &kai, &zoe].map(id_of);
        let cases: Vec<(String, Vec<&Value>)> = vec![
            (format!("members.value eq \"{m}\""), vec![&ops, &nights]),
            (format!("members.value eq \"{k}\""), vec![&ops]),
            (format!("members.value eq \"{z}\""), vec![]),
            (format!("members eq \"{k}\""), vec![&ops]),
            (format!("members[value eq \"{k}\"]"), vec![&ops]),
            (format!("owners eq \"{z}\""), vec![&ops]),
            (format!("owners eq \"{k}\""), vec![]),
            (format!("members.value eq \"{m}\" and owners eq \"{m}\""), vec![&nights]),
            (format!("members.value eq \"{k}\" or displayName eq \"empty\""), vec![&ops, &empty]),
            (format!("not (members.value eq \"{m}\")"), vec![&empty]),
            ("members pr".into(), vec![&ops, &nights]),
            ("displayName eq \"NIGHT shift\"".into(), vec![&nights]),
            ("displayName sw \"n\"".into(), vec![&nights]),
            ("displayName co \"t s\"".into(), vec![&nights]),
            ("externalId eq \"g-1\"".into(), vec![&ops]),
            ("externalId eq \"G-1\"".into(), vec![]),
            (format!("{}:displayName eq \"ops\"", kind.urn), vec![&ops]),
            (format!("id eq \"{}\"", id_of(&empty)), vec![&empty]),
            ("members.value eq \"u-77\"".into(), vec![]),
        ];
        for base in BASES {
            let client = app.client(base, app.acme());
            for (filter, expected) in &cases {
                let expected: Vec<&str> = expected.iter().map(|group| id_of(group)).collect();
                let reply = client.get(&format!("{}?filter={}", kind.collection, encode(filter)));
                assert_eq!(reply.ids(), expected, "{base} {filter}");
                assert_eq!(reply.total(), expected.len() as i64, "{base} {filter}");
                let search = client.post(&format!("{}/.search", kind.collection), &json!({"filter": filter}));
                assert_eq!(search.json(), reply.json(), "{base} {filter}");
            }
            for filter in
                ["shoeSize eq 4", "displayName eq", "members[value eq", "members gt 4", "userName pr"]
            {
                let reply = client.get(&format!("{}?filter={}", kind.collection, encode(filter)));
                assert_eq!(reply.status, 400, "{filter}: {}", reply.text);
                reply.expect_error(400, Some("invalidFilter"));
            }
            let names = |query: &str| -> Vec<Value> {
                let reply = client.get(&format!("{}?{query}", kind.collection));
                reply.resources().iter().map(|group| group["displayName"].clone()).collect()
            };
            assert_eq!(names("sortBy=displayName"), ["Empty", "Night Shift", "Ops"]);
            assert_eq!(names("sortBy=displayName&sortOrder=descending"), ["Ops", "Night Shift", "Empty"]);
            assert_eq!(names("excludedAttributes=members"), ["Ops", "Night Shift", "Empty"]);
        }
    }
}

fn pages_join(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, _] = people(&rfc);
    for kind in KINDS {
        let made: Vec<Value> = (0..7)
            .map(|n| {
                let members = if n % 2 == 0 { json!([mia["id"], kai["id"]]) } else { json!([]) };
                kind.create(&rfc, &json!({"displayName": format!("g{n}"), "members": members}))
            })
            .collect();
        for base in BASES {
            let client = app.client(base, app.acme());
            for size in [1, 3, 7, 100] {
                let mut seen = Vec::new();
                while seen.len() < made.len() {
                    let page = client.get(&format!(
                        "{}?startIndex={}&count={size}",
                        kind.collection,
                        seen.len() + 1
                    ));
                    assert_eq!(page.total(), 7);
                    assert!(!page.resources().is_empty(), "a page is empty before the end");
                    seen.extend(page.resources());
                }
                let ids: Vec<&str> = seen.iter().map(id_of).collect();
                assert_eq!(ids, made.iter().map(id_of).collect::<Vec<_>>(), "{base} {size}");
                for group in &seen {
                    assert_eq!(client.get(&kind.path(group)).json(), *group, "a list shows what a GET shows");
                }
            }
            let none = client.get(&format!("{}?count=0", kind.collection));
            assert_eq!((none.total(), none.resources().len()), (7, 0));
            let behind = client.get(&format!("{}?startIndex=8", kind.collection));
            assert_eq!((behind.total(), behind.resources().len()), (7, 0));
        }
    }
}

fn a_search_at_the_root_goes_over_all_types(backend: Backend) {
    let app = TestApp::start(backend);
    let rfc = app.rfc();
    let [mia, kai, zoe] = people(&rfc);
    let [agents, usergroups] = KINDS;
    let ops = agents.create(&rfc, &json!({"displayName": "Mia", "members": [kai["id"]]}));
    let mias = usergroups.create(&rfc, &json!({"displayName": "mia", "members": [mia["id"]]}));
    for base in BASES {
        let client = app.client(base, app.acme());
        let search = |body: Value| client.post("/.search", &body);
        let all =
            search(json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "count": 10}));
        let ids: Vec<&str> = [&mia, &kai, &zoe, &ops, &mias].map(id_of).to_vec();
        assert_eq!(all.total(), 5, "{base}: {}", all.text);
        assert_eq!(all.ids(), ids, "{base}: users, then groups, then user groups");
        for resource in all.resources() {
            let kind = resource["meta"]["resourceType"].as_str().unwrap();
            let one = client.get(&format!("/{kind}s/{}", id_of(&resource)));
            assert_eq!(one.expect(200).json(), resource, "{base}: a search shows what a GET shows");
        }
        // A page may begin in one type and end in another.
        let page = search(json!({"startIndex": 3, "count": 2}));
        assert_eq!((page.total(), page.ids()), (5, vec![id_of(&zoe).to_owned(), id_of(&ops).to_owned()]));
        let named = search(json!({"filter": "displayName eq \"mia\"", "attributes": ["displayName"]}));
        assert_eq!(named.ids(), [&mia, &ops, &mias].map(id_of), "{base}: {}", named.text);
        assert_eq!(named.resources()[1].get("members"), None);
        let totals = search(json!({"count": 0}));
        assert_eq!((totals.total(), totals.resources().len()), (5, 0));
        let typed = search(json!({"filter": "meta.resourceType eq \"Usergroup\""}));
        if typed.status == 200 {
            assert_eq!(typed.ids(), [id_of(&mias)], "{base}: a filter is never ignored: {}", typed.text);
        } else {
            typed.expect_error(400, Some("invalidFilter"));
        }
        search(json!({"filter": "displayName eq"})).expect_error(400, Some("invalidFilter"));
        client.get("/.search").expect_error(405, None);
    }
}
