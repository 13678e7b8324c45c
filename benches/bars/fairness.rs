//! Many organizations, of which one floods the server: what the others feel of it.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{Connection, Load, Request};
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const ORGANIZATIONS: usize = 100;
/// Between two runs of one of the others.
const EVERY: Duration = Duration::from_millis(500);
const WHILE: Duration = Duration::from_secs(10);
/// Connections of the one that floods: half of them wait for the end of each run, half for its acceptance only.
const FLOOD: usize = 64;
const PASSWORD: &str = "seven quiet otters";
/// Settings with which anybody may make an organization, as many as wanted.
pub const OPEN: [(&str, &str); 3] = [
    ("REEVE_AUTH_OPEN_REGISTRATION", "true"),
    ("REEVE_LIMITS_LOGINS_PER_MINUTE", "100000"),
    ("REEVE_LIMITS_ANONYMOUS_REQUESTS_PER_MINUTE", "100000"),
];

pub fn measure(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_set(&folder, upstream, true, &OPEN);
    let first = crate::agent_of(&server, &server.set_up(), upstream);
    let others: Vec<Request> = (1..ORGANIZATIONS).map(|it| organization(&server, upstream, it)).collect();
    calm(server.address, &others, Duration::from_secs(3));
    let alone = calm(server.address, &others, WHILE);
    let flood = Flood::default();
    let beset = std::thread::scope(|scope| {
        for nth in 0..FLOOD {
            let request = Request::post(&first.path, &first.key, &first.body((nth % 2 == 0).then_some(0)));
            let flood = &flood;
            scope.spawn(move || flood.run(server.address, &request));
        }
        // Its backlog is there before the others are measured.
        std::thread::sleep(Duration::from_secs(3));
        let counted = flood.counts();
        let began = Instant::now();
        let beset = calm(server.address, &others, WHILE);
        let (accepted, refused) = flood.counts();
        flood.stop();
        let seconds = began.elapsed().as_secs_f64();
        ((accepted - counted.0) as f64 / seconds, (refused - counted.1) as f64 / seconds, beset)
    });
    let (accepted, refused, beset) = beset;
    report.row("99 organizations, 198 runs/s, p50", alone.quantile(0.5), "ms", "");
    report.row("  while another floods, p50", beset.quantile(0.5), "ms", "");
    report.row("  p99", alone.quantile(0.99), "ms", "");
    report.row("  while another floods, p99", beset.quantile(0.99), "ms", "twice as much");
    report.row("  times", beset.quantile(0.99) / alone.quantile(0.99), "", "2 · goal 1.5");
    report.row("  runs of the others while it floods", beset.per_second(), "/s", "198");
    report.row("  accepted of the flood", accepted, "/s", "");
    report.row("  refused of the flood", refused, "/s", "");
}

/// An organization with an agent of its own; a run of it.
pub fn organization(server: &Server, upstream: SocketAddr, nth: usize) -> Request {
    let email = format!("owner{nth}@weir.test");
    let body = json!({"email": email, "password": PASSWORD, "org_name": format!("Weir {nth}")});
    server.post("/api/auth/register", "", &body);
    let agent = crate::agent_of(server, &server.log_in(&email, PASSWORD), upstream);
    Request::post(&agent.path, &agent.key, &agent.body(None))
}

/// Each of them runs its agent now and then and waits for the end; how long that took.
fn calm(address: SocketAddr, requests: &[Request], time: Duration) -> Load {
    let began = Instant::now();
    let times = std::thread::scope(|scope| {
        let callers: Vec<_> = (0..)
            .zip(requests)
            .map(|(nth, request)| {
                let first = began + EVERY * nth / requests.len() as u32;
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    let mut times = Vec::new();
                    let mut next = first;
                    while next < began + time {
                        std::thread::sleep(next.saturating_duration_since(Instant::now()));
                        let sent = Instant::now();
                        let (status, body) = connection.send(request);
                        assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
                        times.push(sent.elapsed());
                        next += EVERY;
                    }
                    times
                })
            })
            .collect();
        callers.into_iter().flat_map(|it| it.join().expect("a caller")).collect()
    });
    Load { times, whole: began.elapsed() }
}

/// Sends as fast as the server answers, whatever it says.
#[derive(Default)]
pub struct Flood {
    over: AtomicBool,
    accepted: AtomicUsize,
    refused: AtomicUsize,
}

impl Flood {
    fn run(&self, address: SocketAddr, request: &Request) {
        self.run_paced(address, request, Duration::ZERO);
    }

    /// As `run`, with so much time from one request to the next.
    pub fn run_paced(&self, address: SocketAddr, request: &Request, pace: Duration) {
        let (mut connection, mut due) = (Connection::open(address), Instant::now());
        while !self.over.load(Relaxed) {
            std::thread::sleep(due.saturating_duration_since(Instant::now()));
            due += pace;
            let (status, _) = connection.send(request);
            let counter = if (200..300).contains(&status) { &self.accepted } else { &self.refused };
            counter.fetch_add(1, Relaxed);
        }
    }

    pub fn stop(&self) {
        self.over.store(true, Relaxed);
    }

    /// Requests that were accepted, and refused.
    pub fn counts(&self) -> (usize, usize) {
        (self.accepted.load(Relaxed), self.refused.load(Relaxed))
    }
}
