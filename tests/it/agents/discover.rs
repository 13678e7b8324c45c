//! Finding out what answers at an address.

use reeve::access::Role;
use serde_json::json;

use super::published;
use crate::support::Appliance;
use crate::support::peer::{Peer, Received, answer, json as says};

const KEY: &str = "lc-canary-8f2a";

/// A LangServe with one runnable, behind a key that its words repeat.
fn langserve(request: &Received) -> Vec<crate::support::peer::Step> {
    if request.header("x-api-key") != Some(KEY) {
        let said = format!("{} is no key", request.header("x-api-key").unwrap_or("nothing"));
        return answer(401, &[("Content-Type", "application/json")], &json!({"detail": said}).to_string());
    }
    match request.line() {
        "GET /openapi.json" => {
            says(&json!({"openapi": "3.1.0", "paths": {"/add/invoke": {}, "/add/stream_log": {}}}))
        }
        "GET /add/input_schema" => says(&json!({
            "title": "Numbers", "type": "object", "description": format!("Adds; {KEY}"), "required": ["a"],
            "properties": {"a": {"type": "integer"}},
        })),
        "POST /add/stream" => answer(
            200,
            &[("Content-Type", "text/event-stream")],
            "event: data\r\ndata: 3\r\n\r\nevent: end\r\n\r\n",
        ),
        _ => answer(404, &[], ""),
    }
}

#[tokio::test]
async fn what_answers_becomes_an_agent_as_it_is() {
    let peer = Peer::start(|request, _| langserve(request)).await;
    let appliance =
        Appliance::start_with(|it| it.egress.allow = vec![peer.address.to_string()], Vec::new()).await;
    let owner = appliance.owner().await;
    let credential = async |key: &str| {
        let new = json!({"name": key, "kind": "api_key", "value": {"key": key}});
        owner.post("/api/credentials", new).await.expect(201)["id"].clone()
    };
    let look = async |url: String, credentials: serde_json::Value| {
        let place = json!({"url": url, "credential_ids": credentials});
        owner.post("/api/agents/discover", place).await.expect(200)
    };
    let (good, bad) = (credential(KEY).await, credential("wrong-key-771").await);

    let found = look(peer.url("/"), json!([good])).await;
    assert_eq!(found["problems"], json!([]), "{found}");
    let agent = &found["agents"][0];
    assert_eq!((&agent["name"], &agent["agent_type"]), (&json!("add"), &json!("langchain")));
    assert_eq!(agent["input_schema"]["required"], json!(["a"]));
    assert!(!found.to_string().contains(KEY), "{found}");
    assert!(!peer.received().iter().any(|it| it.line().starts_with("POST")), "nothing is set going");
    assert_eq!(owner.get("/api/agents").await.expect(200)["items"], json!([]));

    let path = published(&owner, agent.clone()).await;
    let run = owner.post(&format!("{path}/execute"), json!({"input": {"a": 3}})).await.expect(200);
    assert_eq!(run["output"], 3);
    let run = owner.post(&format!("{path}/execute"), json!({"input": {"a": "x"}})).await;
    run.expect_error(422, "InvalidInput");

    let refused = look(peer.url("/"), json!([bad])).await;
    assert_eq!(refused["agents"], json!([]));
    assert_eq!(refused["problems"][0]["agent_type"], "langchain");
    let said = refused["problems"][0]["message"].as_str().expect("a sentence");
    assert!(said.contains("401") && !said.contains("wrong-key-771"), "{said}");
}

#[tokio::test]
async fn what_is_nothing_of_the_kind_or_closed_is_said() {
    let other = Peer::answering(answer(200, &[], "<html>hello</html>")).await;
    let closed = Peer::answering(answer(200, &[], "secret")).await;
    let appliance =
        Appliance::start_with(|it| it.egress.allow = vec![other.address.to_string()], Vec::new()).await;
    let builder = appliance.caller(Role::Builder).await;
    let look = async |url: String| builder.post("/api/agents/discover", json!({"url": url})).await;
    let nothing = look(other.url("/a/b?c")).await.expect(200);
    assert_eq!(nothing, json!({"agents": [], "problems": []}));
    let refused = look(closed.url("/")).await.expect(200);
    assert_eq!(refused["problems"].as_array().map(Vec::len), Some(1), "{refused}");
    assert_eq!(closed.connections(), 0);
    for url in ["", "chains", "ftp://chains.example"] {
        look(url.to_owned()).await.expect_error(422, "ValidationFailed");
    }
    let viewer = appliance.caller(Role::Viewer).await;
    let refused = viewer.post("/api/agents/discover", json!({"url": other.url("/")})).await;
    refused.expect_error(403, "InsufficientPermissions");
}
