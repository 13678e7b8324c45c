//! A host that keeps failing is left alone, by the organization that saw it fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use reeve::infra::egress::{Caller, EgressConfig, EgressError, Kind, Request, parse_url};

use crate::support::net::{Net, caller};
use crate::support::peer::{Peer, Step, answer};

async fn get(net: &Net, caller: &Caller, peer: &Peer) -> Result<u16, EgressError> {
    let response = net.egress.send(caller, Request::get(parse_url(&peer.url("/"))?)).await?;
    let status = response.status.as_u16();
    response.bytes().await?;
    Ok(status)
}

#[tokio::test]
async fn the_breaker_opens_probes_and_closes() {
    let well = Arc::new(AtomicBool::new(false));
    let is_well = well.clone();
    let peer = Peer::start(move |_, _| {
        if is_well.load(Ordering::SeqCst) { answer(500, &[], "an answer") } else { vec![Step::Close] }
    })
    .await;
    let allow = vec![peer.address.to_string().parse().expect("a rule")];
    let breaker_open = Duration::from_millis(50);
    let net = Net::with(EgressConfig { allow, breaker_failures: 3, breaker_open, ..EgressConfig::default() });
    let (ours, theirs) = (caller(), caller());
    for _ in 0..3 {
        assert_eq!(get(&net, &ours, &peer).await.expect_err("is ill").kind, Kind::Protocol);
    }
    let connections = peer.connections();
    let error = get(&net, &ours, &peer).await.expect_err("is left alone");
    assert!(matches!(error.kind, Kind::BreakerOpen { .. }) && error.is_temporary(), "{error}");
    assert_eq!(peer.connections(), connections);
    // Another organization has not seen it fail.
    assert_eq!(get(&net, &theirs, &peer).await.expect_err("is ill").kind, Kind::Protocol);

    well.store(true, Ordering::SeqCst);
    let answered = loop {
        match get(&net, &ours, &peer).await {
            Err(EgressError { kind: Kind::BreakerOpen { retry_after }, .. }) => {
                tokio::time::sleep(retry_after).await
            }
            other => break other,
        }
    };
    // An answer is an answer, also one with an error in it.
    assert_eq!(answered.expect("probes"), 500);
    for _ in 0..5 {
        assert_eq!(get(&net, &ours, &peer).await.expect("is closed again"), 500);
    }
}

#[tokio::test]
async fn refusals_and_cancelled_calls_do_not_open_it() {
    let peer = Peer::answering(answer(200, &[], "ok")).await;
    let allow = vec![peer.address.to_string().parse().expect("a rule")];
    let net = Net::with(EgressConfig { allow, breaker_failures: 1, ..EgressConfig::default() });
    net.names.say("bad.example", &["10.0.0.1", "10.0.0.1", "127.0.0.1"]);
    let url = format!("http://bad.example:{}/", peer.port());
    for _ in 0..2 {
        let request = Request::get(parse_url(&url).expect("parses"));
        assert!(net.egress.send(&net.caller, request).await.err().expect("is refused").is_denied());
    }
    let request = Request::get(parse_url(&url).expect("parses"));
    assert_eq!(net.egress.send(&net.caller, request).await.expect("is open now").status, 200);
}
