//! Many who watch a few live runs: what reaches them, and what it costs.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::client::Request;
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const RUNS: usize = 10;
const WATCHERS: usize = 1_000;
/// What each far end says, and how often.
const PIECES: usize = 200;
const APART: Duration = Duration::from_millis(50);
const STACK_BYTES: usize = 256 * 1_024;

pub fn measure(report: &mut Report) {
    let upstream = upstream::start_telling(PIECES, APART);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let key = server.set_up();
    let config = json!({ "config": { "stream": "sse" } });
    let agent = crate::agent_with(&server, &key, "Teller", upstream, &config);
    let before = server.memory_mib();
    let (cpu, began) = (server.cpu_ms(), Instant::now());
    let runs: Vec<Request> = (0..RUNS).map(|_| events_of(&server, &agent)).collect();
    let (events, most) = std::thread::scope(|scope| {
        let watchers: Vec<_> = (0..WATCHERS)
            .map(|nth| {
                let (address, run) = (server.address, &runs[nth % RUNS]);
                let watch = move || watch(address, run);
                std::thread::Builder::new()
                    .stack_size(STACK_BYTES)
                    .spawn_scoped(scope, watch)
                    .expect("a thread")
            })
            .collect();
        let mut most = before;
        while watchers.iter().any(|it| !it.is_finished()) {
            most = most.max(server.memory_mib());
            std::thread::sleep(Duration::from_millis(100));
        }
        let events: usize = watchers.into_iter().map(|it| it.join().expect("a watcher")).sum();
        (events as f64, most)
    });
    let seconds = began.elapsed().as_secs_f64();
    report.row("1,000 watchers of 10 live runs: events", events / seconds, "/s", "");
    report.row("  CPU for each that reaches one", (server.cpu_ms() - cpu) / events * 1_000.0, "µs", "");
    report.row("  memory for each watcher", (most - before) * 1_024.0 / WATCHERS as f64, "KiB", "");
    let lasted = PIECES as f64 * APART.as_secs_f64();
    report.row("  time over that of the runs", seconds - lasted, "s", "");
}

/// Begins a run; what asks for its events.
pub fn events_of(server: &Server, agent: &crate::Agent) -> Request {
    let run: Value = server.post(&agent.path, &agent.key, &agent.body(Some(0)));
    let id = run["id"].as_str().expect("a run");
    Request::get(&format!("/api/executions/{id}/events"), &agent.key)
}

/// Reads a run's events to the last one; how many there were.
pub fn watch(address: SocketAddr, request: &Request) -> usize {
    let mut stream = TcpStream::connect(address).expect("connects");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a time limit");
    stream.write_all(&request.0).expect("sends");
    let (mut buffer, mut kept, mut events) = (vec![0; 16 * 1_024], Vec::new(), 0);
    loop {
        let read = stream.read(&mut buffer).expect("reads");
        assert!(read > 0, "the server closed the connection");
        kept.extend_from_slice(&buffer[..read]);
        let whole = kept.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let lines = String::from_utf8_lossy(&kept[..whole]).into_owned();
        kept.drain(..whole);
        events += lines.lines().filter(|it| it.starts_with("event:")).count();
        if lines.contains("event: execution.completed") || lines.contains("event:execution.completed") {
            return events;
        }
    }
}
