//! What adapters that speak HTTP share: credentials into headers, errors into sentences, steps of a probe.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue};
use http::{HeaderMap, StatusCode};
use serde_json::Value;
use tokio::time::Instant;

use super::{Call, CallError, Check, Credential, Event, LogLevel, Probe, Sink};
use crate::base::{Code, Json};
use crate::infra::Secret;
use crate::infra::egress::{CallLimits, EgressError, Kind, Request, Response, SecretHeader, parse_url};

/// Longest part of a foreign error text that is passed on.
const EXCERPT_CHARS: usize = 300;
const MAX_EXCERPT_BYTES: usize = 16 * 1024;
/// No far end may make us wait longer than this before the next attempt.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(3_600);

impl From<EgressError> for CallError {
    fn from(error: EgressError) -> Self {
        let retry_after = match error.kind {
            Kind::BreakerOpen { retry_after } => Some(retry_after),
            _ => None,
        };
        let code = match error.kind {
            Kind::Denied(_) => Code::EgressDenied,
            Kind::Timeout => Code::ExecutionTimeout,
            Kind::Cancelled => Code::ExecutionCancelled,
            _ => Code::ExecutionFailed,
        };
        let retriable = error.is_temporary();
        Self { retriable, retry_after, ..Self::failed(error.message).with_code(code) }
    }
}

/// A request of this call: its time limit, its trace, its stop.
pub(super) fn request(call: &Call, mut request: Request, timeout_ms: Option<u64>) -> Request {
    let own = timeout_ms.map_or(call.timeout, Duration::from_millis);
    request.limits = CallLimits { timeout: own.min(call.timeout), ..request.limits };
    request.stop = Some(call.stop.clone());
    request.seat = Some(call.seat.clone());
    if let Some(value) = call.traceparent.as_deref().and_then(|it| HeaderValue::from_str(it).ok()) {
        request.headers.insert("traceparent", value);
    }
    request
}

pub(super) fn json_type(headers: &mut HeaderMap) {
    headers.entry(CONTENT_TYPE).or_insert(HeaderValue::from_static("application/json"));
}

/// The call's credentials as headers. `api_key_header` is where an `api_key` goes.
///
/// Errors: `CredentialInvalid` for one that lacks a field or whose header has no valid name.
pub(super) fn secrets(call: &Call, api_key_header: &HeaderName) -> Result<Vec<SecretHeader>, CallError> {
    let mut headers = Vec::new();
    for credential in &call.credentials {
        let (name, value) = match credential.kind.as_str() {
            "bearer" => (AUTHORIZATION, bearer(field(credential, "token")?)),
            "api_key" if *api_key_header == AUTHORIZATION => {
                (AUTHORIZATION, bearer(field(credential, "key")?))
            }
            "api_key" => (api_key_header.clone(), field(credential, "key")?.duplicate()),
            "basic_auth" => {
                let pair =
                    [field(credential, "username")?.expose(), b":", field(credential, "password")?.expose()];
                let encoded = Secret::from(STANDARD.encode(pair.concat()));
                (AUTHORIZATION, Secret::new([b"Basic ", encoded.expose()].concat()))
            }
            "header" => {
                let name = HeaderName::from_bytes(field(credential, "name")?.expose());
                let name = name.map_err(|_| invalid(credential, "its name is not the name of a header"))?;
                (name, field(credential, "value")?.duplicate())
            }
            // Signs the body, which is not known yet.
            "webhook" => continue,
            other => return Err(invalid(credential, &format!("this agent cannot use the kind {other}"))),
        };
        headers.push(SecretHeader { name, value, allowed_hosts: credential.allowed_hosts.clone() });
    }
    Ok(headers)
}

fn bearer(token: &Secret) -> Secret {
    Secret::new([b"Bearer ", token.expose()].concat())
}

pub(super) fn field<'c>(credential: &'c Credential, name: &str) -> Result<&'c Secret, CallError> {
    let found = credential.value.get(name).filter(|it| !it.expose().is_empty());
    found.ok_or_else(|| invalid(credential, &format!("it has no {name}")))
}

pub(super) fn invalid(credential: &Credential, why: &str) -> CallError {
    CallError::failed(format!("the credential cannot be used: {why}"))
        .with_code(Code::CredentialInvalid)
        .detail("credential_id", credential.id.as_str())
}

/// What an answer with an error status means. Reads an excerpt of it.
pub(super) async fn refused(response: Response, hint: Option<&str>) -> CallError {
    let (status, retry_after) = (response.status, response.retry_after());
    let location =
        response.status.is_redirection().then(|| response.header("location").map(str::to_owned)).flatten();
    let said = said_by(&response.excerpt(MAX_EXCERPT_BYTES).await);
    let mut message = format!("the far end answered {}", with_reason(status));
    if let Some(said) = &said {
        message = format!("{message}: {said}");
    }
    let own_hint = location.map(|it| {
        format!("it moved to {it}; redirects are not followed, so put that address into the config")
    });
    if let Some(hint) = own_hint.as_deref().or(hint).or(hint_for(status)) {
        message = format!("{message} ({hint})");
    }
    let mut error = CallError::failed(message).detail("status", status.as_u16());
    if let Some(said) = said {
        error = error.detail("answer", said);
    }
    error.retriable = matches!(status.as_u16(), 408 | 425 | 429 | 502..=504);
    error.retry_after = retry_after.filter(|_| error.retriable).map(|it| it.min(MAX_RETRY_AFTER));
    error
}

fn with_reason(status: StatusCode) -> String {
    match status.canonical_reason() {
        Some(reason) => format!("{} {reason}", status.as_u16()),
        None => status.as_u16().to_string(),
    }
}

fn hint_for(status: StatusCode) -> Option<&'static str> {
    Some(match status.as_u16() {
        401 | 403 => "the credential is missing, wrong, or may not do this",
        404 => "nothing is at this address; is the path right, and the workflow active?",
        405 => "this address does not take the method of the config",
        413 => "the input is too large for it",
        429 => "it asks for fewer calls",
        _ => return None,
    })
}

/// The part of a foreign error that a person can use: its message, not its stack trace.
pub(super) fn said_by(body: &[u8]) -> Option<String> {
    let text = String::from_utf8_lossy(body);
    let text = match serde_json::from_str::<Value>(&text) {
        Ok(value) => message_in(&value)?,
        Err(_) if text.trim_start().starts_with('<') => return None,
        Err(_) => text.lines().next().unwrap_or_default().to_owned(),
    };
    let mut short: String = text.chars().filter(|it| !it.is_control()).take(EXCERPT_CHARS).collect();
    if short.trim().is_empty() {
        return None;
    }
    if text.chars().count() > EXCERPT_CHARS {
        short.push('…');
    }
    Some(short)
}

fn message_in(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        // What is wrong with the fields of a request, as FastAPI says it: the first is enough.
        Value::Array(items) => message_in(items.first()?),
        _ => {
            let message = ["error", "message", "detail", "error_description", "msg"]
                .iter()
                .find_map(|it| message_in(value.get(it)?))?;
            let place = value["loc"].as_array().into_iter().flatten().filter_map(Value::as_str);
            let place: Vec<&str> = place.collect();
            Some(if place.is_empty() { message } else { format!("{}: {message}", place.join(".")) })
        }
    }
}

/// A body as JSON: what says it is JSON must be; text becomes `{"text": …}`, nothing becomes `null`.
pub(super) fn body_as_json(body: &[u8], is_declared_json: bool) -> Result<Json, CallError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let text = match std::str::from_utf8(body) {
        Ok(text) => text,
        Err(_) if is_declared_json => {
            return Err(CallError::failed("the answer says it is JSON and is not UTF-8"));
        }
        Err(_) => return Err(CallError::failed("the answer is neither text nor JSON")),
    };
    if text.trim().is_empty() {
        return Ok(Json::null());
    }
    if is_declared_json {
        return Json::parse(text)
            .map_err(|it| CallError::failed(format!("the answer says it is JSON: {it}")));
    }
    let looks_like = text.trim_start().starts_with(['{', '[']);
    match Json::parse(text) {
        Ok(json) if looks_like => Ok(json),
        _ => Ok(Json::of(&serde_json::json!({ "text": text }))),
    }
}

pub(super) fn is_json(response: &Response) -> bool {
    let kind = response.header(CONTENT_TYPE.as_str()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim();
    kind.eq_ignore_ascii_case("application/json") || kind.to_ascii_lowercase().ends_with("+json")
}

/// Builds a probe step by step.
pub(super) struct Steps {
    checks: Vec<Check>,
    started: Instant,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self { checks: Vec::new(), started: Instant::now() }
    }

    /// Looks the host up, connects, shakes hands: a check each. Whether all went well.
    pub(super) async fn reach(&mut self, call: &Call, url: &str) -> bool {
        let url = match parse_url(url) {
            Ok(url) => url,
            Err(error) => {
                self.add(
                    "address",
                    false,
                    Duration::ZERO,
                    error.message,
                    Some("correct the address in the config"),
                );
                return false;
            }
        };
        for step in call.egress.reach(&call.caller, &url).await {
            match step.outcome {
                Ok(detail) => self.add(step.name, true, step.duration, detail, None),
                Err(error) => {
                    let remedy = remedy_for(&error.kind);
                    self.add(step.name, false, step.duration, error.message, remedy);
                }
            }
        }
        self.all_ok()
    }

    pub(super) fn add(
        &mut self,
        name: &str,
        ok: bool,
        took: Duration,
        detail: impl Into<String>,
        remedy: Option<&str>,
    ) {
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let remedy = remedy.map(str::to_owned);
        self.checks.push(Check { name: name.to_owned(), ok, duration_ms, detail: detail.into(), remedy });
    }

    pub(super) fn all_ok(&self) -> bool {
        self.checks.iter().all(|it| it.ok)
    }

    /// `good` is what is said when every check is ok.
    pub(super) fn finish(self, good: &str) -> Probe {
        let failed = self.checks.iter().find(|it| !it.ok);
        Probe {
            ok: failed.is_none(),
            latency_ms: u64::try_from(self.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            detail: failed.map_or_else(|| good.to_owned(), |it| it.detail.clone()),
            checks: self.checks,
        }
    }
}

fn remedy_for(kind: &Kind) -> Option<&'static str> {
    match kind {
        Kind::Denied(_) => {
            Some("ask the operator to open this address in [egress] allow, or use a public one")
        }
        Kind::Resolve => Some("check the spelling of the host name"),
        Kind::Connect => Some("check that the service runs, and that a firewall lets this server through"),
        Kind::Tls => Some("check the certificate, or whether the address should begin with http://"),
        _ => None,
    }
}

/// The part of an address that stands before the first template in it.
pub(super) fn fixed_part(template: &str) -> &str {
    template.split("{{").next().unwrap_or_default()
}

pub(super) fn log(sink: &dyn Sink, level: LogLevel, message: impl Into<String>) {
    sink.emit(Event::Log { level, message: message.into() });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_errors_are_cut_down_to_their_message() {
        for (body, said) in [
            (r#"{"error":{"message":"no such model","type":"x"}}"#, Some("no such model")),
            (
                r#"{"code":404,"message":"not registered","stacktrace":"at /srv/app.js"}"#,
                Some("not registered"),
            ),
            (r#"{"detail":"bad"}"#, Some("bad")),
            (
                r#"{"detail":[{"type":"missing","loc":["input","a"],"msg":"Field required"}]}"#,
                Some("input.a: Field required"),
            ),
            (r#"{"detail":[]}"#, None),
            (r#"{"ok":false}"#, None),
            ("<html><body>secret path</body></html>", None),
            ("Authorization data is wrong!\n  at stack", Some("Authorization data is wrong!")),
            ("", None),
        ] {
            assert_eq!(said_by(body.as_bytes()).as_deref(), said, "{body}");
        }
        assert_eq!(
            said_by("x".repeat(5_000).as_bytes()).map(|it| it.chars().count()),
            Some(EXCERPT_CHARS + 1)
        );
    }

    #[test]
    fn bodies_become_json() {
        for (body, declared, expected) in [
            ("{\"a\":1}", true, Ok("{\"a\":1}")),
            ("\n\n \u{feff}{\"a\":1}", false, Ok("{\"text\":\"\\n\\n \u{feff}{\\\"a\\\":1}\"}")),
            ("\u{feff} [1]", false, Ok("[1]")),
            ("hello", false, Ok("{\"text\":\"hello\"}")),
            ("42", false, Ok("{\"text\":\"42\"}")),
            ("42", true, Ok("42")),
            ("{broken", false, Ok("{\"text\":\"{broken\"}")),
            ("{broken", true, Err(())),
            ("  ", true, Ok("null")),
        ] {
            let found = body_as_json(body.as_bytes(), declared);
            assert_eq!(found.as_ref().map(Json::as_str).map_err(|_| ()), expected, "{body}");
        }
    }
}
