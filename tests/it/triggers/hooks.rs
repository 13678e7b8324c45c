//! From a call to a run: addresses, filters, mappings, answers, limits.

use serde_json::{Value, json};

use super::{Bench, SECRET, hexed, run_of};
use crate::support::events::Events;

#[actix_web::test]
async fn the_body_becomes_the_input_as_the_mapping_says() {
    let bench = Bench::new().await;
    let mapping = json!({ "text": "{{ body.issue.title }}", "from": "{{ headers['x-github-event'] }}", "n": "{{ query.n | default(0) }}" });
    let change = json!({
        "signature": { "scheme": "github" }, "mapping": mapping, "filter": "body.action == \"opened\"",
        "answer": "wait",
    });
    let made = bench.trigger(change).await;
    let mut hook = bench.hook(&made);
    hook.path.push_str("?n=7");
    let done = hook.github("d-1", r#"{"action":"opened","issue":{"title":"It broke"}}"#).await.expect(200);
    assert_eq!(done["status"], "completed");
    assert_eq!(done["output"], json!({ "echo": { "text": "It broke", "from": "issues", "n": "7" } }));
    let run = bench.owner.get(&format!("/api/executions/{}", run_of(&done))).await.expect(200);
    assert_eq!((&run["trigger"]["kind"], &run["trigger"]["source"]), (&json!("hook"), &json!(hook.id)));

    let other = hook.github("d-2", r#"{"action":"closed","issue":{"title":"It broke"}}"#).await.expect(200);
    assert_eq!((&other["outcome"], &other["execution_id"]), (&json!("filtered"), &json!(null)));
    let nothing = hook.github("d-3", r#"{"action":"opened"}"#).await.expect_error(422, "ValidationFailed");
    assert_eq!(nothing["error"]["details"]["validation_errors"][0]["path"], "/mapping/text", "{nothing}");
    let broken = hook.github("d-4", "{").await.expect_error(422, "ValidationFailed");
    assert!(broken["error"]["message"].as_str().expect("text").contains("says it is JSON"), "{broken}");
    let shown = bench.owner.get(&format!("/api/triggers/{}", hook.id)).await.expect(200);
    let counts = json!({ "accepted": 1, "filtered": 1, "refused": 2, "deduplicated": 0 });
    assert_eq!(shown["hits"], counts);
    assert_eq!(bench.runs().await.len(), 1);
}

#[actix_web::test]
async fn a_run_that_fails_is_told_to_who_waits_for_it() {
    let bench = Bench::new().await;
    let made = bench.trigger(json!({ "signature": { "scheme": "github" }, "answer": "wait" })).await;
    let hook = bench.hook(&made);
    hook.github("d-1", r#"{"text":"fail"}"#).await.expect_error(502, "ExecutionFailed");
    // The sender tries again, and nothing runs twice.
    hook.github("d-1", r#"{"text":"fail"}"#).await.expect_error(502, "ExecutionFailed");
    assert_eq!(bench.runs().await.len(), 1);
    assert_eq!(bench.peer.received().len(), 1);
}

#[actix_web::test]
async fn what_the_agent_does_not_take_is_refused_with_the_field() {
    let bench = Bench::new().await;
    let config = json!({ "url": bench.peer.url("/work") });
    let schema =
        json!({ "type": "object", "required": ["text"], "properties": { "text": { "type": "string" } } });
    let agent =
        json!({ "name": "Strict", "agent_type": "webhook", "config": config, "input_schema": schema });
    let path = crate::agents::published(&bench.owner, agent).await;
    let id = path.rsplit('/').next().expect("an id");
    let hook =
        bench.hook(&bench.trigger(json!({ "agent_id": id, "signature": { "scheme": "github" } })).await);
    let refused = hook.github("d-1", r#"{"text":7}"#).await.expect_error(422, "InvalidInput");
    assert_eq!(refused["error"]["details"]["validation_errors"][0]["path"], "/input/text", "{refused}");
    assert_eq!(bench.hits(&hook).await[0]["outcome"], "refused");
    let started = hook.github("d-1", r#"{"text":"seven"}"#).await.expect(202);
    let run = started["execution_id"].as_str().expect("an id");
    Events::get(&bench.owner, &format!("/api/executions/{run}/events")).await.rest().await;
    let delete = bench.owner.delete(&path).await.expect_error(409, "Conflict");
    assert!(delete["error"]["message"].as_str().expect("text").contains("triggers start runs"), "{delete}");
}

#[actix_web::test]
async fn an_address_that_is_nobodys_and_one_that_is_switched_off_answer_alike() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    let update = json!({ "name": "Calls", "agent_id": bench.agent, "enabled": false });
    bench.owner.put(&format!("/api/triggers/{}", hook.id), update).await.expect(200);
    let text = |answer: crate::support::http::Answer| {
        answer.expect_error(404, "NotFound")["error"]["message"].as_str().expect("text").to_owned()
    };
    let paused = text(hook.github("d-1", "{}").await);
    assert_eq!(bench.hits(&hook).await[0]["reason"], "the trigger is switched off");
    let last = if hook.path.ends_with('0') { "1" } else { "0" };
    let mut other = super::Hook { id: String::new(), path: hook.path.clone(), http: hook.http.clone() };
    other.path.replace_range(other.path.len() - 1.., last);
    assert_eq!(text(other.github("d-1", "{}").await), paused);
    other.path = "/hooks/nonsense".to_owned();
    assert_eq!(text(other.github("d-1", "{}").await), paused);
    bench.owner.delete(&format!("/api/triggers/{}", hook.id)).await.expect(204);
    assert_eq!(text(hook.github("d-1", "{}").await), paused);
}

#[actix_web::test]
async fn two_of_the_same_at_once_start_one_run() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    let calls = (0..8).map(|_| hook.github("d-1", r#"{"text":"hello"}"#));
    let answers = futures_util::future::join_all(calls).await;
    let runs: std::collections::BTreeSet<String> =
        answers.iter().map(|it| run_of(&it.expect(202)).to_owned()).collect();
    assert_eq!(runs.len(), 1, "{runs:?}");
    assert_eq!(bench.runs().await.len(), 1);
    assert_eq!(bench.hits(&hook).await.len(), 8);
}

#[actix_web::test]
async fn repetitions_count_where_the_trigger_says_so() {
    let bench = Bench::new().await;
    let made = bench.trigger(json!({ "signature": { "scheme": "github" }, "dedupe_ms": 0 })).await;
    let hook = bench.hook(&made);
    for _ in 0..2 {
        assert_eq!(hook.github("d-1", "{}").await.expect(202)["outcome"], "accepted");
    }
    assert_eq!(bench.runs().await.len(), 2);
}

#[actix_web::test]
async fn forms_and_texts_are_taken_too() {
    let bench = Bench::new().await;
    let change = json!({
        "signature": { "scheme": "hmac", "header": "x-sig" }, "answer": "wait",
        "mapping": { "text": "{{ body.text or body }}" },
    });
    let hook = bench.hook(&bench.trigger(change).await);
    for (kind, body, expected) in [
        ("application/x-www-form-urlencoded", "text=hello+there&x=1", "hello there"),
        ("text/plain", "just words", "just words"),
    ] {
        let http = hook.http.with("x-sig", hexed(SECRET.as_bytes(), body));
        let answer = http.send(http::Method::POST, &hook.path, Some(kind), body.into()).await.expect(200);
        assert_eq!(answer["output"]["echo"]["text"], expected, "{answer}");
    }
}

#[actix_web::test]
async fn a_body_that_is_too_large_is_not_read() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    let body = format!("\"{}\"", "x".repeat(1 << 20));
    hook.github("d-1", &body).await.expect_error(413, "PayloadTooLarge");
}

#[actix_web::test]
async fn bad_calls_do_not_wear_out_the_disk() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    for _ in 0..90 {
        hook.call(&[("x-hub-signature-256", "sha256=00")], "{}").await.expect_error(401, "Unauthenticated");
    }
    let shown = bench.owner.get(&format!("/api/triggers/{}", hook.id)).await.expect(200);
    let refused = shown["hits"]["refused"].as_u64().expect("a number");
    assert!((60..90).contains(&refused), "{refused}");
}

#[actix_web::test]
async fn the_list_of_hits_is_bounded_and_the_counts_go_on() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    for n in 0..103 {
        hook.github(&format!("d-{n}"), &format!("{{\"n\":{n}}}")).await.expect(202);
    }
    let page = bench.owner.get(&format!("/api/triggers/{}/hits?limit=200", hook.id)).await.expect(200);
    let items = page["items"].as_array().expect("items");
    assert_eq!((items.len(), &items[0]["delivery_id"]), (100, &json!("d-102")));
    let shown = bench.owner.get(&format!("/api/triggers/{}", hook.id)).await.expect(200);
    assert_eq!(shown["hits"]["accepted"], 103);
}

#[actix_web::test]
async fn no_secret_header_reaches_the_input() {
    let bench = Bench::new().await;
    let change = json!({ "signature": { "scheme": "github" }, "mapping": "headers", "answer": "wait" });
    let hook = bench.hook(&bench.trigger(change).await);
    let signature = format!("sha256={}", hexed(SECRET.as_bytes(), "{}"));
    let headers = [
        ("x-hub-signature-256", signature.as_str()),
        ("authorization", "Bearer walrus"),
        ("cookie", "a=walrus"),
    ];
    let done: Value = hook.call(&headers, "{}").await.expect(200);
    let text = done.to_string();
    assert!(!text.contains("walrus") && !text.contains("sha256=") && text.contains("content-type"), "{text}");
}
