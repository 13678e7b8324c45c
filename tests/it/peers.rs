//! Against real servers, where `tests/run --peers` has started them: a workflow of n8n behind the webhook agent,
//! LiteLLM behind the openai agent, LangServe behind the langchain agent.

use serde_json::{Value, json};

use crate::support::Appliance;
use crate::support::people::Caller;

fn peer(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is set by tests/peers.sh"))
}

/// An appliance whose agents may reach the peer, with its owner.
async fn beside(peer: &str) -> (Appliance, Caller) {
    let place = peer.trim_start_matches("http://").to_owned();
    let appliance = Appliance::start_with(|config| config.egress.allow = vec![place], Vec::new()).await;
    let owner = appliance.owner().await;
    (appliance, owner)
}

async fn published(owner: &Caller, agent: Value) -> String {
    let made = owner.post("/api/agents", agent).await.expect(201);
    let id = made["id"].as_str().expect("an id").to_owned();
    owner.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), json!({})).await.expect(200);
    id
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real n8n: tests/run --peers"]
async fn a_workflow_of_n8n_answers() {
    let n8n = peer("REEVE_PEER_N8N");
    let (_appliance, owner) = beside(&n8n).await;
    let agent = json!({
        "name": "n8n echo", "agent_type": "webhook", "config": {"url": format!("{n8n}/webhook/peer-echo")},
    });
    let id = published(&owner, agent).await;
    let probe = owner.post(&format!("/api/agents/{id}/test"), json!({})).await.expect(200);
    assert_eq!(probe["ok"], true, "{probe}");
    let run = owner.post(&format!("/api/agents/{id}/execute"), json!({"input": {"text": "hello n8n"}})).await;
    let run = run.expect(200);
    assert_eq!(run["status"], "completed");
    assert!(run["output"].to_string().contains("hello n8n"), "{run}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real n8n: tests/run --peers"]
async fn a_broken_workflow_of_n8n_is_told_as_a_failure() {
    let n8n = peer("REEVE_PEER_N8N");
    let (_appliance, owner) = beside(&n8n).await;
    let agent = json!({
        "name": "n8n broken", "agent_type": "webhook", "config": {"url": format!("{n8n}/webhook/peer-broken")},
        "execution": {"retry": {"max_attempts": 1}},
    });
    let id = published(&owner, agent).await;
    let run = owner.post(&format!("/api/agents/{id}/execute"), json!({"input": {"text": "x"}})).await;
    run.expect_error(502, "ExecutionFailed");
}

/// A chat agent on LiteLLM's `model`.
async fn chat(owner: &Caller, litellm: &str, model: &str) -> String {
    let key = json!({"name": model, "kind": "bearer", "value": {"token": peer("REEVE_PEER_LITELLM_KEY")}});
    let credential = owner.post("/api/credentials", key).await.expect(201);
    let agent = json!({
        "name": model, "agent_type": "openai", "credential_ids": [credential["id"]],
        "config": {"base_url": format!("{litellm}/v1"), "model": model},
        "execution": {"retry": {"max_attempts": 1}},
    });
    published(owner, agent).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real LiteLLM: tests/run --peers"]
async fn a_model_behind_litellm_answers_in_pieces_and_is_metered() {
    let litellm = peer("REEVE_PEER_LITELLM");
    let (_appliance, owner) = beside(&litellm).await;
    let id = chat(&owner, &litellm, "mock-gpt").await;
    let body = json!({"input": {"prompt": "Say hello"}});
    let stream = owner.post(&format!("/api/agents/{id}/execute/stream"), body).await.text();
    assert!(stream.matches("event: output.delta").count() >= 1, "{stream}");
    assert!(stream.contains("event: execution.completed"), "{stream}");
    assert!(stream.contains("Hello from the mock model"), "{stream}");
    let runs = owner.get(&format!("/api/agents/{id}/executions")).await.expect(200);
    assert!(runs["items"][0]["usage"]["output_tokens"].as_u64().is_some_and(|it| it > 0), "{runs}");
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real LiteLLM: tests/run --peers"]
async fn a_model_that_fails_is_told_as_a_failure() {
    let litellm = peer("REEVE_PEER_LITELLM");
    let (_appliance, owner) = beside(&litellm).await;
    let id = chat(&owner, &litellm, "mock-down").await;
    let run =
        owner.post(&format!("/api/agents/{id}/execute"), json!({"input": {"prompt": "Say hello"}})).await;
    assert!(matches!(run.status, 502), "{}", run.text());
}

/// The key of LangServe, as a credential.
async fn langserve_key(owner: &Caller, name: &str) -> Value {
    let key = json!({"name": name, "kind": "api_key", "value": {"key": peer("REEVE_PEER_LANGSERVE_KEY")}});
    owner.post("/api/credentials", key).await.expect(201)["id"].clone()
}

/// An agent of a runnable of LangServe.
async fn runnable(owner: &Caller, config: Value) -> String {
    let name = format!("{} {}", config["url"], config["answer"]);
    let key = langserve_key(owner, &name).await;
    let agent = json!({
        "name": name, "agent_type": "langchain", "credential_ids": [key], "config": config,
        "execution": {"retry": {"max_attempts": 1}},
    });
    published(owner, agent).await
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real LangServe: tests/run --peers"]
async fn the_runnables_of_langserve_are_found() {
    let langserve = peer("REEVE_PEER_LANGSERVE");
    let (_appliance, owner) = beside(&langserve).await;
    let place = json!({"url": langserve, "credential_ids": [langserve_key(&owner, "key").await]});
    let found = owner.post("/api/agents/discover", place).await.expect(200);
    assert_eq!(found["problems"], json!([]), "{found}");
    let agents = found["agents"].as_array().expect("a list");
    let takes = |name: &str| {
        let agent = agents.iter().find(|it| it["name"] == name);
        agent.map(|it| it["config"]["takes"].clone()).unwrap_or_default()
    };
    assert_eq!(
        [takes("echo"), takes("chat"), takes("add")],
        [json!("text"), json!("messages"), json!("json")]
    );
    let sum = published(&owner, agents.iter().find(|it| it["name"] == "add").expect("one").clone()).await;
    let run = owner.post(&format!("/api/agents/{sum}/execute"), json!({"input": {"a": 2, "b": 3}})).await;
    assert_eq!(run.expect(200)["output"], 5);
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real LangServe: tests/run --peers"]
async fn runnables_of_langserve_answer_in_every_way() {
    let langserve = peer("REEVE_PEER_LANGSERVE");
    let (_appliance, owner) = beside(&langserve).await;
    for (path, more, input, output) in [
        ("echo", json!({"takes": "text"}), json!({"text": "hello"}), json!({"text": "echo: hello"})),
        (
            "echo",
            json!({"takes": "text", "answer": "events"}),
            json!({"text": "hello"}),
            json!({"text": "echo: hello"}),
        ),
        (
            "echo",
            json!({"takes": "text", "answer": "whole"}),
            json!({"text": "hello"}),
            json!({"text": "echo: hello"}),
        ),
        ("add", json!({}), json!({"a": 1, "b": 2}), json!(3)),
        (
            "chat",
            json!({"takes": "messages"}),
            json!({"text": "hi"}),
            json!({"text": "hello from the fake model"}),
        ),
    ] {
        let mut config = more;
        config["url"] = format!("{langserve}/{path}").into();
        let answer = config["answer"].clone();
        let id = runnable(&owner, config).await;
        let probe = owner.post(&format!("/api/agents/{id}/test"), json!({})).await.expect(200);
        assert_eq!(probe["ok"], true, "{probe}");
        let run = owner.post(&format!("/api/agents/{id}/execute"), json!({"input": input})).await.expect(200);
        assert_eq!(run["output"], output, "{path} {answer}");
        owner.delete(&format!("/api/agents/{id}")).await.expect(204);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs a real LangServe: tests/run --peers"]
async fn what_goes_wrong_at_langserve_is_told() {
    let langserve = peer("REEVE_PEER_LANGSERVE");
    let (_appliance, owner) = beside(&langserve).await;
    let agent = |path: &str| json!({"url": format!("{langserve}/{path}"), "takes": "text"});
    let broken = runnable(&owner, agent("broken")).await;
    let run = owner.post(&format!("/api/agents/{broken}/execute"), json!({"input": {"text": "x"}})).await;
    run.expect_error(502, "ExecutionFailed");

    let nobody = json!({"name": "no key", "agent_type": "langchain", "config": agent("echo")});
    let nobody = published(&owner, nobody).await;
    let probe = owner.post(&format!("/api/agents/{nobody}/test"), json!({})).await.expect(200);
    assert_eq!(probe["ok"], false, "{probe}");

    let slow = json!({"url": format!("{langserve}/slow"), "timeout_ms": 300});
    let slow = runnable(&owner, slow).await;
    let run = owner.post(&format!("/api/agents/{slow}/execute"), json!({"input": 60})).await;
    run.expect_error(504, "ExecutionTimeout");
}
