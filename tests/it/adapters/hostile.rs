//! C12 through the adapters: whatever a far end does, a call ends in time, with an error that says what it was.

use std::time::Duration;

use reeve::base::Code;
use serde_json::{Value, json};

use crate::support::addresses::{self, NAMES};
use crate::support::call::Bench;
use crate::support::net::Net;
use crate::support::peer::{Peer, Step, answer, chunk, chunked_head};

const QUICK: Duration = Duration::from_millis(300);

/// Every kind that calls out.
const KINDS: [&str; 3] = ["webhook", "openai", "langchain"];

fn config(kind: &str, address: &str, streams: bool) -> Value {
    match kind {
        "webhook" => json!({"url": address, "stream": if streams { "sse" } else { "none" }}),
        "openai" => json!({"base_url": address, "model": "m"}),
        "langchain" => json!({"url": address, "answer": if streams { "stream" } else { "whole" }}),
        other => panic!("no config for {other}"),
    }
}

#[tokio::test]
async fn a_hostile_far_end_fails_its_own_call_only() {
    let head = |text: &str| Step::Send(text.replace('\n', "\r\n").into_bytes());
    let cases: Vec<(&str, Vec<Step>, Code)> = vec![
        ("hangs", vec![Step::Hang], Code::ExecutionTimeout),
        (
            "drips",
            vec![Step::Drip(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nabc".to_vec(), QUICK / 8)],
            Code::ExecutionTimeout,
        ),
        (
            "drips a stream",
            vec![chunked_head("text/event-stream"), Step::Drip(vec![b'1'; 90], QUICK / 8)],
            Code::ExecutionTimeout,
        ),
        ("closes", vec![Step::Close], Code::ExecutionFailed),
        (
            "cuts its body",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 9\n\n{\"a\""), Step::Close],
            Code::ExecutionFailed,
        ),
        (
            "cuts its stream",
            vec![chunked_head("text/event-stream"), chunk("data: x"), Step::Close],
            Code::ExecutionFailed,
        ),
        ("sends a gigabyte", vec![head("HTTP/1.1 200 OK\n\n"), Step::Flood(1 << 30)], Code::ExecutionFailed),
        (
            "announces a gigabyte",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 1073741824\n\n"), Step::Hang],
            Code::ExecutionFailed,
        ),
        (
            "lies about its length",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\nab"), Step::Close],
            Code::ExecutionFailed,
        ),
        ("compresses", answer(200, &[("Content-Encoding", "gzip")], "\u{1f}"), Code::ExecutionFailed),
        (
            "nests deeply",
            answer(200, &[("Content-Type", "application/json")], &"[".repeat(100_000)),
            Code::ExecutionFailed,
        ),
        (
            "sends no text",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 2\n\n"), Step::Send(vec![0xff, 0xfe])],
            Code::ExecutionFailed,
        ),
        ("fails at length", answer(500, &[], &"x".repeat(1 << 20)), Code::ExecutionFailed),
    ];
    let calm = Peer::answering(answer(200, &[], "calm")).await;
    let attacks = cases.len() * KINDS.len();
    for (what, steps, code) in cases {
        for kind in KINDS {
            let peer = Peer::answering(steps.clone()).await;
            let config = config(kind, &peer.url("/"), what.contains("stream"));
            let limit = if code == Code::ExecutionTimeout { QUICK } else { Duration::from_secs(30) };
            let error = Bench::new(kind, &peer, config).timeout(limit).error().await;
            assert_eq!(error.code, code, "{kind}, {what}: {}", error.message);
            assert!(error.message.len() < 600, "{kind}, {what}: {}", error.message);
        }
        let beside = Bench::new("webhook", &calm, json!({"url": calm.url("/")}));
        assert_eq!(beside.output().await, json!({"text": "calm"}));
    }
    eprintln!("C12 adapters: attacks={attacks} blocked={attacks}");
}

#[tokio::test]
async fn no_address_in_a_config_leads_to_a_closed_place() {
    let witness = Peer::answering(answer(200, &[], "secret")).await;
    for kind in KINDS {
        addresses::all_refused(
            kind,
            witness.port(),
            || witness.connections(),
            async |form| {
                let net = Net::allowing(&[]);
                for (name, answers) in NAMES {
                    net.names.say(name, &[answers]);
                }
                let bench = Bench::on(kind, net, config(kind, &form, false));
                let probe = bench.probe().await;
                let run = bench.adapter.run(&bench.call, &bench.heard).await;
                !probe.ok && run.is_err_and(|it| it.code == Code::EgressDenied)
            },
        )
        .await;
    }
}
