//! L9: an hour of everything that people do: runs, chains, streams, lists. What the server takes must not grow.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::time::{Duration, Instant};

use super::{at_pace, lasting};
use crate::client::Request;
use crate::report::Report;
use crate::server::Server;
use crate::upstream;

const RUNS_PER_SECOND: u32 = 400;
const CHAINS_PER_SECOND: u32 = 20;
const LOOKS_PER_SECOND: u32 = 20;
const STREAMS_PER_SECOND: u32 = 5;
/// Caches and pools have filled by then.
const WARM_UP: Duration = Duration::from_secs(300);
const SAMPLE: Duration = Duration::from_secs(10);

/// What the server takes at one moment.
struct Taken {
    at: Instant,
    memory_mib: f64,
    files: usize,
}

pub fn measure(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let key = server.set_up();
    let agent = crate::agent_of(&server, &key, upstream);
    let run = Request::post(&agent.path, &key, &agent.body(None));
    let stream = Request::post(&format!("{}/stream", agent.path), &key, &agent.body(None));
    let chain = crate::chains::chain(&server, &key, "Three", &[upstream; 3]);
    let looks = ["/api/executions", "/api/agents", "/api/executions?status=failed"];
    let looks = looks.map(|it| Request::get(it, &key));
    let (time, over) = (WARM_UP + lasting(3_600), AtomicBool::new(false));
    let (taken, loads) = std::thread::scope(|scope| {
        let samples = scope.spawn(|| samples(&server, &over));
        let load = |requests: Vec<Request>, pace| {
            let address = server.address;
            scope.spawn(move || at_pace(address, &requests, pace, time))
        };
        let streams = scope.spawn(|| streams(&server, &stream, time));
        let loads = [
            load(vec![run], RUNS_PER_SECOND),
            load(vec![chain], CHAINS_PER_SECOND),
            load(looks.to_vec(), LOOKS_PER_SECOND),
        ]
        .map(|it| it.join().expect("a load"));
        streams.join().expect("the streams");
        over.store(true, Relaxed);
        (samples.join().expect("the samples"), loads)
    });
    let calm: Vec<&Taken> = taken.iter().filter(|it| it.at.duration_since(taken[0].at) > WARM_UP).collect();
    let hours = time.saturating_sub(WARM_UP).as_secs_f64() / 3_600.0;
    let (early, late) = (mean(&calm[..calm.len() / 6]), mean(&calm[calm.len() - calm.len() / 6..]));
    let [runs, chains, looks] = &loads;
    report.row("soak: hours", hours, "", "1");
    report.row("  runs", runs.count() as f64, "", "");
    report.row("  runs, p99", runs.quantile(0.99), "ms", "");
    report.row("  chains, p99", chains.quantile(0.99), "ms", "");
    report.row("  lists, p99", looks.quantile(0.99), "ms", "");
    report.row("  memory, first tenth hour", early, "MiB", "");
    report.row("  memory, last tenth hour", late, "MiB", "");
    // From the middle of the first part to that of the last.
    report.row("  memory grows by", (late - early) / (hours * 5.0 / 6.0), "MiB/h", "1");
    let files = |it: &[&Taken]| it.iter().map(|it| it.files).max().unwrap_or(0) as f64;
    report.row("  most open files, first half", files(&calm[..calm.len() / 2]), "", "");
    report.row("  most open files, second half", files(&calm[calm.len() / 2..]), "", "as in the first");
    let size = server.stop_and_measure();
    let all = runs.count() + chains.count();
    report.row("  disk per 10,000 runs", size / all as f64 * 10_000.0, "MiB", "15");
}

fn mean(taken: &[&Taken]) -> f64 {
    taken.iter().map(|it| it.memory_mib).sum::<f64>() / taken.len() as f64
}

fn samples(server: &Server, over: &AtomicBool) -> Vec<Taken> {
    let mut taken: Vec<Taken> = Vec::new();
    while !over.load(Relaxed) {
        taken.push(Taken { at: Instant::now(), memory_mib: server.memory_mib(), files: server.open_files() });
        if taken.len().is_multiple_of(60) {
            let minutes = taken[0].at.elapsed().as_secs() / 60;
            eprintln!("{minutes} min: {:.1} MiB", taken[taken.len() - 1].memory_mib);
        }
        std::thread::sleep(SAMPLE);
    }
    taken
}

/// Runs whose events are read to the end, on connections of their own.
fn streams(server: &Server, request: &Request, time: Duration) {
    let began = Instant::now();
    while began.elapsed() < time {
        crate::watchers::watch(server.address, request);
        std::thread::sleep(Duration::from_secs(1) / STREAMS_PER_SECOND);
    }
}
