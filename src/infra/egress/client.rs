//! Sends a request: checks, place, breaker, connection, answer; hop by hop where redirects are followed.

use std::error::Error as _;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use bytes::Bytes;
use http::header::{self, HeaderValue};
use http::uri::PathAndQuery;
use http::{HeaderName, Uri};
use http_body_util::Full;
use hyper::body::{Body as _, Incoming};
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use tokio::time::Instant;
use url::{Position, Url};

use super::allow::AllowRule;
use super::connect::{Connector, Dialer, PeerAddress, ReachStep, Resolver};
use super::error::{Denial, EgressError, Kind};
use super::host::{Host, HostSettings, Hosts};
use super::ledger::{ContactOutcome, Ledger};
use super::policy::Policy;
use super::redirect::{Hop, asks_for_redirect};
use super::request::{CallLimits, Caller, MAX_REDIRECTS, Request};
use super::response::{Bounds, Meter, Response, too_large};
use super::room::{Room, Seat};
use super::tls::Tls;
use crate::base::Error;
use crate::config;
use crate::infra::fault;

/// `[egress]` of the configuration.
#[derive(Debug, Clone)]
pub struct EgressConfig {
    pub allow: Vec<AllowRule>,
    /// Where this server listens; never called, whatever is allowed.
    pub listeners: Vec<SocketAddr>,
    /// Name resolution, connection and TLS handshake together.
    pub connect_timeout: Duration,
    pub max_head_bytes: usize,
    /// No answer may be larger, whatever a call's own limit is.
    pub max_body_bytes: u64,
    /// Memory for all answers together that are larger than 256 KiB; more wait within their time limit.
    pub large_answers_bytes: u64,
    /// Calls at the same time, per organization and host; more wait within their time limit.
    pub max_concurrent_per_host: usize,
    pub max_idle_per_host: usize,
    pub idle_timeout: Duration,
    /// Failures in a row after which a host is left alone, and for how long.
    pub breaker_failures: u32,
    pub breaker_open: Duration,
}

impl Default for EgressConfig {
    fn default() -> Self {
        Self {
            allow: Vec::new(),
            listeners: Vec::new(),
            connect_timeout: Duration::from_secs(5),
            max_head_bytes: 64 * 1024,
            max_body_bytes: 10 * 1024 * 1024,
            large_answers_bytes: 64 << 20,
            max_concurrent_per_host: 256,
            max_idle_per_host: 64,
            idle_timeout: Duration::from_secs(60),
            breaker_failures: 10,
            breaker_open: Duration::from_secs(10),
        }
    }
}

impl TryFrom<&config::Egress> for EgressConfig {
    type Error = Error;

    /// Errors: `ValidationFailed` for an entry of `allow` that is none.
    fn try_from(settings: &config::Egress) -> Result<Self, Error> {
        let rule = |it: &String| {
            let named = |error: Error| Error::invalid(format!("the setting egress.allow: {error}"));
            it.trim().parse().map_err(named)
        };
        Ok(Self {
            allow: settings.allow.iter().map(rule).collect::<Result<_, _>>()?,
            connect_timeout: Duration::from_millis(settings.connect_ms),
            max_body_bytes: settings.max_answer_bytes,
            large_answers_bytes: settings.large_answers_bytes,
            max_concurrent_per_host: settings.max_connections_per_host,
            // Whoever has that many at once will have them again: a new connection costs more than a call.
            max_idle_per_host: settings.max_connections_per_host,
            ..Self::default()
        })
    }
}

const MAX_HEADERS: usize = 200;
const RETRY_PAUSE: Duration = Duration::from_millis(50);
/// Deadlines further away than this are this far away.
const MAX_TIMEOUT: Duration = Duration::from_secs(7 * 24 * 3600);

/// The one way out. Cheap to clone.
#[derive(Clone)]
pub struct Egress(Arc<Inner>);

struct Inner {
    rules: ArcSwap<Rules>,
    config: EgressConfig,
    resolver: Arc<dyn Resolver>,
    ledger: Arc<dyn Ledger>,
    tls: Arc<Tls>,
    hosts: Hosts,
    room: Arc<Room>,
}

/// Rules, and the connections that were made under them. They change together.
struct Rules {
    policy: Arc<Policy>,
    dialer: Arc<Dialer>,
    client: Client<Connector, Full<Bytes>>,
}

impl Egress {
    pub fn new(config: EgressConfig, resolver: Arc<dyn Resolver>, ledger: Arc<dyn Ledger>) -> Self {
        let tls = Arc::new(Tls::default());
        let policy = Policy { rules: config.allow.clone(), listeners: config.listeners.clone() };
        let rules = Rules::new(policy, &config, resolver.clone(), tls.clone());
        let hosts = Hosts::new(HostSettings {
            concurrency: config.max_concurrent_per_host.max(1),
            breaker_failures: config.breaker_failures,
            breaker_open: config.breaker_open,
        });
        let room = Arc::new(Room::new(config.large_answers_bytes));
        Self(Arc::new(Inner {
            rules: ArcSwap::from_pointee(rules),
            config,
            resolver,
            ledger,
            tls,
            hosts,
            room,
        }))
    }

    /// Says where this server listens, once it knows. Connections made before are not used again.
    pub fn set_listeners(&self, listeners: Vec<SocketAddr>) {
        let rules = self.0.rules.load().policy.rules.clone();
        self.replace(Policy { rules, listeners });
    }

    /// Puts other rules in force. Connections made under the old ones are not used again.
    pub fn set_allow(&self, rules: Vec<AllowRule>) {
        let listeners = self.0.rules.load().policy.listeners.clone();
        self.replace(Policy { rules, listeners });
    }

    fn replace(&self, policy: Policy) {
        let inner = &self.0;
        let rules = Rules::new(policy, &inner.config, inner.resolver.clone(), inner.tls.clone());
        inner.rules.store(Arc::new(rules));
    }

    /// What can be said about an address without looking its name up, for checking a config while it is written.
    ///
    /// Errors: `Denied`.
    pub fn check(&self, url: &Url) -> Result<(), EgressError> {
        self.0.rules.load().policy.check_url(url).map_err(|it| denied(it, url))
    }

    /// Sends the request. Returns when the head of the answer is there, whatever its status.
    ///
    /// Errors: `Denied` without a packet having left; the other kinds as they say. Every hop is in the ledger.
    pub async fn send(&self, caller: &Caller, mut request: Request) -> Result<Response, EgressError> {
        let timeout = request.limits.timeout.min(MAX_TIMEOUT);
        let deadline = Instant::now() + timeout;
        let redirects = request.redirects.min(MAX_REDIRECTS);
        let stop = request.stop.take();
        let seat = request.seat.take().unwrap_or_default();
        request.limits.max_body_bytes = request.limits.max_body_bytes.min(self.0.config.max_body_bytes);
        let mut hop = Hop::first(&mut request);
        let mut followed = 0;
        loop {
            let bounds = |host| Bounds { deadline, timeout, stop: stop.clone(), host };
            let response = self.send_one(caller, &hop, request.limits, bounds, seat.clone()).await?;
            if redirects == 0 || !asks_for_redirect(response.status) {
                return Ok(response);
            }
            if followed == redirects {
                let message = format!("{} redirects more than {redirects} times", response.host.name);
                return Err(EgressError::new(Kind::Protocol, message));
            }
            followed += 1;
            hop = hop.redirected(response.status, &response.headers)?;
        }
    }

    /// Goes the way to a host without sending a request: for probes. The first failure is the last step.
    pub async fn reach(&self, caller: &Caller, url: &Url) -> Vec<ReachStep> {
        let started = Instant::now();
        let rules = self.0.rules.load_full();
        let name = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let mut meter = self.meter(caller, name.into(), url.port_or_known_default().unwrap_or(0), started);
        let origin = url[..Position::BeforePath].parse::<Uri>();
        let checked =
            rules.policy.check_url(url).and_then(|()| origin.map_err(|_| Denial::Url("it is not usable")));
        let steps = match checked {
            Ok(origin) => {
                meter.settled().await;
                rules.dialer.reach(&origin).await
            }
            Err(denial) => ReachStep::last(Vec::new(), "address", started, denied(denial, url)),
        };
        match steps.last().map(|it| &it.outcome) {
            Some(Err(error)) => meter.failed(error),
            _ => meter.contact.outcome = ContactOutcome::Reached,
        }
        steps
    }

    async fn send_one(
        &self,
        caller: &Caller,
        hop: &Hop,
        limits: CallLimits,
        bounds: impl FnOnce(Arc<str>) -> Bounds,
        seat: Arc<Seat>,
    ) -> Result<Response, EgressError> {
        let started = Instant::now();
        let rules = self.0.rules.load_full();
        let found = rules.policy.check_url(&hop.url).and_then(|()| {
            self.0.hosts.find(caller.org, &hop.url).ok_or(Denial::Url("its host is not a host name"))
        });
        let host = match found {
            Ok(host) => host,
            Err(denial) => {
                let name = hop.url.host_str().unwrap_or_default().trim_matches(['[', ']']);
                let error = denied(denial, &hop.url);
                self.meter(caller, name.into(), hop.url.port_or_known_default().unwrap_or(0), started)
                    .failed(&error);
                return Err(error);
            }
        };
        let bounds = bounds(host.name.clone());
        let mut meter = self.meter(caller, host.name.clone(), host.port, started);
        let answered = match host.pass() {
            Ok(()) => {
                let exchanged = async {
                    meter.settled().await;
                    exchange(&rules, hop, &host, limits, &mut meter.contact.bytes_sent).await
                };
                bounds.hold(exchanged).await.and_then(|it| it)
            }
            Err(open) => {
                meter.failed(&open);
                return Err(open);
            }
        };
        match answered {
            Ok((answer, place)) => {
                host.answered();
                let (head, body) = answer.into_parts();
                meter.contact.address = head.extensions.get::<PeerAddress>().map(|it| it.0.ip());
                meter.contact.outcome = ContactOutcome::Sent { status: head.status.as_u16() };
                let mut response = Response {
                    status: head.status,
                    headers: head.headers,
                    body,
                    host,
                    bounds,
                    max_body_bytes: limits.max_body_bytes,
                    meter,
                    is_over: false,
                    room: self.0.room.clone(),
                    seat,
                    has_place: false,
                    _place: place,
                };
                response.check_head()?;
                Ok(response)
            }
            Err(error) => {
                host.failed(&error);
                meter.failed(&error);
                Err(error)
            }
        }
    }

    fn meter(&self, caller: &Caller, host: Arc<str>, port: u16, started: Instant) -> Meter {
        Meter::new(self.0.ledger.clone(), *caller, host, port, started)
    }
}

impl Rules {
    fn new(policy: Policy, config: &EgressConfig, resolver: Arc<dyn Resolver>, tls: Arc<Tls>) -> Self {
        let policy = Arc::new(policy);
        let dialer =
            Arc::new(Dialer { policy: policy.clone(), resolver, tls, timeout: config.connect_timeout });
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(config.idle_timeout)
            .pool_max_idle_per_host(config.max_idle_per_host)
            .http1_max_buf_size(config.max_head_bytes.max(8_192))
            .http1_max_headers(MAX_HEADERS)
            .build(Connector(dialer.clone()));
        Self { policy, dialer, client }
    }
}

type Answered = (http::Response<Incoming>, tokio::sync::OwnedSemaphorePermit);

/// Waits for a place, sends, and tries again where no connection came about and the budget has a retry left.
/// `sent` says what may have left, also while this is cut off.
async fn exchange(
    rules: &Rules,
    hop: &Hop,
    host: &Arc<Host>,
    limits: CallLimits,
    sent: &mut u64,
) -> Result<Answered, EgressError> {
    let place = host.places.clone().acquire_owned().await;
    let place = place.map_err(|_| EgressError::new(Kind::Cancelled, "the program is stopping"))?;
    let mut retries = limits.connect_retries;
    loop {
        let request = build(hop, host)?;
        *sent = hop.body.len() as u64;
        fault!("egress.send");
        let error = match rules.client.request(request).await {
            Ok(answer) => return Ok((answer, place)),
            Err(error) => explain(&error, &host.name),
        };
        if matches!(error.kind, Kind::Denied(_) | Kind::Resolve | Kind::Connect | Kind::Tls) {
            *sent = 0;
        }
        if error.kind != Kind::Connect || retries == 0 || !host.take_retry() {
            return Err(error);
        }
        retries -= 1;
        tokio::time::sleep(RETRY_PAUSE).await;
    }
}

const HOP_BY_HOP: [HeaderName; 10] = [
    header::HOST,
    header::CONTENT_LENGTH,
    header::TRANSFER_ENCODING,
    header::CONNECTION,
    header::UPGRADE,
    header::TE,
    header::TRAILER,
    header::EXPECT,
    header::PROXY_AUTHORIZATION,
    HeaderName::from_static("keep-alive"),
];

fn build(hop: &Hop, host: &Host) -> Result<http::Request<Full<Bytes>>, EgressError> {
    let path = &hop.url[Position::BeforePath..Position::AfterQuery];
    let path = PathAndQuery::from_maybe_shared(Bytes::copy_from_slice(path.as_bytes()));
    let uri = path.ok().and_then(|path| {
        let parts = Uri::builder().scheme(host.scheme.clone()).authority(host.authority.clone());
        parts.path_and_query(path).build().ok()
    });
    let uri = uri.ok_or_else(|| denied(Denial::Url("its path cannot stand in a request"), &hop.url))?;
    let mut request = http::Request::new(Full::new(hop.body.clone()));
    *request.method_mut() = hop.method.clone();
    *request.uri_mut() = uri;
    let headers = request.headers_mut();
    *headers = hop.headers.clone();
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
    headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
    headers
        .entry(header::USER_AGENT)
        .or_insert(HeaderValue::from_static(concat!("reeve/", env!("CARGO_PKG_VERSION"))));
    for secret in &hop.secrets {
        if !secret.may_go_to(&host.name) {
            return Err(denied(Denial::SecretHost, &hop.url));
        }
        let mut value = HeaderValue::from_bytes(secret.value.expose()).map_err(|_| {
            EgressError::new(
                Kind::Denied(Denial::SecretHost),
                format!(
                    "the credential for the header {} holds a line break or another control character",
                    secret.name
                ),
            )
        })?;
        value.set_sensitive(true);
        headers.insert(&secret.name, value);
    }
    Ok(request)
}

fn denied(denial: Denial, url: &Url) -> EgressError {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    EgressError::denied(denial, host, url.port_or_known_default().unwrap_or(0))
}

/// The connector's own error where it was one; else what HTTP made of it.
fn explain(error: &hyper_util::client::legacy::Error, host: &str) -> EgressError {
    let mut cause = error.source();
    while let Some(it) = cause {
        if let Some(ours) = it.downcast_ref::<EgressError>() {
            return ours.clone();
        }
        if let Some(http) = it.downcast_ref::<hyper::Error>() {
            // Its own question for this is there for servers only.
            if http.to_string().contains("head is too large") {
                return EgressError::new(
                    Kind::TooLarge,
                    format!("the head of the answer of {host} is too large"),
                );
            }
            if http.is_parse() {
                return EgressError::new(Kind::Protocol, format!("{host} does not answer in HTTP/1.1"));
            }
        }
        cause = it.source();
    }
    EgressError::new(Kind::Protocol, format!("{host} closed the connection without an answer"))
}

impl Response {
    /// Errors: `TooLarge` for an announced length beyond the limit, `Protocol` for a compressed answer that
    /// nobody asked for.
    fn check_head(&mut self) -> Result<(), EgressError> {
        let host = &self.host.name;
        let encoding = self.headers.get(header::CONTENT_ENCODING).map(|it| it.as_bytes());
        let error = if encoding.is_some_and(|it| !it.eq_ignore_ascii_case(b"identity") && !it.is_empty()) {
            EgressError::new(
                Kind::Protocol,
                format!("{host} compressed its answer although we asked for a plain one"),
            )
        } else if self.body.size_hint().lower() > self.max_body_bytes {
            too_large(host, self.max_body_bytes)
        } else {
            return Ok(());
        };
        self.is_over = true;
        self.host.failed(&error);
        self.meter.failed(&error);
        Err(error)
    }
}
