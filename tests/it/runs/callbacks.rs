//! Agents that answer later, at an address of their own.

use serde_json::{Value, json};

use super::Bench;
use crate::support::peer::answer;

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_comes_later_ends_the_run() {
    let bench = Bench::new(|_, _| answer(202, &[], "")).await;
    let config = json!({ "config": { "reply": "callback", "callback_field": "reply_to" } });
    let agent = bench.agent_with("A", &config).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    let sent = bench.peer.last().json();
    let url: url::Url = sent["reply_to"].as_str().expect("an address").parse().expect("an address");
    let anonymous = bench.appliance.anonymous();
    anonymous.post("/hooks/callbacks/wrong", json!({})).await.expect_error(404, "NotFound");
    anonymous.post(url.path(), json!({ "late": true })).await.expect(204);
    let ended = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["output"]), (&json!("completed"), &json!({ "late": true })));
    anonymous.post(url.path(), json!({ "late": "again" })).await.expect_error(404, "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_takes_an_answer_for_a_cancelled_run() {
    let bench = Bench::new(|_, _| answer(202, &[], "")).await;
    let config = json!({ "config": { "reply": "callback", "callback_header": "X-Reply-To" } });
    let agent = bench.agent_with("A", &config).await;
    let run = bench.begin(&agent, json!({})).await;
    bench.peer.has_received(1).await;
    bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    let url: url::Url =
        bench.peer.last().header("x-reply-to").expect("an address").parse().expect("an address");
    bench.appliance.anonymous().post(url.path(), json!({})).await.expect_error(404, "NotFound");
    assert_eq!(bench.owner.get(&run).await.expect(200)["output"], Value::Null);
}
