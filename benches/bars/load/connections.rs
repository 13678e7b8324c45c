//! L3: five thousand idle connections and two thousand subscribers of live runs: how late an event reaches them.

use std::time::Duration;

use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::client::{Load, Request};
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const IDLE: usize = 5_000;
const SUBSCRIBERS: usize = 2_000;
const RUNS: usize = 10;
/// What each far end says, and how often.
const PIECES: usize = 60;
const APART: Duration = Duration::from_millis(250);

pub fn measure(report: &mut Report) {
    crate::server::allow_many_files();
    let upstream = upstream::start_clock(PIECES, APART);
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let key = server.set_up();
    let config = json!({ "config": { "stream": "sse" } });
    let agent = crate::agent_with(&server, &key, "Clock", upstream, &config);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    let late = runtime.block_on(async {
        let healthz = b"GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n";
        let mut idle = Vec::with_capacity(IDLE);
        for _ in 0..IDLE {
            let mut stream = TcpStream::connect(server.address).await.expect("connects");
            stream.write_all(healthz).await.expect("sends");
            let read = stream.read(&mut [0; 4_096]).await.expect("reads");
            assert!(read > 0, "the server closed the connection");
            idle.push(stream);
        }
        let mut subscribers = tokio::task::JoinSet::new();
        let runs: Vec<Request> = (0..RUNS).map(|_| crate::watchers::events_of(&server, &agent)).collect();
        for nth in 0..SUBSCRIBERS {
            let (address, request) = (server.address, runs[nth % RUNS].clone());
            subscribers.spawn(async move { lateness(address, &request).await });
        }
        let mut late = Vec::new();
        while let Some(times) = subscribers.join_next().await {
            late.extend(times.expect("a subscriber"));
        }
        let alive = idle.iter_mut().filter(|it| it.try_read(&mut [0; 1]).is_err()).count();
        assert_eq!(alive, IDLE, "idle connections were closed");
        report.row("memory with 5,000 idle and 2,000 subscribers", server.memory_mib(), "MiB", "512");
        late
    });
    let load = Load { times: late, whole: APART * PIECES as u32 };
    report.row("  events that reached one", load.per_second(), "/s", "");
    report.row("  event to subscriber, p50", load.quantile(0.5), "ms", "");
    report.row("  p95", load.quantile(0.95), "ms", "500");
    report.row("  p99", load.quantile(0.99), "ms", "");
}

/// Reads a run's events to the last one: how late each came. The far end says the time at which it speaks.
async fn lateness(address: std::net::SocketAddr, request: &Request) -> Vec<Duration> {
    let mut stream = TcpStream::connect(address).await.expect("connects");
    stream.write_all(&request.0).await.expect("sends");
    let (mut buffer, mut kept, mut times) = (vec![0; 8 * 1_024], Vec::new(), Vec::new());
    let mut is_first = true;
    loop {
        let read = stream.read(&mut buffer).await.expect("reads");
        assert!(read > 0, "the server closed the connection");
        let now = upstream::clock();
        kept.extend_from_slice(&buffer[..read]);
        let whole = kept.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let lines = String::from_utf8_lossy(&kept[..whole]).into_owned();
        kept.drain(..whole);
        if lines.contains("execution.completed") {
            return times;
        }
        // What was said before the subscriber came is not late.
        if std::mem::take(&mut is_first) {
            continue;
        }
        let said = lines.lines().filter_map(|it| it.strip_prefix("data:")).flat_map(upstream::times_in);
        times.extend(said.map(|it| now.saturating_sub(it)));
    }
}
