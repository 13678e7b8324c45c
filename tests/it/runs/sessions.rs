//! Conversations: one run after the other, and what becomes of a message that comes too early.

use serde_json::{Value, json};

use super::Bench;
use crate::agents::published;
use crate::support::peer::json as json_answer;

impl Bench {
    /// Who said what in a session.
    async fn said(&self, session: &str) -> Vec<(String, Value)> {
        let page = self.owner.get(&format!("/api/sessions/{session}/messages")).await.expect(200);
        let items = page["items"].as_array().expect("messages").clone();
        items
            .into_iter()
            .map(|it| (it["role"].as_str().expect("who").to_owned(), it["content"].clone()))
            .collect()
    }

    fn words_received(&self) -> Vec<Value> {
        self.peer.received().iter().map(|it| it.json()["text"].clone()).collect()
    }
}

fn in_session(session: &str, text: &str) -> Value {
    json!({ "session_id": session, "input": { "text": text } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_has_its_runs_one_after_the_other() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let mut runs = vec![bench.begin(&agent, in_session("s", "one")).await];
    bench.peer.has_received(1).await;
    runs.push(bench.begin(&agent, in_session("s", "two")).await);
    runs.push(bench.begin(&agent, in_session("s", "three")).await);
    runs.push(bench.begin(&agent, in_session("other", "theirs")).await);
    bench.peer.has_received(2).await;
    assert_eq!(bench.words_received(), ["one", "theirs"], "the other session is not held up");
    let session = bench.owner.get("/api/sessions/s").await.expect(200);
    let open = session["open"].as_array().expect("a list");
    let ids: Vec<&str> = runs[..3].iter().filter_map(|it| it.rsplit('/').next()).collect();
    assert_eq!(open.iter().filter_map(Value::as_str).collect::<Vec<_>>(), ids);
    gate.add_permits(4);
    for run in &runs {
        assert_eq!(bench.ended(run).await["status"], "completed");
    }
    assert_eq!(bench.words_received(), ["one", "theirs", "two", "three"]);
    let said: Vec<String> = bench.said("s").await.into_iter().map(|it| it.0).collect();
    assert_eq!(said, ["user", "assistant", "user", "assistant", "user", "assistant"]);
    let listed = bench.owner.get("/api/sessions").await.expect(200);
    let names: Vec<&str> =
        listed["items"].as_array().expect("a list").iter().filter_map(|it| it["id"].as_str()).collect();
    assert_eq!(names, ["other", "s"], "the last used first");
    assert_eq!(listed["items"][1]["first_words"], "one", "a name where it has no title");
    let refused = bench.owner.put("/api/sessions/s", json!({ "title": "T" })).await;
    let refused = refused.expect_error(422, "ValidationFailed");
    assert!(refused.to_string().contains("/metadata"), "{refused}");
    let named = json!({ "title": "T", "metadata": null });
    assert_eq!(bench.owner.put("/api/sessions/s", named).await.expect(200)["title"], "T");
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_want_to_wait_is_refused() {
    let (bench, gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let first = bench.begin(&agent, in_session("s", "one")).await;
    bench.peer.has_received(1).await;
    let body = json!({ "input": { "text": "two" }, "session_id": "s", "on_busy": "reject", "wait_ms": 0 });
    let refused =
        bench.owner.post(&format!("{agent}/execute"), body.clone()).await.expect_error(409, "Conflict");
    let busy = refused["error"]["details"]["execution_id"].as_str().expect("the run");
    assert!(first.ends_with(busy), "{refused}");
    gate.add_permits(2);
    bench.ended(&first).await;
    bench.owner.post(&format!("{agent}/execute"), body).await.expect(202);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_interrupted_message_was_said_and_a_message_taken_back_was_not() {
    for (policy, kept) in [("interrupt", true), ("rollback", false)] {
        let (bench, gate) = Bench::gated(|_| {}).await;
        let agent = bench.agent("A", json!({})).await;
        let first = bench.begin(&agent, in_session("s", "one")).await;
        bench.peer.has_received(1).await;
        let waiting = bench.begin(&agent, in_session("s", "two")).await;
        let mut body = in_session("s", "three");
        body["on_busy"] = policy.into();
        let last = bench.begin(&agent, body).await;
        for run in [&first, &waiting] {
            let ended = bench.ended(run).await;
            assert_eq!(ended["status"], "cancelled", "{policy}");
            let by = ended["error"]["details"]["interrupted_by"].as_str().expect("who ended it");
            assert!(last.ends_with(by) && ended["error"]["code"] == "ExecutionCancelled", "{ended}");
        }
        gate.add_permits(3);
        assert_eq!(bench.ended(&last).await["status"], "completed", "{policy}");
        let asked: Vec<Value> = bench
            .said("s")
            .await
            .into_iter()
            .filter(|it| it.0 == "user")
            .map(|it| it.1["text"].clone())
            .collect();
        let expected: &[&str] = if kept { &["one", "two", "three"] } else { &["three"] };
        assert_eq!(asked, expected, "{policy}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_is_told_what_was_said_before() {
    let answer = |request: &crate::support::peer::Received, _: usize| {
        let asked = request.json()["messages"].as_array().map_or(0, Vec::len);
        let message = json!({ "role": "assistant", "content": format!("I heard {asked}") });
        json_answer(&json!({ "choices": [{ "message": message, "finish_reason": "stop" }] }))
    };
    let bench = Bench::new(answer).await;
    let config = json!({ "base_url": bench.peer.url("/v1"), "model": "m", "stream": false });
    let agent = json!({ "name": "M", "agent_type": "openai", "config": config });
    let agent = published(&bench.owner, agent).await;
    for text in ["one", "two"] {
        let run = bench.begin(&agent, json!({ "session_id": "s", "input": text })).await;
        assert_eq!(bench.ended(&run).await["status"], "completed");
    }
    let told = bench.peer.received().last().expect("a request").json()["messages"].clone();
    let expected = json!([
        { "role": "user", "content": "one" },
        { "role": "assistant", "content": "I heard 1" },
        { "role": "user", "content": "two" },
    ]);
    assert_eq!(told, expected);
    let run = bench.begin(&agent, json!({ "session_id": "another", "input": "three" })).await;
    bench.ended(&run).await;
    let told = bench.peer.received().last().expect("a request").json()["messages"].clone();
    assert_eq!(told, json!([{ "role": "user", "content": "three" }]), "nothing of another session");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_is_found_by_whatever_it_is_called() {
    let (bench, _gate) = Bench::gated(|_| {}).await;
    let agent = bench.agent("A", json!({})).await;
    let agent_id = agent.rsplit('/').next().expect("an id");
    for id in ["plain", "a/b c", "100%41+ü", "?x=1#y"] {
        let new = json!({ "agent_id": agent_id, "id": id, "title": "T" });
        let made = bench.owner.post("/api/sessions", new.clone()).await;
        let place = made.header("location").expect("a place").to_owned();
        assert_eq!(made.expect(201)["id"], id);
        assert_eq!(bench.owner.get(&place).await.expect(200)["id"], id, "{place}");
        bench.owner.post("/api/sessions", new).await.expect_error(409, "Conflict");
    }
    for id in ["", "..", "a\0b", &"x".repeat(201)] {
        let body = json!({ "input": {}, "session_id": id });
        bench.owner.post(&format!("{agent}/execute"), body).await.expect_error(422, "ValidationFailed");
    }
    let made = bench.owner.post("/api/sessions", json!({ "agent_id": agent_id })).await.expect(201);
    assert!(made["id"].as_str().is_some_and(|it| it.starts_with("ses_")), "{made}");
    let body = json!({ "input": {}, "on_busy": "queue" });
    let refused =
        bench.owner.post(&format!("{agent}/execute"), body).await.expect_error(422, "ValidationFailed");
    assert!(refused.to_string().contains("session_id"), "{refused}");
    bench
        .owner
        .post("/api/sessions", json!({ "agent_id": agent_id, "id": "" }))
        .await
        .expect_error(422, "ValidationFailed");
}
