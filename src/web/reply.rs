//! What handlers answer with.

use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use base64::Engine as _;
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::base::{Code, Error, Result};

/// `200` with the resource as JSON and its `ETag`.
pub struct Found<T>(pub T);

/// `201` with the resource and where it is.
pub struct Created<T> {
    pub location: String,
    pub body: T,
}

/// `202` with the resource as it stands and where to look again.
pub struct Accepted<T> {
    pub location: String,
    pub body: T,
}

/// `204`.
pub struct NoContent;

/// `200` with a page.
pub struct Html(pub String);

/// `303` to a page, after a form.
pub struct SeeOther(pub String);

impl<T: Serialize> Responder for Found<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match json(&self.0) {
            Ok(body) => {
                let tag = etag_of(&body);
                let known = request.headers().get(header::IF_NONE_MATCH).and_then(|it| it.to_str().ok());
                let mut answer = if known == Some(tag.as_str()) {
                    HttpResponse::NotModified().finish()
                } else {
                    HttpResponse::Ok().content_type("application/json").body(body)
                };
                if let Ok(tag) = HeaderValue::from_str(&tag) {
                    answer.headers_mut().insert(header::ETAG, tag);
                }
                answer
            }
            Err(error) => HttpResponse::from_error(error),
        }
    }
}

impl<T: Serialize> Responder for Created<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        located(HttpResponse::Created(), &self.location, &self.body)
    }
}

impl<T: Serialize> Responder for Accepted<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        located(HttpResponse::Accepted(), &self.location, &self.body)
    }
}

fn located(
    mut answer: actix_web::HttpResponseBuilder,
    location: &str,
    body: &impl Serialize,
) -> HttpResponse {
    match json(body) {
        Ok(body) => {
            let tag = etag_of(&body);
            answer
                .insert_header((header::LOCATION, location))
                .insert_header((header::ETAG, tag))
                .content_type("application/json")
                .body(body)
        }
        Err(error) => HttpResponse::from_error(error),
    }
}

impl Responder for NoContent {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::NoContent().finish()
    }
}

impl Responder for Html {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::Ok().content_type("text/html; charset=utf-8").body(self.0)
    }
}

impl Responder for SeeOther {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, _: &HttpRequest) -> HttpResponse {
        HttpResponse::SeeOther().insert_header((header::LOCATION, self.0)).finish()
    }
}

/// Renders a template.
pub fn render(template: impl askama::Template) -> Result<Html> {
    template.render().map(Html).map_err(|it| Error::internal("render a page", it))
}

/// Errors: `PreconditionFailed` where the caller's `If-Match` is not the resource as it stands.
pub fn check_match(request: &HttpRequest, current: &impl Serialize) -> Result<()> {
    let Some(wanted) = request.headers().get(header::IF_MATCH).and_then(|it| it.to_str().ok()) else {
        return Ok(());
    };
    let tag = etag_of(&json(current)?);
    if wanted.split(',').map(str::trim).any(|it| it == "*" || it == tag) {
        return Ok(());
    }
    Err(Error::new(Code::PreconditionFailed, "this was changed since you read it; read it again"))
}

fn json(value: &impl Serialize) -> Result<Vec<u8>> {
    serde_json::to_vec(value).map_err(|it| Error::internal("write an answer", it))
}

/// Over the body's bytes, so that equal tags mean equal answers.
pub(super) fn etag_of(body: &[u8]) -> String {
    let digest = Sha256::digest(body);
    format!("\"{}\"", base64::engine::general_purpose::URL_SAFE_NO_PAD.encode(&digest[..12]))
}
