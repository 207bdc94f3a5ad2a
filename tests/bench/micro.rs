//! The dense parts by themselves: what a request does in memory, without HTTP and without a database.

#![allow(clippy::unwrap_used, missing_docs, reason = "a bench says what it expects by stopping")]

use auth::token;
use divan::{Bencher, black_box};
use domain::contract::RFC;
use domain::decode;
use domain::document::Document;
use domain::filter::Filter;
use domain::filter::parse::{self, Scope};
use domain::id::{ResourceId, TenantId};
use domain::key;
use domain::limits;
use domain::meta::{Meta, Version, parse_time};
use domain::patch;
use domain::project::{self, Projection, Related, Source};
use domain::resource::Resource;
use domain::resource_type::USER;
use domain::schema::{enterprise, qa_user};
use domain::stored::Stored;
use serde_json::{Value, json};

fn main() {
    divan::main();
}

/// A body of about a kilobyte, with the attributes that identity providers send.
fn body() -> Value {
    json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", enterprise::URN, qa_user::URN],
        "userName": "ines.lindqvist.4711@acme.example",
        "externalId": "00u1abcdEFGH2345ijkl",
        "name": {"givenName": "Inês", "familyName": "Lindqvist", "formatted": "Inês Lindqvist"},
        "displayName": "Inês Lindqvist",
        "title": "Senior Agent",
        "active": true,
        "emails": [
            {"value": "ines.lindqvist.4711@acme.example", "type": "work", "primary": true},
            {"value": "ines@home.example", "type": "home"},
        ],
        "phoneNumbers": [{"value": "+1-555-0004711", "type": "work"}],
        (enterprise::URN): {"employeeNumber": "004711", "department": "Quality", "organization": "acme"},
        (qa_user::URN): {
            "profile": {"Location": "Porto", "Team": "Team 7", "Remote": true, "HireDate": "2019-03-15T00:00:00.000Z"},
        },
    })
}

fn document() -> Document {
    decode::create(&USER, &RFC, &body()).unwrap()
}

fn resource() -> Resource {
    let time = parse_time("2026-01-02T03:04:05.678Z").unwrap();
    let id = ResourceId::parse("0190a0b0-0000-7000-8000-000000000001").unwrap();
    Resource { id, document: document(), meta: Meta { created: time, modified: time, version: Version(3) } }
}

fn parsed(text: &str) -> Filter {
    let scope =
        Scope { resource_type: &USER, contract: &RFC, location: "https://scim.example.com/scim/v2/Users/" };
    parse::parse(text, &scope).unwrap()
}

const LOOK_UP: &str = r#"userName eq "Ines.Lindqvist.4711@acme.example""#;
const OF_ENTRA: &str = r#"emails[type eq "work"].value eq "ines.lindqvist.4711@acme.example""#;

/// As long as a filter may be, with as many comparisons as it may have.
fn long_filter() -> String {
    let rest = "x".repeat(86);
    let part = |number| format!(r#"userName eq "person.{number:02}.{rest}@acme.example""#);
    let text = (0..limits::FILTER_TERMS).map(part).collect::<Vec<_>>().join(" or ");
    assert!((limits::FILTER_BYTES - 100..=limits::FILTER_BYTES).contains(&text.len()), "{}", text.len());
    text
}

#[divan::bench]
fn filter_parse_look_up() -> Filter {
    parsed(black_box(LOOK_UP))
}

#[divan::bench]
fn filter_parse_of_entra() -> Filter {
    parsed(black_box(OF_ENTRA))
}

#[divan::bench]
fn filter_parse_4_kib(bencher: Bencher<'_, '_>) {
    let text = long_filter();
    bencher.bench(|| parsed(black_box(&text)));
}

#[divan::bench]
fn filter_matches(bencher: Bencher<'_, '_>) {
    let (filter, resource) = (parsed(OF_ENTRA), resource());
    assert!(filter.matches(&USER, &resource));
    bencher.bench(|| black_box(&filter).matches(&USER, black_box(&resource)));
}

fn message(operations: &Value) -> Value {
    json!({"schemas": ["urn:ietf:params:scim:api:messages:2.0:PatchOp"], "Operations": operations})
}

/// Five operations with paths, as Entra ID sends them when somebody has moved.
#[divan::bench]
fn patch_of_entra(bencher: Bencher<'_, '_>) {
    let department = format!("{}:department", enterprise::URN);
    let message = message(&json!([
        {"op": "Replace", "path": "displayName", "value": "Ines Berg"},
        {"op": "Replace", "path": "name.familyName", "value": "Berg"},
        {"op": "Replace", "path": r#"emails[type eq "work"].value"#, "value": "ines.berg@acme.example"},
        {"op": "Add", "path": department, "value": "Sales"},
        {"op": "Replace", "path": "active", "value": "False"},
    ]));
    let before = document();
    bencher.bench(|| patch::apply(&USER, &RFC, black_box(&before), black_box(&message)).unwrap());
}

/// One operation without a path, as Okta sends it.
#[divan::bench]
fn patch_of_okta(bencher: Bencher<'_, '_>) {
    let message = message(&json!([{"op": "replace", "value": {"active": false}}]));
    let before = document();
    bencher.bench(|| patch::apply(&USER, &RFC, black_box(&before), black_box(&message)).unwrap());
}

#[divan::bench]
fn decode_1_kb(bencher: Bencher<'_, '_>) {
    let body = body();
    bencher.bench(|| decode::create(&USER, &RFC, black_box(&body)).unwrap());
}

fn rendered(bencher: Bencher<'_, '_>, attributes: &[&str]) {
    let names: Vec<String> = attributes.iter().map(|&name| name.to_owned()).collect();
    let projection = Projection::parse(&USER, &names, &[]).unwrap();
    let (resource, related) = (resource(), Related::default());
    let base = "https://scim.example.com/scim/v2";
    let text = serde_json::to_string(&resource.document.0).unwrap();
    let stored = Stored { id: resource.id, text, meta: resource.meta, is_alone: true };
    bencher.bench(|| {
        let source = Source::try_from(black_box(&stored)).unwrap();
        let mut text = String::new();
        project::render(&mut text, &USER, &RFC, base, &source, &related, &projection).unwrap();
        text
    });
}

/// From the text that the store gives to the text that goes out.
#[divan::bench]
fn render_whole(bencher: Bencher<'_, '_>) {
    rendered(bencher, &[]);
}

#[divan::bench]
fn render_two_attributes(bencher: Bencher<'_, '_>) {
    rendered(bencher, &["userName", "active"]);
}

#[divan::bench]
fn fold_ascii() -> String {
    key::fold(black_box("Ines.Lindqvist.4711@Acme.Example"))
}

#[divan::bench]
fn fold_unicode() -> String {
    key::fold(black_box("Ine\u{302}s.Wójcik.ŁÓDŹ@Műller.Example"))
}

/// Shape, checksum and digest; the look-up is not in it.
#[divan::bench]
fn token_check(bencher: Bencher<'_, '_>) {
    let secret = token::generate(TenantId::generate()).unwrap();
    bencher.bench(|| token::parse(black_box(secret.reveal())).unwrap());
}

/// By `serde_json` alone: what the server's own reader adds is the search for duplicate keys.
#[divan::bench]
fn json_read_1_kb(bencher: Bencher<'_, '_>) {
    let text = body().to_string();
    bencher.bench(|| serde_json::from_slice::<Value>(black_box(text.as_bytes())).unwrap());
}
