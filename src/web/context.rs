//! The outermost layer: request id, one log line, security headers, errors as bodies, compression.

use std::str::FromStr;
use std::time::Instant;

use actix_web::body::{BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{HttpMessage, HttpRequest, HttpResponse};
use tracing::Instrument;

use super::compress;
use super::failure::Envelope;
use super::head::without_body;
use super::page::{FlashShown, Way, forgotten, leads_to};
use super::rate;
use super::state::WebState;
use crate::base::{Code, Error, RequestId};
use crate::infra::fault;
use crate::infra::limits::Verdict;

pub(super) const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const MAX_REQUEST_ID: usize = 64;

/// The request's id as text: ours, or the caller's own where that is sane.
#[derive(Clone)]
pub struct RequestTag {
    pub id: RequestId,
    pub text: String,
}

/// Wraps the whole application. Log lines written within carry the request's id.
pub async fn context<B: MessageBody + 'static>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let Some(state) = request.app_data::<Data<WebState>>().cloned() else {
        return Err(Error::internal("find the web state", "not registered").into());
    };
    let tag = tag_of(&request, &state);
    let span = tracing::info_span!("request", request.id = %tag.text);
    async move {
        let began = Instant::now();
        request.extensions_mut().insert(tag.clone());
        fault!("web.request");
        let response = next.call(request).await?;
        let mut response = rendered(response, &state, &tag);
        let verdict = response.request().extensions().get::<Verdict>().copied();
        if let Some(verdict) = verdict {
            rate::add_headers(response.headers_mut(), verdict);
        }
        forget_flash(&mut response);
        add_headers(response.headers_mut(), &tag, &state);
        let response = compress::maybe(response).await;
        log(&response, began);
        fault!("web.answer");
        let head = response.request().method() == Method::HEAD;
        Ok(if head { response.map_body(|_, body| without_body(&body)) } else { response })
    }
    .instrument(span)
    .await
}

/// A sentence for the next page was shown: it is not shown again.
fn forget_flash(response: &mut ServiceResponse<BoxBody>) {
    if response.request().extensions().get::<FlashShown>().is_some() {
        let gone = forgotten(response.request());
        let _ = response.response_mut().add_cookie(&gone);
    }
}

fn log(response: &ServiceResponse<BoxBody>, began: Instant) {
    let request = response.request();
    tracing::debug!(
        http.method = %request.method(),
        http.path = shown_path(request),
        http.status = response.status().as_u16(),
        duration_us = u64::try_from(began.elapsed().as_micros()).unwrap_or(u64::MAX),
        "{} {} {}",
        request.method(),
        shown_path(request),
        response.status().as_u16(),
    );
}

/// Without the token, where the address holds one: whoever knows it may use it.
fn shown_path(request: &HttpRequest) -> String {
    let pattern = request.match_pattern().filter(|it| it.contains("{token}"));
    pattern.unwrap_or_else(|| request.path().to_owned())
}

fn tag_of(request: &ServiceRequest, state: &WebState) -> RequestTag {
    let id: RequestId = state.services.env.id();
    let given = request.headers().get(REQUEST_ID).and_then(|it| it.to_str().ok());
    match given.filter(|it| is_sane(it)) {
        Some(text) => RequestTag { id: RequestId::from_str(text).unwrap_or(id), text: text.to_owned() },
        None => RequestTag { id, text: id.to_string() },
    }
}

fn is_sane(id: &str) -> bool {
    (1..=MAX_REQUEST_ID).contains(&id.len())
        && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte))
}

/// As the outermost layer does for an answer that carries an error, for those who must keep its body.
pub(super) fn render_now(response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    let request = response.request();
    let tag = request.extensions().get::<RequestTag>().cloned();
    match (request.app_data::<Data<WebState>>().cloned(), tag) {
        (Some(state), Some(tag)) => rendered(response, &state, &tag),
        _ => response,
    }
}

/// Writes the body of an answer that carries an error.
fn rendered<B: MessageBody + 'static>(
    response: ServiceResponse<B>,
    state: &WebState,
    tag: &RequestTag,
) -> ServiceResponse<BoxBody> {
    let Some(error) = response.response().error() else { return response.map_into_boxed_body() };
    let mut answer = written(response.request(), error, state, tag);
    for (name, value) in response.headers() {
        if name != header::CONTENT_TYPE && name != header::CONTENT_LENGTH {
            answer.headers_mut().insert(name.clone(), value.clone());
        }
    }
    let (request, _) = response.into_parts();
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
        tracing::error!(cause = ?error, "a request failed on our side");
    } else {
        tracing::debug!(cause = ?error, "a request was refused");
    }
    let mut answer = actix_web::ResponseError::error_response(error);
    if wants_page(request) {
        match leads_to(request, error, state) {
            Some(Way::SeeOther(to)) => {
                return HttpResponse::SeeOther().insert_header((header::LOCATION, to)).finish();
            }
            Some(Way::HtmxRedirect(to)) => {
                if let Ok(to) = HeaderValue::from_str(&to) {
                    answer.headers_mut().insert(HeaderName::from_static("hx-redirect"), to);
                }
            }
            None => {}
        }
    }
    let (body, content_type) = match state.error_page.filter(|_| wants_page(request)) {
        Some(page) => (page(request, error, &tag.text).into_bytes(), "text/html; charset=utf-8"),
        None => {
            let envelope = Envelope::of(error, state.services.env.now(), &tag.text);
            (serde_json::to_vec(&envelope).unwrap_or_default(), "application/json")
        }
    };
    answer.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer.set_body(BoxBody::new(body))
}

/// A person asked: a browser, outside the interface for programs.
fn wants_page(request: &HttpRequest) -> bool {
    let accept = request.headers().get(header::ACCEPT).and_then(|it| it.to_str().ok());
    !request.path().starts_with("/api/") && accept.is_some_and(|it| it.contains("text/html"))
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

/// On every answer, whatever the handler said.
const HEADERS: [(HeaderName, HeaderValue); 7] = [
    (header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP)),
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY")),
    (header::REFERRER_POLICY, HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-opener-policy"), HeaderValue::from_static("same-origin")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
    (
        HeaderName::from_static("permissions-policy"),
        HeaderValue::from_static("camera=(), geolocation=(), microphone=()"),
    ),
];

/// No inline script or style, nothing from elsewhere, no framing.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
                   font-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

fn add_headers(headers: &mut HeaderMap, tag: &RequestTag, state: &WebState) {
    if let Ok(value) = HeaderValue::from_str(&tag.text) {
        headers.insert(REQUEST_ID, value);
    }
    for (name, value) in HEADERS {
        headers.insert(name, value);
    }
    if !headers.contains_key(header::CACHE_CONTROL) {
        headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    }
    if state.public_url_is_https() {
        headers.insert(
            header::STRICT_TRANSPORT_SECURITY,
            HeaderValue::from_static("max-age=31536000; includeSubDomains"),
        );
    }
}
