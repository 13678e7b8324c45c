//! Bytes that no well-made client sends: two readings of one request must never both be possible.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::probe;
use crate::support::Appliance;

const PATIENCE: Duration = Duration::from_secs(20);

/// Sends bytes, closes the sending half, and reads everything that comes.
#[expect(clippy::disallowed_methods, reason = "a client's socket, to the server under test")]
async fn exchange(appliance: &Appliance, bytes: &[u8]) -> String {
    let base = appliance.anonymous().base;
    let address = base.strip_prefix("http://").expect("http");
    let mut stream = TcpStream::connect(address).await.expect("connects");
    let _ = stream.write_all(bytes).await;
    let _ = stream.shutdown().await;
    let mut answer = Vec::new();
    let mut chunk = vec![0; 16 << 10];
    while let Ok(read) = tokio::time::timeout(PATIENCE, stream.read(&mut chunk)).await.expect("an end") {
        if read == 0 {
            break;
        }
        answer.extend_from_slice(&chunk[..read]);
    }
    String::from_utf8_lossy(&answer).into_owned()
}

fn statuses(answer: &str) -> Vec<&str> {
    answer.split("HTTP/1.1 ").skip(1).map(|it| &it[..3]).collect()
}

const HOST: &str = "Host: localhost\r\nContent-Type: application/json\r\n";

/// A second request hidden where a confused reader would find it: its answer would be the health of the server.
const HIDDEN: &str = "GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn ambiguous_lengths_are_refused_and_nothing_hidden_is_answered() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let cases = [
        ("CL.TE", format!("Content-Length: 6\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n{HIDDEN}")),
        (
            "TE.CL",
            format!("Transfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n5c\r\n{HIDDEN}\r\n0\r\n\r\n"),
        ),
        ("TE twice", format!("Transfer-Encoding: chunked\r\nTransfer-Encoding: x\r\n\r\n0\r\n\r\n{HIDDEN}")),
        ("TE unknown", format!("Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n{HIDDEN}")),
        ("TE not last", format!("Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n{HIDDEN}")),
        ("CL twice", format!("Content-Length: 0\r\nContent-Length: 44\r\n\r\n{HIDDEN}")),
        ("CL list", format!("Content-Length: 0, 44\r\n\r\n{HIDDEN}")),
        ("CL plus", format!("Content-Length: +0\r\n\r\n{HIDDEN}")),
        ("CL negative", format!("Content-Length: -1\r\n\r\n{HIDDEN}")),
        ("CL hexadecimal", format!("Content-Length: 0x0\r\n\r\n{HIDDEN}")),
        ("CL huge", format!("Content-Length: 99999999999999999999999\r\n\r\n{HIDDEN}")),
        ("obs-fold", format!("X-A: b\r\n Content-Length: 0\r\nContent-Length: 44\r\n\r\n{HIDDEN}")),
        ("space before the colon", format!("Content-Length : 0\r\n\r\n{HIDDEN}")),
        (
            "chunk size beyond 64 bits",
            format!("Transfer-Encoding: chunked\r\n\r\nfffffffffffffffff\r\n{HIDDEN}"),
        ),
        ("chunk size negative", format!("Transfer-Encoding: chunked\r\n\r\n-1\r\n{HIDDEN}")),
        ("chunk without its end", format!("Transfer-Encoding: chunked\r\n\r\n1\r\naX0\r\n\r\n{HIDDEN}")),
    ];
    for (name, rest) in cases {
        let answer =
            exchange(&appliance, format!("POST /api/probe HTTP/1.1\r\n{HOST}{rest}").as_bytes()).await;
        let seen = statuses(&answer);
        assert!(!answer.contains("\"version\""), "{name}: the hidden request was answered: {answer}");
        assert!(seen.len() <= 1 && seen.iter().all(|it| it.starts_with('4')), "{name}: {seen:?}");
    }
    appliance.anonymous().get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_heads_are_refused() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let many = "X-A: b\r\n".repeat(10_000);
    let long = "a".repeat(64 << 10);
    let address = "a".repeat(1 << 20);
    for (name, head) in [
        ("no version", "GET /healthz\r\n\r\n".to_owned()),
        ("unknown version", "GET /healthz HTTP/9.9\r\nHost: a\r\n\r\n".to_owned()),
        ("NUL in a header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: \0\r\n\r\n".to_owned()),
        ("bare CR in a header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\rX-B: c\r\n\r\n".to_owned()),
        ("no colon", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A\r\n\r\n".to_owned()),
        ("10,000 headers", format!("GET /healthz HTTP/1.1\r\nHost: a\r\n{many}\r\n")),
        ("long address", format!("GET /{address} HTTP/1.1\r\nHost: a\r\n\r\n")),
        ("two hosts", "GET /healthz HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".to_owned()),
        ("no host", "GET /healthz HTTP/1.1\r\n\r\n".to_owned()),
        ("folded header", "GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: b\r\n c\r\n\r\n".to_owned()),
    ] {
        let answer = exchange(&appliance, head.as_bytes()).await;
        let seen = statuses(&answer);
        assert!(
            seen.iter().all(|it| it.starts_with('4')),
            "{name}: {seen:?} {}",
            &answer[..answer.len().min(300)]
        );
    }
    let head = format!("GET /healthz HTTP/1.1\r\nHost: a\r\nX-A: {long}\r\n\r\n");
    let answer = exchange(&appliance, head.as_bytes()).await;
    assert!(["200", "431", "400"].contains(&statuses(&answer)[0]));
    appliance.anonymous().get("/healthz").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_lie_about_their_length_are_refused() {
    let appliance = Appliance::start_with(|it| it.limits.body_bytes = 10_000, probe::routes()).await;
    let post = |rest: &str| format!("POST /api/probe HTTP/1.1\r\n{HOST}{rest}");
    let short = exchange(&appliance, post("Content-Length: 500\r\n\r\n{\"name\":\"a\"}").as_bytes()).await;
    assert!(statuses(&short).iter().all(|it| it.starts_with('4')), "{short}");
    let endless = format!(
        "{}{}",
        post("Transfer-Encoding: chunked\r\n\r\n"),
        "3e8\r\n".to_owned() + &"a".repeat(1_000) + "\r\n"
    );
    let endless = endless + &("3e8\r\n".to_owned() + &"a".repeat(1_000) + "\r\n").repeat(50);
    let answer = exchange(&appliance, endless.as_bytes()).await;
    assert_eq!(statuses(&answer), ["413"], "{answer}");
    assert!(answer.contains("PayloadTooLarge"));
    let huge = exchange(&appliance, post("Content-Length: 999999999\r\n\r\n").as_bytes()).await;
    assert_eq!(statuses(&huge), ["413"], "{huge}");
    let whole = post("Transfer-Encoding: chunked\r\n\r\n5;x=y\r\n{\"nam\r\n7\r\ne\":\"a\"}\r\n0\r\n\r\n");
    let answer = exchange(&appliance, whole.as_bytes()).await;
    assert_eq!(statuses(&answer), ["201"], "{answer}");
}
