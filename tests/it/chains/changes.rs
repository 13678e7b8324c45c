//! Chains as they are made, read, changed and deleted.

use serde_json::json;

use super::{Bench, chain};
use crate::support::peer::Step;

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_comes_back_as_it_was_written() {
    let bench = Bench::new().await;
    let id = bench.agent("a").await;
    let whole = json!({
        "name": "Whole", "slug": "the-whole", "description": "All of it", "visibility": "organization",
        "input_schema": { "type": "object" }, "error_handling": "continue", "timeout_ms": 5_000,
        "retry_policy": { "max_attempts": 2, "backoff_ms": 1, "max_backoff_ms": 2 },
        "output_mapping": { "n": "{{ steps.one.output }}" },
        "steps": [{
            "id": "one", "agent_id": "a", "version": "1.0.0", "input_mapping": { "a": ["{{ input.b }}", 1.50, null] },
            "output_mapping": "output.x", "condition": "input.go", "timeout_ms": 9, "on_error": "fail",
            "retry": { "max_attempts": 4, "backoff_ms": 5, "max_backoff_ms": 6 },
        }],
    });
    let answer = bench.owner.post("/api/chains", whole.clone()).await;
    let location = answer.header("location").expect("a place").to_owned();
    let made = answer.expect(201);
    for (name, value) in whole.as_object().expect("an object").iter().filter(|it| it.0 != "steps") {
        assert_eq!(&made[name], value, "{name}");
    }
    let mut step = whole["steps"][0].clone();
    step["agent_id"] = json!(id);
    assert_eq!((&made["steps"][0], &made["revision"]), (&step, &json!(1)));
    assert_eq!(bench.owner.get(&location).await.expect(200), made);
    assert_eq!(bench.owner.get("/api/chains/the-whole").await.expect(200), made);
    let mut again = made.clone();
    for field in ["id", "slug", "revision", "owner_id", "created_at", "updated_at"] {
        again.as_object_mut().expect("an object").remove(field);
    }
    let put = bench.owner.put(&location, again).await.expect(200);
    assert_eq!((&put["steps"], &put["revision"]), (&made["steps"], &json!(2)));
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_paged_and_searched() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    for name in ["First", "Second", "Third"] {
        bench.chain(chain(name, json!([{ "id": "one", "agent_id": "a" }]))).await;
    }
    let first = bench.owner.get("/api/chains?limit=2").await.expect(200);
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|it| it["name"].as_str().expect("a name").into())
            .collect()
    };
    assert_eq!(names(&first), ["Third", "Second"]);
    let cursor = first["next_cursor"].as_str().expect("more");
    assert_eq!(
        names(&bench.owner.get(&format!("/api/chains?limit=2&cursor={cursor}")).await.expect(200)),
        ["First"]
    );
    assert_eq!(names(&bench.owner.get("/api/chains?q=SEC").await.expect(200)), ["Second"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn names_and_slugs_are_taken_once() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    let steps = json!([{ "id": "one", "agent_id": "a" }]);
    bench.chain(chain("Mine", steps.clone())).await;
    bench.owner.post("/api/chains", chain(" mine ", steps.clone())).await.expect_error(409, "Conflict");
    let mut slug = chain("Other", steps.clone());
    slug["slug"] = json!("mine");
    bench.owner.post("/api/chains", slug).await.expect_error(409, "Conflict");
    let path = bench.chain(chain("Mine!", steps)).await;
    assert_eq!(bench.owner.get(&path).await.expect(200)["slug"], "mine-2");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_meets_another_is_refused() {
    let bench = Bench::new().await;
    bench.agent("a").await;
    let steps = json!([{ "id": "one", "agent_id": "a" }]);
    let path = bench.chain(chain("Raced", steps.clone())).await;
    let tag = bench.owner.get(&path).await.header("etag").expect("a tag").to_owned();
    let with = bench.owner.with("if-match", tag);
    with.put(&path, chain("Raced", steps.clone())).await.expect(200);
    with.put(&path, chain("Raced", steps)).await.expect_error(412, "PreconditionFailed");
    with.delete(&path).await.expect_error(412, "PreconditionFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deleted_chain_leaves_its_runs_and_frees_its_name() {
    let bench =
        Bench::with(|_, n| if n == 0 { vec![Step::Hang] } else { super::json_answer(&json!(1)) }).await;
    bench.agent("a").await;
    let steps = json!([{ "id": "one", "agent_id": "a" }]);
    let path = bench.chain(chain("Gone", steps.clone())).await;
    let run = bench.begin(&path, json!({})).await;
    bench.peer.has_received(1).await;
    bench.owner.delete(&path).await.expect_error(409, "Conflict");
    bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    let used = bench.owner.delete("/api/agents/a").await.expect_error(409, "Conflict");
    assert!(used["error"]["details"]["chain_ids"].is_array(), "{used}");
    assert_eq!(bench.owner.delete(&path).await.status, 204);
    bench.owner.get(&path).await.expect_error(404, "NotFound");
    bench.owner.get(&run).await.expect(200);
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page(&run.replace("/api", "")).await;
    assert!(page.contains("Gone <span class=\"soft\">(deleted)</span>"), "{page}");
    assert!(!page.contains("/chains/wfl_"), "a link to nowhere: {page}");
    bench.owner.post(&format!("{run}/retry"), json!({})).await.expect_error(404, "NotFound");
    bench.chain(chain("Gone", steps)).await;
    let audit = bench.owner.get("/api/audit?limit=50").await.expect(200).to_string();
    for action in ["chain.create", "chain.delete"] {
        assert!(audit.contains(action), "{action}");
    }
}
