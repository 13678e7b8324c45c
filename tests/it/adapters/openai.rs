//! The OpenAI adapter: what a LiteLLM was seen to answer, and what others do.

use std::sync::Arc;
use std::time::Duration;

use reeve::adapters::{Event, LogLevel};
use reeve::base::Code;
use serde_json::{Value, json};

use crate::support::call::Bench;
use crate::support::peer::{Peer, Step, answer, chunk, chunked_head, json as json_answer, last_chunk};

fn config(peer: &Peer, more: Value) -> Value {
    let mut config = json!({"base_url": peer.url("/v1"), "model": "mock-gpt"});
    for (name, value) in more.as_object().expect("an object") {
        config[name] = value.clone();
    }
    config
}

fn completion(content: &str) -> Value {
    json!({
        "id": "chatcmpl-1", "object": "chat.completion", "model": "mock-gpt",
        "choices": [{"finish_reason": "stop", "index": 0, "message": {"content": content, "role": "assistant"}}],
        "usage": {"completion_tokens": 20, "prompt_tokens": 10, "total_tokens": 30},
    })
}

fn streamed(events: &[Value]) -> Vec<Step> {
    let mut steps = vec![chunked_head("text/event-stream; charset=utf-8")];
    steps.extend(events.iter().map(|it| chunk(&format!("data: {it}\n\n"))));
    steps.extend([chunk("data: [DONE]\n\n"), last_chunk()]);
    steps
}

fn delta(text: &str) -> Value {
    json!({"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": text}}]})
}

fn stopped(reason: &str) -> Value {
    json!({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
}

#[tokio::test]
async fn a_completion_streams_and_is_metered() {
    let usage = json!({"choices": [], "usage": {"prompt_tokens": 10, "completion_tokens": 20}});
    let peer = Peer::answering(streamed(&[
        json!({"choices": [{"index": 0, "delta": {"role": "assistant", "content": ""}}]}),
        delta("Hel"),
        delta("lo \"wörld\"\n"),
        stopped("stop"),
        usage,
    ]))
    .await;
    let mut bench = Bench::new(
        "openai",
        &peer,
        config(&peer, json!({"input_price": 0.5, "output_price": 1.5, "temperature": 0.2})),
    )
    .credential("bearer", &[("token", "sk-canary")]);
    bench.call.instructions = "Be brief.".to_owned();
    assert_eq!(bench.output().await, json!({"text": "Hello \"wörld\"\n"}));
    assert_eq!(bench.heard.texts(), ["Hel", "lo \"wörld\"\n"]);
    let usage = bench.heard.usage();
    assert_eq!(
        (usage.api_calls, usage.input_tokens, usage.output_tokens, usage.cost_micros),
        (1, 10, 20, 35)
    );
    let sent = peer.last();
    assert_eq!(sent.line(), "POST /v1/chat/completions");
    assert_eq!(sent.header("authorization"), Some("Bearer sk-canary"));
    assert_eq!(
        sent.json(),
        json!({
            "model": "mock-gpt", "stream": true, "stream_options": {"include_usage": true}, "temperature": 0.2,
            "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "hello"}],
        })
    );
}

#[tokio::test]
async fn a_service_that_does_not_stream_is_heard_too() {
    let peer = Peer::answering(json_answer(&completion("Hello from the mock model."))).await;
    for stream in [true, false] {
        let bench = Bench::new("openai", &peer, config(&peer, json!({"stream": stream})));
        assert_eq!(bench.output().await, json!({"text": "Hello from the mock model."}));
        assert_eq!(bench.heard.usage().output_tokens, 20);
        assert_eq!(peer.last().json().get("stream").is_some(), stream);
    }
}

#[tokio::test]
async fn structured_output_is_json_or_an_error() {
    let schema = json!({"type": "object", "properties": {"label": {"type": "string"}}});
    for (content, expected) in [
        (r#"{"label":"bug"}"#, Some(json!({"label": "bug"}))),
        ("```json\n{\"label\":\"bug\"}\n```", Some(json!({"label": "bug"}))),
        ("It is a bug.", None),
    ] {
        let peer = Peer::answering(json_answer(&completion(content))).await;
        let mut bench =
            Bench::new("openai", &peer, config(&peer, json!({"structured_output": "json_schema"})));
        bench.call.output_schema = Some(Arc::new(schema.clone()));
        match expected {
            Some(expected) => assert_eq!(bench.output().await, expected),
            None => assert_eq!(bench.error().await.code, Code::InvalidOutput),
        }
        let format = &peer.last().json()["response_format"];
        assert_eq!((&format["type"], &format["json_schema"]["schema"]), (&json!("json_schema"), &schema));
    }
}

#[tokio::test]
async fn tool_calls_are_put_together_and_cut_answers_are_marked() {
    let piece = |call: Value| json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
    let peer = Peer::answering(streamed(&[
        piece(json!({"index": 0, "id": "call_1", "function": {"name": "f", "arguments": ""}})),
        piece(json!({"index": 0, "function": {"arguments": "{\"a\""}})),
        piece(json!({"index": 0, "function": {"arguments": ":1}"}})),
        stopped("tool_calls"),
    ]))
    .await;
    let output = Bench::new("openai", &peer, config(&peer, json!({}))).output().await;
    assert_eq!(output["finish_reason"], "tool_calls");
    assert_eq!(output["tool_calls"][0]["function"], json!({"name": "f", "arguments": "{\"a\":1}"}));

    let peer = Peer::answering(streamed(&[delta("half"), stopped("length")])).await;
    let bench = Bench::new("openai", &peer, config(&peer, json!({})));
    assert_eq!(bench.output().await, json!({"text": "half", "finish_reason": "length"}));
    let warned = |it: &Event| matches!(it, Event::Log { level: LogLevel::Warn, message } if message.contains("token limit"));
    assert!(bench.heard.events().iter().any(warned));
}

#[tokio::test]
async fn errors_become_sentences_that_help() {
    for (status, headers, body, code, retriable, part) in [
        (
            401,
            &[][..],
            r#"{"error":{"message":"Incorrect API key"}}"#,
            Code::CredentialInvalid,
            false,
            "Incorrect API key",
        ),
        (404, &[], r#"{"error":{"message":"no such model"}}"#, Code::ExecutionFailed, false, "mock-gpt"),
        (
            400,
            &[],
            r#"{"error":{"message":"Invalid model name passed in model=nope."}}"#,
            Code::ExecutionFailed,
            false,
            "Invalid model name",
        ),
        (
            429,
            &[("Retry-After", "99999999")],
            r#"{"error":{"message":"mock rate limit"}}"#,
            Code::ExecutionFailed,
            true,
            "mock rate limit",
        ),
        (500, &[], r#"{"error":{"message":"mock internal"}}"#, Code::ExecutionFailed, true, "mock internal"),
        (503, &[], "", Code::ExecutionFailed, true, "503"),
    ] {
        let peer = Peer::answering(answer(status, headers, body)).await;
        let error = Bench::new("openai", &peer, config(&peer, json!({}))).error().await;
        assert_eq!((error.code, error.retriable), (code, retriable), "{status}");
        assert!(error.message.contains(part), "{status}: {}", error.message);
        assert!(
            error.retry_after.is_none_or(|it| it <= Duration::from_secs(3_600)),
            "{:?}",
            error.retry_after
        );
    }
}

#[tokio::test]
async fn streams_that_fail_midway_fail() {
    let error_event = json!({"error": {"message": "Error processing stream", "code": "500"}});
    for (steps, retriable, part) in [
        (streamed(&[delta("a"), error_event]), true, "Error processing stream"),
        (
            streamed(&[delta("a"), json!({"error": {"message": "bad request", "code": 400}})]),
            false,
            "bad request",
        ),
        (
            vec![
                chunked_head("text/event-stream"),
                chunk("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"),
                last_chunk(),
            ],
            true,
            "ended before",
        ),
        (
            vec![
                chunked_head("text/event-stream"),
                chunk("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"),
                Step::Close,
            ],
            true,
            "broke off",
        ),
        (
            vec![chunked_head("text/event-stream"), chunk("data: {not json\n\n"), last_chunk()],
            true,
            "cannot be read",
        ),
        (
            vec![
                chunked_head("text/event-stream"),
                Step::Send(format!("{:x}\r\ndata: ", 3 << 20).into_bytes()),
                Step::Flood(3 << 20),
            ],
            false,
            "more than",
        ),
    ] {
        let peer = Peer::answering(steps).await;
        let error = Bench::new("openai", &peer, config(&peer, json!({}))).error().await;
        assert_eq!(error.retriable, retriable, "{}", error.message);
        assert!(error.message.contains(part), "{}", error.message);
    }
}

#[tokio::test]
async fn a_test_asks_for_the_models_and_nothing_else() {
    let peer = Peer::start(|request, _| match (request.line(), request.header("authorization")) {
        ("GET /v1/models", Some("Bearer good")) => {
            json_answer(&json!({"object": "list", "data": [{"id": "mock-gpt"}, {"id": "other"}]}))
        }
        ("GET /v1/models", _) => answer(401, &[], r#"{"error":{"message":"wrong key"}}"#),
        _ => answer(500, &[], "work was started"),
    })
    .await;
    let probe = async |config: Value, token: &str| {
        Bench::new("openai", &peer, config).credential("bearer", &[("token", token)]).probe().await
    };
    let good = probe(config(&peer, json!({})), "good").await;
    assert!(good.ok, "{good:?}");
    assert_eq!(
        good.checks.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(),
        ["resolve", "connect", "authentication", "model"]
    );
    let wrong = probe(config(&peer, json!({})), "bad").await;
    assert!(!wrong.ok && wrong.detail.contains("wrong key"), "{wrong:?}");
    let unknown = probe(config(&peer, json!({"model": "nope"})), "good").await;
    assert!(!unknown.ok && unknown.detail.contains("mock-gpt, other"), "{unknown:?}");
    let elsewhere = probe(json!({"base_url": peer.url("/"), "model": "mock-gpt"}), "good").await;
    assert!(
        !elsewhere.ok
            && elsewhere.checks.iter().any(|it| it.remedy.as_deref().is_some_and(|it| it.contains("/v1"))),
        "{elsewhere:?}"
    );
    assert!(peer.received().iter().all(|it| it.line().starts_with("GET ")));
}

#[tokio::test]
async fn nobody_waits_for_a_service_that_does_not_hang_up_after_the_end() {
    let mut steps = streamed(&[delta("all"), stopped("stop")]);
    *steps.last_mut().expect("the last chunk") = Step::Hang;
    let peer = Peer::answering(steps).await;
    let bench = Bench::new("openai", &peer, config(&peer, json!({}))).timeout(Duration::from_secs(3_600));
    assert_eq!(bench.output().await, json!({"text": "all"}));
}

#[tokio::test]
async fn a_stopped_call_hangs_up() {
    let peer = Peer::answering(vec![
        chunked_head("text/event-stream"),
        chunk("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\n"),
        Step::Hang,
    ])
    .await;
    let bench = Bench::new("openai", &peer, config(&peer, json!({})));
    let stop = async {
        while bench.heard.texts().is_empty() {
            tokio::task::yield_now().await;
        }
        bench.call.stop.cancel();
    };
    let (error, ()) = tokio::join!(bench.error(), stop);
    assert_eq!(error.code, Code::ExecutionCancelled);
}

#[tokio::test]
async fn what_is_wrong_in_a_config_is_named_by_its_field() {
    let peer = Peer::answering(vec![Step::Close]).await;
    for (wrong, path) in [
        (json!({"base_url": "localhost:4000"}), "/base_url"),
        (json!({"base_url": "https://x.example/v1/chat/completions"}), "/base_url"),
        (json!({"base_url": "https://x.example/v1?key=1"}), "/base_url"),
        (json!({"model": " "}), "/model"),
        (json!({"temperature": 3}), "/temperature"),
        (json!({"input_price": -1}), "/input_price"),
        (json!({"headers": {"Authorization": "Bearer x"}}), "/headers/Authorization"),
        (json!({"extra": {"messages": []}}), "/extra/messages"),
    ] {
        let bench = Bench::new("openai", &peer, config(&peer, wrong.clone()));
        assert_eq!(bench.objections(), [path], "{wrong}");
    }
}
