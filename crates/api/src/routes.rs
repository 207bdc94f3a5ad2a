//! The whole URL table.
//!
//! Below a base path nothing is reached without a credential, unknown paths included. Each pattern has a twin
//! with one trailing slash. Names are case-sensitive.

use actix_web::dev::HttpServiceFactory;
use actix_web::middleware::from_fn;
use actix_web::{HttpRequest, Resource, Route, web};
use domain::contract::{self, Contract};

use crate::authenticate::authenticate;
use crate::error::Failure;
use crate::extract::{self, no_endpoint};
use crate::resources::{create, delete, get, list, patch, replace, search};
use crate::{bulk, discovery, health, roles};

/// Everything this server answers.
pub(crate) fn configure(app: &mut web::ServiceConfig) {
    for contract in contract::ALL {
        app.service(scim(contract));
    }
    app.service(at("/healthz").route(web::get().to(health::alive)).default_service(only("GET")))
        .service(at("/readyz").route(web::get().to(health::ready)).default_service(only("GET")))
        .default_service(web::to(unknown));
}

fn scim(contract: &'static Contract) -> impl HttpServiceFactory + 'static {
    web::scope(contract.base)
        .app_data(contract)
        .service(discovery("/ServiceProviderConfig", web::get().to(discovery::service_provider_config)))
        .service(discovery("/ResourceTypes", web::get().to(discovery::resource_types)))
        .service(discovery("/ResourceTypes/{id}", web::get().to(discovery::resource_type)))
        .service(discovery("/Schemas", web::get().to(discovery::schemas)))
        .service(discovery("/Schemas/{id}", web::get().to(discovery::schema)))
        .service(at("/Roles/.search").route(web::post().to(roles::search)).default_service(only("POST")))
        .service(
            at("/Roles/{id}")
                .route(web::get().to(roles::get))
                .route(web::patch().to(roles::patch))
                .default_service(only("GET, PATCH")),
        )
        .service(at("/Roles").route(web::get().to(roles::list)).default_service(only("GET")))
        .service(at("/Bulk").route(web::post().to(bulk::bulk)).default_service(only("POST")))
        .service(at("/Me").default_service(web::to(not_implemented)))
        .service(at("/.search").route(web::post().to(search::everywhere)).default_service(only("POST")))
        .service(
            at("/{collection}/.search")
                .route(web::post().to(search::collection))
                .default_service(collection_only("POST")),
        )
        .service(
            at("/{collection}/{id}")
                .route(web::get().to(get::get))
                .route(web::put().to(replace::replace))
                .route(web::patch().to(patch::patch))
                .route(web::delete().to(delete::delete))
                .default_service(collection_only("GET, PUT, PATCH, DELETE")),
        )
        .service(
            at("/{collection}")
                .route(web::get().to(list::list))
                .route(web::post().to(create::create))
                .default_service(collection_only("GET, POST")),
        )
        .default_service(web::to(unknown))
        .wrap(from_fn(authenticate))
}

fn at(pattern: &str) -> Resource {
    web::resource([pattern.to_owned(), format!("{pattern}/")])
}

fn discovery(pattern: &str, get: Route) -> Resource {
    at(pattern).route(get).default_service(only("GET"))
}

/// 405 with the methods that would work.
fn only(methods: &'static str) -> Route {
    web::to(move || async move { Err::<String, _>(Failure::MethodNotAllowed(methods)) })
}

/// The same below a collection, when there is such a collection.
fn collection_only(methods: &'static str) -> Route {
    web::to(move |request: HttpRequest| async move {
        extract::resource_type(&request)?;
        Err::<String, _>(Failure::MethodNotAllowed(methods))
    })
}

async fn unknown() -> Result<String, Failure> {
    Err(no_endpoint().into())
}

/// RFC 7644 section 3.11: a credential here belongs to a connection, not to a person.
async fn not_implemented() -> Result<String, Failure> {
    Err(Failure::NotImplemented)
}
