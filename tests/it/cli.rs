//! The command line: what it prints, its exit codes, its settings, and the first minute of a newcomer.

use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::support::backend::{Backend, both};
use crate::support::db::TestDb;
use crate::support::http::{Carrier, Client, QA, RFC};
use crate::support::matching::assert_matches;
use crate::support::program::{self, Server};

both!(
    wrong_usage_is_2,
    failures_are_1_with_one_line,
    tenants_and_tokens_are_printed_as_promised,
    settings_come_from_file_and_environment,
    unknown_settings_are_refused_by_name,
    the_demo_works_as_pasted,
    nothing_is_made_unasked,
    migrate_prints_what_it_applied,
);

fn run(db: &TestDb, arguments: &[&str]) -> Output {
    let mut all = arguments.to_vec();
    all.extend(["--database-url", &db.url]);
    program::run(&db.folder, &all)
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn wrong_usage_is_2(backend: Backend) {
    let db = TestDb::ready(backend);
    let before = db.db_dump();
    let cases: [&[&str]; 12] = [
        &["nonsense"],
        &["serve", "--nonsense"],
        &["serve", "--listen", "nowhere"],
        &["tenant"],
        &["tenant", "create"],
        &["tenant", "create", "Not A Slug"],
        &["tenant", "delete", "acme"],
        &["token", "create", "--tenant", "acme"],
        &["token", "create", "--tenant", "acme", "--name", "x", "--scope", "everything"],
        &["token", "create", "--tenant", "acme", "--name", "x", "--role-ceiling", "emperor"],
        &["token", "create", "--tenant", "acme", "--name", "x", "--expires-in", "soon"],
        &["load", "--tenant", "acme", "--users", "many"],
    ];
    for arguments in cases {
        let output = run(&db, arguments);
        assert_eq!(output.status.code(), Some(2), "{arguments:?}: {}", stderr(&output));
        assert!(output.stdout.is_empty() && !output.stderr.is_empty(), "{arguments:?}");
    }
    db.db_assert_unchanged(&before);
    for arguments in [&["--help"][..], &["--version"], &["token", "create", "--help"]] {
        let output = run(&db, arguments);
        assert_eq!(output.status.code(), Some(0), "{arguments:?}");
        assert!(!output.stdout.is_empty(), "{arguments:?}");
    }
}

fn failures_are_1_with_one_line(backend: Backend) {
    let db = TestDb::ready(backend);
    let cases: [&[&str]; 7] = [
        &["tenant", "create", "acme"],
        &["tenant", "suspend", "nobody"],
        &["tenant", "delete", "nobody", "--yes"],
        &["token", "create", "--tenant", "nobody", "--name", "x"],
        &["token", "revoke", "--tenant", "acme", "2f6c7f0e-6ac1-4a2c-9c3e-0a5b8a7d3f10"],
        &["token", "revoke", "--tenant", "acme", "nonsense"],
        &["load", "--tenant", "nobody", "--users", "1"],
    ];
    let one_line = |what: &str, output: &Output| {
        let text = stderr(output);
        assert_eq!(output.status.code(), Some(1), "{what}: {text}");
        assert!(output.stdout.is_empty(), "{what}");
        assert_eq!(text.trim_end().lines().count(), 1, "{what}: one clear line: {text}");
    };
    for arguments in cases {
        one_line(&format!("{arguments:?}"), &run(&db, arguments));
    }
    for url in [
        "mysql://localhost/x",
        "nonsense",
        "sqlite:///no/such/folder/x.db",
        "postgres://tests@%2Fno%2Fsuch/x",
    ] {
        let output = program::run(&db.folder, &["tenant", "list", "--database-url", url]);
        one_line(url, &output);
    }
    // A password of a URL is never shown.
    let output =
        program::run(&db.folder, &["tenant", "list", "--database-url", "postgres://u:canary@%2Fno%2Fsuch/x"]);
    one_line("a URL with a password", &output);
    assert!(!stderr(&output).contains("canary"), "{}", stderr(&output));
}

fn tenants_and_tokens_are_printed_as_promised(backend: Backend) {
    let db = TestDb::empty(backend);
    // An empty database is migrated on the way.
    let id = db.cli(&["tenant", "create", "plain"]);
    assert_matches(&json!("<uuid>"), &json!(id), "the id alone");
    let made = db.cli_json(&["tenant", "create", "named", "--name", "Named Ltd"]);
    assert_matches(
        &json!({"id": "<uuid>", "slug": "named", "name": "Named Ltd", "<exactly>": true}),
        &made,
        "JSON",
    );
    let listed = db.cli_json(&["tenant", "list"]);
    let slugs: Vec<&str> =
        listed.as_array().unwrap().iter().map(|tenant| tenant["slug"].as_str().unwrap()).collect();
    assert_eq!(slugs, ["named", "plain"]);

    let token = db.cli(&["token", "create", "--tenant", "plain", "--name", "a"]);
    assert!(!token.contains(char::is_whitespace) && token.len() > 40, "the token alone: {token:?}");
    let made = db.cli_json(&[
        "token",
        "create",
        "--tenant",
        "plain",
        "--name",
        "b",
        "--expires-in",
        "never",
        "--scope",
        "users:read",
        "--scope",
        "roles:write",
    ]);
    let expected = json!({
        "id": "<uuid>", "name": "b", "token": "<string>", "expiresAt": null, "scopes": ["users:read", "roles:write"],
        "<exactly>": true
    });
    assert_matches(&expected, &made, "JSON");
    let made = db.cli_json(&["token", "create", "--tenant", "plain", "--name", "c", "--expires-in", "90d"]);
    assert_matches(&json!({"expiresAt": "<time>"}), &made, "JSON");
    assert_eq!(db.cli_json(&["token", "list", "--tenant", "plain"]).as_array().unwrap().len(), 3);
    db.cli(&["token", "revoke", "--tenant", "plain", made["id"].as_str().unwrap()]);
    db.cli(&["tenant", "delete", "plain", "--yes"]);
    assert_eq!(db.cli_json(&["tenant", "list"]).as_array().unwrap().len(), 1);
}

fn settings_come_from_file_and_environment(backend: Backend) {
    let db = TestDb::ready(backend);
    let file = db.folder.join("my.toml");
    std::fs::write(&file, "[server]\nlisten = \"127.0.0.1:1\"\npublic_url = \"https://scim.example.com/\"\n")
        .unwrap();
    // Without a command it serves; the environment wins over the file, the URL comes from DATABASE_URL.
    let mut command = program::command(&db.folder);
    command
        .arg("--config")
        .arg(&file)
        .env("DATABASE_URL", &db.url)
        .env("ROLLCALL__SERVER__LISTEN", "127.0.0.1:0");
    let server = Server::start_with(&db.folder, command);
    let header = Carrier::Bearer.header(&db.tenants()[0].token);
    let client = Client::new(format!("{}{RFC}", server.url), Some(header));
    let made = client.create(&json!({"userName": "mia"}));
    let location = made["meta"]["location"].as_str().unwrap();
    assert!(location.starts_with("https://scim.example.com/scim/v2/Users/"), "{location}");
    drop(server);
    // A file in config/ of the working folder is read by itself.
    std::fs::create_dir(db.folder.join("config")).unwrap();
    std::fs::write(
        db.folder.join("config/default.toml"),
        "[server]\npublic_url = \"https://default.example.com\"\n",
    )
    .unwrap();
    let server = Server::start(&db.folder, &db.url);
    let text = client.at(format!("{}{RFC}", server.url)).get("/ServiceProviderConfig").text;
    assert!(text.contains("https://default.example.com/scim/v2/ServiceProviderConfig"), "{text}");
}

fn unknown_settings_are_refused_by_name(backend: Backend) {
    let db = TestDb::empty(backend);
    let refused = |what: &str, mut command: Command, name: &str| {
        let output = command.args(["--database-url", &db.url]).output().unwrap();
        let text = stderr(&output);
        assert_eq!(output.status.code(), Some(1), "{what}: {text}");
        assert!(text.contains(name), "{what}: {name} is not named: {text}");
    };
    for (name, value) in
        [("ROLLCALL__SERVER__LISTN", "127.0.0.1:0"), ("ROLLCALL__SERVR__LISTEN", "127.0.0.1:0")]
    {
        let mut command = program::command(&db.folder);
        command.args(["serve", "--listen", "127.0.0.1:0"]).env(name, value);
        let key = name.rsplit("__").find(|part| ["LISTN"].contains(part)).unwrap_or("SERVR");
        refused(name, command, &key.to_lowercase());
    }
    let file = db.folder.join("bad.toml");
    std::fs::write(&file, "[server]\nlistenn = \"127.0.0.1:0\"\n").unwrap();
    let mut command = program::command(&db.folder);
    command.args(["serve", "--config"]).arg(&file);
    refused("a file", command, "listenn");
    // Without a public URL there is no start on an address that others reach.
    let mut command = program::command(&db.folder);
    command.args(["serve", "--listen", "0.0.0.0:0"]);
    refused("another address than loopback", command, "server.public_url");
    assert!(backend == Backend::Postgres || !db.sqlite_file().exists(), "a refused start leaves no database");
}

fn the_demo_works_as_pasted(backend: Backend) {
    let db = TestDb::empty(backend);
    let mut command = program::command(&db.folder);
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--database-url", &db.url]);
    let server = Server::start_with(&db.folder, command);
    let text = server.greeting.join("\n");
    for base in [RFC, QA] {
        assert!(text.contains(&format!("{}{base}", server.url)), "the base URL {base} is printed: {text}");
    }
    let line = server
        .greeting
        .iter()
        .find(|line| line.starts_with("curl "))
        .unwrap_or_else(|| panic!("no curl line: {text}"));
    let output = Command::new("sh").args(["-c", line]).env("no_proxy", "*").output().unwrap();
    let body = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{line}\n{body}{}", stderr(&output));
    let made: Value = serde_json::from_str(&body).unwrap_or_else(|error| panic!("{line}: {error}: {body}"));
    assert_matches(&json!({"id": "<uuid>", "userName": "<string>", "meta": "<any>"}), &made, line);
    assert_eq!(db.db_count("resources", "1 = 1"), 1);
    assert_eq!(db.db_texts("SELECT slug AS value FROM tenants"), ["demo"]);
    // Once: the second start finds a tenant.
    drop(server);
    let mut command = program::command(&db.folder);
    command.args(["serve", "--demo", "--listen", "127.0.0.1:0", "--database-url", &db.url]);
    let server = Server::start_with(&db.folder, command);
    assert!(server.greeting.is_empty(), "{:?}", server.greeting);
    assert_eq!(db.db_count("api_tokens", "1 = 1"), 1);
}

fn nothing_is_made_unasked(backend: Backend) {
    let db = TestDb::empty(backend);
    let server = Server::start(&db.folder, &db.url);
    assert!(server.greeting.is_empty(), "{:?}", server.greeting);
    assert_eq!(db.db_count("tenants", "1 = 1"), 0);
    drop(server);

    // What `cargo run` starts has a person in front of it.
    let mut command = program::command(&db.folder);
    command.args(["--listen", "127.0.0.1:0", "--database-url", &db.url]).env("CARGO_MANIFEST_DIR", "/");
    let server = Server::start_with(&db.folder, command);
    assert!(server.greeting.iter().any(|line| line.contains("API token")), "{:?}", server.greeting);
    assert_eq!(db.db_count("tenants", "slug = 'demo'"), 1);
}

fn migrate_prints_what_it_applied(backend: Backend) {
    let db = TestDb::empty(backend);
    let first = db.cli(&["migrate"]);
    assert!(
        first.lines().count() > 0 && first.starts_with(|first: char| first.is_ascii_digit()),
        "{first:?}"
    );
    assert_eq!(db.cli(&["migrate"]), "");
}
