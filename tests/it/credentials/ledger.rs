//! The egress ledger: counts, also of what was refused.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{reaching, run, webhook_agent};
use crate::support::Appliance;
use crate::support::peer::{Peer, Step, json as says};
use crate::support::people::Caller;

async fn ledger(caller: &Caller, query: &str) -> Vec<Value> {
    let page = caller.get(&format!("/api/egress{query}")).await.expect(200);
    page["items"].as_array().expect("items").clone()
}

#[actix_web::test]
async fn what_left_and_what_was_kept_from_leaving_is_counted() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let good = webhook_agent(&owner, "Good", &peer.url("/in"), &[]).await;
    let closed = webhook_agent(&owner, "Closed", "https://169.254.169.254/latest", &[]).await;
    for _ in 0..3 {
        run(&owner, &good).await.expect(200);
    }
    for _ in 0..2 {
        run(&owner, &closed).await.expect_error(403, "EgressDenied");
    }
    let all = ledger(&owner, "").await;
    assert_eq!(all.len(), 2, "{all:?}");
    let [refused, sent] = all.as_slice() else { panic!("two places") };
    assert_eq!((&sent["host"], &sent["port"]), (&json!("127.0.0.1"), &json!(peer.port())));
    assert_eq!((&sent["requests"], &sent["refused"], &sent["failed"]), (&json!(3), &json!(0), &json!(0)));
    assert_eq!((&sent["agent_id"], &sent["purpose"]), (&json!(good), &json!("execution")));
    let body: usize = peer.received().iter().map(|it| it.body.len()).sum();
    assert_eq!(sent["bytes_sent"], json!(body));
    assert_eq!(sent["bytes_received"], json!(3 * r#"{"ok":true}"#.len()));
    assert_eq!((&refused["requests"], &refused["refused"]), (&json!(2), &json!(2)));
    assert!(refused["last_refusal"].is_string(), "{refused}");
    assert_eq!(refused["bytes_sent"], 0);

    assert_eq!(ledger(&owner, "?refused=true").await, std::slice::from_ref(refused));
    assert_eq!(ledger(&owner, "?refused=false").await, std::slice::from_ref(sent));
    assert_eq!(ledger(&owner, "?host=127.0.0.1").await, std::slice::from_ref(sent));
    assert_eq!(ledger(&owner, &format!("?agent_id={closed}")).await, std::slice::from_ref(refused));
    assert!(ledger(&owner, "?host=example.com").await.is_empty());
    let first = owner.get("/api/egress?limit=1").await.expect(200);
    let cursor = first["next_cursor"].as_str().expect("more");
    assert_eq!(ledger(&owner, &format!("?limit=1&cursor={cursor}")).await, std::slice::from_ref(sent));

    // It goes on where it stood.
    let appliance = appliance.restart().await;
    let owner = appliance.owner().await;
    run(&owner, &good).await.expect(200);
    assert_eq!(ledger(&owner, "?refused=false").await[0]["requests"], 4);
}

#[actix_web::test]
async fn a_call_counts_from_its_beginning_and_when_it_is_cancelled() {
    let peer = Peer::answering(vec![Step::Hang]).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let agent = webhook_agent(&owner, "Slow", &peer.url("/in"), &[]).await;
    let body = json!({"input": {"q": 1}, "wait_ms": 0});
    let run = owner.post(&format!("/api/agents/{agent}/execute"), body).await.expect(202);
    peer.has_received(1).await;
    let [begun] = ledger(&owner, "").await.try_into().expect("one place");
    assert_eq!((&begun["requests"], &begun["failed"]), (&json!(1), &json!(0)));
    let cancel = format!("/api/executions/{}/cancel", super::id_of(&run));
    let cancelled = owner.post(&cancel, json!({})).await.expect(200);
    assert_eq!(cancelled["status"], "cancelled");
    let [ended] = ledger(&owner, "").await.try_into().expect("one place");
    assert_eq!((&ended["requests"], &ended["failed"]), (&json!(1), &json!(1)));
    assert_eq!(ended["bytes_sent"], json!(peer.last().body.len()), "it had left");
    assert_eq!(ended["first_at"], begun["first_at"]);
    let time = |name: &str| ended[name].as_str().expect("a time").to_owned();
    assert!(time("first_at") < time("last_at"), "{ended}");
}

#[actix_web::test]
async fn what_was_counted_last_is_written_at_the_stop() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let agent = webhook_agent(&owner, "Good", &peer.url("/in"), &[]).await;
    run(&owner, &agent).await.expect(200);
    let appliance = appliance.restart().await;
    assert_eq!(ledger(&appliance.owner().await, "").await[0]["requests"], 1);
}

#[actix_web::test]
async fn admins_read_it_and_only_their_own_organizations() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let allow = vec![peer.address.to_string()];
    let appliance = Appliance::start_with(
        |it| {
            it.egress.allow = allow;
            it.auth.open_registration = true;
        },
        Vec::new(),
    )
    .await;
    let owner = appliance.owner().await;
    let agent = webhook_agent(&owner, "Good", &peer.url("/in"), &[]).await;
    run(&owner, &agent).await.expect(200);
    let builder = appliance.caller(Role::Builder).await;
    builder.get("/api/egress").await.expect_error(403, "InsufficientPermissions");
    assert_eq!(ledger(&appliance.caller(Role::Admin).await, "").await.len(), 1);
    assert!(ledger(&appliance.stranger().await, "").await.is_empty());
    owner.get("/api/egress?port=1").await.expect_error(422, "ValidationFailed");
}
