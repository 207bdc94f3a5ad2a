//! `/admin/v1/admins`: the accounts of the tenant.

use actix_web::http::StatusCode;
use actix_web::http::header::LOCATION;
use actix_web::web::Payload;
use actix_web::{HttpRequest, HttpResponse};
use domain::admin::AdminRole;
use domain::error::excerpt;
use domain::service::admins::Office;
use domain::{Error, Result};
use serde_json::{Value, json};

use super::{Admin, BASE, Desk, render};
use crate::error::Failure;
use crate::plain::{self, Fields, receive, segment};
use crate::reply;

impl Desk<'_> {
    fn office(&self) -> Office<'_> {
        let (_, by) = self.admin;
        let (store, tenant, origin) = (self.store.admins(), self.tenant.id, self.origin.clone());
        Office { store, tenant, by, origin, now: self.now }
    }
}

pub(crate) async fn list(admin: Admin) -> Result<HttpResponse, Failure> {
    let all = admin.run(|desk| desk.office().list()).await?;
    let all: Vec<Value> = all.iter().map(render::account).collect();
    Ok(plain::json(StatusCode::OK, &json!({"admins": all})))
}

/// 201 with the secret of an invitation, which is shown this once.
pub(crate) async fn invite(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    let base = admin.shared.public_url.clone();
    let body = admin
        .run(move |desk| {
            let mut fields = Fields::read(&received)?;
            let invitation = Invitation::read(&mut fields, None)?;
            fields.end()?;
            invitation.send(&desk.office())
        })
        .await?;
    made(&base, &body)
}

/// Who is invited as what.
pub(crate) struct Invitation {
    email: String,
    role: AdminRole,
}

impl Invitation {
    /// Takes what it needs of a body; without a role it is `unless_sent`.
    pub(crate) fn read(fields: &mut Fields, unless_sent: Option<AdminRole>) -> Result<Self> {
        let email = fields.needed("email")?;
        let role = fields.text("role")?.map(|name| role(&name)).transpose()?.or(unless_sent);
        Ok(Self { email, role: role.ok_or_else(|| Error::InvalidValue("role is missing".into()))? })
    }

    /// Makes the account; the answer shows the secret this once.
    pub(crate) fn send(&self, office: &Office<'_>) -> Result<Value> {
        let secret = auth::link::generate(office.tenant)?;
        let (account, link) = office.invite(&self.email, self.role, secret.digest())?;
        let mut body = render::account(&account);
        body["link"] = render::link(&link, &secret);
        Ok(body)
    }
}

fn made(base: &str, body: &Value) -> Result<HttpResponse, Failure> {
    let mut response = plain::json(StatusCode::CREATED, body);
    let id = body["id"].as_str().unwrap_or_default();
    let location = format!("{base}{BASE}/admins/{id}").parse().map_err(Error::internal)?;
    response.headers_mut().insert(LOCATION, location);
    Ok(response)
}

pub(crate) async fn get(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(admin, &request, |desk, id| desk.office().get(id).map(|account| render::account(&account))).await
}

/// A JSON merge patch (RFC 7396) of the role.
pub(crate) async fn update(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    one(admin, &request, move |desk, id| {
        let office = desk.office();
        // Whether there is such an account comes before what is wrong with the body.
        let account = office.get(id)?;
        let mut fields = Fields::read(&received)?;
        let wanted = fields.text("role")?.map(|name| role(&name)).transpose()?;
        fields.end()?;
        let account = wanted.map_or(Ok(account), |role| office.set_role(id, role))?;
        Ok(render::account(&account))
    })
    .await
}

pub(crate) async fn disable(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(admin, &request, |desk, id| {
        desk.office().set_disabled(id, true).map(|account| render::account(&account))
    })
    .await
}

pub(crate) async fn enable(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    one(admin, &request, |desk, id| {
        desk.office().set_disabled(id, false).map(|account| render::account(&account))
    })
    .await
}

/// 200 with the secret of a link, which is shown this once.
pub(crate) async fn reset(
    admin: Admin,
    request: HttpRequest,
    payload: Payload,
) -> Result<HttpResponse, Failure> {
    let received = receive(&request, payload).await?;
    one(admin, &request, move |desk, id| {
        let office = desk.office();
        office.get(id)?;
        let mut fields = Fields::read(&received)?;
        let without_factor = match fields.take("removeTotp") {
            None => false,
            Some(Value::Bool(remove)) => remove,
            Some(_) => return Err(Error::InvalidValue("removeTotp is true or false".into())),
        };
        fields.end()?;
        let secret = auth::link::generate(office.tenant)?;
        let (account, link) = office.reset(id, without_factor, secret.digest())?;
        let mut body = render::account(&account);
        body["link"] = render::link(&link, &secret);
        Ok(body)
    })
    .await
}

pub(crate) async fn delete(admin: Admin, request: HttpRequest) -> Result<HttpResponse, Failure> {
    let id = segment(&request, "id");
    admin.run(move |desk| desk.office().delete(&id)).await?;
    Ok(reply::nothing())
}

/// 200 with what is made of the account of the path.
async fn one(
    admin: Admin,
    request: &HttpRequest,
    work: impl FnOnce(&Desk<'_>, &str) -> Result<Value> + Send + 'static,
) -> Result<HttpResponse, Failure> {
    let id = segment(request, "id");
    let body = admin.run(move |desk| work(desk, &id)).await?;
    Ok(plain::json(StatusCode::OK, &body))
}

fn role(name: &str) -> Result<AdminRole> {
    AdminRole::parse(name)
        .ok_or_else(|| Error::InvalidValue(format!("there is no role {:?} of admins", excerpt(name))))
}
