//! Making, changing and deleting webhooks.

use reeve::access::Role;
use serde_json::json;

use super::{Bench, id_of, status, taken};
use crate::support::until;

#[actix_web::test]
async fn a_webhook_is_made_changed_and_deleted() {
    let bench = Bench::new(|_, _| taken()).await;
    let made = bench.webhook(json!({})).await;
    let path = format!("/api/webhooks/{}", id_of(&made));
    let found = bench.owner.get(&path).await;
    let tag = found.header("etag").expect("a tag").to_owned();
    assert_eq!((&found.json()["status"], &found.json()["name"]), (&json!("active"), &json!("Desk")));
    let change = json!({ "name": "Room", "url": bench.peer.url("/hook"), "events": ["execution.timeout"], "enabled": false });
    let changed = bench.owner.with("if-match", tag.clone()).put(&path, change.clone()).await.expect(200);
    assert_eq!((&changed["status"], &changed["events"]), (&json!("paused"), &json!(["execution.timeout"])));
    bench.owner.with("if-match", tag).put(&path, change).await.expect_error(412, "PreconditionFailed");
    let list = bench.owner.get("/api/webhooks").await.expect(200);
    assert_eq!(list["items"].as_array().expect("items").len(), 1);
    bench.owner.delete(&path).await.expect(204);
    bench.owner.get(&path).await.expect_error(404, "NotFound");
    let audit = bench.owner.get("/api/audit").await.text();
    for action in ["webhook.create", "webhook.update", "webhook.delete"] {
        assert!(audit.contains(action), "{action}");
    }
    assert!(!audit.contains("whsec_") && !audit.contains("/hook\""), "{audit}");
}

#[actix_web::test]
async fn what_is_wrong_is_said_at_its_field() {
    let bench = Bench::new(|_, _| taken()).await;
    let good = json!({ "name": "A", "url": bench.peer.url("/hook"), "events": ["execution.failed"] });
    for (change, path) in [
        (json!({ "name": " " }), "/name"),
        (json!({ "url": "ftp://a.test" }), "/url"),
        (json!({ "url": "nonsense" }), "/url"),
        (json!({ "url": "https://me:pw@a.test/" }), "/url"),
        (json!({ "events": [] }), "/events"),
        (json!({ "events": ["webhook.test"] }), "/events/0"),
        (json!({ "secret": "short" }), "/secret"),
        (json!({ "secret": "whsec_c2hvcnQ=" }), "/secret"),
        (json!({ "agent_ids": ["agt_00000000000000000000000009"] }), "/agent_ids"),
    ] {
        let mut new = good.clone();
        json_patch::merge(&mut new, &change);
        let error = bench.owner.post("/api/webhooks", new).await.expect(422);
        assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], path, "{error}");
        assert!(!error.to_string().contains("c2hvcnQ"), "no error repeats a secret");
    }
    let closed = json!({ "name": "A", "url": "http://10.0.0.1/", "events": ["execution.failed"] });
    bench.owner.post("/api/webhooks", closed).await.expect_error(403, "EgressDenied");
    bench.owner.post("/api/webhooks", good.clone()).await.expect(201);
    bench.owner.post("/api/webhooks", good).await.expect_error(409, "Conflict");
    let rotate = format!("/api/webhooks/{}/rotate", id_of(&bench.webhook(json!({})).await));
    bench.owner.post(&rotate, json!({ "overlap_ms": 604_800_001 })).await.expect(422);
}

#[actix_web::test]
async fn a_test_says_what_came_back_and_is_not_repeated() {
    let bench = Bench::new(|_, before| if before == 0 { taken() } else { status(500) }).await;
    let webhook = bench.webhook(json!({})).await;
    let path = format!("/api/webhooks/{}", id_of(&webhook));
    let good = bench.owner.post(&format!("{path}/test"), json!({})).await.expect(200);
    assert_eq!((&good["status"], &good["response_code"]), (&json!("delivered"), &json!(204)));
    assert_eq!(bench.told()[0].json()["type"], "webhook.test");
    let bad = bench.owner.post(&format!("{path}/test"), json!({})).await.expect(200);
    assert_eq!((&bad["status"], &bad["attempts"]), (&json!("failed"), &json!(1)));
    bench.pass(24 * 3_600_000);
    let again = format!("{path}/deliveries/{}/resend", id_of(&bad));
    bench.owner.post(&again, json!({})).await.expect_error(409, "Conflict");
    assert_eq!(bench.told().len(), 2);
}

#[actix_web::test]
async fn webhooks_are_for_administrators() {
    let bench = Bench::new(|_, _| taken()).await;
    let webhook = bench.webhook(json!({})).await;
    let builder = bench.appliance.caller(Role::Builder).await;
    builder.get("/api/webhooks").await.expect_error(403, "InsufficientPermissions");
    let admin = bench.appliance.caller(Role::Admin).await;
    admin.get(&format!("/api/webhooks/{}", id_of(&webhook))).await.expect(200);
}

#[actix_web::test]
async fn a_deleted_webhook_takes_what_waits_with_it() {
    let bench = Bench::new(|_, _| status(500)).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    bench.delivery(id_of(&webhook), "pending", 1).await;
    bench.owner.delete(&format!("/api/webhooks/{}", id_of(&webhook))).await.expect(204);
    let waiting = || bench.appliance.inner.services.timers.waiting();
    until("no timer waits", async || waiting() == 0).await;
    bench.pass(3_600_000);
    assert_eq!(bench.told().len(), 1);
}
