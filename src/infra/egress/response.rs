//! What came back. The call's limits hold until the last byte is read or the response is dropped.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, StatusCode, header};
use http_body_util::BodyExt as _;
use hyper::body::{Body as _, Incoming};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout_at};
use tokio_util::sync::CancellationToken;

use super::error::{EgressError, Kind};
use super::host::Host;
use super::ledger::{Contact, ContactOutcome, Ledger};
use super::request::Caller;
use super::room::{Room, SMALL_BYTES, Seat};

pub struct Response {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub(super) body: Incoming,
    pub(super) host: Arc<Host>,
    pub(super) bounds: Bounds,
    pub(super) max_body_bytes: u64,
    pub(super) meter: Meter,
    pub(super) is_over: bool,
    pub(super) room: Arc<Room>,
    pub(super) seat: Arc<Seat>,
    pub(super) has_place: bool,
    /// Its place among the host's concurrent calls.
    pub(super) _place: OwnedSemaphorePermit,
}

impl Response {
    /// Where the answer came from.
    pub fn address(&self) -> Option<IpAddr> {
        self.meter.contact.address
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).and_then(|it| it.to_str().ok())
    }

    /// How long the far end asks us to wait (`Retry-After` in seconds). A date is not read.
    pub fn retry_after(&self) -> Option<Duration> {
        self.header(header::RETRY_AFTER.as_str())?.trim().parse().ok().map(Duration::from_secs)
    }

    /// The next piece as it arrives; `None` after the last.
    ///
    /// Errors: `TooLarge`, `Timeout`, `Cancelled`, `Protocol` for an answer that breaks off. After an error the
    /// answer is over.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, EgressError> {
        while !self.is_over {
            match self.bounds.hold(self.body.frame()).await {
                Ok(None) => {
                    self.is_over = true;
                    self.host.succeeded();
                }
                Ok(Some(Ok(frame))) => match frame.into_data() {
                    Ok(data) => {
                        let data = self.count(data)?;
                        self.take_place().await?;
                        return Ok(Some(data));
                    }
                    Err(_trailers) => {}
                },
                Ok(Some(Err(error))) => return Err(self.fail(broken(&error, &self.host.name))),
                Err(error) => return Err(self.fail(error)),
            }
        }
        Ok(None)
    }

    /// The whole body.
    pub async fn bytes(mut self) -> Result<Bytes, EgressError> {
        let Some(first) = self.chunk().await? else { return Ok(Bytes::new()) };
        let Some(second) = self.chunk().await? else { return Ok(first) };
        let expected = self.body.size_hint().exact().unwrap_or(0).min(self.max_body_bytes);
        let mut whole =
            BytesMut::with_capacity(first.len() + second.len() + usize::try_from(expected).unwrap_or(0));
        whole.extend_from_slice(&first);
        whole.extend_from_slice(&second);
        while let Some(chunk) = self.chunk().await? {
            whole.extend_from_slice(&chunk);
        }
        Ok(whole.freeze())
    }

    /// At most the first `max_bytes` of the body, for an error message. Never fails; the rest is not read.
    pub async fn excerpt(mut self, max_bytes: usize) -> Bytes {
        let mut start = BytesMut::new();
        while start.len() < max_bytes {
            match self.chunk().await {
                Ok(Some(chunk)) => start.extend_from_slice(&chunk),
                Ok(None) | Err(_) => break,
            }
        }
        start.truncate(max_bytes);
        start.freeze()
    }

    fn count(&mut self, data: Bytes) -> Result<Bytes, EgressError> {
        let received = &mut self.meter.contact.bytes_received;
        *received = received.saturating_add(data.len() as u64);
        if *received > self.max_body_bytes {
            let error = too_large(&self.host.name, self.max_body_bytes);
            return Err(self.fail(error));
        }
        Ok(data)
    }

    /// A place for all that the answer may become, once it is more than a little.
    async fn take_place(&mut self) -> Result<(), EgressError> {
        let received = self.meter.contact.bytes_received;
        if self.has_place || received <= SMALL_BYTES {
            return Ok(());
        }
        let rest = self.body.size_hint().upper().unwrap_or(self.max_body_bytes);
        let most = received.saturating_add(rest).min(self.max_body_bytes);
        self.has_place = true;
        let taken = self.bounds.hold(self.room.take(most, &self.seat)).await;
        taken.map_err(|it| self.fail(waited(it)))
    }

    fn fail(&mut self, error: EgressError) -> EgressError {
        self.is_over = true;
        self.host.failed(&error);
        self.meter.failed(&error);
        error
    }
}

pub(super) fn too_large(host: &str, max_bytes: u64) -> EgressError {
    EgressError::new(Kind::TooLarge, format!("the answer of {host} is larger than {max_bytes} bytes"))
}

fn waited(error: EgressError) -> EgressError {
    match error.kind {
        Kind::Timeout => {
            let message = "the answer is large, and other large answers took all the memory set aside for them \
                           (egress.large_answers_bytes) until the time was over";
            EgressError::new(Kind::Timeout, message)
        }
        _ => error,
    }
}

fn broken(error: &hyper::Error, host: &str) -> EgressError {
    let how = if error.is_incomplete_message() || error.is_closed() || !error.is_parse() {
        "broke off"
    } else {
        "is not valid HTTP"
    };
    EgressError::new(Kind::Protocol, format!("the answer of {host} {how}"))
}

/// Until when a call may go on, and who may end it sooner.
pub(super) struct Bounds {
    pub(super) deadline: Instant,
    pub(super) timeout: Duration,
    pub(super) stop: Option<CancellationToken>,
    pub(super) host: Arc<str>,
}

impl Bounds {
    pub(super) async fn hold<T>(&self, work: impl Future<Output = T>) -> Result<T, EgressError> {
        let timed = timeout_at(self.deadline, work);
        let ended = match &self.stop {
            None => timed.await,
            Some(stop) => stop
                .run_until_cancelled(timed)
                .await
                .ok_or_else(|| EgressError::new(Kind::Cancelled, "the call was stopped"))?,
        };
        ended.map_err(|_| {
            let ms = self.timeout.as_millis();
            EgressError::new(Kind::Timeout, format!("{} did not finish its answer within {ms} ms", self.host))
        })
    }
}

/// Writes the contact down: that it begins, and what came of it when the call is over, however it ends.
pub(super) struct Meter {
    pub(super) ledger: Arc<dyn Ledger>,
    pub(super) contact: Contact,
    pub(super) started: Instant,
}

impl Meter {
    pub(super) fn new(
        ledger: Arc<dyn Ledger>,
        caller: Caller,
        host: Arc<str>,
        port: u16,
        started: Instant,
    ) -> Self {
        let contact = Contact {
            caller,
            host,
            port,
            address: None,
            bytes_sent: 0,
            bytes_received: 0,
            outcome: ContactOutcome::Failed { reason: "abandoned".to_owned() },
            duration: Duration::ZERO,
        };
        ledger.begin(&contact);
        Self { ledger, contact, started }
    }

    /// Returns once the ledger knows of it for good.
    pub(super) async fn settled(&self) {
        if let Some(writing) = self.ledger.settle(&self.contact) {
            writing.await;
        }
    }

    pub(super) fn failed(&mut self, error: &EgressError) {
        self.contact.address = self.contact.address.or(error.address);
        self.contact.outcome = match error.denial() {
            Some(denial) => ContactOutcome::Refused { reason: denial.name() },
            None => ContactOutcome::Failed { reason: error.message.clone() },
        };
    }
}

impl Drop for Meter {
    fn drop(&mut self) {
        self.contact.duration = self.started.elapsed();
        self.ledger.record(self.contact.clone());
    }
}
