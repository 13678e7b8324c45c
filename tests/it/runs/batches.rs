//! Batches: many inputs that are accepted together, counted, and come back as a table.

use std::time::Duration;

use bytes::Bytes;
use http::Method;
use serde_json::{Value, json};

use super::{Bench, ok};
use crate::support::http::Answer;
use crate::support::peer::{Step, answer, json as json_answer};

impl Bench {
    async fn batch(&self, agent: &str, inputs: Value) -> Value {
        self.owner.post(&format!("{agent}/execute/batch"), json!({ "inputs": inputs })).await.expect(202)
    }

    async fn text_batch(&self, agent: &str, kind: &str, text: &'static str) -> Answer {
        let body = Bytes::from_static(text.as_bytes());
        self.owner.send(Method::POST, &format!("{agent}/execute/batch"), Some(kind), body).await
    }

    /// The batch, once all of it has ended.
    async fn completed(&self, batch: &Value) -> Value {
        let path = format!("/api/batches/{}", batch["batch_id"].as_str().expect("an id"));
        loop {
            let batch = self.owner.get(&path).await.expect(200);
            if batch["status"] == "completed" {
                return batch;
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }

    async fn results(&self, batch: &Value) -> Vec<Value> {
        let path = format!("/api/batches/{}/results", batch["batch_id"].as_str().expect("an id"));
        let page = self.owner.get(&path).await.expect(200);
        page["items"].as_array().expect("lines").clone()
    }

    async fn count_runs(&self) -> usize {
        self.owner.get("/api/executions?limit=200").await.expect(200)["items"].as_array().expect("runs").len()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_line_runs_once_and_comes_back_in_its_place() {
    let bench = Bench::new(|it, _| json_answer(&json!({ "said": it.json()["n"] }))).await;
    let agent = bench.agent("A", json!({})).await;
    let batch = bench.batch(&agent, (0..60).map(|n| json!({ "n": n })).collect()).await;
    let ids = batch["execution_ids"].as_array().expect("ids");
    let ended = bench.completed(&batch).await;
    assert_eq!(
        (&ended["total"], &ended["completed"], &ended["unfinished"]),
        (&json!(60), &json!(60), &json!(0))
    );
    assert_eq!(ended["estimate"]["total_cost_micros"], Value::Null, "nobody knows a price");
    let first = bench.results(&batch).await;
    assert_eq!(first.len(), 50);
    for (place, line) in first.iter().enumerate() {
        assert_eq!((&line["line"], &line["execution_id"]), (&json!(place + 1), &ids[place]));
        assert_eq!((&line["input"]["n"], &line["output"]["said"]), (&json!(place), &json!(place)));
    }
    let path = format!("/api/batches/{}/results", batch["batch_id"].as_str().expect("an id"));
    let table = bench.owner.get(&format!("{path}?format=csv")).await;
    assert_eq!(table.header("content-type"), Some("text/csv; charset=utf-8"));
    let lines: Vec<String> = table.text().lines().map(str::to_owned).collect();
    assert_eq!(lines.len(), 61);
    assert!(lines[0].starts_with("line,execution_id,status,input.n,output,"), "{}", lines[0]);
    assert!(lines[60].contains(",completed,59,\"{\"\"said\"\":59}\","), "{}", lines[60]);
    let lines = bench.owner.get(&format!("{path}?format=jsonl")).await.text();
    assert_eq!(lines.lines().count(), 60);
    assert_eq!(bench.peer.received().len(), 60);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_table_becomes_inputs_by_the_agents_schema() {
    let bench = Bench::new(|_, _| ok()).await;
    let schema = json!({ "type": "object", "required": ["count"], "properties": {
        "name": { "type": "string" }, "count": { "type": "integer" }, "flag": { "type": "boolean" } } });
    let agent = bench.agent_with("A", &json!({ "input_schema": schema })).await;
    let answer =
        bench.text_batch(&agent, "text/csv; charset=utf-8", "name,count,flag\n\"a, b\",3,yes\nc,4,\n").await;
    let batch = answer.expect(202);
    assert_eq!(
        answer.header("location"),
        Some(format!("/api/batches/{}", batch["batch_id"].as_str().expect("an id")).as_str())
    );
    bench.completed(&batch).await;
    let inputs: Vec<Value> = bench.results(&batch).await.into_iter().map(|it| it["input"].clone()).collect();
    assert_eq!(
        inputs,
        [json!({ "name": "a, b", "count": 3, "flag": true }), json!({ "name": "c", "count": 4 })]
    );
    let lines = "{\"count\": 1}\n\n{\"count\": 2}\n";
    bench.text_batch(&agent, "application/x-ndjson", lines).await.expect(202);

    for (kind, text, path, words) in [
        ("text/csv", "name,count\na,1\nb,two\n", "/lines/3", "line 3: count has to be a whole number"),
        ("text/csv", "name\na\n", "/lines/2", "line 2: "),
        ("application/x-ndjson", "{\"count\":1}\n{\"count\":\"x\"}\n", "/lines/2/count", "line 2: "),
    ] {
        let error = bench.text_batch(&agent, kind, text).await.expect_error(422, "InvalidInput");
        let wrong = &error["error"]["details"]["validation_errors"][0];
        assert_eq!(wrong["path"], path, "{error}");
        assert!(wrong["message"].as_str().expect("words").starts_with(words), "{error}");
    }
    let twice = "{\"name\":1,\"count\":\"x\"}\n{\"count\":1}\n{\"count\":\"x\"}\n";
    let error =
        bench.text_batch(&agent, "application/x-ndjson", twice).await.expect_error(422, "InvalidInput");
    let details = &error["error"]["details"];
    assert_eq!(details["validation_errors"].as_array().map(Vec::len), Some(3), "{error}");
    assert_eq!(details["wrong_lines"], 2, "lines, and not what is wrong in them: {error}");
    assert_eq!(bench.count_runs().await, 4, "of a batch that was refused nothing runs");
    bench.text_batch(&agent, "text/html", "x").await.expect_error(415, "UnsupportedMediaType");
    bench.text_batch(&agent, "text/csv", "name,count\n").await.expect_error(422, "ValidationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_key_begins_one_batch() {
    let bench = Bench::new(|_, _| ok()).await;
    let agent = bench.agent("A", json!({})).await;
    let keyed = bench.owner.http.with("idempotency-key", "batch-1");
    let (path, body) = (format!("{agent}/execute/batch"), json!({ "inputs": [{}, {}, {}] }));
    let (first, second) = tokio::join!(keyed.post(&path, body.clone()), keyed.post(&path, body.clone()));
    let third = keyed.post(&path, body).await.expect(202);
    assert_eq!(first.expect(202), third);
    assert_eq!(second.expect(202), third);
    bench.completed(&third).await;
    assert_eq!((bench.count_runs().await, bench.peer.received().len()), (3, 3));
    keyed.post(&path, json!({ "inputs": [{}] })).await.expect_error(409, "IdempotencyKeyReused");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_the_queue_has_no_room_for_is_refused_whole() {
    let bench = Bench::with(|it| it.engine.max_queued_per_org = 5, |_, _| ok()).await;
    let agent = bench.agent("A", json!({})).await;
    let path = format!("{agent}/execute/batch");
    let answer = bench.owner.post(&path, json!({ "inputs": [1, 2, 3, 4, 5, 6] })).await;
    answer.expect_error(429, "ResourceExhausted");
    assert_eq!(bench.count_runs().await, 0);
    let many: Vec<u32> = (0..1_001).collect();
    bench.owner.post(&path, json!({ "inputs": many })).await.expect_error(422, "ValidationFailed");
    bench.completed(&bench.batch(&agent, json!([1, 2, 3, 4, 5])).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_batch_ends_what_has_not_ended() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 2 })).await;
    let batch = bench.batch(&agent, json!([{}, {}, {}, {}, {}])).await;
    gate.add_permits(1);
    let path = format!("/api/batches/{}", batch["batch_id"].as_str().expect("an id"));
    while bench.owner.get(&path).await.expect(200)["completed"] != 1 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let ended = bench.owner.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(
        (&ended["completed"], &ended["cancelled"], &ended["status"]),
        (&json!(1), &json!(4), &json!("completed"))
    );
    let again = bench.owner.post(&format!("{path}/cancel"), json!({})).await.expect(200);
    assert_eq!(again["cancelled"], 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retried_line_takes_its_place_in_the_batch() {
    let bench = Bench::new(|it, nth| match it.json()["n"] == 1 && nth < 3 {
        true => answer(500, &[], "broken"),
        false => ok(),
    })
    .await;
    let agent = bench.agent("A", json!({ "retry": { "max_attempts": 1 } })).await;
    let batch = bench.batch(&agent, json!([{ "n": 0 }, { "n": 1 }, { "n": 2 }])).await;
    let ended = bench.completed(&batch).await;
    assert_eq!((&ended["completed"], &ended["failed"]), (&json!(2), &json!(1)));
    let asked = json!({ "filter": { "batch_id": batch["batch_id"] }, "action": "retry" });
    let done = bench.owner.post("/api/executions/bulk", asked).await.expect(200);
    assert_eq!((&done["done"], &done["next_cursor"]), (&json!(1), &Value::Null));
    let ended = bench.completed(&batch).await;
    assert_eq!((&ended["completed"], &ended["failed"], &ended["total"]), (&json!(3), &json!(0), &json!(3)));
    let lines = bench.results(&batch).await;
    let lines: Vec<_> = lines.iter().map(|it| (it["line"].clone(), it["status"].clone())).collect();
    assert_eq!(lines, [1, 2, 3].map(|it| (json!(it), json!("completed"))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_goes_on_after_a_restart() {
    let (bench, gate) = Bench::gated(|it| it.server.drain_ms = 50).await;
    let agent = bench.agent("A", json!({ "max_concurrency": 1 })).await;
    let batch = bench.batch(&agent, json!([{}, {}, {}])).await;
    gate.add_permits(1);
    bench.peer.has_received(2).await;
    let bench = bench.restart().await;
    gate.add_permits(10);
    assert_eq!(bench.completed(&batch).await["completed"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_of_an_agent_with_a_rate_begin_apart() {
    let script = |_: &_, _| vec![Step::Hang];
    let bench = Bench::new(script).await;
    let agent = bench.agent("A", json!({ "rate_limit_per_minute": 1 })).await;
    let batch = bench.batch(&agent, json!([{}, {}])).await;
    bench.peer.has_received(1).await;
    let second = batch["execution_ids"][1].as_str().expect("an id");
    let second = bench.owner.get(&format!("/api/executions/{second}")).await.expect(200);
    assert_eq!(second["status"], "pending");
    let engine = &bench.appliance.inner.services.engine;
    assert_eq!((engine.stats().running, engine.stats().paused), (1, 1));
    let path = format!("/api/batches/{}/cancel", batch["batch_id"].as_str().expect("an id"));
    assert_eq!(bench.owner.post(&path, json!({})).await.expect(200)["cancelled"], 2);
}
