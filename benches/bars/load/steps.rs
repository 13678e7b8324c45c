//! L2: runs of five steps, a hundred begun every second for five minutes, each to its end.

use super::{at_pace, lasting, until};
use crate::client::Request;
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const STEPS: usize = 5;
const PER_SECOND: u32 = 100;

pub fn measure(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let key = server.set_up();
    let path = crate::chains::made(&server, &key, "Five", &[upstream; STEPS]);
    let body = serde_json::json!({ "input": { "text": "hello" }, "wait_ms": 0 });
    let request = Request::post(&path, &key, &body);
    let cpu = server.cpu_ms();
    let load = at_pace(server.address, &[request], PER_SECOND, lasting(300));
    let accepted = load.count();
    until("every step was asked", || upstream::count() >= accepted * STEPS);
    let completed = || server.count(&key, "/api/executions?status=completed");
    until("every run is completed", || completed() >= accepted);
    report.row("five-step runs accepted", load.per_second(), "/s", "100");
    report.row("  p95", load.quantile(0.95), "ms", "100");
    report.row("  p99", load.quantile(0.99), "ms", "250");
    report.row("  in all", accepted as f64, "", "30000");
    report.row("  lost", accepted as f64 - completed() as f64, "", "0");
    report.row("  steps asked twice", upstream::count() as f64 - (accepted * STEPS) as f64, "", "0");
    report.row("  CPU each", (server.cpu_ms() - cpu) / accepted as f64, "ms", "");
}
