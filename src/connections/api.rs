//! REST endpoints of credentials.

use actix_web::{HttpRequest, HttpResponse, Responder};
use schemars::JsonSchema;
use serde::Deserialize;

use super::ops;
use super::types::{CredentialUpdate, Kind, NewCredential, Rotation};
use super::view::{CredentialFilter, CredentialView, Validation, VaultStatus};
use crate::access::{Action, Cx};
use crate::base::{Code, CredentialId, Page, PageRequest, Result};
use crate::web::{
    Body, Created, Found, NoContent, Query, Reply, Route, expected_revision, part, tagged_revision,
};

const WRONG: &[Code] = &[Code::CredentialInvalid, Code::Conflict, Code::Unavailable];

pub fn routes() -> Vec<Route> {
    vec![
        Route::get("/api/credentials", list)
            .needs(Action::CredentialsRead)
            .says("Credentials, newest first; never their values")
            .query::<ListQuery>()
            .answers::<Page<CredentialView>>(200, "One page of credentials"),
        Route::post("/api/credentials", create)
            .needs(Action::CredentialsWrite)
            .says("Seal and keep a credential; its value is not read again by anyone")
            .takes::<NewCredential>()
            .answers::<CredentialView>(201, "The credential, without its value")
            .errs(WRONG),
        Route::get("/api/credentials/{credential}", show)
            .needs(Action::CredentialsRead)
            .of("credential")
            .says("One credential, without its value")
            .answers::<CredentialView>(200, "The credential")
            .errs(&[Code::NotFound]),
        Route::put("/api/credentials/{credential}", update)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Replace name, expiry, hosts, and the value where one is given")
            .takes::<CredentialUpdate>()
            .answers::<CredentialView>(200, "The credential as it is now")
            .errs(WRONG)
            .errs(&[Code::NotFound, Code::PreconditionFailed]),
        Route::delete("/api/credentials/{credential}", delete)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Delete a credential that no agent uses, or any with force")
            .query::<DeleteQuery>()
            .answers_plain(204, "Deleted", "")
            .errs(&[Code::NotFound, Code::Conflict, Code::PreconditionFailed]),
        Route::post("/api/credentials/{credential}/validate", validate)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Look whether the stored value opens, fits its kind and has not expired")
            .answers::<Validation>(200, "What was found")
            .errs(&[Code::NotFound, Code::Unavailable]),
        Route::post("/api/credentials/{credential}/rotate", rotate)
            .needs(Action::CredentialsWrite)
            .of("credential")
            .says("Put a new value in place of the old one")
            .takes::<Rotation>()
            .answers::<CredentialView>(200, "The credential with its next version")
            .errs(WRONG)
            .errs(&[Code::NotFound, Code::PreconditionFailed]),
        Route::get("/api/vault", vault_status)
            .needs(Action::CredentialsRead)
            .says("Whether secrets can be used on this appliance")
            .answers::<VaultStatus>(200, "Open, or sealed and why"),
    ]
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "CredentialQuery")]
struct ListQuery {
    #[schemars(range(min = 1, max = 200))]
    limit: Option<u64>,
    cursor: Option<String>,
    kind: Option<Kind>,
    /// A part of the name.
    q: Option<String>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct DeleteQuery {
    /// Also where agents use it.
    #[serde(default)]
    force: bool,
}

/// `GET /api/credentials`
async fn list(cx: Cx, query: Query<ListQuery>) -> Reply<Found<Page<CredentialView>>> {
    let page = PageRequest::parse(query.0.limit, query.0.cursor.as_deref())?;
    let filter = CredentialFilter { kind: query.0.kind, q: query.0.q };
    Ok(Found(ops::list(&cx, &filter, &page)?))
}

/// `POST /api/credentials`
async fn create(cx: Cx, request: HttpRequest, body: Body<NewCredential>) -> Reply<HttpResponse> {
    let body = ops::create(&cx, body.0).await?;
    let (location, revision) = (format!("/api/credentials/{}", body.id), body.revision);
    Ok(tagged_revision(Created { location, body }.respond_to(&request), revision))
}

/// `GET /api/credentials/{credential}`
async fn show(cx: Cx, request: HttpRequest) -> Reply<HttpResponse> {
    Ok(found(&request, ops::find(&cx, part(&request, "credential")?)?))
}

/// `PUT /api/credentials/{credential}`
async fn update(cx: Cx, request: HttpRequest, body: Body<CredentialUpdate>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    Ok(found(&request, ops::update(&cx, part(&request, "credential")?, body.0, expected).await?))
}

/// `DELETE /api/credentials/{credential}`
async fn delete(cx: Cx, request: HttpRequest, query: Query<DeleteQuery>) -> Reply<NoContent> {
    let expected = expected(&cx, &request)?;
    ops::delete(&cx, part(&request, "credential")?, query.0.force, expected).await?;
    Ok(NoContent)
}

/// `POST /api/credentials/{credential}/validate`
async fn validate(cx: Cx, request: HttpRequest) -> Reply<Found<Validation>> {
    Ok(Found(ops::validate(&cx, part(&request, "credential")?).await?))
}

/// `POST /api/credentials/{credential}/rotate`
async fn rotate(cx: Cx, request: HttpRequest, body: Body<Rotation>) -> Reply<HttpResponse> {
    let expected = expected(&cx, &request)?;
    Ok(found(&request, ops::rotate(&cx, part(&request, "credential")?, body.0, expected).await?))
}

/// `GET /api/vault`
async fn vault_status(cx: Cx) -> Reply<Found<VaultStatus>> {
    Ok(Found(ops::vault_status(&cx)?))
}

fn found(request: &HttpRequest, view: CredentialView) -> HttpResponse {
    let revision = view.revision;
    tagged_revision(Found(view).respond_to(request), revision)
}

fn expected(cx: &Cx, request: &HttpRequest) -> Result<Option<u64>> {
    expected_revision(request, || Ok(ops::find(cx, part::<CredentialId>(request, "credential")?)?.revision))
}
