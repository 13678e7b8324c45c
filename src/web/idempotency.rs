//! `Idempotency-Key` on every `POST` for programs: a repetition gets the first answer again.

use std::sync::Arc;

use actix_web::body::{BoxBody, MessageBody as _};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::http::{Method, StatusCode};
use actix_web::{HttpMessage, HttpResponse};
use sha2::{Digest, Sha256};

use super::context;
use super::extract::RawBody;
use super::route::{Kind, Limit, Route};
use crate::access::{Cx, FirstOutcome, Idempotency, KeptAnswer};
use crate::base::{Error, Result};
use crate::infra::fault;

const KEY: HeaderName = HeaderName::from_static("idempotency-key");
const REPLAY: HeaderName = HeaderName::from_static("idempotent-replay");
const MAX_KEY_CHARS: usize = 255;
/// What a handler leads a repetition to by itself.
const FOLLOWED: [&str; 2] = ["execution", "batch"];
/// A longer answer is not kept.
const MAX_KEPT_BYTES: usize = 1 << 20;
const KEPT_HEADERS: [HeaderName; 3] = [header::CONTENT_TYPE, header::LOCATION, header::ETAG];

pub(super) enum Begun {
    /// Carried out before: this is its answer.
    Replay(HttpResponse),
    Go {
        caller: Option<Cx>,
        pending: Option<Pending>,
    },
}

/// A request with a key that is being carried out, or led to what an earlier one made.
pub(super) struct Pending {
    cx: Cx,
    idempotency: Arc<Idempotency>,
    repeats: bool,
}

/// Looks the request's key up. The body must have been read.
///
/// Errors: `ValidationFailed` for an unusable key, `IdempotencyKeyReused`, `Conflict` where the first answer
/// cannot be given.
pub(super) fn begin(route: &Route, request: &ServiceRequest, caller: Option<Cx>) -> Result<Begun> {
    let Some(cx) = caller else { return Ok(Begun::Go { caller: None, pending: None }) };
    if !takes_key(route) {
        return Ok(Begun::Go { caller: Some(cx), pending: None });
    }
    let Some(key) = key_of(request)? else { return Ok(Begun::Go { caller: Some(cx), pending: None }) };
    let idempotency = Arc::new(hashed(&key, request, &cx));
    let mut repeats = false;
    if let Some(first) = idempotency.first(&cx.read()?)? {
        match &first.outcome {
            FirstOutcome::Answered(answer) => return Ok(Begun::Replay(again(answer))),
            // Executions can be followed whoever started them, so the handler goes on with those.
            _ if first.resource.as_ref().is_some_and(|it| FOLLOWED.contains(&it.kind.as_str())) => {
                repeats = true
            }
            _ => return Err(first.carried_out()),
        }
    }
    let cx = cx.with_idempotency(idempotency.clone());
    Ok(Begun::Go { caller: Some(cx.clone()), pending: Some(Pending { cx, idempotency, repeats }) })
}

/// Keeps the answer for repetitions.
pub(super) async fn finish(
    route: &Route,
    pending: Pending,
    response: ServiceResponse<BoxBody>,
) -> ServiceResponse<BoxBody> {
    let mut response = context::render_now(response);
    if pending.repeats {
        response.headers_mut().insert(REPLAY, HeaderValue::from_static("true"));
        return response;
    }
    let succeeded = response.status().is_success();
    if !succeeded && !pending.idempotency.is_claimed() {
        return response;
    }
    let (outcome, response) = outcome_of(route, response);
    let idempotency = pending.idempotency.clone();
    fault!("idempotency.keep");
    let store = &pending.cx.services().store;
    let kept = store.write_org(pending.cx.org(), move |tx| idempotency.keep(tx, succeeded, outcome)).await;
    if let Err(error) = kept {
        // The work is done and its claim is on disk: a repetition is refused rather than done twice.
        tracing::warn!(cause = ?error, "an answer could not be kept for repetitions");
    }
    response
}

pub(super) fn takes_key(route: &Route) -> bool {
    route.method == Method::POST
        && route.kind == Kind::Api
        && route.limit != Limit::Login
        && !route.path.starts_with("/api/auth/")
}

fn key_of(request: &ServiceRequest) -> Result<Option<String>> {
    let mut given = request.headers().get_all(KEY);
    let Some(first) = given.next() else { return Ok(None) };
    let text = first.to_str().ok().filter(|it| (1..=MAX_KEY_CHARS).contains(&it.len()));
    match (text, given.next()) {
        (Some(text), None) => Ok(Some(text.to_owned())),
        _ => Err(Error::invalid(format!(
            "an Idempotency-Key is sent once and has 1 to {MAX_KEY_CHARS} visible ASCII characters"
        ))),
    }
}

fn hashed(key: &str, request: &ServiceRequest, cx: &Cx) -> Idempotency {
    let mut scope = Sha256::new();
    for part in [&cx.actor().to_string(), request.method().as_str(), request.path(), key] {
        scope.update((part.len() as u64).to_be_bytes());
        scope.update(part);
    }
    let mut asked = Sha256::new();
    let query = request.query_string();
    asked.update((query.len() as u64).to_be_bytes());
    asked.update(query);
    if let Some(body) = request.extensions().get::<RawBody>() {
        asked.update(&body.0);
    }
    Idempotency::new(scope.finalize().into(), asked.finalize().into(), cx.env().bytes(), cx.now())
}

fn again(answer: &KeptAnswer) -> HttpResponse {
    let status = StatusCode::from_u16(answer.status).unwrap_or(StatusCode::OK);
    let mut response = HttpResponse::build(status);
    for (name, value) in &answer.headers {
        response.insert_header((name.as_str(), value.as_str()));
    }
    response.insert_header((REPLAY, HeaderValue::from_static("true")));
    response.body(answer.body.clone())
}

/// Reads the body off the answer and puts it back.
fn outcome_of(route: &Route, response: ServiceResponse<BoxBody>) -> (FirstOutcome, ServiceResponse<BoxBody>) {
    if route.one_time_secret && response.status().is_success() {
        return (FirstOutcome::Secret, response);
    }
    let (request, response) = response.into_parts();
    let (head, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(body) => return (FirstOutcome::NotKept, ServiceResponse::new(request, head.set_body(body))),
    };
    let text = std::str::from_utf8(&body).ok().filter(|it| it.len() <= MAX_KEPT_BYTES);
    let outcome = text.map_or(FirstOutcome::NotKept, |text| {
        let header = |name: &HeaderName| {
            let value = head.headers().get(name)?.to_str().ok()?;
            Some((name.as_str().to_owned(), value.to_owned()))
        };
        FirstOutcome::Answered(KeptAnswer {
            status: head.status().as_u16(),
            headers: KEPT_HEADERS.iter().filter_map(header).collect(),
            body: text.to_owned(),
        })
    });
    (outcome, ServiceResponse::new(request, head.set_body(BoxBody::new(body))))
}
