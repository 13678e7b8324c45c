//! Tags that count a person's changes, for resources whose answers change without anyone changing them: a use, a
//! delivery, a check. One over the whole answer would be another each time.

use actix_web::http::header::{ETAG, HeaderValue, IF_MATCH};
use actix_web::{HttpRequest, HttpResponse};

use crate::base::{Code, Error, Result};

/// The answer with the tag of `revision`.
pub fn tagged_revision(mut answer: HttpResponse, revision: u64) -> HttpResponse {
    if let Ok(tag) = HeaderValue::from_str(&tag_of(revision)) {
        answer.headers_mut().insert(ETAG, tag);
    }
    answer
}

fn tag_of(revision: u64) -> String {
    format!("\"r{revision}\"")
}

/// The revision that the caller has read, where the request says `If-Match`; `current` looks up the one there is.
///
/// Errors: `PreconditionFailed` where it is another one.
pub fn expected_revision(
    request: &HttpRequest,
    current: impl FnOnce() -> Result<u64>,
) -> Result<Option<u64>> {
    let mut tags = request.headers().get_all(IF_MATCH).filter_map(|it| it.to_str().ok()).peekable();
    if tags.peek().is_none() {
        return Ok(None);
    }
    let revision = current()?;
    let ours = tag_of(revision);
    let is_named = tags
        .flat_map(|it| it.split(','))
        .map(str::trim)
        .any(|it| it == "*" || it.strip_prefix("W/").unwrap_or(it) == ours);
    match is_named {
        true => Ok(Some(revision)),
        false => {
            Err(Error::new(Code::PreconditionFailed, "this was changed since you read it; read it again"))
        }
    }
}
