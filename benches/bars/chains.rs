//! Chains of three steps: how many a second, and how little they add to the time of their steps.

use std::net::SocketAddr;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::client::{self, Connection, Load, Request};
use crate::report::{self, Report};
use crate::server::Server;
use crate::upstream;

const STEP: Duration = Duration::from_millis(100);
const STEPS: usize = 3;
/// So many chains, each with agents at far ends of its own: a far end takes 256 connections.
const CHAINS: usize = 4;

pub fn measure(report: &mut Report) {
    at_once(report);
    of_nothing(report);
}

fn of_nothing(report: &mut Report) {
    let upstream = upstream::start();
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start_allowing(&folder, upstream);
    let key = server.set_up();
    let request = chain(&server, &key, "Quick", &[upstream; STEPS]);
    client::run(server.address, &request, crate::CLIENTS, Duration::from_secs(2));
    let cpu = server.cpu_ms();
    let load = client::run(server.address, &request, crate::CLIENTS, crate::WHILE);
    let used = server.cpu_ms() - cpu;
    report.row("three steps of 0 ms, 32 at once", load.per_second(), "/s", "1200 · goal 3500");
    report.row("  CPU each", used / load.count() as f64, "ms", "0.9 · goal 0.4");
    report.row("  p99", load.quantile(0.99), "ms", "");
}

fn at_once(report: &mut Report) {
    let upstreams: Vec<SocketAddr> = (0..CHAINS * STEPS).map(|_| upstream::start_slow(STEP)).collect();
    let folder = tempfile::tempdir().expect("a folder");
    let allow: Vec<String> = upstreams.iter().map(SocketAddr::to_string).collect();
    let allow = allow.join(",");
    let server = Server::start_set(&folder, upstreams[0], true, &[("REEVE_EGRESS_ALLOW", &allow)]);
    let key = server.set_up();
    let chains: Vec<Request> = (0..CHAINS)
        .map(|it| chain(&server, &key, &format!("Chain {it}"), &upstreams[it * STEPS..(it + 1) * STEPS]))
        .collect();
    let ideal = STEP * STEPS as u32;
    for (count, bar) in [(100, "1.05 · goal 1.02"), (500, "1.25 · goal 1.06"), (1_000, "1.8 · goal 1.25")]
    {
        all_at_once(server.address, &chains, count);
        let mut times: Vec<f64> = (0..3)
            .map(|_| all_at_once(server.address, &chains, count).whole.div_duration_f64(ideal))
            .collect();
        let name = format!("three steps of 100 ms, {count} at once, over the ideal");
        report.row(&name, report::median(&mut times), "", bar);
        let mut direct: Vec<f64> =
            (0..3).map(|_| straight(&upstreams, count).div_duration_f64(ideal)).collect();
        report.row("  ceiling: the same asked without Reeve", report::median(&mut direct), "", "");
    }
}

/// A chain whose steps ask an agent each; a run of it.
pub fn chain(server: &Server, key: &str, name: &str, upstreams: &[SocketAddr]) -> Request {
    Request::post(&made(server, key, name, upstreams), key, &json!({ "input": { "text": "hello" } }))
}

/// Makes a chain whose steps ask an agent each; the path at which it is run.
pub fn made(server: &Server, key: &str, name: &str, upstreams: &[SocketAddr]) -> String {
    let steps: Vec<_> = upstreams
        .iter()
        .enumerate()
        .map(|(nth, upstream)| {
            let agent = crate::agent_with(server, key, &format!("{name} {nth}"), *upstream, &json!({}));
            json!({ "id": format!("step{nth}"), "agent_id": agent.id })
        })
        .collect();
    let made = server.post("/api/chains", key, &json!({ "name": name, "steps": steps }));
    let id = made["id"].as_str().expect("a chain");
    format!("/api/chains/{id}/execute")
}

/// So many callers that begin together, each of whom asks the far ends of a chain one after the other, on
/// connections that have been used: how long until the last has its last answer.
fn straight(upstreams: &[SocketAddr], count: usize) -> Duration {
    let request = Request::post("/", "", &json!({ "text": "hello" }));
    let ready = Barrier::new(count + 1);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..count)
            .map(|nth| {
                let chain = &upstreams[nth % CHAINS * STEPS..][..STEPS];
                let (request, ready) = (&request, &ready);
                scope.spawn(move || {
                    let mut connections: Vec<_> = chain.iter().map(|it| Connection::open(*it)).collect();
                    for it in &mut connections {
                        it.send(request);
                    }
                    ready.wait();
                    for it in &mut connections {
                        it.send(request);
                    }
                })
            })
            .collect();
        ready.wait();
        let began = Instant::now();
        callers.into_iter().for_each(|it| it.join().expect("a caller"));
        began.elapsed()
    })
}

/// So many runs that begin together; each waits for its end.
fn all_at_once(address: SocketAddr, requests: &[Request], count: usize) -> Load {
    let ready = Barrier::new(count + 1);
    std::thread::scope(|scope| {
        let callers: Vec<_> = (0..count)
            .map(|nth| {
                let (request, ready) = (&requests[nth % requests.len()], &ready);
                scope.spawn(move || {
                    let mut connection = Connection::open(address);
                    ready.wait();
                    let began = Instant::now();
                    let (status, body) = connection.send(request);
                    assert_eq!(status, 200, "{}", String::from_utf8_lossy(body));
                    began.elapsed()
                })
            })
            .collect();
        ready.wait();
        let began = Instant::now();
        let times = callers.into_iter().map(|it| it.join().expect("a caller")).collect();
        Load { times, whole: began.elapsed() }
    })
}
