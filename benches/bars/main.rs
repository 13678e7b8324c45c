//! `cargo bench --bench bars`: the bars of the design, measured on this machine, each beside the machine's own
//! ceiling. Runs the release binary as a user would, with default settings; load and upstream share its cores.
//!
//! Names of parts may follow (`cargo bench --bench bars -- start runs`): ceilings, start, idle, runs, accepted,
//! lists, fairness, waiting, chains, busy, watchers. Loads that take minutes run only where they are named: running,
//! steps, connections, silent, slow, neighbours, large, payloads, reader, soak (`BENCH_SECONDS` for its length).

#![allow(unreachable_pub, reason = "a benchmark has no outside")]
#![allow(clippy::disallowed_methods, reason = "the load generator is a client, not the product")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "the figures are its answer")]

mod busy;
mod ceilings;
mod chains;
mod client;
mod fairness;
mod load;
mod report;
mod seed;
mod server;
mod upstream;
mod waiting;
mod watchers;

use std::time::Duration;

use client::{Load, Request};
use report::Report;
use server::Server;

const CLIENTS: usize = 32;
const WHILE: Duration = Duration::from_secs(8);

fn main() {
    if std::env::var_os("REEVE_BENCH_BARE").is_some() {
        ceilings::serve_bare();
        return;
    }
    let wanted: Vec<String> = std::env::args().skip(1).filter(|it| !it.starts_with('-')).collect();
    let runs = |part: &str| wanted.is_empty() || wanted.iter().any(|it| it == part);
    let mut report = Report::default();
    if runs("ceilings") {
        ceilings::measure(&mut report);
    }
    if runs("start") {
        start(&mut report);
    }
    if runs("idle") {
        idle(&mut report);
    }
    if runs("runs") {
        synchronous(&mut report);
    }
    if runs("accepted") {
        accepted(&mut report);
    }
    if runs("lists") {
        lists(&mut report);
    }
    if runs("fairness") {
        fairness::measure(&mut report);
    }
    if runs("waiting") {
        waiting::measure(&mut report);
    }
    if runs("chains") {
        chains::measure(&mut report);
    }
    if runs("busy") {
        busy::measure(&mut report);
    }
    if runs("watchers") {
        watchers::measure(&mut report);
    }
    for (name, measure) in load::LOADS {
        if wanted.iter().any(|it| it == name) {
            measure(&mut report);
        }
    }
    report.print();
}

fn start(report: &mut Report) {
    let mut times: Vec<f64> =
        (0..7).map(|_| Server::start(&tempfile::tempdir().expect("a folder")).ready_ms).collect();
    report.row("start to first 200, empty data folder", report::median(&mut times), "ms", "150 · goal 40");
    let size = std::fs::metadata(server::binary()).expect("the binary").len() as f64 / f64::from(1 << 20);
    report.row("binary", size, "MiB", "80 · goal 45");
}

fn idle(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder);
    std::thread::sleep(Duration::from_secs(3));
    let before = server.cpu_ms();
    std::thread::sleep(Duration::from_secs(10));
    report.row("idle memory", server.memory_mib(), "MiB", "60 · goal 25");
    report.row("idle CPU", (server.cpu_ms() - before) / 10.0, "ms/s", "2 · goal 0.3");
}

fn synchronous(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let request = execute(&server, upstream, None);
    let mut runs = client::run(server.address, &request, CLIENTS, Duration::from_secs(2)).count();
    let cpu = server.cpu_ms();
    let load = client::run(server.address, &request, CLIENTS, WHILE);
    let used = server.cpu_ms() - cpu;
    report.row("webhook runs, synchronous, 32 clients", load.per_second(), "/s", "3000 · goal 8000");
    report.row("  CPU each", used / load.count() as f64, "ms", "0.35 · goal 0.15");
    report.row("  p50", load.quantile(0.5), "ms", "");
    report.row("  p99", load.quantile(0.99), "ms", "");
    report.row("  syncs each", seed::syncs_per_run(upstream, CLIENTS), "", "0.5 · goal 0.1");
    let alone = client::run(server.address, &request, 1, WHILE);
    report.row("one at a time, p50", alone.quantile(0.5), "ms", "1 · goal 0.4");
    report.row("  p99", alone.quantile(0.99), "ms", "5 · goal 1.5");
    runs += load.count() + alone.count();
    let size = server.stop_and_measure();
    report.row("disk per 10,000 executions", size / runs as f64 * 10_000.0, "MiB", "15 · goal 8");
}

fn accepted(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let request = execute(&server, upstream, Some(0));
    let began = std::time::Instant::now();
    let load: Load = client::run_some(server.address, &request, CLIENTS, 15_000);
    let accepted = load.per_second();
    while upstream::count() < 15_000 && began.elapsed() < Duration::from_secs(60) {
        std::thread::sleep(Duration::from_millis(5));
    }
    let finished = 15_000.0 / began.elapsed().as_secs_f64();
    report.row("durable work accepted", accepted, "/s", "5000 · goal 12000");
    report.row("  finished", finished, "/s", "3000 · goal 8000");
}

fn lists(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = upstream::start();
    let seeded = seed::fill(&folder, &seed::Size { organizations: 1, agents: 20, executions: 1_000_000 });
    let server = Server::start_again(&folder, upstream);
    report.row("start to first 200, 1M executions", server.ready_ms, "ms", "400 · goal 100");
    let key = server.log_in(&seeded.email, &seeded.password);
    let get = |path: &str| {
        let request = Request::get(path, &key);
        client::run(server.address, &request, 1, Duration::from_secs(3)).quantile(0.95)
    };
    report.row("list, 50 newest of 1M, p95", get("/api/executions"), "ms", "5 · goal 1.5");
    report.row("list by status, p95", get("/api/executions?status=failed"), "ms", "5 · goal 1.5");
    let of_agent = format!("/api/executions?agent_id={}&status=completed", seeded.agent);
    report.row("list by agent and status, p95", get(&of_agent), "ms", "5 · goal 1.5");
    report.row("one by id, p95", get(&format!("/api/executions/{}", seeded.execution)), "ms", "2 · goal 0.4");
    let metrics =
        format!("/api/agents/{}/metrics?bucket=hour&from={}&to={}", seeded.agent, seeded.from, seeded.to);
    report.row("7-day metrics, p95", get(&metrics), "ms", "10 · goal 2");
}

/// A run of a webhook agent; sets everything up that it needs.
fn execute(server: &Server, upstream: std::net::SocketAddr, wait_ms: Option<u64>) -> Request {
    let agent = agent_of(server, &server.set_up(), upstream);
    Request::post(&agent.path, &agent.key, &agent.body(wait_ms))
}

/// Where an agent is run, and by whom.
struct Agent {
    id: String,
    path: String,
    key: String,
}

impl Agent {
    fn body(&self, wait_ms: Option<u64>) -> serde_json::Value {
        let mut body = serde_json::json!({ "input": { "text": "hello" } });
        if let Some(it) = wait_ms {
            body["wait_ms"] = it.into();
        }
        body
    }
}

/// Makes a webhook agent and publishes it.
fn agent_of(server: &Server, key: &str, upstream: std::net::SocketAddr) -> Agent {
    agent_with(server, key, "Echo", upstream, &serde_json::json!({}))
}

fn agent_with(
    server: &Server,
    key: &str,
    name: &str,
    upstream: std::net::SocketAddr,
    more: &serde_json::Value,
) -> Agent {
    let mut agent = serde_json::json!({
        "name": name, "agent_type": "webhook", "config": { "url": format!("http://{upstream}/") },
    });
    json_patch::merge(&mut agent, more);
    let made = server.post("/api/agents", key, &agent);
    let id = made["id"].as_str().expect("an agent").to_owned();
    server.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), key, &serde_json::json!({}));
    Agent { path: format!("/api/agents/{id}/execute"), key: key.to_owned(), id }
}
