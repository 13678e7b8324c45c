//! Compression of whole answers that are worth it. Streams are never held back in a compressor, small answers
//! never pay for one, and what already has an encoding (assets are packed at build) passes.

use std::io::Write as _;

use actix_web::body::{BodySize, BoxBody, MessageBody as _};
use actix_web::dev::ServiceResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{self, HeaderMap, HeaderValue};
use bytes::Bytes;

use crate::base::{Doing, Result};

/// Below this a page fits into few packets anyway.
const MIN_PAGE_BYTES: u64 = 2 << 10;
/// Below this JSON goes as it is: the time costs a program more than the bytes.
const MIN_DATA_BYTES: u64 = 16 << 10;
/// Above this the work leaves the thread that serves other requests.
const MAX_INLINE_BYTES: usize = 64 << 10;
const BROTLI_QUALITY: u32 = 4;
const BROTLI_WINDOW: u32 = 20;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Coding {
    Brotli,
    Gzip,
}

/// Compresses the body where the client takes it and it is worth it. The `ETag` stays: it names the
/// resource, whichever way it travels.
pub(super) async fn maybe(mut response: ServiceResponse<BoxBody>) -> ServiceResponse<BoxBody> {
    if !is_worth_it(response.status(), response.headers(), response.response().body().size()) {
        return response;
    }
    if !response.headers().contains_key(header::VARY) {
        response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    }
    let Some(coding) = wanted(response.request().headers()) else { return response };
    let (request, response) = response.into_parts();
    let (mut answer, body) = response.into_parts();
    let body = match body.try_into_bytes() {
        Ok(body) => body,
        Err(body) => return ServiceResponse::new(request, answer.set_body(body)),
    };
    let packed = if body.len() <= MAX_INLINE_BYTES {
        pack(coding, &body)
    } else {
        let body = body.clone();
        let task = tokio::task::spawn_blocking(move || pack(coding, &body));
        task.await.doing("compress an answer").and_then(|it| it)
    };
    let body = match packed {
        Ok(packed) => {
            answer.headers_mut().insert(header::CONTENT_ENCODING, HeaderValue::from_static(coding.name()));
            packed
        }
        Err(error) => {
            tracing::warn!(cause = ?error, "an answer was sent uncompressed");
            body
        }
    };
    ServiceResponse::new(request, answer.set_body(BoxBody::new(body)))
}

fn is_worth_it(status: StatusCode, headers: &HeaderMap, size: BodySize) -> bool {
    let BodySize::Sized(size) = size else { return false };
    if size < MIN_PAGE_BYTES
        || status == StatusCode::PARTIAL_CONTENT
        || headers.contains_key(header::CONTENT_ENCODING)
    {
        return false;
    }
    let kind = headers.get(header::CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    match kind.split(';').next().unwrap_or_default().trim() {
        "text/html" | "text/css" | "text/javascript" | "image/svg+xml" => true,
        "application/json" | "text/plain" | "text/csv" | "application/x-ndjson" => size >= MIN_DATA_BYTES,
        _ => false,
    }
}

/// The best of what `Accept-Encoding` takes; `q=0` refuses.
fn wanted(headers: &HeaderMap) -> Option<Coding> {
    let accepts = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
    let takes = |name: &str| {
        accepts.split(',').any(|it| {
            let mut parts = it.split(';').map(str::trim);
            let named = parts.next().is_some_and(|it| it.eq_ignore_ascii_case(name));
            let refused = parts.any(|it| {
                it.strip_prefix("q=").and_then(|it| it.parse::<f32>().ok()).is_some_and(|q| q <= 0.0)
            });
            named && !refused
        })
    };
    [Coding::Brotli, Coding::Gzip].into_iter().find(|it| takes(it.name()))
}

impl Coding {
    const fn name(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Gzip => "gzip",
        }
    }
}

fn pack(coding: Coding, body: &[u8]) -> Result<Bytes> {
    let room = Vec::with_capacity(body.len() / 3);
    let packed = match coding {
        Coding::Brotli => {
            let mut to = brotli::CompressorWriter::new(room, 4 << 10, BROTLI_QUALITY, BROTLI_WINDOW);
            to.write_all(body).doing("compress an answer")?;
            to.into_inner()
        }
        Coding::Gzip => {
            let mut to = flate2::write::GzEncoder::new(room, flate2::Compression::new(5));
            to.write_all(body).doing("compress an answer")?;
            to.finish().doing("compress an answer")?
        }
    };
    Ok(packed.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(accepts: &'static str, expected: Option<Coding>) {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(accepts));
        assert_eq!(wanted(&headers), expected, "{accepts}");
    }

    #[test]
    fn the_client_chooses() {
        check("gzip, deflate, br", Some(Coding::Brotli));
        check("gzip;q=1.0, br;q=0", Some(Coding::Gzip));
        check("GZIP", Some(Coding::Gzip));
        check("identity, zstd", None);
        check("", None);
    }

    #[test]
    fn only_whole_larger_texts_are_packed() {
        let check = |kind: &'static str, size, expected| {
            let mut headers = HeaderMap::new();
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
            assert_eq!(is_worth_it(StatusCode::OK, &headers, size), expected, "{kind} {size:?}");
        };
        check("application/json", BodySize::Sized(4_000), false);
        check("application/json", BodySize::Sized(40_000), true);
        check("text/html; charset=utf-8", BodySize::Sized(4_000), true);
        check("text/html; charset=utf-8", BodySize::Sized(400), false);
        check("text/event-stream", BodySize::Stream, false);
        check("image/png", BodySize::Sized(40_000), false);
    }
}
