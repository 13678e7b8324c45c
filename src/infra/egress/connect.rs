//! The guarded connector: looks a name up, holds every answer against the rules, dials what it looked at.

use std::future::Future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use async_trait::async_trait;
use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::time::{Instant, timeout_at};
use tower_service::Service;

use super::error::{Denial, EgressError, Kind};
use super::policy::Policy;
use super::tls::Tls;

/// Turns a name into addresses.
#[async_trait]
pub trait Resolver: Send + Sync {
    /// `name` is a host name, absolute where it ends in a dot.
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>>;
}

/// Asks the operating system.
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, name: &str) -> io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((name, 0)).await?.map(|it| it.ip()).collect())
    }
}

/// Opens vetted connections under one set of rules. Cheap to clone.
#[derive(Clone)]
pub(super) struct Connector(pub(super) Arc<Dialer>);

pub(super) struct Dialer {
    pub(super) policy: Arc<Policy>,
    pub(super) resolver: Arc<dyn Resolver>,
    pub(super) tls: Arc<Tls>,
    /// For name resolution, connection and TLS handshake together.
    pub(super) timeout: Duration,
}

/// Where a connection ended; travels with every answer that it carries.
#[derive(Debug, Clone, Copy)]
pub(super) struct PeerAddress(pub(super) SocketAddr);

type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

impl Service<Uri> for Connector {
    type Response = MaybeHttpsStream<GuardedStream>;
    type Error = EgressError;
    type Future = BoxFuture<Result<Self::Response, EgressError>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), EgressError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let dialer = self.0.clone();
        Box::pin(async move { dialer.connect(uri).await })
    }
}

impl Dialer {
    async fn connect(&self, uri: Uri) -> Result<MaybeHttpsStream<GuardedStream>, EgressError> {
        let deadline = Instant::now() + self.timeout;
        let (is_tls, host, port) = destination(&uri);
        let (addresses, name) = self.vetted(host, port, deadline).await?;
        let stream = self.dial(&addresses, name, host, port, deadline).await?;
        if is_tls {
            self.secure(stream, &uri, host, deadline).await
        } else {
            Ok(MaybeHttpsStream::Http(stream))
        }
    }

    async fn secure(
        &self,
        stream: GuardedStream,
        uri: &Uri,
        host: &str,
        deadline: Instant,
    ) -> Result<MaybeHttpsStream<GuardedStream>, EgressError> {
        let address = stream.address;
        let config = self.tls.config().await?;
        let mut connector = HttpsConnector::from((Ready(Some(stream)), config));
        let handshake = timeout_at(deadline, connector.call(uri.clone())).await;
        let failed = |why: String| EgressError::new(Kind::Tls, why).at(address.ip());
        handshake
            .map_err(|_| failed(format!("{host} did not finish the TLS handshake in time")))?
            .map_err(|it| failed(format!("no TLS connection to {host}: {}", innermost(it.as_ref()))))
    }

    /// Looks the host up, connects and shakes hands, a step each, and hangs up. The first failure is the last step.
    pub(super) async fn reach(&self, uri: &Uri) -> Vec<ReachStep> {
        let deadline = Instant::now() + self.timeout;
        let (is_tls, host, port) = destination(uri);
        let mut steps = Vec::new();
        let started = Instant::now();
        let vetted = self.vetted(host, port, deadline).await;
        let found = |count: usize| match count {
            1 => format!("{host} has 1 address"),
            _ => format!("{host} has {count} addresses"),
        };
        let (addresses, name) = match vetted {
            Ok(it) => it,
            Err(error) => return ReachStep::last(steps, "resolve", started, error),
        };
        steps.push(ReachStep::done("resolve", started, found(addresses.len())));
        let started = Instant::now();
        let stream = match self.dial(&addresses, name, host, port, deadline).await {
            Ok(it) => it,
            Err(error) => return ReachStep::last(steps, "connect", started, error),
        };
        steps.push(ReachStep::done("connect", started, format!("{host}:{port} takes connections")));
        if is_tls {
            let started = Instant::now();
            match self.secure(stream, uri, host, deadline).await {
                Ok(_) => steps.push(ReachStep::done("tls", started, "the certificate is trusted".to_owned())),
                Err(error) => return ReachStep::last(steps, "tls", started, error),
            }
        }
        steps
    }

    /// The addresses of `host`, all of them allowed; and the name, where it is one.
    async fn vetted<'h>(
        &self,
        host: &'h str,
        port: u16,
        deadline: Instant,
    ) -> Result<(Vec<SocketAddr>, Option<&'h str>), EgressError> {
        let bare = host.strip_prefix('[').and_then(|it| it.strip_suffix(']')).unwrap_or(host);
        if let Ok(ip) = bare.parse::<IpAddr>() {
            let address = SocketAddr::new(ip, port);
            return match self.policy.permit(None, address) {
                Ok(()) => Ok((vec![address], None)),
                Err(denial) => Err(EgressError::denied(denial, bare, port).at(ip)),
            };
        }
        let answers = self.look_up(host, port, deadline).await?;
        for address in &answers {
            self.policy
                .permit(Some(host), *address)
                .map_err(|it| EgressError::denied(it, host, port).at(address.ip()))?;
        }
        Ok((answers, Some(host)))
    }

    async fn look_up(
        &self,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<Vec<SocketAddr>, EgressError> {
        // An absolute name is not completed with a search domain. Where the operator opened something at this
        // port the name may be a short one, or stand in the hosts file.
        let asked = if host.ends_with('.') || self.policy.mentions_port(port) {
            host.to_owned()
        } else {
            format!("{host}.")
        };
        let failed = |why: &str| EgressError::new(Kind::Resolve, format!("the name {host} {why}"));
        let answers = timeout_at(deadline, self.resolver.resolve(&asked)).await;
        let answers = answers.map_err(|_| failed("could not be resolved in time"))?;
        let mut addresses: Vec<SocketAddr> = answers
            .map_err(|_| failed("could not be resolved"))?
            .into_iter()
            .map(|it| (it, port).into())
            .collect();
        addresses.dedup();
        if addresses.is_empty() {
            return Err(failed("has no address"));
        }
        Ok(addresses)
    }

    /// Tries the addresses in turn, giving each its share of the time that is left.
    async fn dial(
        &self,
        addresses: &[SocketAddr],
        name: Option<&str>,
        host: &str,
        port: u16,
        deadline: Instant,
    ) -> Result<GuardedStream, EgressError> {
        let mut last = EgressError::new(Kind::Connect, format!("no connection to {host}:{port}"));
        for (tried, address) in addresses.iter().enumerate() {
            let left = deadline.saturating_duration_since(Instant::now());
            let share = Instant::now() + left / u32::try_from(addresses.len() - tried).unwrap_or(1);
            let failed = |why: &str| {
                EgressError::new(Kind::Connect, format!("no connection to {host}:{port}: {why}"))
                    .at(address.ip())
            };
            last = match timeout_at(share, open(*address)).await {
                Ok(Ok(stream)) => {
                    let stream = GuardedStream::new(stream, *address, host)?;
                    // The answers were vetted one by one; this is about where the kernel says it ended.
                    let peer = stream.address;
                    self.policy
                        .permit(name, peer)
                        .map_err(|it| EgressError::denied(it, host, port).at(peer.ip()))?;
                    return Ok(stream);
                }
                Ok(Err(error)) => failed(&plain(&error)),
                Err(_) => failed("it did not answer in time"),
            };
        }
        Err(last)
    }
}

/// Whether TLS is spoken, the host and the port.
fn destination(uri: &Uri) -> (bool, &str, u16) {
    let is_tls = uri.scheme() == Some(&Scheme::HTTPS);
    (is_tls, uri.host().unwrap_or_default(), uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 }))
}

/// One step on the way to a host, for people who want to know where it ends.
#[derive(Debug)]
pub struct ReachStep {
    /// `resolve`, `connect` or `tls`.
    pub name: &'static str,
    pub duration: Duration,
    pub outcome: Result<String, EgressError>,
}

impl ReachStep {
    fn done(name: &'static str, started: Instant, detail: String) -> Self {
        Self { name, duration: started.elapsed(), outcome: Ok(detail) }
    }

    pub(super) fn last(
        mut steps: Vec<Self>,
        name: &'static str,
        started: Instant,
        error: EgressError,
    ) -> Vec<Self> {
        steps.push(Self { name, duration: started.elapsed(), outcome: Err(error) });
        steps
    }
}

#[expect(clippy::disallowed_methods, reason = "the one place that dials; the address was vetted above")]
async fn open(address: SocketAddr) -> io::Result<TcpStream> {
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    socket.set_nodelay(true)?;
    socket.connect(address).await
}

fn plain(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::ConnectionRefused => "nothing listens there (connection refused)".to_owned(),
        io::ErrorKind::NetworkUnreachable | io::ErrorKind::HostUnreachable => {
            "the network has no way there".to_owned()
        }
        kind => kind.to_string(),
    }
}

fn innermost(error: &(dyn std::error::Error + 'static)) -> String {
    let mut inner = error;
    while let Some(next) = inner.source() {
        inner = next;
    }
    inner.to_string()
}

/// A connection together with the address that was vetted for it.
pub(super) struct GuardedStream {
    io: TokioIo<TcpStream>,
    address: SocketAddr,
}

impl GuardedStream {
    /// Errors: `Denied` where the connection did not end at `vetted`.
    fn new(stream: TcpStream, vetted: SocketAddr, host: &str) -> Result<Self, EgressError> {
        let peer = stream.peer_addr().map_err(|it| {
            EgressError::new(Kind::Connect, format!("the connection to {host} was lost: {}", it.kind()))
        })?;
        if peer.ip() != vetted.ip() || peer.port() != vetted.port() {
            return Err(EgressError::denied(Denial::Peer, host, vetted.port()).at(peer.ip()));
        }
        Ok(Self { io: TokioIo::new(stream), address: peer })
    }
}

impl Connection for GuardedStream {
    fn connected(&self) -> Connected {
        Connected::new().extra(PeerAddress(self.address))
    }
}

impl Read for GuardedStream {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_read(cx, buffer)
    }
}

impl Write for GuardedStream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.io).poll_shutdown(cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.io.is_write_vectored()
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.io).poll_write_vectored(cx, bytes)
    }
}

/// Hands the connection that was already made to the TLS layer.
struct Ready(Option<GuardedStream>);

impl Service<Uri> for Ready {
    type Response = GuardedStream;
    type Error = io::Error;
    type Future = std::future::Ready<io::Result<GuardedStream>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        std::future::ready(self.0.take().ok_or_else(|| io::ErrorKind::NotConnected.into()))
    }
}
