//! L1: a thousand runs at work at once, each waiting for a slow agent, while people look at lists and runs.

use std::time::Duration;

use serde_json::json;

use super::until;
use crate::client::{self, Connection, Request};
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const RUNS: usize = 1_000;
/// A far end takes 256 connections.
const AGENTS: usize = 4;
const ANSWER_AFTER: Duration = Duration::from_secs(25);
const LOOK: Duration = Duration::from_secs(4);

pub fn measure(report: &mut Report) {
    let upstreams: Vec<_> = (0..AGENTS).map(|_| upstream::start_slow(ANSWER_AFTER)).collect();
    let allow: Vec<String> = upstreams.iter().map(ToString::to_string).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let settings = [("REEVE_EGRESS_ALLOW", allow.join(","))];
    let settings: Vec<(&str, &str)> = settings.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let server = Server::start_set(&folder, upstreams[0], true, &settings);
    let key = server.set_up();
    let execution = json!({ "execution": { "max_concurrency": 256, "timeout_ms": 120_000 } });
    let agents: Vec<_> = upstreams
        .iter()
        .enumerate()
        .map(|(nth, it)| crate::agent_with(&server, &key, &format!("Slow {nth}"), *it, &execution))
        .collect();
    let before = server.memory_mib();
    let mut connection = Connection::open(server.address);
    let mut id = String::new();
    for nth in 0..RUNS {
        let agent = &agents[nth % AGENTS];
        let (status, body) = connection.send(&Request::post(&agent.path, &key, &agent.body(Some(0))));
        assert_eq!(status, 202, "{}", String::from_utf8_lossy(body));
        let run: serde_json::Value = serde_json::from_slice(body).expect("JSON");
        id = run["id"].as_str().expect("a run").to_owned();
    }
    until("all at work", || upstream::count() == RUNS);
    let look = |path: &str| client::run(server.address, &Request::get(path, &key), 4, LOOK).quantile(0.95);
    report.row("1,000 runs at work: list, p95", look("/api/executions"), "ms", "200");
    report.row("  one run, p95", look(&format!("/api/executions/{id}")), "ms", "200");
    report.row("  agents, p95", look("/api/agents"), "ms", "200");
    report.row("  memory for each", (server.memory_mib() - before) * 1_024.0 / RUNS as f64, "KiB", "");
    let left = Request::get("/api/executions?status=running&limit=1", &key);
    until("all ended", || {
        let (_, body) = connection.send(&left);
        let list: serde_json::Value = serde_json::from_slice(body).expect("JSON");
        list["items"].as_array().is_some_and(Vec::is_empty)
    });
    report.row(
        "  of them completed",
        server.count(&key, "/api/executions?status=completed") as f64,
        "",
        "1000",
    );
}
