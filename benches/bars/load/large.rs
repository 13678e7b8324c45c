//! L7: a million executions of ten thousand agents in two hundred organizations.

use std::time::Duration;

use crate::client::{self, Request};
use crate::report::Report;
use crate::seed::{self, Size};
use crate::server::Server;
use crate::upstream;

const SIZE: Size = Size { organizations: 200, agents: 50, executions: 1_000_000 };
const LOOK: Duration = Duration::from_secs(3);

pub fn measure(report: &mut Report) {
    let folder = tempfile::tempdir().expect("a folder");
    let upstream = upstream::start();
    let seeded = seed::fill(&folder, &SIZE);
    let server = Server::start_again(&folder, upstream);
    let size = std::fs::metadata(folder.path().join("data/reeve.redb")).map_or(0, |it| it.len());
    report.row("200 organizations, 10,000 agents, 1M runs", size as f64 / f64::from(1 << 30), "GiB", "");
    report.row("  start to first 200", server.ready_ms, "ms", "2000");
    let key = server.log_in(&seeded.email, &seeded.password);
    let look = |path: &str| client::run(server.address, &Request::get(path, &key), 4, LOOK).quantile(0.95);
    report.row("  list, p95", look("/api/executions"), "ms", "200");
    report.row("  list by status, p95", look("/api/executions?status=failed"), "ms", "200");
    report.row("  agents, p95", look("/api/agents"), "ms", "200");
    let metrics =
        format!("/api/agents/{}/metrics?bucket=hour&from={}&to={}", seeded.agent, seeded.from, seeded.to);
    report.row("  7-day metrics, p95", look(&metrics), "ms", "500");
    report.row("  memory", server.memory_mib(), "MiB", "");
}
