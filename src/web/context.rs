//! The outermost layer: request id, one log line, security headers, errors and panics as answers.

use std::panic::AssertUnwindSafe;
use std::str::FromStr;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use futures_util::FutureExt;

use super::failure::Envelope;
use super::state::WebState;
use crate::base::{Code, Error, RequestId};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// The request's id as text: ours, or the caller's own where that is sane.
#[derive(Clone)]
pub struct RequestTag {
    pub id: RequestId,
    pub text: String,
}

/// Wraps the whole application.
pub async fn context<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let began = Instant::now();
    let Some(state) = request.app_data::<actix_web::web::Data<WebState>>().cloned() else {
        return Err(Error::internal("find the web state", "not registered").into());
    };
    let tag = tag_of(&request, &state);
    request.extensions_mut().insert(tag.clone());
    let plain = request.request().clone();
    let answer = AssertUnwindSafe(next.call(request)).catch_unwind().await;
    let mut response = match answer {
        Ok(Ok(response)) => rendered(response, &state, &tag),
        Ok(Err(error)) => failed(plain, &error, &state, &tag),
        Err(_) => {
            let error = Error::internal("answer a request", "the handler panicked").into();
            failed(plain, &error, &state, &tag)
        }
    };
    let path = response.request().path().to_owned();
    add_headers(response.headers_mut(), &tag, &path, &state);
    let request = response.request();
    tracing::debug!(
        request.id = %tag.text,
        http.method = %request.method(),
        http.path = %request.match_pattern().unwrap_or_else(|| "(none)".to_owned()),
        http.status = response.status().as_u16(),
        duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "{} {} {}",
        request.method(),
        request.path(),
        response.status().as_u16(),
    );
    Ok(response)
}

fn tag_of(request: &ServiceRequest, state: &WebState) -> RequestTag {
    let id: RequestId = state.services.env.id();
    let given = request.headers().get(REQUEST_ID).and_then(|it| it.to_str().ok());
    let sane = |it: &&str| {
        !it.is_empty()
            && it.len() <= MAX_REQUEST_ID
            && it.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
    };
    match given.filter(sane) {
        Some(text) => RequestTag { id: RequestId::from_str(text).unwrap_or(id), text: text.to_owned() },
        None => RequestTag { id, text: id.to_string() },
    }
}

/// Writes the body of an answer that carries an error.
fn rendered<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    state: &WebState,
    tag: &RequestTag,
) -> ServiceResponse<BoxBody> {
    if response.response().error().is_none() {
        return response.map_into_boxed_body();
    }
    let (request, response) = response.into_parts();
    let headers = response.headers().clone();
    let body = match response.error() {
        Some(error) => written(&request, error, state, tag),
        None => return ServiceResponse::new(request, response.map_into_boxed_body()),
    };
    let mut answer = body;
    for (name, value) in &headers {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    ServiceResponse::new(request, answer)
}

fn failed(
    request: HttpRequest,
    error: &actix_web::Error,
    state: &WebState,
    tag: &RequestTag,
) -> ServiceResponse<BoxBody> {
    let answer = written(&request, error, state, tag);
    ServiceResponse::new(request, answer)
}

fn written(
    request: &HttpRequest,
    error: &actix_web::Error,
    state: &WebState,
    tag: &RequestTag,
) -> HttpResponse {
    let foreign;
    let error = match error.as_error::<Error>() {
        Some(error) => error,
        None => {
            foreign = from_actix(error);
            &foreign
        }
    };
    if error.is(Code::Internal) {
        tracing::error!(request.id = %tag.text, cause = ?error, "a request failed on our side");
    }
    let mut answer = actix_web::ResponseError::error_response(error);
    let wants_page = !request.path().starts_with("/api/")
        && request
            .headers()
            .get(header::ACCEPT)
            .and_then(|it| it.to_str().ok())
            .is_some_and(|it| it.contains("text/html"));
    let (body, content_type) = match state.error_page.filter(|_| wants_page) {
        Some(page) => (page(request, error, &tag.text).into_bytes(), "text/html; charset=utf-8"),
        None => {
            let envelope = Envelope::of(error, state.services.env.now(), &tag.text);
            (serde_json::to_vec(&envelope).unwrap_or_default(), "application/json")
        }
    };
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.set_body(BoxBody::new(body))
}

/// What actix itself refused: a path or payload that it could not read.
fn from_actix(error: &actix_web::Error) -> Error {
    let status = error.as_response_error().status_code();
    match status.as_u16() {
        404 => Error::new(Code::NotFound, "there is nothing at this address"),
        405 => Error::new(Code::MethodNotAllowed, "this address does not take this method"),
        413 => Error::new(Code::PayloadTooLarge, "the body is too large"),
        400..=499 => Error::invalid("the request could not be read"),
        _ => Error::internal("answer a request", error.to_string()),
    }
}

fn add_headers(headers: &mut HeaderMap, tag: &RequestTag, path: &str, state: &WebState) {
    if let Ok(value) = HeaderValue::from_str(&tag.text) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, CSP),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("permissions-policy"), "camera=(), geolocation=(), microphone=()"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if !headers.contains_key(header::CACHE_CONTROL) && !path.starts_with("/static/") {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if state.public_url_is_https() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
}

/// No inline script or style, nothing from elsewhere, no framing.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";
