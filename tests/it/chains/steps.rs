//! What steps get, what they hand on, when they run, and what is counted.

use serde_json::json;

use super::{Bench, chain, said, told};
use crate::support::events::{Events, assert_whole};
use crate::support::peer::{Received, Step, chunk, chunked_head, json as json_answer, last_chunk};

#[tokio::test(flavor = "multi_thread")]
async fn steps_run_in_their_order_and_each_gets_what_came_before() {
    let bench = Bench::new().await;
    bench.three().await;
    let steps = json!([
        { "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b" }, { "id": "three", "agent_id": "c" },
    ]);
    let path = bench.chain(chain("Relay", steps)).await;
    let run = bench.run(&path, json!({ "n": 1 })).await.expect(200);
    assert_eq!(bench.asked(), ["/a", "/b", "/c"]);
    let expected = json!({ "from": "c", "got": { "from": "b", "got": { "from": "a", "got": { "n": 1 } } } });
    assert_eq!(run["output"], expected);
    assert_eq!((&run["status"], &run["agent_id"]), (&json!("completed"), &json!(null)));
    assert_eq!(run["workflow_id"].as_str(), path.rsplit('/').next());
    assert_eq!((&run["workflow_revision"], &run["usage"]["api_calls"]), (&json!(1), &json!(3)));
    let id = run["id"].as_str().expect("an id");
    assert_eq!(bench.keys(), ["one", "two", "three"].map(|it| format!("{id}.{it}.1")));
    let (_, events) = bench.ended(&format!("/api/executions/{id}")).await;
    assert_eq!(
        told(&events),
        ["one", "two", "three"]
            .map(|it| [format!("step.started {it}"), format!("step.completed {it}")])
            .concat()
    );
    assert_eq!(events[0].kind, "execution.started");
    let completed = events.iter().find(|it| it.kind == "step.completed").expect("one");
    assert_eq!(
        (&completed.data["output"]["from"], &completed.data["usage"]["api_calls"]),
        (&json!("a"), &json!(1))
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn mappings_see_the_input_and_every_step_before() {
    let bench = Bench::new().await;
    bench.three().await;
    let steps = json!([
        { "id": "one", "agent_id": "a", "input_mapping": { "text": "Hello {{ input.name }}", "n": "{{ input.n }}" } },
        { "id": "two", "agent_id": "b", "input_mapping": "previous.got.text|upper",
          "output_mapping": { "said": "{{ output.got }}", "to": "{{ input.name }}" } },
        { "id": "three", "agent_id": "c", "input_mapping": ["{{ steps.one.output.got.n }}", "{{ steps.two.output.said }}"] },
    ]);
    let mut whole = chain("Mapped", steps);
    whole["output_mapping"] =
        json!({ "list": "{{ steps.three.output.got }}", "status": "{{ steps.two.status }}" });
    let path = bench.chain(whole).await;
    let run = bench.run(&path, json!({ "name": "Ada", "n": 7 })).await.expect(200);
    let got: Vec<_> = bench.peer.received().iter().map(Received::json).collect();
    assert_eq!(got, [json!({ "text": "Hello Ada", "n": 7 }), json!("HELLO ADA"), json!([7, "HELLO ADA"])]);
    assert_eq!(run["output"], json!({ "list": [7, "HELLO ADA"], "status": "completed" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn data_that_looks_like_an_expression_stays_data() {
    let bench = Bench::with(|_, _| json_answer(&json!({ "text": "{{ input.secret }}" }))).await;
    bench.three().await;
    let steps = json!([{ "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b", "input_mapping": { "t": "{{ previous.text }}" } }]);
    let path = bench.chain(chain("Plain", steps)).await;
    bench.run(&path, json!({ "secret": "canary" })).await.expect(200);
    assert_eq!(bench.peer.last().json(), json!({ "t": "{{ input.secret }}" }));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_step_whose_condition_does_not_hold_is_skipped_and_says_why() {
    let bench = Bench::new().await;
    bench.three().await;
    let steps = json!([
        { "id": "one", "agent_id": "a" },
        { "id": "two", "agent_id": "b", "condition": "input.urgent and previous.from == 'a'" },
        { "id": "three", "agent_id": "c", "input_mapping": { "two": "{{ steps.two.status }}", "was": "{{ previous.from }}" } },
    ]);
    let path = bench.chain(chain("Perhaps", steps)).await;
    let run = bench.begin(&path, json!({ "urgent": false })).await;
    let (ended, events) = bench.ended(&run).await;
    assert_eq!(ended["output"]["got"], json!({ "two": "skipped", "was": "a" }));
    assert_eq!(bench.asked(), ["/a", "/c"]);
    let skipped = events.iter().find(|it| it.kind == "step.skipped").expect("it is told");
    assert!(skipped.data["reason"].as_str().expect("a reason").contains("input.urgent"), "{}", skipped.data);
    bench.run(&path, json!({ "urgent": true })).await.expect(200);
    assert_eq!(bench.asked(), ["/a", "/c", "/a", "/b", "/c"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_of_which_every_step_is_skipped_answers_its_input() {
    let bench = Bench::new().await;
    bench.three().await;
    let path =
        bench.chain(chain("Never", json!([{ "id": "one", "agent_id": "a", "condition": "false" }]))).await;
    let run = bench.run(&path, json!({ "n": 1 })).await.expect(200);
    assert_eq!((&run["output"], bench.asked().len()), (&json!({ "n": 1 }), 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_agents_write_is_streamed_with_the_step_that_writes_it() {
    let piece = |text: &str| chunk(&format!("data: {}\n\n", json!({ "text": text })));
    let script = move |it: &Received, _: usize| {
        let name = it.line().trim_start_matches("POST /").to_owned();
        let pieces = (0..3).map(|n| piece(&format!("{name}{n} "))).collect::<Vec<_>>();
        std::iter::once(chunked_head("text/event-stream"))
            .chain(pieces)
            .chain([last_chunk()])
            .collect::<Vec<Step>>()
    };
    let bench = Bench::with(script).await;
    for name in ["a", "b"] {
        bench.agent_with(name, json!({ "config": { "stream": "sse", "stream_text": "data.text" } })).await;
    }
    let steps = json!([{ "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b" }]);
    let path = bench.chain(chain("Spoken", steps)).await;
    let stream = Events::post(&bench.owner, &format!("{path}/execute/stream"), json!({ "input": {} })).await;
    let events = stream.rest().await;
    assert_whole(&events, 1);
    let text = |step: &str| -> String {
        let deltas = events.iter().filter(|it| it.kind == "output.delta" && it.data["step"] == step);
        deltas.filter_map(|it| it.data["text"].as_str()).collect()
    };
    assert_eq!((text("one").as_str(), text("two").as_str()), ("a0 a1 a2 ", "b0 b1 b2 "));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_step_counts_for_its_agent_and_the_sum_for_the_run() {
    let bench = Bench::new().await;
    bench.three().await;
    let steps = json!([
        { "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b" }, { "id": "three", "agent_id": "a" },
    ]);
    let path = bench.chain(chain("Counted", steps)).await;
    for _ in 0..2 {
        bench.run(&path, json!({})).await.expect(200);
    }
    let counted = async |agent: &str| {
        let metrics = bench.owner.get(&format!("/api/agents/{agent}/metrics")).await.expect(200);
        metrics["total"]["executions"].clone()
    };
    assert_eq!((counted("a").await, counted("b").await, counted("c").await), (json!(4), json!(2), json!(0)));
    let summary = bench.owner.get("/api/analytics/summary").await.expect(200);
    assert_eq!(summary["total"]["executions"], 2, "{summary}");
    assert_eq!(summary["total"]["api_calls"], 6, "{summary}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_chain_is_run_by_the_general_way_in_and_its_runs_are_listed() {
    let bench = Bench::new().await;
    bench.three().await;
    let path = bench.chain(chain("General", json!([{ "id": "one", "agent_id": "a" }]))).await;
    let id = path.rsplit('/').next().expect("an id");
    let body = json!({ "workflow_id": "general", "input": { "n": 1 } });
    let run = bench.owner.post("/api/executions", body).await.expect(200);
    assert_eq!((run["workflow_id"].as_str(), &run["trigger"]["kind"]), (Some(id), &json!("api")));
    let both = json!({ "workflow_id": "general", "agent_id": "a", "input": {} });
    bench.owner.post("/api/executions", both).await.expect_error(422, "ValidationFailed");
    for list in [format!("{path}/executions"), format!("/api/executions?workflow_id={id}")] {
        let runs = bench.owner.get(&list).await.expect(200);
        assert_eq!(runs["items"].as_array().expect("items").len(), 1, "{list}");
        assert_eq!(runs["items"][0]["id"], run["id"]);
    }
    let run_id = run["id"].as_str().expect("an id");
    let same = bench.owner.get(&format!("/api/chains/executions/{run_id}")).await.expect(200);
    assert_eq!(same, run);
    let agents = bench.owner.post("/api/agents/a/execute", json!({ "input": {} })).await.expect(200);
    let agents = agents["id"].as_str().expect("an id");
    bench.owner.get(&format!("/api/chains/executions/{agents}")).await.expect_error(404, "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn input_that_does_not_fit_is_refused_before_anything_runs() {
    let bench = Bench::new().await;
    bench.three().await;
    let mut whole = chain("Strict", json!([{ "id": "one", "agent_id": "a" }]));
    whole["input_schema"] = json!({ "type": "object", "required": ["text"] });
    let path = bench.chain(whole).await;
    let error = bench.run(&path, json!({})).await.expect_error(422, "InvalidInput");
    assert!(error["error"]["message"].as_str().expect("text").contains("text"), "{error}");
    assert_eq!(bench.asked().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_goes_on_with_the_chain_and_the_agents_that_it_was_accepted_with() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let script = move |it: &Received, n: usize| {
        let wait = (n == 0).then(|| Step::Wait(held.clone()));
        wait.into_iter().chain(said(it)).collect::<Vec<_>>()
    };
    let bench = Bench::with(script).await;
    bench.three().await;
    let steps = json!([{ "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b" }]);
    let path = bench.chain(chain("Steady", steps)).await;
    let run = bench.begin(&path, json!({})).await;
    bench.peer.has_received(1).await;
    let changed = chain("Steady", json!([{ "id": "other", "agent_id": "c" }]));
    assert_eq!(bench.owner.put(&path, changed).await.expect(200)["revision"], 2);
    let config = json!({ "config": { "url": bench.peer.url("/new") } });
    bench.owner.post("/api/agents/b/versions", json!({})).await.expect(201);
    bench.owner.patch("/api/agents/b", config).await.expect(200);
    bench.owner.post("/api/agents/b/versions/draft/publish", json!({})).await.expect(200);
    gate.add_permits(1);
    let (ended, _) = bench.ended(&run).await;
    assert_eq!((&ended["status"], &ended["workflow_revision"]), (&json!("completed"), &json!(1)));
    assert_eq!(bench.asked(), ["/a", "/b"]);
    let retry = async |version| {
        bench.owner.post(&format!("{run}/retry"), json!({ "version": version })).await.expect(200)
    };
    let same = retry("same").await;
    assert_eq!((&same["workflow_revision"], &same["trigger"]["retry_of"]), (&json!(1), &ended["id"]));
    assert_eq!(bench.asked(), ["/a", "/b", "/a", "/b"]);
    assert_eq!(retry("current").await["workflow_revision"], 2);
    assert_eq!(bench.asked().last().map(String::as_str), Some("/c"));
}

#[tokio::test(flavor = "multi_thread")]
async fn recorded_runs_say_what_could_be_better() {
    let bench = Bench::with(|it, n| {
        let slow = it
            .line()
            .ends_with("/b")
            .then_some(Step::Pause(std::time::Duration::from_millis(20 + n as u64 % 2)));
        slow.into_iter().chain(said(it)).collect()
    })
    .await;
    bench.three().await;
    let steps =
        json!([{ "id": "one", "agent_id": "a" }, { "id": "two", "agent_id": "b", "input_mapping": "input" }]);
    let path = bench.chain(chain("Better", steps)).await;
    for _ in 0..5 {
        bench.run(&path, json!({})).await.expect(200);
    }
    let told = bench.owner.get(&format!("{path}/optimize")).await.expect(200);
    assert_eq!((&told["runs"], &told["steps"][1]["completed"]), (&json!(5), &json!(5)));
    let kinds: Vec<_> =
        told["suggestions"].as_array().expect("a list").iter().map(|it| it["kind"].clone()).collect();
    assert!(kinds.contains(&json!("parallel")) && kinds.contains(&json!("slow")), "{told}");
}
