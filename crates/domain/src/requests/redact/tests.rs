use super::*;
use proptest::prelude::*;
use serde_json::json;

const TOKEN: &str = "rcl_02wndAAHBC95f4B7ANlKUV_0123456789ABCDEFGHIJKLMNOPQRSTUV1Khf0p";
const JWT: &str = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ4In0.c2lnbmF0dXJlLW9mLWEtand0";

fn kept(value: &Value) -> Value {
    serde_json::from_str(&body(value.to_string().as_bytes()).text).unwrap()
}

#[test]
fn secrets_are_taken_out_by_their_names() {
    for name in [
        "password",
        "passWord",
        "urn:ietf:params:scim:schemas:core:2.0:User:password",
        "client_secret",
        "x-api-key",
        "refreshToken",
        "Authorization",
        "userPass",
        "OTP",
        "PIN",
        "aws_access_key",
    ] {
        assert_eq!(
            kept(&json!({"userName": "mia", (name): "hunter2"})),
            json!({"userName": "mia", (name): REDACTED})
        );
        assert_eq!(
            kept(&json!({(name): {"a": ["x", 1, null, true]}})),
            json!({(name): {"a": [REDACTED, REDACTED, null, true]}})
        );
    }
    let harmless =
        json!({"userName": "mia", "title": "Secretary", "active": true, "emails": [{"value": "m@x"}]});
    assert_eq!(kept(&harmless), harmless);
}

#[test]
fn an_operation_names_its_secret_beside_it() {
    let operation = |path: &str| json!({"Operations": [{"op": "replace", "value": "hunter2", "path": path}]});
    let redacted = json!({"Operations": [{"op": "replace", "value": REDACTED, "path": REDACTED}]});
    for path in ["password", "PASSWORD", "urn:ietf:params:scim:schemas:core:2.0:User:password"] {
        assert_eq!(kept(&operation(path)), redacted, "{path}");
    }
    assert_eq!(kept(&operation("title")), operation("title"));
    let nested =
        json!({"Operations": [{"method": "PUT", "path": "/Users/1", "data": {"password": "hunter2"}}]});
    assert!(!kept(&nested).to_string().contains("hunter2"));
}

#[test]
fn credentials_are_taken_out_wherever_they_stand() {
    for secret in [TOKEN, JWT] {
        let value = json!({"title": format!("see {secret}!"), (secret): 1, "list": [secret]});
        let told = kept(&value).to_string();
        assert!(!told.contains(secret) && told.contains("see [redacted]!"), "{told}");
        assert_eq!(scrub(&format!("\"{secret}\" is wrong")), "\"[redacted]\" is wrong");
        assert_eq!(target(&format!("/Users/{secret}?x={secret}")), "/Users/[redacted]?x=[redacted]");
    }
    assert_eq!(scrub("Basic dXNlcjpwYXNz/29yZDEyMw=="), "Basic [redacted]");
    assert_eq!(scrub("BEARER 0123456789abcdef, then"), "BEARER [redacted], then");
    for harmless in ["rcl_", "a basic skill", "eyJ.a.b", "0190a000-0000-7000-8000-000000000000", "", "é"] {
        assert_eq!(scrub(harmless), harmless);
    }
}

#[test]
fn a_megabyte_is_scrubbed_in_one_walk() {
    for word in ["eyJ", "eyJ.", "rcl_", "bearer ", "basic x"] {
        let _ = scrub(&word.repeat((1 << 20) / word.len()));
    }
}

#[test]
fn queries_are_kept_without_secrets() {
    let plain = "/scim/v2/Users?filter=userName%20eq%20%22token%22&count=2";
    assert_eq!(target(plain), plain);
    assert_eq!(target("/Users?access_token=abc&count=2"), "/Users?access_token=[redacted]&count=2");
    assert_eq!(target("/Users?filter=password%20eq%20%22hunter2%22"), "/Users?filter=[redacted]");
    assert_eq!(target("/Users"), "/Users");
    for hidden in [
        "/Users?filter=%70assword+eq+%22hunter2%22",
        "/Users?filter=userName%20eq%20%22a%5C%22%22%20and%20password%20eq%20%22hunter2%22",
        "/Users?x=Bearer%20hunter2hunter2hunter2",
        "/Users?x=Basic%20aDpodW50ZXIy",
    ] {
        let kept = target(hidden);
        assert!(kept.contains(REDACTED) && !kept.contains("hunter2") && !kept.contains("aDpo"), "{kept}");
    }
}

#[test]
fn what_is_no_json_is_not_kept() {
    let redacted = body(b"{'password': 'hunter2'}");
    assert_eq!(redacted.text, "[23 bytes that are no JSON]");
    let deep = format!("{}\"hunter2\"{}", "[".repeat(1_000), "]".repeat(1_000));
    assert!(!body(deep.as_bytes()).text.contains("hunter2"));
}

#[test]
fn a_long_body_is_cut() {
    let empty = json!({"x": ""}).to_string().len();
    let of = |length: usize| body(json!({"x": "a".repeat(length - empty)}).to_string().as_bytes()).text;
    assert_eq!(of(BODY_BYTES).len(), BODY_BYTES);
    assert!(of(BODY_BYTES + 1).ends_with("… [the first of 8193 bytes]"));
}

#[test]
fn a_reason_does_not_quote_what_was_taken_out() {
    let redacted = body(br#"{"password": "hunter2", "pwd": "abc"}"#);
    assert_eq!(redacted.clean("\"hunter2\" is too short for abc"), "\"[redacted]\" is too short for abc");
}

#[test]
fn secrets_in_filters_lists_of_pairs_and_texts_of_json() {
    let secret = |value: Value| {
        let told = body(value.to_string().as_bytes());
        assert!(!told.text.contains("hunter2"), "{}", told.text);
        assert_eq!(told.clean("not hunter2 please"), "not [redacted] please", "{value}");
    };
    secret(json!([{"name": "password", "value": "hunter2"}]));
    secret(json!({"a": {"Key": "otp", "Value": "hunter2"}}));
    let nested = json!({"password": "hunter2"}).to_string();
    secret(json!({"note": nested}));
    secret(json!({"note": json!([nested]).to_string()}));
    let deep = json!({"note": json!([json!([nested]).to_string()]).to_string()});
    assert!(!body(deep.to_string().as_bytes()).text.contains("hunter2"));
    let asked = body(br#"{"filter": "password eq \"hunter2\"", "count": 1}"#);
    assert_eq!(asked.text, r#"{"filter":"[redacted]","count":1}"#);
    let harmless = json!({"filter": "userName eq \"password\"", "note": "[1, 2", "name": "x", "value": "y"});
    assert_eq!(kept(&harmless), harmless);
}

#[test]
fn short_credentials_behind_their_scheme() {
    assert_eq!(scrub("Authorization: Basic aDI6aA=="), "Authorization: Basic [redacted]");
    assert_eq!(scrub("Token 0123456789abcdef"), "Token [redacted]");
    for harmless in ["basic training", "token of love", "Basic aDI"] {
        assert_eq!(scrub(harmless), harmless);
    }
}

#[test]
fn secrets_in_each_other_leave_nothing_and_add_nothing() {
    let of =
        |secrets: &[&str], text: &str| body(json!({"password": secrets}).to_string().as_bytes()).clean(text);
    assert_eq!(of(&["abcd", "abcdef", "efgh"], "abcdef-abcdefgh-abcd"), "[redacted]-[redacted]-[redacted]");
    // What stands for a secret is no place to look for another one.
    let many: Vec<&str> = ["filter", "reda", "cted"].into_iter().cycle().take(REMEMBERED).collect();
    assert_eq!(of(&many, "the filter is empty"), "the [redacted] is empty");
    assert_eq!(of(&["hunter2"], &"x".repeat(CLEANED_BYTES)).len(), CLEANED_BYTES);
    assert_eq!(of(&["hunter2"], &"x".repeat(CLEANED_BYTES + 1)), REDACTED);
}

#[test]
fn with_too_many_secrets_no_text_is_kept() {
    let of = |number: usize| {
        let all: Vec<Value> = (0..number).map(|n| json!({"password": format!("hunter{n}")})).collect();
        body(json!(all).to_string().as_bytes()).clean("see")
    };
    assert_eq!((of(REMEMBERED), of(REMEMBERED + 1)), ("see".into(), REDACTED.into()));
}

proptest! {
    #[test]
    fn any_text_is_scrubbed(before in "\\PC{0,30}", after in "[ \"',;:!?\\[\\]{}]\\PC{0,30}") {
        let clean = scrub(&format!("{before} {TOKEN}{after}"));
        prop_assert!(!clean.contains(TOKEN), "{}", clean);
    }

    #[test]
    fn any_bytes_are_redacted(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = body(&bytes);
        let _ = target(&String::from_utf8_lossy(&bytes));
    }
}
