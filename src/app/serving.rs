//! The HTTP server of an appliance: bound, answering, stopped in order.

use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use actix_web::dev::ServerHandle;
use actix_web::middleware::from_fn;
use actix_web::{App, HttpServer, web};
use tokio::sync::oneshot;

use super::appliance::Appliance;
use crate::access::Services;
use crate::base::{Error, Result};
use crate::config::Config;
use crate::infra::descriptors::most_connections;
use crate::infra::keep_a_thread;
use crate::metering;
use crate::web::{Route, WebState, context, error_page, mount};

/// A client that has not sent its headers by then is let go.
const SLOW_HEADERS: Duration = Duration::from_secs(10);
/// A client that takes nothing of what was sent to it for so long is let go, whatever waits for it.
const NEVER_READS: Duration = Duration::from_secs(25);
const LAST_THREADS: Duration = Duration::from_secs(2);
/// Connections that have not been taken yet.
const WAITING: i32 = 1_024;
const KEEP_ALIVE: Duration = Duration::from_secs(75);

/// A server that answers. Ends by `stop`.
pub struct Serving {
    pub address: SocketAddr,
    services: Arc<Services>,
    handle: ServerHandle,
    task: tokio::task::JoinHandle<std::io::Result<()>>,
    keeper: tokio::task::JoinHandle<()>,
    released: oneshot::Receiver<()>,
}

impl Serving {
    /// Binds the configured address and answers there. When this returns, connections are accepted.
    ///
    /// Errors: `Unavailable` with the address where it is taken.
    pub fn start(appliance: &Appliance, routes: Vec<Route>) -> Result<Self> {
        let listener = Self::bind(&appliance.services.config)?;
        Self::start_on(listener, appliance, routes)
    }

    /// The configured address, held for `start_on`: connections wait until then.
    ///
    /// Errors: as `start`.
    pub fn bind(config: &Config) -> Result<TcpListener> {
        TcpListener::bind(config.server.listen).map_err(taken(config))
    }

    /// As `start`, on an address that is held already.
    pub fn start_on(listener: TcpListener, appliance: &Appliance, routes: Vec<Route>) -> Result<Self> {
        let services = appliance.services.clone();
        let taken = taken(&services.config);
        let address = listener.local_addr().map_err(&taken)?;
        let_go_of_silent_readers(&listener);
        let_many_wait(&listener);
        services.egress.set_listeners(vec![address]);
        let routes = Arc::new(routes);
        let mut state = WebState::new(services.clone(), routes.clone()).with_error_page(error_page);
        let released = state.when_released();
        let state = web::Data::new(state);
        let workers = match services.config.server.workers {
            0 => std::thread::available_parallelism().map_or(2, usize::from),
            number => number,
        };
        let server = HttpServer::new(move || {
            // Each worker has a runtime of its own.
            actix_web::rt::spawn(keep_a_thread());
            let routes = routes.clone();
            App::new().app_data(state.clone()).wrap(from_fn(context)).configure(move |it| mount(it, &routes))
        })
        .workers(workers)
        .max_connections(most_connections().div_ceil(workers))
        .keep_alive(KEEP_ALIVE)
        .client_request_timeout(SLOW_HEADERS)
        .disable_signals()
        .shutdown_timeout(2)
        .listen(listener)
        .map_err(taken)?
        .run();
        let handle = server.handle();
        let (task, keeper) = (tokio::spawn(server), tokio::spawn(keep_a_thread()));
        Ok(Self { address, services, handle, task, keeper, released })
    }

    /// Takes no more work, lets runs end for `server.drain_ms`, closes. What still runs is attempted again by
    /// the next process. Returns how many runs that are.
    pub async fn stop(self) -> usize {
        self.services.draining.store(true, Relaxed);
        self.services.timers.stop();
        let patience = Duration::from_millis(self.services.config.server.drain_ms);
        let left = self.services.engine.drain(patience).await;
        self.handle.stop(true).await;
        self.keeper.abort();
        let _ = self.task.await;
        // The workers' threads end by themselves; only then is the store free for the next process.
        let _ = tokio::time::timeout(LAST_THREADS, self.released).await;
        metering::flush(&self.services).await;
        left
    }

    /// Returns when the server has ended by itself, which it does only where it failed.
    pub async fn ended(&mut self) {
        let _ = (&mut self.task).await;
    }
}

/// Connections take the setting over from the one that they are accepted at.
fn let_go_of_silent_readers(listener: &TcpListener) {
    let patience = u32::try_from(NEVER_READS.as_millis()).unwrap_or(u32::MAX);
    if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(listener, patience) {
        tracing::warn!(?error, "connections whose reader has gone quiet cannot be let go early");
    }
}

/// Whoever comes while all places are taken, or with many others, waits rather than be passed over.
fn let_many_wait(listener: &TcpListener) {
    if let Err(error) = rustix::net::listen(listener, WAITING) {
        tracing::warn!(?error, "fewer connections can wait until they are taken");
    }
}

fn taken(config: &Config) -> impl Fn(std::io::Error) -> Error + use<> {
    let wanted = config.server.listen;
    move |it| {
        let error = Error::unavailable(format!("cannot listen on {wanted}: {it}"));
        match it.kind() {
            std::io::ErrorKind::AddrInUse => error.suggest("another port: --listen 127.0.0.1:PORT"),
            _ => error,
        }
    }
}
