//! What is wrong with a chain is said with its path and what to change.

use serde_json::{Value, json};

use super::{Bench, chain};

fn paths(list: &Value) -> Vec<(String, String)> {
    let text = |it: &Value| it.as_str().expect("text").to_owned();
    list.as_array().expect("a list").iter().map(|it| (text(&it["path"]), text(&it["message"]))).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_that_is_wrong_is_named_at_once() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    let schema = json!({ "type": "object", "required": ["text"], "additionalProperties": false, "properties": { "text": { "type": "string" } } });
    bench.agent_with("b", json!({ "input_schema": schema })).await;
    let steps = json!([
        { "id": "one", "agent_id": "a" },
        { "id": "two", "agent_id": "nobody" },
        { "id": "one", "agent_id": "b", "input_mapping": { "txet": "{{ steps.later.output }}" } },
        { "id": "later", "agent_id": "b", "input_mapping": { "text": 3 }, "condition": "input.", "on_error": { "goto": "one" } },
        { "id": "last", "agent_id": "a", "version": "9.9.9" },
    ]);
    let found = bench.owner.post("/api/chains/validate", chain("Wrong", steps.clone())).await.expect(200);
    assert_eq!(found["valid"], false);
    let wrong = paths(&found["validation_errors"]);
    for (path, part) in [
        ("/steps/1/agent_id", "no such agent"),
        ("/steps/2/id", "already"),
        ("/steps/2/input_mapping/txet", "comes later"),
        ("/steps/2/input_mapping/text", "needs this field"),
        ("/steps/2/input_mapping/txet", "takes no field"),
        ("/steps/3/input_mapping/text", "string"),
        ("/steps/3/condition", "does not work"),
        ("/steps/3/on_error/goto", "not a later step"),
        ("/steps/4/version", "no such version"),
    ] {
        assert!(wrong.iter().any(|it| it.0 == path && it.1.contains(part)), "{path} {part}: {wrong:#?}");
    }
    let refused =
        bench.owner.post("/api/chains", chain("Wrong", steps)).await.expect_error(422, "ValidationFailed");
    assert_eq!(paths(&refused["error"]["details"]["validation_errors"]), wrong);
    assert_eq!(bench.owner.get("/api/chains").await.expect(200)["items"], json!([]));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_go_wrong_is_a_warning_and_no_obstacle() {
    let bench = Bench::new().await;
    bench
        .agent_with("a", json!({ "output_schema": { "type": "object", "properties": { "text": {} } } }))
        .await;
    bench.agent_with("b", json!({ "input_schema": { "type": "object", "required": ["text"] } })).await;
    let draft =
        json!({ "name": "draft", "agent_type": "webhook", "config": { "url": bench.peer.url("/d") } });
    bench.owner.post("/api/agents", draft).await.expect(201);
    let steps = json!([
        { "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b" }, { "id": "three", "agent_id": "draft" },
    ]);
    let found = bench.owner.post("/api/chains/validate", chain("Careful", steps.clone())).await.expect(200);
    assert_eq!((&found["valid"], paths(&found["validation_errors"]).len()), (&json!(true), 0));
    let warnings = paths(&found["warnings"]);
    assert_eq!(
        warnings.iter().map(|it| it.0.as_str()).collect::<Vec<_>>(),
        ["/steps/2/agent_id", "/steps/1/input_mapping"]
    );
    let path = bench.chain(chain("Careful", steps)).await;
    let error = bench.run(&path, json!({})).await.expect_error(409, "VersionConflict");
    assert!(error["error"]["details"]["agent_id"].is_string(), "{error}");
    assert_eq!(bench.asked().len(), 0, "nothing begins that cannot end");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_form_cannot_be_is_refused_with_its_field() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    for (change, path) in [
        (json!({ "steps": [{ "id": "one", "agent_id": "a", "colour": "red" }] }), "/steps/0/colour"),
        (json!({ "steps": [{ "id": "one", "agent_id": "a", "on_error": "explode" }] }), "/steps/0/on_error"),
        (json!({ "steps": "none" }), "/steps"),
        (json!({ "timeout_ms": -1 }), "/timeout_ms"),
        (json!({ "input_schema": { "type": "strnig" } }), "/input_schema"),
        (json!({ "slug": "No Slug" }), "/slug"),
        (json!({ "slug": "validate" }), "/slug"),
    ] {
        let mut whole = chain("Odd", json!([{ "id": "one", "agent_id": "a" }]));
        json_patch::merge(&mut whole, &change);
        let error = bench.owner.post("/api/chains", whole).await.expect_error(422, "ValidationFailed");
        let wrong = paths(&error["error"]["details"]["validation_errors"]);
        assert!(wrong.iter().any(|it| it.0.starts_with(path)), "{change}: {wrong:?}");
    }
}
