//! One request to an endpoint: signed, sent through the one way out, and what came back put into words.

use std::time::Duration;

use chrono::DateTime;
use http::header::{CONTENT_TYPE, HeaderMap, HeaderValue, RETRY_AFTER, USER_AGENT};
use tokio::time::Instant;
use url::Url;

use super::delivery::{Outcome, Try};
use super::event::Event;
use crate::access::Services;
use crate::base::{Doing, OrgId, Result, Timestamp};
use crate::infra::Secret;
use crate::infra::egress::{CallLimits, Caller, EgressError, Kind, Request, Response};
use crate::infra::signature::{standard_key, standard_signature};
use crate::infra::vault::Loaded;

const TIMEOUT: Duration = Duration::from_secs(20);
/// What is kept of an answer.
const EXCERPT_BYTES: usize = 1_000;
const AGENT: &str = concat!("Reeve/", env!("CARGO_PKG_VERSION"));

pub(super) enum Made {
    /// It counts as an attempt.
    Attempt(Outcome, Try),
    /// Nothing was tried: the host is left alone for so long.
    Later { pause_ms: u64 },
}

/// Where a message goes, and what signs it.
pub(super) struct Destination {
    pub url: Url,
    /// The present one first.
    pub secrets: Vec<Loaded>,
    /// What the ledger says that it was for.
    pub purpose: &'static str,
}

pub(super) async fn make(services: &Services, org: OrgId, to: &Destination, event: &Event) -> Result<Made> {
    let now = services.env.now();
    let body = event.body.as_str();
    let mut request = Request::post(to.url.clone(), body.to_owned());
    request.headers = headers(&event.id.to_string(), now, body.as_bytes(), &to.secrets)?;
    request.limits = CallLimits { timeout: TIMEOUT, ..CallLimits::default() };
    let began = Instant::now();
    let caller = Caller { org, agent: event.agent_id, purpose: to.purpose };
    let answered = services.egress.send(&caller, request).await;
    let mut attempt = Try { at: now, latency_ms: 0, status_code: None, answer: None, error: None };
    let outcome = match answered {
        Ok(response) => read(response, now, &mut attempt).await,
        Err(EgressError { kind: Kind::BreakerOpen { retry_after }, .. }) => {
            return Ok(Made::Later { pause_ms: ms(retry_after) });
        }
        Err(error) => {
            attempt.error = Some(error.message);
            Outcome::Refused { retry_after_ms: None }
        }
    };
    attempt.latency_ms = ms(began.elapsed());
    Ok(Made::Attempt(outcome, attempt))
}

fn headers(id: &str, now: Timestamp, body: &[u8], secrets: &[Loaded]) -> Result<HeaderMap> {
    let timestamp = now.millis() / 1_000;
    let sign =
        |secret: &Secret| standard_key(secret).map(|key| standard_signature(&key, id, timestamp, body));
    let signatures: Vec<String> = secrets.iter().filter_map(|it| sign(it)).collect();
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(USER_AGENT, HeaderValue::from_static(AGENT));
    for (name, value) in [
        ("webhook-id", id.to_owned()),
        ("webhook-timestamp", timestamp.to_string()),
        ("webhook-signature", signatures.join(" ")),
    ] {
        headers.insert(name, HeaderValue::try_from(value).doing("write a header")?);
    }
    Ok(headers)
}

async fn read(response: Response, now: Timestamp, attempt: &mut Try) -> Outcome {
    let status = response.status;
    let retry_after_ms = response.header(RETRY_AFTER.as_str()).and_then(|it| pause_of(it, now));
    attempt.status_code = Some(status.as_u16());
    let excerpt = response.excerpt(EXCERPT_BYTES).await;
    attempt.answer = said(&excerpt);
    if status.is_success() {
        return Outcome::Taken;
    }
    attempt.error = Some(match status.as_u16() {
        410 => "it answered 410: it wants no more events".to_owned(),
        300..=399 => {
            format!("it answered {status}; redirects are not followed, so give the address that it leads to")
        }
        _ => format!("it answered {status}"),
    });
    if status.as_u16() == 410 { Outcome::Gone } else { Outcome::Refused { retry_after_ms } }
}

/// `Retry-After`: seconds, or a date.
fn pause_of(text: &str, now: Timestamp) -> Option<u64> {
    let text = text.trim();
    if let Ok(seconds) = text.parse::<u64>() {
        return Some(seconds.saturating_mul(1_000));
    }
    let at = DateTime::parse_from_rfc2822(text).ok()?;
    Some(Timestamp::from_millis(at.timestamp_millis()).since(now))
}

/// The beginning of an answer as a person can read it; none where it says nothing.
fn said(excerpt: &[u8]) -> Option<String> {
    let text: String = String::from_utf8_lossy(excerpt)
        .chars()
        .map(|it| if it.is_control() && it != '\n' { ' ' } else { it })
        .collect();
    Some(text.trim().to_owned()).filter(|it| !it.is_empty())
}

fn ms(duration: Duration) -> u64 {
    u64::try_from(duration.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_forms_of_retry_after_are_read() {
        let now = Timestamp::parse("2026-01-31T12:00:00Z").expect("a time");
        assert_eq!(pause_of(" 120 ", now), Some(120_000));
        assert_eq!(pause_of("Sat, 31 Jan 2026 12:02:00 GMT", now), Some(120_000));
        assert_eq!(pause_of("Sat, 31 Jan 2026 11:02:00 GMT", now), Some(0));
        assert_eq!(pause_of("soon", now), None);
    }

    #[test]
    fn an_answer_is_kept_as_text() {
        assert_eq!(said(b" \r\n"), None);
        assert_eq!(said(b"no\tway\x1b[2J\xff").as_deref(), Some("no way [2J\u{fffd}"));
    }
}
