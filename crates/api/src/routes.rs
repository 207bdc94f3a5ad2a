//! The whole URL table.
//!
//! Below a base path nothing is reached without a credential, unknown paths included. One trailing slash is no part of
//! a path. Names are case-sensitive. The table knows its own lines: 405 answers, the OpenAPI
//! document and the tests read them from it.

mod endpoint;

use actix_web::dev::ServiceRequest;
use actix_web::guard::{GuardContext, fn_guard};
use actix_web::http::Uri;
use actix_web::middleware::from_fn;
use actix_web::{HttpResponse, web};
use domain::Error;
use domain::contract::{self, Contract};
use domain::resource_type::RESERVED;

use crate::admin::{admins, guest, me, session, tokens as own_tokens};
use crate::authenticate::authenticate;
use crate::error::Failure;
use crate::platform::{tenants, tokens};
use crate::resources::{create, delete, get, list, patch, replace, search};
use crate::{admin, bulk, discovery, docs, health, openapi, platform, requests, roles};
use endpoint::{Endpoint, at};

/// What stands at the root of the server. It needs no credential and speaks of no tenant.
fn public() -> Vec<Endpoint> {
    vec![
        at("/healthz").get(health::alive),
        at("/readyz").get(health::ready),
        at("/openapi.json").get(openapi::serve),
        at("/docs").get(docs::serve),
    ]
}

/// What stands below each base path.
fn scim() -> Vec<Endpoint> {
    let mut all = vec![
        at("/ServiceProviderConfig").get(discovery::service_provider_config),
        at("/ResourceTypes").get(discovery::resource_types),
        at("/ResourceTypes/{id}").get(discovery::resource_type),
        at("/Schemas").get(discovery::schemas),
        at("/Schemas/{id}").get(discovery::schema),
        at("/Roles/.search").post(roles::search),
        at("/Roles/{id}").get(roles::get).patch(roles::patch),
        at("/Roles").get(roles::list),
        at("/Bulk").post(bulk::bulk),
        at("/Me")
            .get(not_implemented)
            .post(not_implemented)
            .put(not_implemented)
            .patch(not_implemented)
            .delete(not_implemented),
        at("/.search").post(search::everywhere),
        at("/{collection}/.search").post(search::collection),
    ];
    all.extend(of_collections());
    all
}

/// What stands below each base path for every collection.
fn of_collections() -> Vec<Endpoint> {
    vec![
        at("/{collection}/{id}")
            .get(get::get)
            .put(replace::replace)
            .patch(patch::patch)
            .delete(delete::delete),
        at("/{collection}").get(list::list).post(create::create),
    ]
}

/// Whether a path below a base path is beyond doubt that of a collection or of a resource in one. Nearly all requests are for
/// these, and looking for them first spares them the search of the whole table: a quarter of what they cost in actix.
fn is_plain(path: &str, base: &str) -> bool {
    let mut segments = path.strip_prefix(base).unwrap_or_default().split('/').skip(1);
    let is_of_collection = segments.next().is_some_and(|collection| !RESERVED.contains(&collection));
    // What is written in another way is compared when it has been decoded.
    is_of_collection && segments.next() != Some(".search") && !path.contains('%')
}

/// What stands below the base path of the hosting platform.
fn of_platform() -> Vec<Endpoint> {
    vec![
        at("/tenants").get(tenants::list).post(tenants::create),
        at("/tenants/{id}").get(tenants::get).patch(tenants::update).delete(tenants::delete),
        at("/tenants/{id}/suspend").post(tenants::suspend),
        at("/tenants/{id}/resume").post(tenants::resume),
        at("/tenants/{id}/admins").post(platform::admins::invite),
        at("/tenants/{id}/guard").get(platform::guard::get),
        at("/tenants/{id}/guard/release").post(platform::guard::release),
        at("/tenants/{id}/tokens").get(tokens::list).post(tokens::create),
        at("/tenants/{id}/tokens/{token}").get(tokens::get).patch(tokens::rename).delete(tokens::revoke),
        at("/tenants/{id}/tokens/{token}/rotate").post(tokens::rotate),
    ]
}

/// What stands below the base path of tenant admins.
fn of_admin() -> Vec<Endpoint> {
    vec![
        at("/session").post(session::sign_in).delete(session::sign_out),
        at("/session/refresh").post(session::refresh),
        at("/invitations/accept").post(guest::accept_invitation),
        at("/resets/accept").post(guest::accept_reset),
        at("/me").get(me::get),
        at("/me/password").post(me::change_password),
        at("/me/totp").post(me::begin_totp),
        at("/me/totp/confirm").post(me::confirm_totp),
        at("/me/totp/disable").post(me::disable_totp),
        at("/me/recovery-codes").post(me::renew_recovery_codes),
        at("/admins").get(admins::list).post(admins::invite),
        at("/admins/{id}").get(admins::get).patch(admins::update).delete(admins::delete),
        at("/admins/{id}/disable").post(admins::disable),
        at("/admins/{id}/enable").post(admins::enable),
        at("/admins/{id}/reset").post(admins::reset),
        at("/tokens").get(own_tokens::list).post(own_tokens::create),
        at("/tokens/{token}").get(own_tokens::get).patch(own_tokens::rename).delete(own_tokens::revoke),
        at("/tokens/{token}/rotate").post(own_tokens::rotate),
        at("/guard").get(admin::guard::get),
        at("/guard/release").post(admin::guard::release),
        at("/requests").get(admin::requests::list),
        at("/requests/{id}").get(admin::requests::get),
        at("/users/{id}/history").get(admin::requests::history),
        at("/audit").get(admin::audit::list),
        at("/audit/export").get(admin::audit::export),
    ]
}

/// Everything this server answers.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    for contract in contract::ALL {
        let mut scope = web::scope(contract.base).app_data(contract);
        let plain = move |request: &GuardContext<'_>| is_plain(request.head().uri.path(), contract.base);
        let first = of_collections().into_iter().map(|endpoint| endpoint.guarded(fn_guard(plain)));
        for endpoint in first.chain(scim()) {
            scope = scope.service(endpoint.into_resource());
        }
        app.service(
            scope
                .default_service(web::to(unknown))
                .wrap(from_fn(authenticate))
                .wrap(from_fn(requests::record)),
        );
    }
    let mut scope = web::scope(platform::BASE);
    for endpoint in of_platform() {
        scope = scope.service(endpoint.into_resource());
    }
    app.service(scope.default_service(web::to(unknown)).wrap(from_fn(platform::guard)));
    let mut scope = web::scope(admin::BASE);
    for endpoint in of_admin() {
        scope = scope.service(endpoint.into_resource());
    }
    app.service(scope.default_service(web::to(unknown)).wrap(from_fn(admin::guard)));
    for endpoint in public() {
        app.service(endpoint.into_resource());
    }
    app.default_service(web::to(unknown));
}

/// Takes one trailing slash off the path by which the table is searched; the request keeps the target that was sent. A second
/// pattern for each line would cost every request a search of twice as many.
pub(crate) fn trim(request: &mut ServiceRequest) {
    let path = request.path();
    if path.len() > 1
        && let Some(trimmed) = path.strip_suffix('/')
        && let Ok(uri) = Uri::try_from(trimmed)
    {
        request.match_info_mut().get_mut().update(&uri);
    }
}

/// One line of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// The contract whose base path the pattern stands below; none at the root.
    pub(crate) contract: Option<&'static Contract>,
    /// What the pattern stands below; empty at the root.
    pub(crate) base: &'static str,
    pub(crate) method: &'static str,
    pub(crate) pattern: &'static str,
}

/// The table, in its order.
pub(crate) fn routes() -> Vec<Line> {
    let lines =
        |contract: Option<&'static Contract>, base: &'static str, endpoints: &[Endpoint]| -> Vec<Line> {
            let methods = |endpoint: &Endpoint| {
                let (pattern, methods) = (endpoint.pattern(), endpoint.methods().to_vec());
                methods.into_iter().map(move |method| Line { contract, base, method, pattern })
            };
            endpoints.iter().flat_map(methods).collect()
        };
    let below = contract::ALL.into_iter().flat_map(|contract| lines(Some(contract), contract.base, &scim()));
    let beside = lines(None, platform::BASE, &of_platform()).into_iter();
    below
        .chain(beside)
        .chain(lines(None, admin::BASE, &of_admin()))
        .chain(lines(None, "", &public()))
        .collect()
}

async fn unknown() -> Result<String, Failure> {
    Err(Error::no_endpoint().into())
}

/// RFC 7644 section 3.11: a credential here belongs to a connection, not to a person.
async fn not_implemented() -> Result<HttpResponse, Failure> {
    Err(Failure::NotImplemented)
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::resource_type::standard;

    #[test]
    fn what_is_found_first_is_no_other_line() {
        for path in
            ["/Users", "/Users/", "/Users/1", "/Users/1/", "/Sites/1", "/users/.Search", "/Users/1/.search"]
        {
            assert!(is_plain(&format!("/scim/v2{path}"), "/scim/v2"), "{path}");
        }
        for path in [
            "",
            "/.search",
            "/Roles",
            "/Roles/admin",
            "/Schemas/urn:x",
            "/Users/.search",
            "/Users/.search/",
            "/%52oles/1",
        ] {
            assert!(!is_plain(&format!("/scim/v2{path}"), "/scim/v2"), "{path}");
        }
    }

    #[test]
    fn no_collection_of_a_tenant_hides_behind_a_line() {
        for endpoint in scim() {
            let first = endpoint.pattern().trim_start_matches('/').split('/').next().unwrap_or_default();
            let is_standard = standard().iter().any(|known| known.endpoint == first);
            assert!(first == "{collection}" || is_standard || RESERVED.contains(&first), "{first}");
        }
    }
}
