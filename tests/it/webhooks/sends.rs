//! What is sent, to whom, and how it is signed.

use serde_json::json;

use super::{Bench, id_of, is_signed, taken};

#[actix_web::test]
async fn the_end_of_a_run_is_told_once_and_signed() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    let run = bench.run(&agent, "hello").await;
    let told = bench.heard(1).await.remove(0);
    assert!(is_signed(&told, webhook["secret"].as_str().expect("a secret")), "{told:?}");
    assert_eq!(told.header("content-type"), Some("application/json"));
    let message = told.json();
    assert_eq!(message["type"], "execution.completed");
    assert_eq!(message["data"]["id"], run.as_str());
    assert_eq!(message["data"]["output"], json!({ "answer": 42 }));
    assert_eq!(message["data"], bench.owner.get(&format!("/api/executions/{run}")).await.expect(200));
    let delivery = bench.delivery(id_of(&webhook), "delivered", 1).await;
    assert_eq!(delivery["event_id"], told.header("webhook-id").expect("an id"));
    assert_eq!(delivery["response_code"], 204);
    assert_eq!(delivery["execution_id"], run.as_str());
    assert!(delivery["latency_ms"].is_u64() && delivery["next_attempt_at"].is_null(), "{delivery}");
    let one = format!("/api/webhooks/{}/deliveries/{}", id_of(&webhook), id_of(&delivery));
    assert_eq!(bench.owner.get(&one).await.expect(200)["body"], message);
    // A hint of the secret, and never more.
    let shown = bench.owner.get(&format!("/api/webhooks/{}", id_of(&webhook))).await.text();
    assert!(!shown.contains("whsec_"), "{shown}");
}

#[actix_web::test]
async fn only_what_was_chosen_is_told() {
    let bench = Bench::new(|_, _| taken()).await;
    let (one, other) = (bench.agent("One").await, bench.agent("Other").await);
    let id = one.rsplit('/').next().expect("an id");
    bench.webhook(json!({ "events": ["execution.failed"], "agent_ids": [id] })).await;
    bench.run(&one, "hello").await;
    bench.run(&other, "fail").await;
    let failed = bench.run(&one, "fail").await;
    let told = bench.heard(1).await;
    assert_eq!(told.len(), 1);
    let message = told[0].json();
    assert_eq!((&message["type"], &message["data"]["id"]), (&json!("execution.failed"), &json!(failed)));
    assert_eq!(message["data"]["error"]["code"], "ExecutionFailed");
}

#[actix_web::test]
async fn two_endpoints_hear_the_same_event_under_the_same_id() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    bench.webhook(json!({ "name": "A" })).await;
    bench.webhook(json!({ "name": "B" })).await;
    bench.run(&agent, "hello").await;
    let told = bench.heard(2).await;
    assert_eq!(told[0].header("webhook-id"), told[1].header("webhook-id"));
    assert_eq!(told[0].body, told[1].body);
    assert_ne!(told[0].header("webhook-signature"), told[1].header("webhook-signature"));
}

#[actix_web::test]
async fn after_a_rotation_both_secrets_sign_until_the_overlap_is_over() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    let old = webhook["secret"].as_str().expect("a secret");
    let path = format!("/api/webhooks/{}/rotate", id_of(&webhook));
    let rotated = bench.owner.post(&path, json!({ "overlap_ms": 3_600_000 })).await.expect(200);
    let new = rotated["secret"].as_str().expect("a secret");
    assert!(old != new && rotated["former_secret_until"].is_string(), "{rotated}");
    bench.run(&agent, "hello").await;
    let told = bench.heard(1).await.remove(0);
    assert!(is_signed(&told, old) && is_signed(&told, new), "{told:?}");
    assert_eq!(told.header("webhook-signature").expect("signatures").split(' ').count(), 2);
    bench.pass(3_600_001);
    bench.run(&agent, "hello").await;
    let told = bench.heard(2).await.remove(1);
    assert!(!is_signed(&told, old) && is_signed(&told, new), "{told:?}");
    let own = json!({ "overlap_ms": 0, "secret": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" });
    let given = bench.owner.post(&path, own).await.expect(200);
    assert_eq!((&given["former_secret_until"], &given["secret"]), (&json!(null), &json!(null)));
    bench.run(&agent, "hello").await;
    let told = bench.heard(3).await.remove(2);
    assert!(is_signed(&told, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw") && !is_signed(&told, new));
}

#[actix_web::test]
async fn a_large_run_is_told_without_its_input_and_output() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    bench.webhook(json!({})).await;
    bench.run(&agent, &"x".repeat(70_000)).await;
    let message = bench.heard(1).await.remove(0).json();
    assert_eq!(message["data"]["left_out"], json!(["input"]));
    assert_eq!(message["data"]["input"], json!(null));
    assert_eq!(message["data"]["output"], json!({ "answer": 42 }));
}

#[actix_web::test]
async fn nothing_is_written_where_nobody_subscribes() {
    let bench = Bench::new(|_, _| taken()).await;
    let stranger = bench.appliance.stranger().await;
    let agent = bench.agent("Teller").await;
    let new = json!({
        "name": "Theirs", "url": bench.peer.url("/hook"), "events": ["execution.completed"],
    });
    let theirs = stranger.post("/api/webhooks", new).await.expect(201);
    let ours = bench.webhook(json!({ "events": ["execution.failed"] })).await;
    bench.run(&agent, "hello").await;
    bench.run(&agent, "fail").await;
    let told = bench.heard(1).await;
    assert!(told.len() == 1 && told[0].json()["type"] == "execution.failed", "{told:?}");
    bench.delivery(id_of(&ours), "delivered", 1).await;
    let path = format!("/api/webhooks/{}/deliveries", id_of(&theirs));
    assert_eq!(stranger.get(&path).await.expect(200)["items"], json!([]), "another organization's run");
}

#[actix_web::test]
async fn a_run_whose_output_nests_deep_ends_and_is_told() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    bench.webhook(json!({})).await;
    let run = bench.run(&agent, "deep").await;
    let told = bench.heard(1).await.remove(0);
    assert!(told.body.contains(&run) && told.body.contains(&"[".repeat(60)), "{}", told.body);
}
