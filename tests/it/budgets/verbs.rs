//! Budgets are made, changed, replaced and deleted.

use serde_json::{Value, json};

use super::{Bench, DOLLAR, figures, id_of};

fn path(budget: &Value) -> String {
    format!("/api/budgets/{}", budget["id"].as_str().expect("an id"))
}

#[tokio::test]
async fn a_change_keeps_what_was_used_and_holds_from_the_next_call_on() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let execute = format!("{agent}/execute");
    let budget = bench.budget(json!({ "limit_micros": DOLLAR })).await;
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(429);
    let raised = json!({ "name": "All", "limit_micros": 2 * DOLLAR });
    let raised = bench.owner.put(&path(&budget), raised).await.expect(200);
    assert_eq!(figures(&raised["standing"]), (DOLLAR, 0, 1));
    assert_eq!(raised["standing"]["refused_at"], json!(null), "the next refusal is a first one");
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    let off = json!({ "name": "All", "limit_micros": 1, "enabled": false });
    bench.owner.put(&path(&budget), off).await.expect(200);
    bench.owner.post(&execute, json!({ "input": "a" })).await.expect(200);
    bench.owner.delete(&path(&budget)).await.expect(204);
    bench.owner.get(&path(&budget)).await.expect(404);
    let audit = bench.owner.get("/api/audit?limit=200").await.expect(200).to_string();
    for action in ["budget.create", "budget.update", "budget.delete"] {
        assert!(audit.contains(action), "{action} is in the audit log");
    }
}

#[tokio::test]
async fn a_change_of_what_was_read_before_another_is_refused() {
    let bench = Bench::new().await;
    let budget = bench.budget(json!({})).await;
    let found = bench.owner.get(&path(&budget)).await;
    let tag = found.header("etag").expect("a tag").to_owned();
    bench.owner.put(&path(&budget), json!({ "name": "All", "limit_micros": 5 })).await.expect(200);
    let late = bench.owner.with("If-Match", &tag);
    late.put(&path(&budget), json!({ "name": "All", "limit_micros": 6 })).await.expect(412);
}

#[tokio::test]
async fn what_a_budget_must_say_is_said_at_its_field() {
    let bench = Bench::new().await;
    let wrong = json!({ "name": "", "scope": "run", "window": "day" });
    let error = bench.owner.post("/api/budgets", wrong).await.expect(422)["error"].clone();
    let paths: Vec<_> = error["details"]["validation_errors"]
        .as_array()
        .expect("errors")
        .iter()
        .map(|it| it["path"].as_str().expect("a path").to_owned())
        .collect();
    assert_eq!(paths, ["/name", "/limit_micros", "/window"]);
    bench.budget(json!({})).await;
    let twin = json!({ "name": "ALL", "scope": "organization", "window": "day", "limit_micros": 5 });
    bench.owner.post("/api/budgets", twin).await.expect(409);
}

#[tokio::test]
async fn all_budgets_are_replaced_at_once_and_those_that_stay_keep_their_counts() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let kept = bench.budget(json!({})).await;
    let gone = bench.budget(json!({ "name": "Gone" })).await;
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    let items = json!({ "items": [
        { "name": "All", "scope": "organization", "window": "day", "limit_micros": 3 * DOLLAR },
        { "name": "New", "scope": "agent", "subject_id": id_of(&agent), "window": "month", "limit_tokens": 9 },
    ] });
    let all = bench.owner.put("/api/budgets", items).await.expect(200);
    assert_eq!(all["items"][0]["id"], kept["id"]);
    assert_eq!(all["items"][0]["limit_micros"], 3 * DOLLAR);
    assert_eq!(figures(&all["items"][0]["standing"]), (DOLLAR, 0, 1));
    assert_eq!(all["items"][1]["name"], "New");
    bench.owner.get(&path(&gone)).await.expect(404);
    let twice = json!({ "items": [
        { "name": "A", "scope": "organization", "window": "day", "limit_micros": 1 },
        { "name": "a", "scope": "organization", "window": "day", "limit_micros": 1 },
    ] });
    let error = bench.owner.put("/api/budgets", twice).await.expect(422);
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/items/1/name");
    assert_eq!(bench.owner.get("/api/budgets").await.expect(200)["items"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_budget_takes_a_slug_and_warns_where_no_run_fits() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let of_model = |change: Value| {
        let mut new = json!({ "scope": "agent", "subject_id": "model", "name": "Small", "limit_micros": 5 });
        json_patch::merge(&mut new, &change);
        bench.budget(new)
    };
    let small = of_model(json!({})).await;
    assert_eq!(small["subject_id"], id_of(&agent));
    let warning = small["warning"].as_str().expect("a warning");
    assert!(warning.contains("Model") && warning.contains("1.00 USD"), "{warning}");
    let fits = json!({ "name": "Fits", "limit_micros": 2 * DOLLAR });
    assert_eq!(of_model(fits).await["warning"], json!(null));
    let tokens = json!({ "name": "Few", "limit_micros": null, "limit_tokens": 50 });
    assert!(of_model(tokens).await["warning"].as_str().is_some_and(|it| it.contains("tokens")));
    let nobody =
        json!({ "name": "No", "scope": "agent", "subject_id": "nobody", "window": "day", "limit_micros": 5 });
    bench.owner.post("/api/budgets", nobody).await.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn it_shows_who_used_how_much() {
    let bench = Bench::new().await;
    let (one, two) = (bench.agent("One").await, bench.agent("Two").await);
    let budget = bench.budget(json!({})).await;
    for agent in [&one, &two, &two] {
        bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    }
    let found = bench.owner.get(&path(&budget)).await.expect(200);
    let agents: Vec<_> = found["agents"]
        .as_array()
        .expect("agents")
        .iter()
        .map(|it| (it["id"].as_str().expect("an id").to_owned(), it["used_micros"].as_i64().expect("micros")))
        .collect();
    assert_eq!(agents, [(id_of(&two).to_owned(), 2 * DOLLAR), (id_of(&one).to_owned(), DOLLAR)]);
    assert_eq!(found["actors"][0]["calls"], 3);
}
