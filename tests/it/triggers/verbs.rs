//! Making, changing and deleting triggers.

use reeve::access::Role;
use serde_json::json;

use super::Bench;

#[actix_web::test]
async fn a_trigger_is_made_changed_tried_out_and_deleted() {
    let bench = Bench::new().await;
    let new = json!({ "name": "Calls", "agent_id": "echo", "signature": { "scheme": "standard_webhooks" } });
    let made = bench.owner.post("/api/triggers", new.clone()).await.expect(201);
    assert!(made["secret"].as_str().expect("a secret").starts_with("whsec_"), "{made}");
    assert!(made["url"].as_str().expect("an address").contains("/hooks/rv_hook_"), "{made}");
    bench.owner.post("/api/triggers", new).await.expect_error(409, "Conflict");
    let path = format!("/api/triggers/{}", made["id"].as_str().expect("an id"));
    let found = bench.owner.get(&path).await;
    let (tag, text) = (found.header("etag").expect("a tag").to_owned(), found.text());
    assert!(!text.contains(made["secret"].as_str().expect("a secret")), "{text}");
    assert!(
        !text.contains(made["url"].as_str().expect("an address").rsplit('/').next().expect("a token")),
        "{text}"
    );
    let change = json!({ "name": "Issues", "agent_id": "echo", "filter": "body.n > 1", "mapping": { "text": "{{ body.n }}" } });
    let changed = bench.owner.with("if-match", tag.clone()).put(&path, change.clone()).await.expect(200);
    assert_eq!(
        (&changed["name"], &changed["signature"]["scheme"]),
        (&json!("Issues"), &json!("standard_webhooks"))
    );
    bench.owner.with("if-match", tag).put(&path, change).await.expect_error(412, "PreconditionFailed");

    let test = format!("{path}/test");
    let none = bench.owner.post(&test, json!({ "body": { "n": 1 } })).await.expect(200);
    assert_eq!((&none["wanted"], &none["input"]), (&json!(false), &json!(null)));
    let good = bench.owner.post(&test, json!({ "body": { "n": 2 } })).await.expect(200);
    assert_eq!(
        (&good["input"], &good["problems"], &good["execution_id"]),
        (&json!({ "text": 2 }), &json!([]), &json!(null))
    );
    let run = bench.owner.post(&test, json!({ "body": { "n": 2 }, "run": true })).await.expect(200);
    assert!(run["execution_id"].is_string() && bench.runs().await.len() == 1, "{run}");
    let bad = bench.owner.post(&test, json!({ "body": { "m": 2 } })).await.expect(200);
    assert_eq!(bad["wanted"], false, "{bad}");

    bench.owner.delete(&path).await.expect(204);
    bench.owner.get(&path).await.expect_error(404, "NotFound");
    let audit = bench.owner.get("/api/audit?limit=200").await.text();
    for action in ["trigger.create", "trigger.update", "trigger.delete"] {
        assert!(audit.contains(action), "{action}");
    }
}

#[actix_web::test]
async fn what_is_wrong_is_said_at_its_field() {
    let bench = Bench::new().await;
    let good = json!({ "name": "A", "agent_id": bench.agent, "signature": { "scheme": "github" } });
    for (change, path) in [
        (json!({ "name": "" }), "/name"),
        (json!({ "event": "order.paid" }), "/event"),
        (json!({ "kind": "event", "signature": null }), "/event"),
        (json!({ "kind": "event", "signature": null, "event": "a b" }), "/event"),
        (json!({ "signature": { "scheme": "hmac" } }), "/signature/header"),
        (json!({ "signature": { "scheme": "hmac", "header": "no header" } }), "/signature/header"),
        (json!({ "filter": "body.a ==" }), "/filter"),
        (json!({ "mapping": "body.a * 2" }), "/mapping"),
        (json!({ "mapping": { "a": "{{ body.a" } }), "/mapping"),
        (json!({ "tolerance_ms": 1 }), "/tolerance_ms"),
        (json!({ "wait_ms": 60_001 }), "/wait_ms"),
        (json!({ "dedupe_ms": 86_400_001 }), "/dedupe_ms"),
        (json!({ "secret": "short" }), "/secret"),
        (
            json!({ "secret": "whsec_not base64 at all", "signature": { "scheme": "standard_webhooks" } }),
            "/secret",
        ),
        (json!({ "more": 1 }), "/more"),
    ] {
        let mut new = good.clone();
        json_patch::merge(&mut new, &change);
        let error = bench.owner.post("/api/triggers", new).await.expect(422);
        let found = &error["error"]["details"]["validation_errors"][0]["path"];
        assert!(found == path || path == "/more", "{change}: {error}");
    }
    let mut new = good;
    new["agent_id"] = json!("agt_00000000000000000000000009");
    bench.owner.post("/api/triggers", new).await.expect_error(404, "AgentNotFound");
}

#[actix_web::test]
async fn a_trigger_does_nothing_that_its_maker_could_not() {
    let bench = Bench::new().await;
    let made = bench.trigger(json!({ "signature": { "scheme": "github" } })).await;
    let path = format!("/api/triggers/{}", made["id"].as_str().expect("an id"));
    // The agent is its owner's alone.
    let builder = bench.appliance.caller(Role::Builder).await;
    let new = json!({ "name": "B", "agent_id": bench.agent, "signature": { "scheme": "github" } });
    builder.post("/api/triggers", new.clone()).await.expect_error(404, "AgentNotFound");
    builder.get(&path).await.expect_error(404, "NotFound");
    assert_eq!(builder.get("/api/triggers").await.expect(200)["items"], json!([]));
    builder.put(&path, new.clone()).await.expect_error(404, "NotFound");
    builder.delete(&path).await.expect_error(404, "NotFound");
    builder.post(&format!("{path}/rotate"), json!({ "what": "address" })).await.expect_error(404, "NotFound");
    bench
        .owner
        .patch(&format!("/api/agents/{}", bench.agent), json!({ "visibility": "organization" }))
        .await
        .expect(200);
    builder.get(&path).await.expect(200);
    builder.post("/api/triggers", new).await.expect(201);
    let operator = bench.appliance.caller(Role::Operator).await;
    operator.get(&path).await.expect(200);
    operator.delete(&path).await.expect_error(403, "InsufficientPermissions");
}
