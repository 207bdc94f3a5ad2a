//! Rights that are taken away while a request is on its way.

use std::io::Write;
use std::net::TcpStream;
use std::time::Duration;

use serde_json::{Value, json};

use crate::platform::expect_problem;
use crate::support::admins::{ADMIN, admin, create_admin, credential, guest, send, sign_in};
use crate::support::app::TestApp;
use crate::support::backend::{Backend, both};
use crate::support::http::{Carrier, RFC, Reply, id_of};
use crate::support::raw;
use crate::support::users::user;

both!(rights_that_end_before_the_body_does, a_link_does_not_outlive_the_role_it_was_made_for);

/// A request whose body lacks its last byte.
struct Unfinished {
    stream: TcpStream,
    last: u8,
}

impl Unfinished {
    fn begin(app: &TestApp, path: &str, (name, value): (&str, String), body: &Value) -> Self {
        let body = body.to_string();
        let (most, last) = body.split_at(body.len() - 1);
        let mut stream = raw::connect(app.server.address());
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\n{name}: {value}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n{most}",
            body.len()
        );
        stream.write_all(head.as_bytes()).unwrap();
        Self { stream, last: last.as_bytes()[0] }
    }

    fn end(mut self) -> Reply {
        self.stream.write_all(&[self.last]).unwrap();
        raw::read_reply(&mut self.stream, "what was sent at last")
    }
}

fn rights_that_end_before_the_body_does(backend: Backend) {
    let app = TestApp::start(backend);
    let jane = create_admin(&app.db, "acme", "jane@example.com", "owner");
    let grant = sign_in(&app, app.acme(), "jane@example.com");
    let other = admin(&app, "owner");
    let made = json!({"name": "idp", "scopes": ["users:read", "users:write"]});
    let token = send(&other, "POST", "/tokens", &made).expect(201).json();
    let bearer = Carrier::Bearer.header(token["token"].as_str().unwrap());
    let to_come = [
        (
            format!("{ADMIN}/admins"),
            credential(&grant),
            json!({"email": "x@example.com", "role": "owner"}),
            403,
        ),
        (format!("{ADMIN}/tokens"), credential(&grant), made, 403),
        (format!("{RFC}/Users"), bearer, user("mia"), 401),
    ];
    let begun: Vec<Unfinished> =
        to_come.iter().map(|(path, who, body, _)| Unfinished::begin(&app, path, who.clone(), body)).collect();
    // The heads have been judged by then, and what was found is remembered for half a second.
    std::thread::sleep(Duration::from_millis(300));
    let path = format!("/admins/{}", id_of(&jane));
    send(&other, "PATCH", &path, &json!({"role": "auditor"})).expect(200);
    other.delete(&format!("/tokens/{}", id_of(&token))).expect(204);
    std::thread::sleep(Duration::from_secs(1));
    let before = app.db.db_dump();
    for (request, (path, .., status)) in begun.into_iter().zip(to_come) {
        let reply = request.end();
        assert_eq!(reply.status, status, "{path}: {}", reply.text);
    }
    app.db.db_assert_unchanged(&before);
}

fn a_link_does_not_outlive_the_role_it_was_made_for(backend: Backend) {
    let app = TestApp::start(backend);
    let (owner, one) = (admin(&app, "owner"), admin(&app, "admin"));
    // An admin invites an auditor, and knows the link; then an owner makes an owner of that account.
    let invited = send(&one, "POST", "/admins", &json!({"email": "kim@example.com", "role": "auditor"}));
    let invited = invited.expect(201).json();
    let path = format!("/admins/{}", id_of(&invited));
    send(&owner, "PATCH", &path, &json!({"role": "owner"})).expect(200);
    assert_eq!(app.db.db_count("admin_links", "1 = 1"), 0);
    let body = json!({"secret": invited["link"]["secret"], "password": "xkcd tree window plum"});
    expect_problem(&send(&guest(&app), "POST", "/invitations/accept", &body), 400, "invalid-value");
    // The owner gives another one, which is good.
    let link = send(&owner, "POST", &format!("{path}/reset"), &json!({})).expect(200).json();
    let body = json!({"secret": link["link"]["secret"], "password": "xkcd tree window plum"});
    send(&guest(&app), "POST", "/invitations/accept", &body).expect(200);
}
