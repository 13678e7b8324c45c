//! Loads that a server must carry, after the load list of our safety plan (L1–L10). They take minutes, so each runs
//! only where its name is given.

mod connections;
mod large;
mod neighbours;
mod payloads;
mod reader;
mod running;
mod silent;
mod slow;
mod soak;
mod steps;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use crate::client::{Connection, Load, Request};
use crate::report::Report;

type Measure = fn(&mut Report);

/// A name, and what it measures.
pub const LOADS: [(&str, Measure); 10] = [
    ("running", running::measure),
    ("steps", steps::measure),
    ("connections", connections::measure),
    ("silent", silent::measure),
    ("slow", slow::measure),
    ("neighbours", neighbours::measure),
    ("large", large::measure),
    ("payloads", payloads::measure),
    ("reader", reader::measure),
    ("soak", soak::measure),
];

/// Sends the requests in turn, so many a second over all, whatever the answers take: how long each took from the
/// moment at which it was due.
pub fn at_pace(address: SocketAddr, requests: &[Request], per_second: u32, time: Duration) -> Load {
    const SENDERS: u32 = 32;
    let began = Instant::now() + Duration::from_millis(50);
    let times = std::thread::scope(|scope| {
        let senders: Vec<_> = (0..SENDERS)
            .map(|sender| {
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    let mut times = Vec::new();
                    for nth in (0..).map(|it| it * SENDERS + sender) {
                        let due = began + Duration::from_secs(1) * nth / per_second;
                        if due > began + time {
                            return times;
                        }
                        std::thread::sleep(due.saturating_duration_since(Instant::now()));
                        let (status, body) = connection.send(&requests[nth as usize % requests.len()]);
                        assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
                        times.push(due.elapsed());
                    }
                    times
                })
            })
            .collect();
        senders.into_iter().flat_map(|it| it.join().expect("a sender")).collect()
    });
    Load { times, whole: began.elapsed() }
}

/// Waits until it holds.
///
/// # Panics
/// Where it does not within ten minutes.
fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let end = Instant::now() + Duration::from_secs(600);
    while !holds() {
        assert!(Instant::now() < end, "{what}: not within ten minutes");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Seconds that a load lasts: `BENCH_SECONDS`, or what is given.
fn lasting(seconds: u64) -> Duration {
    let wanted = std::env::var("BENCH_SECONDS").ok().and_then(|it| it.parse().ok());
    Duration::from_secs(wanted.unwrap_or(seconds))
}
