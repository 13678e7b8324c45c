//! What is let through, and what is counted.

use std::sync::Arc;

use futures_util::future::join_all;
use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Bench, DOLLAR, completion, figures, id_of, model};
use crate::agents::{native, published};
use crate::support::peer::{Step, answer};
use crate::support::people::{Caller, SCOPES};
use crate::support::until;

#[tokio::test(flavor = "multi_thread")]
async fn fifty_runs_at_once_against_a_budget_for_ten_let_ten_through() {
    // No call ends before all runs were accepted or refused: nothing but what is held back can stop them.
    let gate = Arc::new(Semaphore::new(0));
    let closed = gate.clone();
    let bench = Bench::with(move |_, _| [vec![Step::Wait(closed.clone())], completion(20)].concat()).await;
    let agent = bench.agent("Model").await;
    let budget = bench.budget(json!({})).await;
    let execute = format!("{agent}/execute");
    let ask = || bench.owner.post(&execute, json!({ "input": "hello", "wait_ms": 0 }));
    let answers = join_all((0..50).map(|_| ask())).await;
    let with = |status: u16| answers.iter().filter(|it| it.status == status).count();
    assert_eq!((with(202), with(429)), (10, 40));
    assert_eq!(figures(&bench.standing(&budget).await), (0, 10 * DOLLAR, 0));
    gate.add_permits(50);
    until("ten are counted", async || figures(&bench.standing(&budget).await).2 == 10).await;
    // A fifth of what was held was used; the rest is there again.
    assert_eq!(figures(&bench.standing(&budget).await), (2 * DOLLAR, 0, 10));
    assert_eq!(bench.peer.received_count(), 10, "nothing was sent for a run that was refused");
}

#[tokio::test(flavor = "multi_thread")]
async fn used_and_reserved_never_pass_the_limit() {
    let bench = Bench::with(|_, earlier| completion(earlier as u64 * 7 % 100 + 1)).await;
    let agent = bench.agent("Model").await;
    let budget = bench.budget(json!({ "limit_micros": 7 * DOLLAR })).await;
    let execute = format!("{agent}/execute");
    for _ in 0..6 {
        let ask = || bench.owner.post(&execute, json!({ "input": "hello", "wait_ms": 20_000 }));
        let looks = async {
            let (used, held, _) = figures(&bench.standing(&budget).await);
            assert!(used + held <= 7 * DOLLAR, "{used} and {held}");
        };
        let (answers, ()) = tokio::join!(join_all((0..10).map(|_| ask())), looks);
        assert!(answers.iter().all(|it| matches!(it.status, 200 | 429)));
    }
    let (used, held, calls) = figures(&bench.standing(&budget).await);
    let cost: i64 = bench.owner.get("/api/executions?limit=200").await.expect(200)["items"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|it| it["usage"]["cost_micros"].as_i64().expect("a cost"))
        .sum();
    assert_eq!((used, held, calls), (cost, 0, bench.peer.received_count() as u64), "D10");
    assert!(used > 6 * DOLLAR, "the last dollar was not enough for a call: {used}");
}

#[tokio::test]
async fn a_refusal_says_which_budget_how_far_it_is_used_when_it_begins_anew_and_who_can_raise_it() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let budget = bench.budget(json!({ "name": "Pocket", "limit_micros": 1_500_000 })).await;
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    let refused = bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await;
    let retry_after = refused.header("retry-after").map(str::to_owned);
    let error = refused.expect(429)["error"].clone();
    assert_eq!(error["code"], "ResourceExhausted");
    assert_eq!(
        error["message"],
        "the budget “Pocket” allows 1.50 USD a day: 1.00 USD used, 0.00 USD reserved, and this call may use 1.00 USD"
    );
    let details = &error["details"];
    assert_eq!(
        details["resource_usage"],
        json!({ "resource": "budget_micros", "used": DOLLAR, "reserved": 0, "needed": DOLLAR, "limit": 1_500_000 })
    );
    assert_eq!(details["budget_id"], budget["id"]);
    assert_eq!(details["resets_at"], budget["standing"]["resets_at"]);
    let actions = details["suggested_actions"].to_string();
    assert!(actions.contains(details["resets_at"].as_str().expect("a time")), "{actions}");
    assert!(actions.contains("an admin can raise it"), "{actions}");
    assert!(retry_after.is_some_and(|it| it.parse::<u64>().is_ok_and(|it| it > 0)), "until the next day");
}

#[tokio::test]
async fn an_agents_own_budget_of_the_day_is_obeyed() {
    let bench = Bench::new().await;
    let mut new = model(&bench.peer, "Model");
    new["execution"]["budget_micros_per_day"] = json!(2 * DOLLAR);
    let agent = published(&bench.owner, new).await;
    let other = bench.agent("Other").await;
    let execute = format!("{agent}/execute");
    for _ in 0..2 {
        bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    }
    let error = bench.owner.post(&execute, json!({ "input": "a" })).await.expect(429)["error"].clone();
    assert_eq!(error["code"], "ResourceExhausted");
    assert!(error["message"].as_str().is_some_and(|it| it.contains("this agent's own budget")), "{error}");
    assert!(error["details"]["suggested_actions"].to_string().contains("budget_micros_per_day"), "{error}");
    bench.owner.post(&format!("{other}/execute"), json!({ "input": "a" })).await.expect(200);
    bench.clock.advance_ms(24 * 3_600_000);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
}

#[tokio::test]
async fn tokens_are_limited_where_no_price_is_known() {
    let bench = Bench::new().await;
    let agent = published(&bench.owner, native("Native")).await;
    let budget = bench.budget(json!({ "limit_micros": null, "limit_tokens": 6_000 })).await;
    let execute = format!("{agent}/execute");
    // The builtin model is held for a few times what it uses.
    bench.owner.post(&execute, json!({ "input": "Anna wrote a line." })).await.expect(200);
    let used = bench.standing(&budget).await["used_tokens"].as_u64().expect("tokens");
    assert!(used > 0 && used < 200, "{used}");
    let put = json!({ "name": "All", "limit_tokens": 150 });
    let path = format!("/api/budgets/{}", budget["id"].as_str().expect("an id"));
    bench.owner.put(&path, put).await.expect(200);
    let error = bench.owner.post(&execute, json!({ "input": "Anna wrote a line." })).await.expect(429);
    assert_eq!(error["error"]["details"]["resource_usage"]["resource"], "budget_tokens");
}

#[tokio::test]
async fn a_call_of_unknown_cost_goes_on_until_nothing_is_left_and_is_said_to_be_unknown() {
    let bench = Bench::new().await;
    let model = bench.agent("Model").await;
    let config = json!({ "url": bench.peer.url("/work") });
    let hook =
        published(&bench.owner, json!({ "name": "Hook", "agent_type": "webhook", "config": config })).await;
    let budget = bench.budget(json!({ "limit_micros": DOLLAR })).await;
    let run = bench.owner.post(&format!("{hook}/execute"), json!({ "input": {} })).await.expect(200);
    assert_eq!((&run["usage"]["cost_micros"], &run["usage"]["unpriced_calls"]), (&Value::Null, &json!(1)));
    let standing = bench.standing(&budget).await;
    assert_eq!(figures(&standing), (0, 0, 1));
    assert_eq!(standing["unpriced_calls"], 1);
    bench.owner.post(&format!("{model}/execute"), json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&format!("{hook}/execute"), json!({ "input": {} })).await.expect(429);
}

#[tokio::test]
async fn a_call_that_was_cut_off_counts_what_is_known() {
    let bench = Bench::with(|_, _| vec![Step::Hang]).await;
    let mut new = model(&bench.peer, "Model");
    new["config"]["input_price"] = json!(1_000);
    let agent = published(&bench.owner, new).await;
    let budget = bench.budget(json!({})).await;
    let body = json!({ "input": "hello", "wait_ms": 0 });
    let run = bench.owner.post(&format!("{agent}/execute"), body).await.expect(202);
    bench.peer.has_received(1).await;
    let held = figures(&bench.standing(&budget).await).1;
    assert!(held > DOLLAR, "the input is held, too: {held}");
    let run = run["id"].as_str().expect("an id");
    bench.owner.post(&format!("/api/executions/{run}/cancel"), json!({})).await.expect(200);
    // The input was sent; no answer came.
    assert_eq!(figures(&bench.standing(&budget).await), (held - DOLLAR, 0, 1));
}

#[tokio::test]
async fn a_call_that_the_far_end_refused_costs_nothing() {
    let bench = Bench::with(|_, _| answer(400, &[], "no")).await;
    let agent = bench.agent("Model").await;
    let budget = bench.budget(json!({})).await;
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(502);
    assert_eq!(figures(&bench.standing(&budget).await), (0, 0, 1));
}

#[tokio::test]
async fn each_attempt_is_held_to_the_budget() {
    // Half an answer each time: what was said is counted, and the third attempt does not fit any more.
    let half = r#"data: {"choices":[{"index":0,"delta":{"content":"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"}}]}"#;
    let said = format!("{half}\n\n");
    let bench = Bench::with(move |_, _| {
        let head = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Length: 100000\r\n\r\n";
        vec![Step::Send(head.into()), Step::Send(said.clone().into()), Step::Close]
    })
    .await;
    let mut new = model(&bench.peer, "Model");
    new["config"]["stream"] = json!(true);
    new["execution"]["retry"] = json!({ "max_attempts": 5, "backoff_ms": 0, "max_backoff_ms": 0 });
    let agent = published(&bench.owner, new).await;
    let budget = bench.budget(json!({ "limit_micros": 1_900_000 })).await;
    let body = json!({ "input": "hello", "wait_ms": 20_000 });
    let error = bench.owner.post(&format!("{agent}/execute"), body).await.expect(429)["error"].clone();
    assert_eq!(error["code"], "ResourceExhausted", "{error}");
    let calls = bench.peer.received_count() as u64;
    let (used, held, counted) = figures(&bench.standing(&budget).await);
    assert_eq!((held, counted), (0, calls));
    assert!(calls == 2 || calls == 3, "{calls} calls, {used} used");
    assert!(used > 900_000 && used <= 1_900_000, "{used}");
}

#[tokio::test]
async fn a_batch_is_accepted_whole_or_not_at_all() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let budget = bench.budget(json!({ "limit_micros": 3 * DOLLAR })).await;
    let path = format!("{agent}/execute/batch");
    let inputs = |count: usize| json!({ "inputs": vec!["a"; count] });
    bench.owner.post(&path, inputs(4)).await.expect(429);
    assert_eq!(figures(&bench.standing(&budget).await), (0, 0, 0));
    bench.owner.post(&path, inputs(3)).await.expect(202);
    until("three are counted", async || figures(&bench.standing(&budget).await) == (3 * DOLLAR, 0, 3)).await;
}

#[tokio::test]
async fn people_keys_and_agents_have_counts_of_their_own() {
    let bench = Bench::new().await;
    let (one, two) = (bench.agent("One").await, bench.agent("Two").await);
    let each = json!({ "name": "Each", "scope": "agent", "limit_micros": DOLLAR });
    let each = bench.budget(each).await;
    let execute = |agent: &str| format!("{agent}/execute");
    bench.owner.post(&execute(&one), json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&execute(&one), json!({ "input": "a" })).await.expect(429);
    bench.owner.post(&execute(&two), json!({ "input": "a" })).await.expect(200);
    let path = format!("/api/budgets/{}", each["id"].as_str().expect("an id"));
    let found = bench.owner.get(&path).await.expect(200);
    let subjects: Vec<&str> = found["standings"]
        .as_array()
        .expect("standings")
        .iter()
        .map(|it| it["subject_id"].as_str().expect("an id"))
        .collect();
    assert_eq!(subjects.len(), 2);
    assert!([&one, &two].iter().all(|it| subjects.contains(&id_of(it))), "{found}");
    bench.owner.delete(&path).await.expect(204);

    let user =
        json!({ "name": "Me", "scope": "user", "subject_id": bench.owner.id, "limit_micros": 2 * DOLLAR });
    let user = bench.budget(user).await;
    let http = bench.owner.http.bearer(&bench.owner.access_token);
    let key = Caller { http, ..bench.owner.clone() }.key(SCOPES).await;
    let second = json!({ "name": "Keys", "scope": "api_key", "limit_micros": DOLLAR });
    bench.budget(second).await;
    key.post(&execute(&one), json!({ "input": "a" })).await.expect(200);
    let error: Value = key.post(&execute(&one), json!({ "input": "a" })).await.expect(429);
    assert_eq!(error["error"]["details"]["budget_name"], "Keys");
    // Another key of the same person has its own count; the person's is the same.
    bench.owner.post(&execute(&one), json!({ "input": "a" })).await.expect(200);
    assert_eq!(figures(&bench.standing(&user).await), (2 * DOLLAR, 0, 2));
}
