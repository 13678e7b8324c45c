//! Reading while five hundred chains run and five hundred requests a second come in.

use std::time::Duration;

use serde_json::json;

use crate::client::{Load, Request};
use crate::load::at_pace;
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const STEP: Duration = Duration::from_secs(1);
const STEPS: usize = 3;
/// A far end takes 256 connections.
const CHAINS: usize = 3;
const RUNNING: u32 = 500;
const LOOKS_PER_SECOND: u32 = 500;
const WHILE: Duration = Duration::from_secs(15);

pub fn measure(report: &mut Report) {
    let upstreams: Vec<_> = (0..CHAINS * STEPS).map(|_| upstream::start_slow(STEP)).collect();
    let allow: Vec<String> = upstreams.iter().map(ToString::to_string).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let allow = allow.join(",");
    let server = Server::start_set(&folder, upstreams[0], true, &[("REEVE_EGRESS_ALLOW", &allow)]);
    let key = server.set_up();
    let body = json!({ "input": { "text": "hello" }, "wait_ms": 0 });
    let chains: Vec<String> = (0..CHAINS)
        .map(|it| {
            let ends = &upstreams[it * STEPS..(it + 1) * STEPS];
            crate::chains::made(&server, &key, &format!("Chain {it}"), ends)
        })
        .collect();
    let starts: Vec<Request> = chains.iter().map(|it| Request::post(it, &key, &body)).collect();
    let run = server.post(&chains[0], &key, &body);
    let run = run["id"].as_str().expect("a run");
    let paths = ["/api/executions", "/api/agents", "/api/executions?status=running", "/api/chains"];
    let one = format!("/api/executions/{run}");
    let looks: Vec<Request> =
        paths.into_iter().chain([one.as_str()]).map(|it| Request::get(it, &key)).collect();
    let pace = RUNNING / (STEP * STEPS as u32).as_secs() as u32;
    let (started, seen): (Load, Load) = std::thread::scope(|scope| {
        let starting = scope.spawn(|| at_pace(server.address, &starts, pace, STEP * STEPS as u32 + WHILE));
        // As many run by then as will.
        std::thread::sleep(STEP * STEPS as u32);
        let seen = at_pace(server.address, &looks, LOOKS_PER_SECOND, WHILE);
        (starting.join().expect("the starts"), seen)
    });
    report.row("500 chains at work, 500 requests/s: p50", seen.quantile(0.5), "ms", "");
    report.row("  p95", seen.quantile(0.95), "ms", "20 · goal 5");
    report.row("  p99", seen.quantile(0.99), "ms", "");
    report.row("  requests", seen.per_second(), "/s", "500");
    report.row("  chains accepted, p95", started.quantile(0.95), "ms", "");
}
