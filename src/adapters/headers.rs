//! Headers that a config names, for kinds that send them as they stand there; and where an API key goes.

use std::collections::BTreeMap;

use http::header::{HeaderName, HeaderValue};

use super::http::{request, secrets};
use super::{Call, CallError};
use crate::base::Invalid;
use crate::infra::egress::Request;

/// Names under which people send secrets.
const SECRET: [&str; 3] = ["authorization", "api-key", "x-api-key"];

/// What is wrong with `headers` and `api_key_header` of a config.
pub(super) fn wrong(headers: &BTreeMap<String, String>, key_header: Option<&str>) -> Vec<Invalid> {
    let mut found = Vec::new();
    let mut add = |path: String, message: &str| found.push(Invalid { path, message: message.to_owned() });
    for (name, value) in headers {
        let path = format!("/headers/{name}");
        if SECRET.iter().any(|it| name.eq_ignore_ascii_case(it)) {
            add(path, "put a secret into a credential, where it is kept encrypted");
        } else if HeaderName::try_from(name).is_err() || HeaderValue::try_from(value).is_err() {
            add(path, "a header is a name and one line of plain text");
        }
    }
    if key_header.is_some_and(|it| HeaderName::try_from(it).is_err()) {
        add("/api_key_header".to_owned(), "this is not the name of a header");
    }
    found
}

/// The header that a config names for its API key, or the kind's usual one.
pub(super) fn key_header(named: Option<&str>, usual: HeaderName) -> HeaderName {
    named.and_then(|it| HeaderName::try_from(it).ok()).unwrap_or(usual)
}

/// A request of this call with the config's headers, the idempotency key and the credentials.
pub(super) fn prepared(
    call: &Call,
    what: Request,
    headers: &BTreeMap<String, String>,
    key_header: &HeaderName,
    timeout_ms: Option<u64>,
) -> Result<Request, CallError> {
    let mut prepared = request(call, what, timeout_ms);
    for (name, value) in headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            prepared.headers.insert(name, value);
        }
    }
    if let Ok(key) = HeaderValue::try_from(&call.idempotency_key) {
        prepared.headers.insert("idempotency-key", key);
    }
    prepared.secrets = secrets(call, key_header)?;
    Ok(prepared)
}
