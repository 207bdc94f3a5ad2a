//! The second factor: an app, and codes for who has lost it.

use chrono::Utc;
use serde_json::{Value, json};
use totp_rs::{Algorithm, Builder};

use crate::platform::expect_problem;
use crate::support::admins::{PASSWORD, admin, create_admin, guest, send, sign_in, with_grant};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Client, Reply, id_of};

both!(a_second_factor_is_asked_for, somebody_has_lost_the_app, it_takes_the_password);

/// The code that an authenticator app shows so many steps from now.
fn code(secret: &str, steps: i64) -> String {
    let digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let (mut bytes, mut bits, mut held) = (Vec::new(), 0_u32, 0);
    for digit in secret.chars() {
        bits = bits << 5 | u32::try_from(digits.find(digit).unwrap()).unwrap();
        held += 5;
        if held >= 8 {
            held -= 8;
            bytes.push((bits >> held & 0xff) as u8);
        }
    }
    let app = Builder::new()
        .with_algorithm(Algorithm::SHA1)
        .with_digits(6)
        .with_step_duration(30)
        .with_secret(<[u8; 20]>::try_from(bytes).unwrap())
        .build_noncompliant();
    app.generate(u64::try_from(Utc::now().timestamp() + 30 * steps).unwrap()).to_string()
}

fn login(app: &TestApp, code: Option<&str>) -> Reply {
    let body = json!({"tenant": "acme", "email": "jane@example.com", "password": PASSWORD, "code": code});
    send(&guest(app), "POST", "/session", &body)
}

/// An account with a second factor: who is signed in, the secret and the recovery codes.
fn with_factor(app: &TestApp) -> (Client, String, Vec<String>) {
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let client = with_grant(app, &sign_in(app, app.acme(), "jane@example.com"));
    let made = send(&client, "POST", "/me/totp", &json!({"password": PASSWORD})).expect(200).json();
    let secret = made["secret"].as_str().unwrap().to_owned();
    assert!(made["url"].as_str().unwrap().contains(&secret));
    // It does not count yet.
    login(app, None).expect(200);
    // The step before this one, so that the present one is still good; not where that is about to change.
    while Utc::now().timestamp() % 30 > 26 {
        std::thread::sleep(std::time::Duration::from_millis(200));
    }
    let body = json!({"password": PASSWORD, "code": code(&secret, -1)});
    let codes = send(&client, "POST", "/me/totp/confirm", &body).expect(200).json();
    let codes = codes["recoveryCodes"].as_array().unwrap().iter();
    (client, secret, codes.map(|code| code.as_str().unwrap().to_owned()).collect())
}

fn a_second_factor_is_asked_for(backend: Backend) {
    let app = TestApp::start(backend);
    let (client, secret, codes) = with_factor(&app);
    assert_eq!(codes.len(), 10);
    assert_eq!(app.db.db_count("admin_sessions", "1 = 1"), 1, "the other session has ended");
    assert_eq!(client.get("/me").expect(200).json()["totp"], true);
    expect_problem(&login(&app, None), 401, "code-required");
    let known = [code(&secret, -1), code(&secret, 0), code(&secret, 1), code(&secret, 2)];
    let wrong = ["000000", "111111", "222222", "333333", "444444"];
    let wrong = wrong.iter().find(|code| !known.iter().any(|known| known == *code)).unwrap();
    for bad in [wrong, "", "12345", "ABCDEF-ABCDEF-ABCDEF-ABCDEF", known[0].as_str()] {
        expect_problem(&login(&app, Some(bad)), 401, "unauthorized");
    }
    let now = code(&secret, 0);
    login(&app, Some(&now)).expect(200);
    expect_problem(&login(&app, Some(&now)), 401, "unauthorized");
    // A recovery code is good once, however it is typed.
    login(&app, Some(&codes[0].to_lowercase().replace('-', " "))).expect(200);
    expect_problem(&login(&app, Some(&codes[0])), 401, "unauthorized");
    assert_eq!(app.db.db_count("admin_recovery_codes", "1 = 1"), 9);
    assert_eq!(app.db.db_count("audit_log", "action = 'admin_recovery_code_used'"), 1);
    // New codes make the old ones void.
    let body = json!({"password": PASSWORD, "code": codes[1]});
    let renewed = send(&client, "POST", "/me/recovery-codes", &body).expect(200).json();
    expect_problem(&login(&app, Some(&codes[2])), 401, "unauthorized");
    login(&app, renewed["recoveryCodes"][0].as_str()).expect(200);
    let text = app.db.db_dump().join("\n") + &app.server.log_text();
    for secret in codes.iter().chain([&secret]) {
        assert!(!text.contains(secret.as_str()), "a secret is kept as it is");
    }

    let disable = |code: Option<&Value>| {
        send(&client, "POST", "/me/totp/disable", &json!({"password": PASSWORD, "code": code}))
    };
    expect_problem(&disable(None), 400, "invalid-value");
    expect_problem(&disable(Some(&json!("000000"))), 403, "forbidden");
    disable(Some(&renewed["recoveryCodes"][1])).expect(204);
    login(&app, None).expect(200);
    assert_eq!(app.db.db_count("admin_recovery_codes", "1 = 1"), 0);
    assert_eq!(app.db.db_count("audit_log", "action = 'admin_totp_disabled'"), 1);
}

fn somebody_has_lost_the_app(backend: Backend) {
    let app = TestApp::start(backend);
    let (client, ..) = with_factor(&app);
    let jane = id_of(&client.get("/me").expect(200).json()).to_owned();
    let owner = admin(&app, "owner");
    let path = format!("/admins/{jane}/reset");
    let link = send(&owner, "POST", &path, &json!({})).expect(200).json();
    assert_eq!(link["totp"], true, "a reset of the password leaves the factor");
    let body = json!({"secret": link["link"]["secret"], "password": PASSWORD});
    send(&guest(&app), "POST", "/resets/accept", &body).expect(200);
    expect_problem(&login(&app, None), 401, "code-required");
    let link = send(&owner, "POST", &path, &json!({"removeTotp": true})).expect(200).json();
    assert_eq!(link["totp"], false);
    login(&app, None).expect(200);
    assert_eq!(app.db.db_count("admin_recovery_codes", "1 = 1"), 0);
    assert_eq!(app.db.db_count("audit_log", "action = 'admin_totp_disabled'"), 1);
}

fn it_takes_the_password(backend: Backend) {
    let app = TestApp::start(backend);
    create_admin(&app.db, "acme", "jane@example.com", "owner");
    let client = with_grant(&app, &sign_in(&app, app.acme(), "jane@example.com"));
    let before = app.db.db_dump();
    let wrong = "xkcd tree window plun";
    for (path, more) in [
        ("/me/password", json!({"newPassword": "another phrase of blue quartz"})),
        ("/me/totp", json!({})),
        ("/me/totp/confirm", json!({"code": "123456"})),
        ("/me/totp/disable", json!({})),
        ("/me/recovery-codes", json!({})),
    ] {
        let mut body = more.clone();
        body["password"] = wrong.into();
        expect_problem(&send(&client, "POST", path, &body), 403, "forbidden");
        expect_problem(&send(&client, "POST", path, &more), 400, "invalid-value");
        body["more"] = 1.into();
        expect_problem(&send(&client, "POST", path, &body), 400, "invalid-value");
    }
    let right = json!({"password": PASSWORD, "code": "123456"});
    expect_problem(&send(&client, "POST", "/me/totp/confirm", &right), 409, "conflict");
    expect_problem(&send(&client, "POST", "/me/recovery-codes", &right), 409, "conflict");
    app.db.db_assert_unchanged(&before);
    let body = json!({"password": PASSWORD, "newPassword": "password1234567"});
    expect_problem(&send(&client, "POST", "/me/password", &body), 400, "invalid-value");
    // Making one twice replaces the first, which nobody has confirmed.
    let make = || send(&client, "POST", "/me/totp", &json!({"password": PASSWORD})).expect(200).json();
    let (first, second) = (make(), make());
    let confirm = |made: &Value| {
        let body = json!({"password": PASSWORD, "code": code(made["secret"].as_str().unwrap(), 0)});
        send(&client, "POST", "/me/totp/confirm", &body)
    };
    expect_problem(&confirm(&first), 403, "forbidden");
    confirm(&second).expect(200);
    expect_problem(&send(&client, "POST", "/me/totp", &json!({"password": PASSWORD})), 409, "conflict");
}
