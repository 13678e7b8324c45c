//! A1: addresses in every spelling.

use reeve::infra::egress::{ContactOutcome, Denial, Kind, Request, parse_url};
use url::Url;

use crate::support::addresses::{self, NAMES};
use crate::support::net::Net;
use crate::support::peer::{Peer, answer};

#[tokio::test]
async fn no_spelling_of_a_forbidden_address_gets_a_packet_out() {
    let witness = Peer::answering(answer(200, &[], "secret")).await;
    let net = Net::allowing(&[]);
    for (name, answers) in NAMES {
        net.names.say(name, &[answers]);
    }
    addresses::all_refused(
        "egress",
        witness.port(),
        || witness.connections(),
        async |form| {
            let url = match parse_url(&form) {
                Ok(url) => url,
                Err(error) => return error.is_denied(),
            };
            matches!(net.egress.send(&net.caller, Request::get(url)).await, Err(error) if error.is_denied())
        },
    )
    .await;
    let refused = |it: &ContactOutcome| matches!(it, ContactOutcome::Refused { .. });
    assert!(net.ledger.contacts().iter().all(|it| refused(&it.outcome)));
}

/// What `parse_url` turns down must not pass where someone hands over a `Url` that was made elsewhere.
#[tokio::test]
async fn the_guard_does_not_rely_on_the_parser_in_front_of_it() {
    let witness = Peer::answering(answer(200, &[], "secret")).await;
    let net = Net::allowing(&[]);
    for (name, answers) in NAMES {
        net.names.say(name, &[answers]);
    }
    addresses::all_refused(
        "egress, parsed elsewhere",
        witness.port(),
        || witness.connections(),
        async |form| {
            let Ok(url) = Url::parse(&form) else { return true };
            matches!(net.egress.send(&net.caller, Request::get(url)).await, Err(error) if error.is_denied())
        },
    )
    .await;
}

#[tokio::test]
async fn what_the_operator_opens_is_open_and_nothing_beside_it() {
    let peer = Peer::answering(answer(200, &[], "hello")).await;
    let beside = Peer::answering(answer(200, &[], "secret")).await;
    let net = Net::allowing(&[peer.address.to_string()]);
    let get = async |url: String| {
        let response = net.egress.send(&net.caller, Request::get(parse_url(&url).expect("parses"))).await?;
        response.bytes().await
    };
    assert_eq!(get(peer.url("/")).await.expect("is open"), "hello");
    assert_eq!(get(format!("http://2130706433:{}/", peer.port())).await.expect("is the same place"), "hello");
    assert!(get(beside.url("/")).await.expect_err("is closed").is_denied());
    assert_eq!(beside.connections(), 0);

    let contacts = net.ledger.contacts();
    assert_eq!(contacts.len(), 3);
    assert_eq!(contacts[0].outcome, ContactOutcome::Sent { status: 200 });
    assert_eq!((contacts[0].bytes_received, contacts[0].address), (5, Some(peer.address.ip())));
    assert_eq!(contacts[2].outcome, ContactOutcome::Refused { reason: "loopback" });

    // Other rules hold at once, also where a connection is still open from before.
    net.egress.set_allow(Vec::new());
    assert!(get(peer.url("/")).await.expect_err("is closed now").is_denied());
}

#[tokio::test]
async fn our_own_listener_is_never_called() {
    let ourselves = Peer::answering(answer(200, &[], "admin")).await;
    let net = Net::allowing(&[ourselves.address.to_string()]);
    net.names.say("me.example", &["127.0.0.1"]);
    for listener in [ourselves.address, ([0, 0, 0, 0], ourselves.port()).into()] {
        net.egress.set_listeners(vec![listener]);
        for url in [ourselves.url("/"), format!("http://me.example:{}/", ourselves.port())] {
            let error = net.egress.send(&net.caller, Request::get(parse_url(&url).expect("parses"))).await;
            assert_eq!(error.err().map(|it| it.kind), Some(Kind::Denied(Denial::Ourselves)), "{url}");
        }
    }
    assert_eq!(ourselves.connections(), 0);
}

#[tokio::test]
async fn a_refusal_names_what_was_written_and_what_would_open_it() {
    let net = Net::allowing(&[]);
    net.names.say("wiki.example", &["10.1.2.3"]);
    for (url, parts) in [
        ("http://10.1.2.3:8080/", &["10.1.2.3 is a private address", "\"10.1.2.3:8080\""][..]),
        ("http://wiki.example/", &["wiki.example leads to a private address", "\"wiki.example:80\""]),
        ("http://n8n:5678/", &["private network", "\"n8n:5678\""]),
        ("http://[::1]:5678/", &["::1 is a loopback address", "\"[::1]:5678\""]),
    ] {
        let url = parse_url(url).expect("parses");
        let error = net.egress.send(&net.caller, Request::get(url)).await.err().expect("is refused");
        for part in parts {
            assert!(error.message.contains(part), "{}", error.message);
        }
        assert!(!error.message.contains("wiki") || !error.message.contains("10.1.2.3"), "{}", error.message);
    }
}
