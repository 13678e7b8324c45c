//! The egress ledger and a kill in the middle of a call.

use serde_json::json;

use super::server::{EMAIL, Site};
use crate::support::PASSWORD;
use crate::support::peer::{Peer, Step};

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_a_kill_cuts_off_is_in_the_egress_ledger() {
    let peer = Peer::start(|_, _| vec![Step::Hang]).await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let key = server.api_key().await;
    let client = server.http().bearer(&key);
    let agent = json!({
        "name": "Once", "agent_type": "webhook", "config": { "url": peer.url("/in") },
        "execution": { "delivery": "at_most_once" },
    });
    client.post("/api/agents", agent).await.expect(201);
    client.post("/api/agents/once/versions/draft/publish", json!({})).await.expect(200);
    let body = json!({ "input": {}, "wait_ms": 0 });
    client.post("/api/agents/once/execute", body).await.expect(202);
    // The far end has heard of it, so the ledger has, whatever comes now.
    peer.has_received(1).await;
    server.kill();
    let server = site.serve();
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let tokens = server.http().post("/api/auth/login", login).await.expect(200);
    let owner = server.http().bearer(tokens["access_token"].as_str().expect("a token"));
    let page = owner.get("/api/egress").await.expect(200);
    let place = &page["items"][0];
    assert_eq!((&place["host"], &place["port"]), (&json!("127.0.0.1"), &json!(peer.port())), "{page}");
    assert_eq!(place["requests"], 1, "{page}");
    assert_eq!(peer.received().len(), 1);
}
