//! C12: far ends that hang, drip, flood, lie and break off.

use std::sync::Arc;
use std::time::Duration;

use reeve::infra::egress::{
    CallLimits, ContactOutcome, EgressConfig, EgressError, Kind, Request, Seat, parse_url,
};
use tokio_util::sync::CancellationToken;

use crate::support::net::Net;
use crate::support::peer::{Peer, Step, answer, chunk, chunked_head, last_chunk};

const QUICK: Duration = Duration::from_millis(300);

fn net_to(peer: &Peer) -> Net {
    Net::allowing(&[peer.address.to_string()])
}

async fn get(net: &Net, peer: &Peer, limits: CallLimits) -> Result<String, EgressError> {
    let mut request = Request::get(parse_url(&peer.url("/"))?);
    request.limits = limits;
    let response = net.egress.send(&net.caller, request).await?;
    Ok(String::from_utf8_lossy(&response.bytes().await?).into_owned())
}

fn quick() -> CallLimits {
    CallLimits { timeout: QUICK, ..CallLimits::default() }
}

fn head(text: &str) -> Step {
    Step::Send(text.replace('\n', "\r\n").into_bytes())
}

#[tokio::test]
async fn a_hostile_far_end_costs_one_call_and_its_time_limit() {
    let long_header = format!("HTTP/1.1 200 OK\r\nX-Long: {}\r\n\r\n", "x".repeat(200_000));
    let many_headers = format!("HTTP/1.1 200 OK\r\n{}\r\n", "X-Many: 1\r\n".repeat(2_000));
    let drip = b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello".to_vec();
    let cases: Vec<(&str, Vec<Step>, Kind)> = vec![
        ("says nothing", vec![Step::Hang], Kind::Timeout),
        ("drips its head", vec![Step::Drip(drip, QUICK / 10)], Kind::Timeout),
        ("hangs in its head", vec![head("HTTP/1.1 200 OK\nContent-"), Step::Hang], Kind::Timeout),
        (
            "hangs in its body",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 9\n\nhel"), Step::Hang],
            Kind::Timeout,
        ),
        (
            "drips its body",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 90\n\n"), Step::Drip(vec![b'x'; 90], QUICK / 10)],
            Kind::Timeout,
        ),
        ("hangs between chunks", vec![chunked_head("text/plain"), chunk("a"), Step::Hang], Kind::Timeout),
        ("closes at once", vec![Step::Close], Kind::Protocol),
        ("closes in its head", vec![head("HTTP/1.1 200"), Step::Close], Kind::Protocol),
        (
            "closes in its body",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 9\n\nhel"), Step::Close],
            Kind::Protocol,
        ),
        ("closes between chunks", vec![chunked_head("text/plain"), chunk("a"), Step::Close], Kind::Protocol),
        ("sends a broken chunk", vec![chunked_head("text/plain"), head("zz\n"), Step::Close], Kind::Protocol),
        ("speaks no HTTP", vec![head("220 mail.example ESMTP\n"), Step::Hang], Kind::Protocol),
        (
            "has a wrong length",
            vec![head("HTTP/1.1 200 OK\nContent-Length: -1\n\n"), Step::Close],
            Kind::Protocol,
        ),
        (
            "has two lengths",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 1\nContent-Length: 2\n\nab"), Step::Close],
            Kind::Protocol,
        ),
        ("compresses", answer(200, &[("Content-Encoding", "gzip")], "x"), Kind::Protocol),
        ("has a long head", vec![Step::Send(long_header.into_bytes()), Step::Hang], Kind::TooLarge),
        ("has many headers", vec![Step::Send(many_headers.into_bytes()), Step::Hang], Kind::TooLarge),
        (
            "announces a gigabyte",
            vec![head("HTTP/1.1 200 OK\nContent-Length: 1073741824\n\n"), Step::Flood(1 << 30)],
            Kind::TooLarge,
        ),
        ("floods until it closes", vec![head("HTTP/1.1 200 OK\n\n"), Step::Flood(1 << 30)], Kind::TooLarge),
        (
            "floods in one chunk",
            vec![chunked_head("text/plain"), head("40000000\n"), Step::Flood(1 << 30)],
            Kind::TooLarge,
        ),
    ];
    let attacks = cases.len();
    for (what, steps, kind) in cases {
        let peer = Peer::answering(steps).await;
        let net = net_to(&peer);
        let timeout = if kind == Kind::Timeout { QUICK } else { Duration::from_secs(30) };
        let limits = CallLimits { timeout, max_body_bytes: 1 << 20, ..CallLimits::default() };
        let error = get(&net, &peer, limits).await.expect_err(what);
        assert_eq!(error.kind, kind, "{what}: {error}");
        let contacts = net.ledger.contacts();
        assert_eq!(contacts.len(), 1, "{what}");
        assert!(matches!(contacts[0].outcome, ContactOutcome::Failed { .. }), "{what}");
        assert!(
            contacts[0].bytes_received <= (1 << 20) + 64 * 1024,
            "{what}: {}",
            contacts[0].bytes_received
        );
    }
    eprintln!("C12: attacks={attacks} blocked={attacks}");
}

#[tokio::test]
async fn what_comes_after_the_announced_length_is_not_read_as_an_answer() {
    let mut steps = answer(200, &[], "first");
    steps.extend(answer(200, &[], "smuggled"));
    let peer = Peer::answering(steps).await;
    let net = net_to(&peer);
    for _ in 0..3 {
        // A connection with bytes left over is not used again; at worst the next call finds it closed.
        match get(&net, &peer, CallLimits::default()).await {
            Ok(body) => assert_eq!(body, "first"),
            Err(error) => assert_eq!(error.kind, Kind::Protocol),
        }
    }
}

#[tokio::test]
async fn tls_that_stalls_or_is_none_is_an_error_in_time() {
    let silent = Peer::answering(vec![Step::Hang]).await;
    let plain = std::net::TcpListener::bind("127.0.0.1:0").expect("binds");
    let address = plain.local_addr().expect("has an address");
    std::thread::spawn(move || {
        while let Ok((mut stream, _)) = plain.accept() {
            let _ = std::io::Write::write_all(&mut stream, b"HTTP/1.1 200 OK\r\n\r\n");
        }
    });
    let allow = [silent.address, address].map(|it| it.to_string().parse().expect("a rule")).to_vec();
    let net = Net::with(EgressConfig { allow, connect_timeout: QUICK, ..EgressConfig::default() });
    for (port, part) in [(silent.port(), "in time"), (address.port(), "TLS")] {
        let url = parse_url(&format!("https://127.0.0.1:{port}/")).expect("parses");
        let error = net.egress.send(&net.caller, Request::get(url)).await.err().expect("fails");
        assert_eq!(error.kind, Kind::Tls, "{error}");
        assert!(error.message.contains(part), "{error}");
    }
}

#[tokio::test]
async fn a_stream_arrives_piece_by_piece_and_can_be_stopped() {
    let peer =
        Peer::answering(vec![chunked_head("text/event-stream"), chunk("one"), chunk("two"), Step::Hang])
            .await;
    let net = net_to(&peer);
    let stop = CancellationToken::new();
    let mut request = Request::get(parse_url(&peer.url("/")).expect("parses"));
    request.stop = Some(stop.clone());
    let mut response = net.egress.send(&net.caller, request).await.expect("answers");
    let mut text = String::new();
    while text.len() < 6 {
        let piece = response.chunk().await.expect("arrives").expect("is not over");
        text.push_str(std::str::from_utf8(&piece).expect("text"));
    }
    assert_eq!(text, "onetwo");
    stop.cancel();
    assert_eq!(response.chunk().await.err().map(|it| it.kind), Some(Kind::Cancelled));
    assert_eq!(response.chunk().await.expect("is over"), None);
}

#[tokio::test]
async fn connections_are_kept_and_names_asked_once() {
    let peer = Peer::start(|_, n| {
        if n % 2 == 0 {
            answer(200, &[], "whole")
        } else {
            vec![chunked_head("text/plain"), chunk("whole"), last_chunk()]
        }
    })
    .await;
    let net = net_to(&peer);
    net.names.say("kept.example", &["127.0.0.1"]);
    for _ in 0..20 {
        let url = parse_url(&format!("http://kept.example:{}/", peer.port())).expect("parses");
        let response = net.egress.send(&net.caller, Request::get(url)).await.expect("answers");
        assert_eq!(response.bytes().await.expect("is whole"), "whole");
    }
    assert_eq!(peer.received().len(), 20);
    assert!(peer.connections() <= 2, "{}", peer.connections());
    assert_eq!(net.names.asked().len(), peer.connections());
    assert_eq!(net.ledger.contacts().len(), 20);
}

#[tokio::test]
async fn no_more_calls_at_once_than_the_limit() {
    let peer = Peer::answering(vec![Step::Hang]).await;
    let allow = vec![peer.address.to_string().parse().expect("a rule")];
    let net = Net::with(EgressConfig { allow, max_concurrent_per_host: 3, ..EgressConfig::default() });
    let all_places = futures_util::future::join_all((0..3).map(|_| get(&net, &peer, CallLimits::default())));
    let one_more = async {
        while peer.received().len() < 3 {
            tokio::task::yield_now().await;
        }
        get(&net, &peer, quick()).await
    };
    tokio::select! {
        _ = all_places => panic!("the far end never answers"),
        late = one_more => assert_eq!(late.expect_err("has no place").kind, Kind::Timeout),
    }
    assert_eq!(peer.connections(), 3);
}

#[tokio::test]
async fn large_answers_that_do_not_fit_together_wait_for_each_other() {
    let large = "x".repeat(1 << 20);
    let peer = Peer::start(move |_, _| answer(200, &[], &large)).await;
    let allow = vec![peer.address.to_string().parse().expect("a rule")];
    let net = Net::with(EgressConfig { allow, large_answers_bytes: 3 << 19, ..EgressConfig::default() });
    let read = async |seat: &Arc<Seat>, limits| {
        let mut request = Request::get(parse_url(&peer.url("/")).expect("a url"));
        (request.seat, request.limits) = (Some(seat.clone()), limits);
        net.egress.send(&net.caller, request).await?.bytes().await
    };
    let (first, second) = (Arc::new(Seat::default()), Arc::new(Seat::default()));
    assert_eq!(read(&first, CallLimits::default()).await.expect("has a place").len(), 1 << 20);
    let late = read(&second, quick()).await.expect_err("the first has not let go");
    assert_eq!(late.kind, Kind::Timeout);
    assert!(late.message.contains("egress.large_answers_bytes"), "{}", late.message);
    let again = read(&first, quick()).await;
    assert_eq!(again.expect("a call's earlier answer does not stand in its way").len(), 1 << 20);
    let waiting = read(&second, CallLimits::default());
    let (waited, ()) = tokio::join!(waiting, async {
        // Asked, and its answer begun.
        peer.has_received(4).await;
        drop(first);
    });
    assert_eq!(waited.expect("has the place now").len(), 1 << 20);
}

#[tokio::test]
async fn an_answer_larger_than_the_room_for_large_ones_has_it_alone() {
    let peer = Peer::start(|_, _| answer(200, &[], &"x".repeat(1 << 20))).await;
    let allow = vec![peer.address.to_string().parse().expect("a rule")];
    let net = Net::with(EgressConfig { allow, large_answers_bytes: 1 << 19, ..EgressConfig::default() });
    let reads = (0..8).map(|_| get(&net, &peer, CallLimits::default()));
    for body in futures_util::future::join_all(reads).await {
        assert_eq!(body.expect("comes whole").len(), 1 << 20);
    }
}

#[tokio::test]
async fn an_empty_answer_is_empty() {
    let peer = Peer::answering(vec![head("HTTP/1.1 204 No Content\n\n")]).await;
    assert_eq!(get(&net_to(&peer), &peer, quick()).await.expect("answers"), "");
}
