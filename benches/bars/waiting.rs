//! Runs that wait: what the server takes in memory for them.

use std::net::SocketAddr;

use serde_json::json;

use crate::client::{Connection, Request};
use crate::report::Report;
use crate::server::Server;

const MANY: usize = 200_000;
const BATCH: usize = 1_000;
const INPUT_CHARS: usize = 900;

pub fn measure(report: &mut Report) {
    let upstream = silent();
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("REEVE_ENGINE_MAX_QUEUED_PER_ORG", "300000"), ("REEVE_ENGINE_MAX_QUEUED", "300000")];
    let server = Server::start_set(&folder, upstream, true, &settings);
    let alone = json!({ "execution": { "max_concurrency": 1, "timeout_ms": 86_400_000 } });
    let agent = crate::agent_with(&server, &server.set_up(), "Echo", upstream, &alone);
    let batch = batch(&agent);
    let mut connection = Connection::open(server.address);
    let mut accept = |count: usize| {
        for _ in 0..count / BATCH {
            let (status, body) = connection.send(&batch);
            assert!((200..300).contains(&status), "{status}: {}", String::from_utf8_lossy(body));
        }
    };
    accept(BATCH);
    let before = server.memory_mib();
    accept(10_000);
    report.row("memory with 10,000 runs waiting", server.memory_mib(), "MiB", "200 · goal 100");
    accept(MANY - 10_000);
    let after = server.memory_mib();
    report.row("  with 200,000 whose inputs have 175 MiB", after, "MiB", "");
    report.row("  bytes for each", (after - before) * f64::from(1 << 20) / MANY as f64, "", "");
}

fn batch(agent: &crate::Agent) -> Request {
    let text = "x".repeat(INPUT_CHARS);
    let inputs: Vec<_> = (0..BATCH).map(|it| json!({ "nth": it, "text": text })).collect();
    Request::post(&format!("{}/batch", agent.path), &agent.key, &json!({ "inputs": inputs }))
}

/// A far end that takes every request and answers none.
fn silent() -> SocketAddr {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        let open: Vec<_> = listener.incoming().collect();
        drop(open);
    });
    address
}
