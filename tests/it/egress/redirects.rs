//! A2: redirects, each hop of which goes through every check again.

use http::{HeaderValue, Method, header};
use reeve::infra::Secret;
use reeve::infra::egress::{EgressError, Kind, Request, Response, SecretHeader, parse_url};

use crate::support::net::Net;
use crate::support::peer::{Peer, answer};

async fn follow(net: &Net, url: &str, redirects: u8) -> Result<Response, EgressError> {
    let mut request = Request::get(parse_url(url)?);
    request.redirects = redirects;
    net.egress.send(&net.caller, request).await
}

/// Redirects to whatever its path says: `/301/<location in hex>`.
async fn redirector() -> Peer {
    Peer::start(|request, _| {
        let path = request.line().split(' ').nth(1).unwrap_or_default().to_owned();
        let mut parts = path.trim_start_matches('/').split('/');
        let status = parts.next().and_then(|it| it.parse().ok()).unwrap_or(200);
        let location = parts.next().map(unhex).unwrap_or_default();
        answer(status, &[("Location", &location)], "moved")
    })
    .await
}

fn hex(text: &str) -> String {
    text.bytes().map(|it| format!("{it:02x}")).collect()
}

fn unhex(text: &str) -> String {
    let byte = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    String::from_utf8((0..text.len() / 2).map(|it| byte(it * 2)).collect()).expect("text")
}

#[tokio::test]
async fn no_redirect_leads_to_a_closed_place() {
    let peer = redirector().await;
    let witness = Peer::answering(answer(200, &[], "secret")).await;
    let ourselves = Peer::answering(answer(200, &[], "admin")).await;
    let net = Net::allowing(&[peer.address.to_string(), ourselves.address.to_string()]);
    net.egress.set_listeners(vec![ourselves.address]);
    net.names.say("inside.example", &["127.0.0.1"]);
    let port = witness.port();
    let mut cases = Vec::new();
    for status in [301, 302, 303, 307, 308] {
        cases.push((status, witness.url("/")));
        cases.push((status, format!("http://inside.example:{port}/")));
    }
    for location in [
        "file:///etc/passwd".to_owned(),
        "gopher://127.0.0.1/_x".to_owned(),
        "ftp://127.0.0.1/".to_owned(),
        "javascript:alert(1)".to_owned(),
        "data:text/plain,x".to_owned(),
        ourselves.url("/"),
        format!("//127.0.0.1:{port}/"),
        format!("/\\127.0.0.1:{port}/"),
        format!("http:\\\\127.0.0.1:{port}/"),
        format!("http://user:pass@{}/", peer.address),
        format!("http://2130706433:{port}/"),
        format!("http://0x7f.1:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://localhost:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
    ] {
        cases.push((302, location));
    }
    let attacks = cases.len();
    for (status, location) in cases {
        let error = follow(&net, &peer.url(&format!("/{status}/{}", hex(&location))), 3).await;
        let error = error.err().unwrap_or_else(|| panic!("{status} to {location} was followed"));
        assert!(error.is_denied(), "{status} to {location}: {error}");
    }
    assert_eq!((witness.connections(), ourselves.connections()), (0, 0));
    eprintln!("A2: attacks={attacks} blocked={attacks}");
}

#[tokio::test]
async fn redirects_are_off_unless_asked_for_and_end_after_a_few() {
    let peer = redirector().await;
    let net = Net::allowing(&[peer.address.to_string()]);
    let home = peer.url("/200");
    let once = peer.url(&format!("/302/{}", hex(&home)));
    assert_eq!(follow(&net, &once, 0).await.expect("answers").status, 302);
    assert_eq!(follow(&net, &once, 1).await.expect("follows").status, 200);
    let mut chain = home;
    for _ in 0..3 {
        chain = peer.url(&format!("/302/{}", hex(&chain)));
    }
    assert_eq!(follow(&net, &chain, 3).await.expect("follows").status, 200);
    for redirects in [2, 200] {
        let longer = peer.url(&format!("/302/{}", hex(&chain)));
        let before = peer.received().len();
        assert_eq!(follow(&net, &longer, redirects).await.err().map(|it| it.kind), Some(Kind::Protocol));
        assert!(peer.received().len() - before <= 4);
    }
    // A page that wants to be left is an answer like any other.
    let refresh = Peer::answering(answer(
        200,
        &[("Refresh", "0; url=http://127.0.0.1:1/")],
        "<meta http-equiv=refresh content='0;url=http://127.0.0.1:1/'>",
    ))
    .await;
    net.egress.set_allow(vec![refresh.address.to_string().parse().expect("a rule")]);
    assert_eq!(follow(&net, &refresh.url("/"), 3).await.expect("answers").status, 200);
}

#[tokio::test]
async fn credentials_stay_with_the_host_they_were_meant_for() {
    let target = Peer::answering(answer(200, &[], "done")).await;
    let location = target.url("/");
    let cross = Peer::start(move |_, _| answer(307, &[("Location", &location)], "")).await;
    let same = Peer::start(|request, _| {
        if request.line().ends_with("/end") {
            answer(200, &[], "done")
        } else {
            answer(303, &[("Location", "/end")], "")
        }
    })
    .await;
    let net = Net::allowing(&[target.address, cross.address, same.address].map(|it| it.to_string()));
    let request = |url: String| {
        let mut request = Request::post(parse_url(&url).expect("parses"), "{}");
        request.redirects = 1;
        request.headers.insert(header::COOKIE, HeaderValue::from_static("cookie-canary"));
        request.headers.insert("x-static-key", HeaderValue::from_static("header-canary"));
        request.headers.insert("traceparent", HeaderValue::from_static("00-trace"));
        request.secrets.push(SecretHeader {
            name: header::AUTHORIZATION,
            value: Secret::new("secret-canary"),
            allowed_hosts: vec!["127.0.0.1".to_owned()],
        });
        request
    };
    net.egress.send(&net.caller, request(cross.url("/"))).await.expect("follows");
    assert_eq!(cross.last().header("authorization"), Some("secret-canary"));
    let arrived = target.last();
    assert_eq!(arrived.line(), "POST /");
    assert!(!arrived.head.contains("canary"), "{}", arrived.head);
    assert_eq!(arrived.header("traceparent"), Some("00-trace"));

    net.egress.send(&net.caller, request(same.url("/"))).await.expect("follows");
    assert_eq!(same.last().line(), "GET /end");
    assert_eq!(same.last().header("authorization"), Some("secret-canary"));

    let mut elsewhere = request(target.url("/"));
    elsewhere.secrets[0].allowed_hosts = vec!["api.example.com".to_owned()];
    let before = target.received().len();
    let error = net.egress.send(&net.caller, elsewhere).await.err().expect("is refused");
    assert!(error.is_denied() && error.message.contains("allowed hosts"), "{error}");
    assert_eq!(target.received().len(), before);
}

#[tokio::test]
async fn headers_that_steer_the_connection_are_ours_alone() {
    let peer = Peer::answering(answer(200, &[], "ok")).await;
    let net = Net::allowing(&[peer.address.to_string()]);
    let mut request = Request::new(Method::POST, parse_url(&peer.url("/?q=a%20b#fragment")).expect("parses"));
    request.body = "four".into();
    for (name, value) in [
        ("host", "metadata.internal"),
        ("content-length", "4000"),
        ("transfer-encoding", "chunked"),
        ("connection", "upgrade"),
        ("accept-encoding", "gzip"),
        ("proxy-authorization", "x"),
    ] {
        request.headers.insert(name, HeaderValue::from_static(value));
    }
    net.egress.send(&net.caller, request).await.expect("is sent");
    let arrived = peer.last();
    assert_eq!(arrived.line(), "POST /?q=a%20b");
    assert_eq!(arrived.header("host"), Some(peer.address.to_string().as_str()));
    assert_eq!((arrived.header("content-length"), arrived.body.as_str()), (Some("4"), "four"));
    assert_eq!(arrived.header("accept-encoding"), Some("identity"));
    for name in ["transfer-encoding", "connection", "proxy-authorization"] {
        assert_eq!(arrived.header(name), None, "{name}");
    }
}
