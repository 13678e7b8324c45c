//! Reading a request's body within the route's limit, before the handler runs.

use actix_web::HttpMessage as _;
use actix_web::dev::ServiceRequest;
use actix_web::error::PayloadError;
use actix_web::http::header;
use bytes::{Bytes, BytesMut};
use futures_util::StreamExt;

use super::route::Route;
use super::state::WebState;
use crate::base::{Code, Error, Result};

/// A body that has not come whole after this is given up.
const BODY_TIME: std::time::Duration = std::time::Duration::from_secs(30);

/// The body, whole. A body that came in one piece is not copied.
///
/// Errors: `PayloadTooLarge`, also for a body that only announces to be; `UnsupportedMediaType` for a
/// compressed body, so that none can unfold; `ValidationFailed` for one that breaks off or takes too long.
pub(super) async fn read(route: &Route, request: &mut ServiceRequest, state: &WebState) -> Result<Bytes> {
    let limit = route.max_body_bytes.unwrap_or(state.services.config.limits.body_bytes);
    let headers = request.headers();
    let announced = headers.get(header::CONTENT_LENGTH).and_then(|it| it.to_str().ok()?.parse::<u64>().ok());
    if announced.is_none_or(|it| it == 0) && !headers.contains_key(header::TRANSFER_ENCODING) {
        return Ok(Bytes::new());
    }
    if headers.get(header::CONTENT_ENCODING).is_some_and(|it| it != "identity") {
        return Err(Error::new(Code::UnsupportedMediaType, "send the body without a content encoding"));
    }
    if announced.is_some_and(|it| it > limit as u64) {
        return Err(too_large(limit));
    }
    let payload = request.take_payload();
    let whole = collect(payload, limit);
    tokio::time::timeout(BODY_TIME, whole)
        .await
        .unwrap_or_else(|_| Err(Error::invalid("the body did not come whole within 30 seconds")))
}

async fn collect(mut payload: actix_web::dev::Payload, limit: usize) -> Result<Bytes> {
    let Some(first) = payload.next().await else { return Ok(Bytes::new()) };
    let first = first.map_err(unreadable)?;
    if first.len() > limit {
        return Err(too_large(limit));
    }
    let Some(second) = payload.next().await else { return Ok(first) };
    let mut body = BytesMut::from(first.as_ref());
    let mut next = Some(second);
    while let Some(chunk) = next {
        let chunk = chunk.map_err(unreadable)?;
        if body.len() + chunk.len() > limit {
            return Err(too_large(limit));
        }
        body.extend_from_slice(&chunk);
        next = payload.next().await;
    }
    Ok(body.freeze())
}

fn too_large(limit: usize) -> Error {
    Error::new(Code::PayloadTooLarge, format!("a body has at most {limit} bytes here"))
        .detail("limit_bytes", limit)
}

fn unreadable(error: PayloadError) -> Error {
    Error::invalid("the body broke off or is not framed as HTTP asks").caused_by(error.to_string())
}
