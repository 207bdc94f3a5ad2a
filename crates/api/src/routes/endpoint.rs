//! One pattern of the URL table and what answers there. It keeps a record of its methods beside the service that
//! actix makes of them, so that nothing has to list them twice.

use actix_web::guard::Guard;
use actix_web::{FromRequest, Handler, HttpRequest, Resource, Responder, Route, web};

use crate::error::Failure;
use crate::extract;

/// A pattern with its handlers.
pub(super) struct Endpoint {
    pattern: &'static str,
    methods: Vec<&'static str>,
    resource: Resource,
}

/// An endpoint at a pattern; [`super::trim`] makes the same of its twin with one trailing slash.
pub(super) fn at(pattern: &'static str) -> Endpoint {
    Endpoint { pattern, methods: Vec::new(), resource: web::resource(pattern) }
}

/// A method of [`Endpoint`] for each method of HTTP that is in use.
macro_rules! methods {
    ($($name:ident $method:literal)+) => {
        impl Endpoint {
            $(pub(super) fn $name<F, Args>(self, handler: F) -> Self
            where
                F: Handler<Args>,
                Args: FromRequest + 'static,
                F::Output: Responder + 'static,
            {
                self.with($method, web::$name().to(handler))
            })+
        }
    };
}

methods! { get "GET" post "POST" put "PUT" patch "PATCH" delete "DELETE" }

impl Endpoint {
    fn with(mut self, method: &'static str, route: Route) -> Self {
        self.methods.push(method);
        self.resource = self.resource.route(route);
        self
    }

    pub(super) fn pattern(&self) -> &'static str {
        self.pattern
    }

    pub(super) fn methods(&self) -> &[&'static str] {
        &self.methods
    }

    /// The same where a guard lets nothing else through; whatever it refuses is searched for further on.
    pub(super) fn guarded(self, guard: impl Guard + 'static) -> Self {
        Self { resource: self.resource.guard(guard), ..self }
    }

    /// What actix serves: any other method is 405 with the methods that would work. Below a collection that the
    /// tenant does not have it is 404.
    pub(super) fn into_resource(self) -> Resource {
        let allow = self.methods.join(", ");
        let in_collection = self.pattern.starts_with("/{collection}");
        self.resource.default_service(web::to(move |request: HttpRequest| {
            let allow = allow.clone();
            async move {
                if in_collection {
                    extract::resource_type(&request)?;
                }
                Err::<String, _>(Failure::MethodNotAllowed(allow))
            }
        }))
    }
}
