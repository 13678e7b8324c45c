//! Triggers that start a chain.

use reeve::access::Role;
use serde_json::{Value, json};

use super::Bench;

impl Bench {
    async fn chain(&self) -> String {
        let steps = json!([{ "id": "only", "agent_id": self.agent }]);
        let made =
            self.owner.post("/api/chains", json!({ "name": "Relay", "steps": steps })).await.expect(201);
        made["id"].as_str().expect("an id").to_owned()
    }
}

#[actix_web::test]
async fn a_signed_call_starts_the_chain() {
    let bench = Bench::new().await;
    let chain = bench.chain().await;
    let change = json!({ "agent_id": null, "workflow_id": chain, "signature": { "scheme": "github" } });
    let made = bench.trigger(change).await;
    assert_eq!((&made["workflow_id"], &made["agent_id"]), (&json!(chain), &Value::Null));
    let hook = bench.hook(&made);
    let answer = hook.github("one", r#"{"text":"hello"}"#).await;
    assert_eq!(answer.status, 202, "{}", answer.text());
    let again = hook.github("one", r#"{"text":"hello"}"#).await;
    assert!(again.status < 300, "{}", again.text());
    let runs = bench.runs().await;
    assert_eq!(runs.len(), 1, "the same message starts nothing new");
    assert_eq!((&runs[0]["workflow_id"], &runs[0]["trigger"]["kind"]), (&json!(chain), &json!("hook")));
    assert_eq!(runs[0]["input"], json!({ "text": "hello" }));
    let sample = json!({ "body": { "text": "hello" } });
    let trial = bench.owner.post(&format!("/api/triggers/{}/test", hook.id), sample).await.expect(200);
    assert_eq!((&trial["wanted"], &trial["problems"]), (&json!(true), &json!([])));
    let of_chain = bench.owner.get(&format!("/api/triggers?workflow_id={chain}")).await.expect(200);
    assert_eq!(of_chain["items"].as_array().expect("items").len(), 1);
    let of_agent = bench.owner.get(&format!("/api/triggers?agent_id={}", bench.agent)).await.expect(200);
    assert_eq!(of_agent["items"], json!([]));
}

#[actix_web::test]
async fn an_event_starts_what_hears_it_agents_and_chains() {
    let bench = Bench::new().await;
    let chain = bench.chain().await;
    for (name, target) in [("A", json!({})), ("B", json!({ "agent_id": null, "workflow_id": chain }))] {
        let mut change = json!({ "name": name, "kind": "event", "event": "order.*", "secret": null });
        change.as_object_mut().expect("fields").extend(target.as_object().expect("fields").clone());
        bench.trigger(change).await;
    }
    let event = json!({ "name": "order.paid", "data": { "text": "hello" } });
    let published = bench.owner.post("/api/events", event).await.expect(200);
    assert_eq!(published["started"].as_array().expect("runs").len(), 2, "{published}");
    let runs = bench.runs().await;
    assert!(runs.iter().any(|it| it["workflow_id"] == json!(chain)) && runs.len() == 2);
}

#[actix_web::test]
async fn a_trigger_starts_one_thing_that_its_maker_may_run() {
    let bench = Bench::new().await;
    let chain = bench.chain().await;
    let good = json!({ "name": "Calls", "workflow_id": chain, "signature": { "scheme": "github" } });
    for (change, path) in
        [(json!({ "agent_id": bench.agent }), "/workflow_id"), (json!({ "workflow_id": null }), "/agent_id")]
    {
        let mut new = good.clone();
        json_patch::merge(&mut new, &change);
        let error = bench.owner.post("/api/triggers", new).await.expect_error(422, "ValidationFailed");
        assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], path, "{error}");
    }
    let builder = bench.appliance.caller(Role::Builder).await;
    builder.post("/api/triggers", good.clone()).await.expect_error(404, "NotFound");
    // A chain for everybody, with an agent that is not.
    let steps = json!([{ "id": "only", "agent_id": bench.agent }]);
    let open = json!({ "name": "Open", "steps": steps, "visibility": "organization" });
    let open = bench.owner.post("/api/chains", open).await.expect(201);
    builder.get(&format!("/api/chains/{}", open["id"].as_str().expect("an id"))).await.expect(200);
    let mut led = good.clone();
    led["workflow_id"] = open["id"].clone();
    builder.post("/api/triggers", led).await.expect_error(404, "AgentNotFound");
    let made = bench.owner.post("/api/triggers", good).await.expect(201);
    let path = format!("/api/triggers/{}", made["id"].as_str().expect("an id"));
    builder.get(&path).await.expect_error(404, "NotFound");
    let error = bench.owner.delete(&format!("/api/chains/{chain}")).await.expect_error(409, "Conflict");
    assert_eq!(error["error"]["message"], "triggers start runs of this chain: Calls");
    bench.owner.delete(&path).await.expect(204);
    bench.owner.delete(&format!("/api/chains/{chain}")).await.expect(204);
}

#[actix_web::test]
async fn the_forms_offer_chains_beside_agents() {
    let bench = Bench::new().await;
    let chain = bench.chain().await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page("/triggers/new?from=github").await;
    assert!(page.contains("Chain: Relay") && page.contains(">Echo<"), "{page}");
    let fields = [("from", "github"), ("name", "Calls"), ("target", chain.as_str())];
    let made = visitor.send("/triggers", &fields).await;
    assert!(made.status == 200 && made.text().contains(&format!("/chains/{chain}")), "{}", made.text());
    let nothing = [("from", "github"), ("name", "Other"), ("target", "")];
    let refused = visitor.send("/triggers", &nothing).await;
    assert!(refused.status == 422 && refused.text().contains("hoose what is run"), "{}", refused.text());
    assert!(visitor.page("/triggers").await.contains("Relay"));

    let page = visitor.page("/schedules/new?chain=relay").await;
    assert!(page.contains(&format!("<option value=\"{chain}\" selected>")), "{page}");
    let fields = [
        ("name", "Hourly"),
        ("target", chain.as_str()),
        ("input", "{}"),
        ("cron", "0 * * * *"),
        ("time_zone", "UTC"),
        ("active", "true"),
        ("missed_runs", "once"),
        ("overlap", "skip"),
        ("catch_up_limit", "10"),
        ("jitter", "0"),
    ];
    let (place, page) = visitor.through("/schedules", &fields).await;
    assert!(page.contains(&format!("href=\"/chains/{chain}\"")), "{page}");
    let page = visitor.page(&format!("{place}/edit")).await;
    assert!(page.contains(&format!("<option value=\"{chain}\" selected>")), "{page}");
    assert!(visitor.page("/schedules").await.contains("Relay · chain"));
    let page = visitor.page(&format!("/chains/{chain}")).await;
    assert!(page.contains("/schedules/new?chain=relay"), "{page}");
}
