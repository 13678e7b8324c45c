//! L6: a neighbour that sends a hundred times what it may, beside one that keeps to its share.

use std::time::Duration;

use serde_json::json;

use super::at_pace;
use crate::client::Request;
use crate::fairness::{self, Flood};
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

/// Runs a minute that the noisy one's agent allows; it sends a hundred times as many.
const ALLOWED: u32 = 600;
const NOISY: usize = 16;
const CALM_PER_SECOND: u32 = 20;
const LOOK: Duration = Duration::from_secs(10);

pub fn measure(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_set(&folder, upstream, true, &fairness::OPEN);
    let limit = json!({ "execution": { "rate_limit_per_minute": ALLOWED } });
    let noisy = crate::agent_with(&server, &server.set_up(), "Noisy", upstream, &limit);
    let calm = [fairness::organization(&server, upstream, 1)];
    let look = || at_pace(server.address, &calm, CALM_PER_SECOND, LOOK);
    look();
    let alone = look();
    let flood = Flood::default();
    let pace = Duration::from_secs(60) * NOISY as u32 / (ALLOWED * 100);
    let beset = std::thread::scope(|scope| {
        for nth in 0..NOISY {
            let request = Request::post(&noisy.path, &noisy.key, &noisy.body((nth % 2 == 0).then_some(0)));
            let flood = &flood;
            scope.spawn(move || flood.run_paced(server.address, &request, pace));
        }
        std::thread::sleep(Duration::from_secs(2));
        let beset = look();
        flood.stop();
        beset
    });
    let (accepted, refused) = flood.counts();
    // A refusal of one that is calm would have ended the measurement.
    report.row("calm neighbour, 20 runs/s, p95", alone.quantile(0.95), "ms", "");
    report.row("  beside one at a hundred times its limit", beset.quantile(0.95), "ms", "");
    report.row("  times", beset.quantile(0.95) / alone.quantile(0.95), "", "1.5");
    report.row("  the noisy one: accepted", accepted as f64, "", "");
    report.row("  the noisy one: refused", refused as f64, "", "");
}
