//! The LangChain adapter: what a LangServe was seen to answer.

use std::time::Duration;

use reeve::adapters::{Event, Turn};
use reeve::base::{Code, Json};
use serde_json::{Value, json};

use crate::support::call::Bench;
use crate::support::peer::{Peer, Step, answer, chunk, chunked_head, json as json_answer, last_chunk};

fn config(peer: &Peer, more: Value) -> Value {
    let mut config = json!({"url": peer.url("/echo")});
    for (name, value) in more.as_object().expect("an object") {
        config[name] = value.clone();
    }
    config
}

/// Server-sent events, with the line ends of LangServe.
fn streamed(events: &[(&str, Value)]) -> Vec<Step> {
    let mut steps = vec![chunked_head("text/event-stream; charset=utf-8")];
    steps.extend(events.iter().map(|(name, data)| match data {
        Value::Null => chunk(&format!("event: {name}\r\n\r\n")),
        data => chunk(&format!("event: {name}\r\ndata: {data}\r\n\r\n")),
    }));
    steps.push(last_chunk());
    steps
}

fn message(content: &str, usage: &Value) -> Value {
    json!({"content": content, "type": "AIMessageChunk", "id": "lc_run--1", "tool_calls": [], "usage_metadata": usage})
}

#[tokio::test]
async fn a_text_comes_in_pieces() {
    let peer = Peer::answering(streamed(&[
        ("metadata", json!({"run_id": "90a1703c"})),
        ("data", json!("echo:")),
        ("data", json!(" hello")),
        ("end", Value::Null),
    ]))
    .await;
    let bench =
        Bench::new("langchain", &peer, config(&peer, json!({"takes": "text", "session_key": "session_id"})))
            .credential("api_key", &[("key", "lc-canary")]);
    assert_eq!(bench.output().await, json!({"text": "echo: hello"}));
    assert_eq!(bench.heard.texts(), ["echo:", " hello"]);
    let usage = bench.heard.usage();
    assert_eq!((usage.api_calls, usage.known_tokens(), usage.known_cost_micros()), (1, None, None));
    let sent = peer.last();
    assert_eq!(sent.line(), "POST /echo/stream");
    assert_eq!(
        (sent.header("x-api-key"), sent.header("idempotency-key")),
        (Some("lc-canary"), Some("key-1"))
    );
    assert_eq!(sent.json(), json!({"input": "hello", "config": {"configurable": {"session_id": "ses_1"}}}));
}

#[tokio::test]
async fn a_chat_model_gets_the_conversation_and_tells_its_tokens() {
    let used = json!({"input_tokens": 9, "output_tokens": 4, "total_tokens": 13});
    let peer = Peer::answering(streamed(&[
        ("data", message("Hel", &Value::Null)),
        ("data", message("lo", &Value::Null)),
        ("data", message("", &used)),
        ("end", Value::Null),
    ]))
    .await;
    let mut bench = Bench::new("langchain", &peer, config(&peer, json!({"takes": "messages"})));
    bench.call.instructions = "Be brief.".to_owned();
    let said = |text: &str| Json::of(&json!({"text": text}));
    bench.call.history = vec![Turn { input: said("a"), output: Some(said("b")) }];
    assert_eq!(bench.output().await, json!({"text": "Hello"}));
    assert_eq!(bench.heard.texts(), ["Hel", "lo"]);
    assert_eq!(bench.heard.usage().known_tokens(), Some((9, 4)));
    let words = |kind: &str, text: &str| json!({"type": kind, "content": text});
    let expected =
        [words("system", "Be brief."), words("human", "a"), words("ai", "b"), words("human", "hello")];
    assert_eq!(peer.last().json(), json!({"input": expected}));
}

#[tokio::test]
async fn what_happens_inside_is_told_as_events() {
    let event = |kind: &str, run: &str, name: &str, data: Value| {
        ("data", json!({"event": kind, "run_id": run, "name": name, "data": data}))
    };
    let used = json!({"input_tokens": 3, "output_tokens": 2});
    let peer = Peer::answering(streamed(&[
        event("on_chain_start", "r", "/echo", json!({"input": "hello"})),
        event("on_tool_start", "t", "search", json!({"input": {"q": "hello"}})),
        event("on_tool_end", "t", "search", json!({"output": ["x"]})),
        event("on_chat_model_end", "m", "model", json!({"output": message("hi", &used)})),
        event("on_chain_stream", "p", "part", json!({"chunk": "not for people"})),
        event("on_chain_stream", "r", "/echo", json!({"chunk": "hi"})),
        event("on_chain_end", "r", "/echo", json!({"output": {"answer": "hi"}})),
        ("end", Value::Null),
    ]))
    .await;
    let bench = Bench::new("langchain", &peer, config(&peer, json!({"answer": "events"})));
    assert_eq!(bench.output().await, json!({"answer": "hi"}));
    assert_eq!(peer.last().line(), "POST /echo/stream_events");
    assert_eq!(bench.heard.texts(), ["hi"]);
    assert_eq!(bench.heard.usage().known_tokens(), Some((3, 2)));
    let tools: Vec<Event> = bench
        .heard
        .events()
        .into_iter()
        .filter(|it| matches!(it, Event::ToolCalled { .. } | Event::ToolReturned { .. }))
        .collect();
    let name = "search".to_owned();
    assert_eq!(
        tools,
        [
            Event::ToolCalled { name: name.clone(), arguments: json!({"q": "hello"}) },
            Event::ToolReturned { name, result: json!(["x"]) },
        ]
    );
}

#[tokio::test]
async fn an_answer_in_one_piece_is_its_output() {
    let peer = Peer::answering(json_answer(&json!({"output": 3, "metadata": {"run_id": "x"}}))).await;
    let bench = Bench::new("langchain", &peer, config(&peer, json!({"answer": "whole"})));
    assert_eq!(bench.input(json!({"a": 1, "b": 2})).output().await, json!(3));
    assert_eq!(peer.last().line(), "POST /echo/invoke");
    assert_eq!(peer.last().json(), json!({"input": {"a": 1, "b": 2}}));

    let peer = Peer::answering(json_answer(&json!({"result": 3}))).await;
    let error = Bench::new("langchain", &peer, config(&peer, json!({"answer": "whole"}))).error().await;
    assert!(error.message.contains("no LangServe"), "{}", error.message);
}

#[tokio::test]
async fn errors_become_sentences_that_help() {
    let missing = r#"{"detail":[{"type":"missing","loc":["input"],"msg":"Field required"}]}"#;
    for (status, body, code, part) in [
        (401, r#"{"detail":"bad API key"}"#, Code::CredentialInvalid, "bad API key"),
        (404, r#"{"detail":"Not Found"}"#, Code::ExecutionFailed, "no runnable is mounted"),
        (422, missing, Code::InvalidInput, "input: Field required"),
        (500, "Internal Server Error", Code::ExecutionFailed, "its own log"),
    ] {
        let peer = Peer::answering(answer(status, &[], body)).await;
        let error = Bench::new("langchain", &peer, config(&peer, json!({}))).error().await;
        assert_eq!(error.code, code, "{status}");
        assert!(error.message.contains(part), "{status}: {}", error.message);
        assert!(!error.retriable, "{status}");
    }
}

#[tokio::test]
async fn a_stream_that_fails_or_breaks_off_is_no_answer() {
    let failed = json!({"status_code": 500, "message": "Internal Server Error"});
    let peer = Peer::answering(streamed(&[("data", json!("half")), ("error", failed)])).await;
    let bench = Bench::new("langchain", &peer, config(&peer, json!({})));
    let error = bench.error().await;
    assert!(error.message.contains("Internal Server Error") && !error.retriable, "{}", error.message);
    assert_eq!(bench.heard.usage().unpriced_calls, 1);

    let peer = Peer::answering(streamed(&[("data", json!("half"))])).await;
    let error = Bench::new("langchain", &peer, config(&peer, json!({}))).error().await;
    assert!(error.message.contains("ended before") && error.retriable, "{}", error.message);

    let mut garbage = vec![chunked_head("text/event-stream"), chunk("event: data\r\ndata: {broken\r\n\r\n")];
    garbage.push(last_chunk());
    let peer = Peer::answering(garbage).await;
    let error = Bench::new("langchain", &peer, config(&peer, json!({}))).error().await;
    assert!(error.message.contains("cannot be read"), "{}", error.message);
}

#[tokio::test]
async fn a_stop_leaves_the_stream_which_stops_the_run_there() {
    let mut steps = streamed(&[("data", json!("one"))]);
    steps.pop();
    steps.push(Step::Hang);
    let peer = Peer::answering(steps).await;
    let bench = Bench::new("langchain", &peer, config(&peer, json!({})));
    let stop = bench.call.stop.clone();
    let (error, ()) = tokio::join!(bench.error(), async {
        while bench.heard.texts().is_empty() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
        stop.cancel();
    });
    assert_eq!(error.code, Code::ExecutionCancelled);
    peer.left_alone().await;
}

#[tokio::test]
async fn a_config_says_what_is_wrong_with_it() {
    let peer = Peer::answering(Vec::new()).await;
    for (more, paths) in [
        (json!({"url": "http://chains.example/echo/invoke"}), vec!["/url"]),
        (json!({"url": "http://chains.example/echo?x=1"}), vec!["/url"]),
        (json!({"url": "chains"}), vec!["/url"]),
        (json!({"headers": {"X-Api-Key": "s"}}), vec!["/headers/X-Api-Key"]),
        (json!({"session_key": "s", "configurable": {"s": 1}}), vec!["/session_key"]),
        (json!({"api_key_header": "not a header"}), vec!["/api_key_header"]),
        (json!({"takes": "tea"}), vec![""]),
    ] {
        assert_eq!(Bench::new("langchain", &peer, config(&peer, more)).objections(), paths);
    }
}

/// A server with three runnables behind a key.
async fn langserve() -> Peer {
    Peer::start(|request, _| {
        if request.header("x-api-key") != Some("lc-canary") {
            return answer(401, &[], r#"{"detail":"bad API key"}"#);
        }
        let runnable = |path: &str| [format!("/{path}/invoke"), format!("/{path}/stream_log")];
        let paths: serde_json::Map<String, Value> =
            ["echo", "chat", "add"].iter().flat_map(|it| runnable(it)).map(|it| (it, json!({}))).collect();
        let numbers = json!({"title": "Numbers", "type": "object", "properties": {"a": {"type": "integer"}}});
        match request.line() {
            "GET /openapi.json" => json_answer(&json!({"openapi": "3.1.0", "paths": paths})),
            "GET /echo/input_schema" => json_answer(&json!({"title": "EchoInput", "type": "string"})),
            "GET /chat/input_schema" => {
                let kinds = [json!({"type": "string"}), json!({"$ref": "#/$defs/HumanMessage"})];
                json_answer(&json!({"title": "ChatInput", "anyOf": kinds, "$defs": {"HumanMessage": {}}}))
            }
            "GET /add/input_schema" => json_answer(&numbers),
            "GET /add/output_schema" => json_answer(&json!({"title": "add_output", "type": "integer"})),
            _ => answer(404, &[], r#"{"detail":"Not Found"}"#),
        }
    })
    .await
}

fn at(peer: &Peer, key: &str) -> Bench {
    Bench::new("langchain", peer, config(peer, json!({}))).credential("api_key", &[("key", key)])
}

#[tokio::test]
async fn a_probe_takes_the_key_and_names_what_is_there() {
    let peer = langserve().await;
    let probe = at(&peer, "lc-canary").probe().await;
    assert!(probe.ok, "{probe:?}");
    assert!(probe.checks.iter().any(|it| it.detail.contains("EchoInput")), "{probe:?}");
    let probe = at(&peer, "wrong").probe().await;
    let last = probe.checks.last().expect("a check");
    assert_eq!((last.name.as_str(), last.ok), ("authentication", false));
    assert!(!peer.received().iter().any(|it| it.line().starts_with("POST")), "a probe runs nothing");
}

#[tokio::test]
async fn the_runnables_of_a_server_are_found_with_their_schemas() {
    let peer = langserve().await;
    let bench = at(&peer, "lc-canary");
    let found = |path: &str| {
        let url = peer.url(path).parse().expect("an address");
        let bench = &bench;
        async move { bench.adapter.discover(&bench.call, &url).await.expect("an answer") }
    };
    let all = found("/").await;
    let takes: Vec<(&str, &str)> =
        all.iter().map(|it| (it.name.as_str(), it.config["takes"].as_str().expect("a word"))).collect();
    assert_eq!(takes, [("add", "json"), ("chat", "messages"), ("echo", "text")]);
    assert_eq!(all[0].input_schema.as_ref().map(|it| &it["title"]), Some(&json!("Numbers")));
    assert_eq!(all[0].config["url"], peer.url("/add"));
    for address in ["/echo", "/echo/", "/echo/invoke", "/echo/playground/"] {
        let names: Vec<String> = found(address).await.into_iter().map(|it| it.name).collect();
        assert_eq!(names, ["echo"], "{address}");
    }

    let refused = at(&peer, "wrong");
    let error = refused.adapter.discover(&refused.call, &peer.url("/").parse().expect("an address")).await;
    assert_eq!(error.expect_err("refused").code, Code::CredentialInvalid);
    let other = Peer::answering(answer(404, &[], "nothing")).await;
    let bench = at(&other, "lc-canary");
    let none = bench.adapter.discover(&bench.call, &other.url("/a/b").parse().expect("an address")).await;
    assert_eq!(none.expect("an answer"), []);
}
