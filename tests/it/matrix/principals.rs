//! Every kind of credential, and the column it has in the file.

use serde_json::Value;

use crate::platform;
use crate::support::admins;
use crate::support::app::TestApp;
use crate::support::db::{self, Tenant};
use crate::support::http::Carrier;

/// What stands above the table.
pub(super) const LEGEND: &str = "\
# Who may do what: the status of each line of the URL table for each kind of credential. matrix.rs compares it with what
# the server answers, on both databases. What a line needs to succeed is there, so a cell says what the credential is worth.
# The line b403 stands for 200 of a bulk request whose one operation, the creation of a user, ended with 403.
#
# none          no credential
# u: g: x: r: s:  a token with one scope: users, groups, usergroups, roles, resources; :r read, :w write
# bulk chng     a token with the scope bulk; changes:read
# full          a token with every scope
# forn          such a token of another tenant; the ids in the paths are not its own
# expd rvkd     tokens that have expired or were revoked
# susp deld     tokens of a suspended and of a deleted tenant
# plat          a token of the platform
# plex plrv     such tokens that have expired or were revoked
# ownr admn audt  admins of the tenant who are signed in: owner, admin, auditor
# fown          an owner of another tenant
# sown          an owner of a suspended tenant
# lout          an owner whose session has ended

";

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Nobody,
    /// One scope.
    Scope(&'static str),
    /// Every scope.
    Full,
    /// Every scope in another tenant.
    Foreign,
    /// Once good.
    Ended,
    /// Good, but for the tenant.
    Suspended,
    Platform,
    /// Signed in, with this role.
    Admin(&'static str),
    /// An owner of another tenant.
    ForeignAdmin,
    /// An owner of a suspended tenant.
    SuspendedAdmin,
}

pub(super) struct Principal {
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    pub(super) credential: Option<(&'static str, String)>,
}

impl Principal {
    pub(super) fn may_only_read(&self) -> bool {
        matches!(self.kind, Kind::Scope(scope) if scope.ends_with(":read"))
    }
}

/// Column and scope.
const SCOPES: [(&str, &str); 12] = [
    ("u:r", "users:read"),
    ("u:w", "users:write"),
    ("g:r", "groups:read"),
    ("g:w", "groups:write"),
    ("x:r", "usergroups:read"),
    ("x:w", "usergroups:write"),
    ("r:r", "roles:read"),
    ("r:w", "roles:write"),
    ("s:r", "resources:read"),
    ("s:w", "resources:write"),
    ("bulk", "bulk"),
    ("chng", "changes:read"),
];

/// All of them, in the order of the columns.
pub(super) fn all(app: &TestApp) -> Vec<Principal> {
    let bearer = |token: &str| Some(Carrier::Bearer.header(token));
    let made = |arguments: &[&str]| -> (String, String) {
        let made = app.db.cli_json(arguments);
        let text = |value: &Value| value.as_str().expect("a new token is shown").to_owned();
        (text(&made["id"]), text(&made["token"]))
    };
    let mut all = vec![Principal { column: "none", kind: Kind::Nobody, credential: None }];
    for (column, scope) in SCOPES {
        let token = db::create_token(&app.db, app.acme().slug, &["--scope", scope]);
        all.push(Principal { column, kind: Kind::Scope(scope), credential: bearer(&token) });
    }
    let mut add = |column, kind, token: &str| all.push(Principal { column, kind, credential: bearer(token) });
    add("full", Kind::Full, &app.acme().token);
    add("forn", Kind::Foreign, &app.globex().token);

    let of_acme = ["token", "create", "--tenant", "acme", "--name"];
    let (_, expired) = made(&[&of_acme[..], &["expired"]].concat());
    let (id, revoked) = made(&[&of_acme[..], &["revoked"]].concat());
    app.db.cli(&["token", "revoke", "--tenant", "acme", &id]);
    add("expd", Kind::Ended, &expired);
    add("rvkd", Kind::Ended, &revoked);
    let suspended = db::create_tenant(&app.db, "initech");
    let suspended_owner = signed_in(app, &suspended, "owner");
    app.db.cli(&["tenant", "suspend", "initech"]);
    add("susp", Kind::Suspended, &suspended.token);
    let deleted = db::create_tenant(&app.db, "hooli");
    app.db.cli(&["tenant", "delete", "hooli", "--yes"]);
    add("deld", Kind::Ended, &deleted.token);

    let (_, platform) = platform::credential(app);
    let of_platform = ["platform-token", "create", "--name"];
    let (_, plex) = made(&[&of_platform[..], &["expired"]].concat());
    let (id, plrv) = made(&[&of_platform[..], &["revoked"]].concat());
    app.db.cli(&["platform-token", "revoke", &id]);
    let platform = platform.strip_prefix("Bearer ").expect("a Bearer credential");
    add("plat", Kind::Platform, platform);
    add("plex", Kind::Ended, &plex);
    add("plrv", Kind::Ended, &plrv);

    for (column, role) in [("ownr", "owner"), ("admn", "admin"), ("audt", "auditor")] {
        add(column, Kind::Admin(role), &signed_in(app, app.acme(), role));
    }
    add("fown", Kind::ForeignAdmin, &signed_in(app, app.globex(), "owner"));
    add("sown", Kind::SuspendedAdmin, &suspended_owner);
    let ended = signed_in(app, app.acme(), "owner");
    app.db.db_execute(
        "DELETE FROM admin_sessions WHERE created_at = (SELECT max(created_at) FROM admin_sessions)",
    );
    add("lout", Kind::Ended, &ended);

    let past = "'2020-01-01T00:00:00.000000Z'";
    for table in ["api_tokens", "platform_tokens"] {
        app.db.db_execute(&format!("UPDATE {table} SET expires_at = {past} WHERE name = 'expired'"));
    }
    all
}

/// The access token of somebody with this role.
fn signed_in(app: &TestApp, tenant: &Tenant, role: &str) -> String {
    let email = format!("{role}-{}@example.com", uuid::Uuid::now_v7());
    admins::create_admin(&app.db, tenant.slug, &email, role);
    let grant = admins::sign_in(app, tenant, &email);
    grant["accessToken"].as_str().expect("a grant has an access token").to_owned()
}
