//! L8: fifty steps at once whose answers have 30 MiB each.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use crate::client::{Connection, Load, Request};
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const RUNS: usize = 50;
const BYTES: usize = 30 << 20;

pub fn measure(report: &mut Report) {
    let upstream = upstream::start_large(BYTES);
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("REEVE_EGRESS_MAX_ANSWER_BYTES", "33554432"), ("REEVE_LIMITS_OUTPUT_BYTES", "33554432")];
    let server = Server::start_set(&folder, upstream, true, &settings);
    let more = serde_json::json!({ "execution": { "timeout_ms": 300_000, "max_concurrency": RUNS } });
    let agent = crate::agent_with(&server, &server.set_up(), "Large", upstream, &more);
    let (over, began) = (AtomicBool::new(false), Instant::now());
    let (pulse, most) = std::thread::scope(|scope| {
        let pulse = scope.spawn(|| pulse(&server, &over));
        let mut connection = Connection::open(server.address);
        for _ in 0..RUNS {
            let (status, body) =
                connection.send(&Request::post(&agent.path, &agent.key, &agent.body(Some(0))));
            assert_eq!(status, 202, "{}", String::from_utf8_lossy(body));
        }
        let mut most = 0.0_f64;
        super::until("all ended", || {
            most = most.max(server.memory_mib());
            is_none(&server, &agent.key, "running") && is_none(&server, &agent.key, "pending")
        });
        assert!(is_none(&server, &agent.key, "failed") && is_none(&server, &agent.key, "timeout"));
        over.store(true, Relaxed);
        (pulse.join().expect("the pulse"), most)
    });
    report.row("50 steps of 30 MiB each: all completed after", began.elapsed().as_secs_f64(), "s", "");
    report.row("  most memory", most, "MiB", "");
    report.row("  /healthz meanwhile, p50", pulse.quantile(0.5), "ms", "");
    report.row("  p99.9", pulse.quantile(0.999), "ms", "50");
}

fn is_none(server: &Server, key: &str, status: &str) -> bool {
    let page = server.get(&format!("/api/executions?limit=1&status={status}"), key);
    page["items"].as_array().is_some_and(Vec::is_empty)
}

/// Asks every five milliseconds whether the server lives; how long the answers took.
fn pulse(server: &Server, over: &AtomicBool) -> Load {
    let request = Request(b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n".to_vec());
    let (mut connection, began, mut times) = (Connection::open(server.address), Instant::now(), Vec::new());
    while !over.load(Relaxed) {
        let sent = Instant::now();
        let (status, _) = connection.send(&request);
        assert_eq!(status, 200);
        times.push(sent.elapsed());
        std::thread::sleep(Duration::from_millis(5));
    }
    Load { times, whole: began.elapsed() }
}
