//! What handlers answer with.

use actix_web::cookie::Cookie;
use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, Responder};
use base64::Engine as _;
use bytes::Bytes;
use futures_util::Stream;
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::frame::Flash;
use super::page::kept;
use crate::base::{Code, Error, Result};

const JSON: HeaderValue = HeaderValue::from_static("application/json");

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

/// `303` to a page, after a form. What it says is shown there, once.
pub struct SeeOther {
    location: String,
    flash: Option<Flash>,
    cookie: Option<Cookie<'static>>,
}

impl SeeOther {
    pub fn to(location: impl Into<String>) -> Self {
        Self { location: location.into(), flash: None, cookie: None }
    }

    pub fn saying(mut self, flash: Flash) -> Self {
        self.flash = Some(flash);
        self
    }

    /// Sets a cookie on the way.
    pub fn with(mut self, cookie: Cookie<'static>) -> Self {
        self.cookie = Some(cookie);
        self
    }
}

/// What becomes of a form, or of a page that may lead on.
pub enum Sent {
    /// Off to the next page.
    Done(SeeOther),
    /// `200` with a page.
    Page(Html),
    /// `422`: the form once more, with what was typed and what is wrong with it.
    Again(Html),
}

/// `Sent::Again` of a page.
pub fn again(template: impl askama::Template) -> Result<Sent> {
    render(template).map(Sent::Again)
}

impl<T: Serialize> Responder for Found<T> {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match json(&self.0) {
            Ok(body) => {
                let tag = etag_of(&body);
                tagged(request, body.into(), &tag)
            }
            Err(error) => HttpResponse::from_error(error),
        }
    }
}

/// `200` with JSON, or `304` where a `GET` says that it has what `tag` names.
pub(super) fn tagged(request: &HttpRequest, body: bytes::Bytes, tag: &str) -> HttpResponse {
    let mut answer = if request.method().is_safe() && knows(request, tag) {
        HttpResponse::NotModified().finish()
    } else {
        HttpResponse::Ok().content_type(JSON).body(body)
    };
    if let Ok(tag) = HeaderValue::from_str(tag) {
        answer.headers_mut().insert(header::ETAG, tag);
    }
    answer
}

/// Whether `If-None-Match` names `tag`.
pub(super) fn knows(request: &HttpRequest, tag: &str) -> bool {
    names(request, &header::IF_NONE_MATCH, tag).unwrap_or(false)
}

/// Whether one of the header's tags is `tag`; `None` without the header. Weak tags count as strong ones: a
/// proxy that compresses weakens ours, and its clients would never match again.
fn names(request: &HttpRequest, header: &header::HeaderName, tag: &str) -> Option<bool> {
    let mut given = request.headers().get_all(header).peekable();
    given.peek()?;
    let mut tags = given.filter_map(|it| it.to_str().ok()).flat_map(|it| it.split(',')).map(str::trim);
    Some(tags.any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == tag))
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
                .content_type(JSON)
                .body(body)
        }
        Err(error) => HttpResponse::from_error(error),
    }
}

/// `200` with a file to save, sent as it is made. `name` is ours.
pub fn download(
    name: &str,
    content_type: &'static str,
    rows: impl Stream<Item = Result<Bytes>> + 'static,
) -> HttpResponse {
    HttpResponse::Ok()
        .content_type(content_type)
        .insert_header((header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")))
        .streaming(rows)
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

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        let mut answer = HttpResponse::SeeOther();
        answer.insert_header((header::LOCATION, self.location));
        if let Some(flash) = &self.flash {
            answer.cookie(kept(request, flash));
        }
        if let Some(cookie) = self.cookie {
            answer.cookie(cookie);
        }
        answer.finish()
    }
}

impl Responder for Sent {
    type Body = actix_web::body::BoxBody;

    fn respond_to(self, request: &HttpRequest) -> HttpResponse {
        match self {
            Self::Done(next) => next.respond_to(request),
            Self::Page(page) => page.respond_to(request),
            Self::Again(page) => {
                HttpResponse::UnprocessableEntity().content_type("text/html; charset=utf-8").body(page.0)
            }
        }
    }
}

impl From<SeeOther> for Sent {
    fn from(next: SeeOther) -> Self {
        Self::Done(next)
    }
}

/// Renders a template.
pub fn render(template: impl askama::Template) -> Result<Html> {
    template.render().map(Html).map_err(|it| Error::internal("render a page", it))
}

/// Errors: `PreconditionFailed` where the caller's `If-Match` is not the resource as it stands.
pub fn check_match(request: &HttpRequest, current: &impl Serialize) -> Result<()> {
    if !request.headers().contains_key(header::IF_MATCH) {
        return Ok(());
    }
    if names(request, &header::IF_MATCH, &etag_of(&json(current)?)) != Some(false) {
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
