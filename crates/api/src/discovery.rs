//! What a client can learn about this server (RFC 7644 section 4), made from the data that runs it.

use actix_web::http::StatusCode;
use actix_web::{HttpRequest, HttpResponse};
use domain::catalog::Catalog;
use domain::contract::Contract;
use domain::schema::announce::{self, Usage};
use domain::{Error, limits, store};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::extract::{self, Caller};
use crate::{query, reply};

type Reply = Result<HttpResponse, Failure>;

pub(crate) async fn service_provider_config(caller: Caller, request: HttpRequest) -> Reply {
    refuse_filter(&request)?;
    let scheme = |kind, name, description, specification, primary| {
        json!({
            "type": kind, "name": name, "description": description, "specUri": specification,
            "primary": primary,
        })
    };
    // The numbers of what is not supported are integers too: several clients decode them unconditionally.
    let config = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": {"supported": true},
        "bulk": {
            "supported": true,
            "maxOperations": limits::BULK_OPERATIONS,
            "maxPayloadSize": limits::BODY_BYTES,
        },
        "filter": {"supported": true, "maxResults": limits::PAGE},
        "changePassword": {"supported": false},
        "sort": {"supported": true},
        "etag": {"supported": true},
        // RFC 9865 section 4. Cursors do not expire, so there is no cursorTimeout.
        "pagination": {
            "cursor": true, "index": true, "defaultPaginationMethod": "index",
            "defaultPageSize": caller.contract().default_count, "maxPageSize": limits::PAGE,
        },
        "authenticationSchemes": [
            scheme(
                "oauthbearertoken",
                "API token",
                "An API token as a bearer token.",
                "https://www.rfc-editor.org/info/rfc6750",
                true,
            ),
            scheme(
                "httpbasic",
                "HTTP Basic",
                "An API token as the password; any user name.",
                "https://www.rfc-editor.org/info/rfc7617",
                false,
            ),
        ],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{}/ServiceProviderConfig", caller.base()),
        },
    });
    Ok(reply::json(StatusCode::OK, &config))
}

pub(crate) async fn resource_types(caller: Caller, request: HttpRequest) -> Reply {
    refuse_filter(&request)?;
    Ok(all(announced(caller, announce::resource_types).await?))
}

pub(crate) async fn resource_type(caller: Caller, request: HttpRequest) -> Reply {
    refuse_filter(&request)?;
    let id = extract::id(&request);
    one(announced(caller, announce::resource_types).await?, |known| known == id)
}

pub(crate) async fn schemas(caller: Caller, request: HttpRequest) -> Reply {
    refuse_filter(&request)?;
    Ok(all(announced(caller, announce::schemas).await?))
}

pub(crate) async fn schema(caller: Caller, request: HttpRequest) -> Reply {
    refuse_filter(&request)?;
    let id = extract::id(&request);
    // RFC 8141 section 3.1: the first parts of a URN have no case, and clients differ in the rest.
    one(announced(caller, announce::schemas).await?, |known| known.eq_ignore_ascii_case(&id))
}

/// As far as this tenant uses it today.
async fn announced(
    caller: Caller,
    announce: fn(&Catalog, &Contract, &str, &Usage) -> Vec<Value>,
) -> domain::Result<Vec<Value>> {
    caller
        .run(move |call| {
            let usage = store::read(call.store, call.principal.tenant.id, |tx| {
                Ok(Usage { profile_keys: tx.profile_keys()?, has_owners: tx.has_owners()? })
            })?;
            Ok(announce(call.catalog(), call.contract, call.base, &usage))
        })
        .await
}

/// RFC 7644 section 4: a filter here is answered with 403, because an ignored one would mislead.
fn refuse_filter(request: &HttpRequest) -> Result<(), Failure> {
    if query::has_filter(request.query_string()) {
        return Err(Error::Forbidden("discovery endpoints take no filter".into()).into());
    }
    Ok(())
}

/// All of them on one page; paging and sorting are ignored here (RFC 7644 section 4).
fn all(resources: Vec<Value>) -> HttpResponse {
    let list = json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(),
        "itemsPerPage": resources.len(),
        "startIndex": 1,
        "Resources": resources,
    });
    reply::list(&list)
}

fn one(resources: Vec<Value>, wanted: impl Fn(&str) -> bool) -> Reply {
    let found = resources.into_iter().find(|resource| resource["id"].as_str().is_some_and(&wanted));
    let found = found.ok_or_else(Error::no_resource)?;
    Ok(reply::json(StatusCode::OK, &found))
}
