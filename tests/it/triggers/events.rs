//! Named events: everyone who hears one starts a run.

use reeve::access::Role;
use serde_json::json;

use super::Bench;

#[actix_web::test]
async fn every_trigger_that_hears_an_event_starts_a_run() {
    let bench = Bench::new().await;
    let of = |name: &str, event: &str| json!({ "name": name, "agent_id": bench.agent, "kind": "event", "event": event });
    let mut big = of("Big", "order.*");
    big["filter"] = json!("event.data.total > 100");
    big["mapping"] = json!({ "text": "{{ event.name }} {{ event.data.total }}" });
    for new in [of("Paid", "order.paid"), big, of("Other", "invoice.*")] {
        // What is made later has a later time.
        bench.clock.advance_ms(1);
        bench.owner.post("/api/triggers", new).await.expect(201);
    }
    let publish = async |name: &str, total: u64, id: &str| {
        let body = json!({ "name": name, "data": { "total": total }, "id": id });
        bench.owner.post("/api/events", body).await.expect(200)
    };
    let outcomes = |answer: &serde_json::Value| -> Vec<String> {
        let started = answer["started"].as_array().expect("a list");
        started.iter().map(|it| it["outcome"].as_str().expect("an outcome").to_owned()).collect()
    };
    let first = publish("order.paid", 7, "o-1").await;
    assert_eq!(outcomes(&first), ["accepted", "filtered"]);
    let again = publish("order.paid", 7, "o-1").await;
    assert_eq!(outcomes(&again), ["deduplicated", "filtered"]);
    assert_eq!(again["started"][0]["execution_id"], first["started"][0]["execution_id"]);
    let both = publish("order.paid", 700, "o-2").await;
    assert_eq!(outcomes(&both), ["accepted", "accepted"]);
    assert_eq!(outcomes(&publish("order.paid.twice", 700, "o-3").await), ["accepted"]);
    assert_eq!(outcomes(&publish("order", 700, "o-4").await), Vec::<String>::new());
    let run = both["started"][1]["execution_id"].as_str().expect("a run");
    let run = bench.owner.get(&format!("/api/executions/{run}")).await.expect(200);
    assert_eq!(
        (&run["trigger"]["kind"], &run["input"]),
        (&json!("event"), &json!({ "text": "order.paid 700" }))
    );
    assert_eq!(bench.runs().await.len(), 4);
}

#[actix_web::test]
async fn an_event_has_a_name_and_a_publisher_who_may() {
    let bench = Bench::new().await;
    for name in ["", "order.*", "two words", "a..b"] {
        let body = json!({ "name": name, "data": {} });
        bench.owner.post("/api/events", body).await.expect_error(422, "ValidationFailed");
    }
    let viewer = bench.appliance.caller(Role::Viewer).await;
    let body = json!({ "name": "order.paid", "data": {} });
    viewer.post("/api/events", body.clone()).await.expect_error(403, "InsufficientPermissions");
    let operator = bench.appliance.caller(Role::Operator).await;
    let answer = operator.post("/api/events", body).await.expect(200);
    assert!(answer["id"].as_str().expect("an id").starts_with("evt_"), "{answer}");
}

#[actix_web::test]
async fn another_organization_hears_nothing() {
    let bench = Bench::new().await;
    let event = json!({ "name": "Paid", "agent_id": bench.agent, "kind": "event", "event": "order.paid" });
    bench.owner.post("/api/triggers", event).await.expect(201);
    let stranger = bench.appliance.stranger().await;
    let body = json!({ "name": "order.paid", "data": {} });
    assert_eq!(stranger.post("/api/events", body).await.expect(200)["started"], json!([]));
    assert_eq!(bench.runs().await.len(), 0);
}
