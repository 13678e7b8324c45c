//! The webhook adapter: requests as configured, answers as mapped.

use std::time::Duration;

use reeve::adapters::Event;
use reeve::base::Code;
use serde_json::{Value, json};

use crate::support::call::Bench;
use crate::support::peer::{Peer, Step, answer, chunk, chunked_head, json as json_answer, last_chunk};

async fn peer(value: Value) -> Peer {
    Peer::answering(json_answer(&value)).await
}

#[tokio::test]
async fn the_input_goes_out_and_the_answer_comes_back_untouched() {
    let peer = peer(json!({"reply": "echo: hello", "executionId": "1"})).await;
    let bench = Bench::new("webhook", &peer, json!({"url": peer.url("/webhook/peer-echo")}));
    assert_eq!(bench.output().await, json!({"reply": "echo: hello", "executionId": "1"}));
    let sent = peer.last();
    assert_eq!((sent.line(), sent.body.as_str()), ("POST /webhook/peer-echo", r#"{"text":"hello"}"#));
    assert_eq!(sent.header("content-type"), Some("application/json"));
    assert_eq!(sent.header("idempotency-key"), Some("key-1"));
    assert_eq!(sent.header("traceparent"), bench.call.traceparent.as_deref());
    assert_eq!(bench.heard.usage().api_calls, 1);
}

#[tokio::test]
async fn address_query_headers_and_body_are_made_from_the_input() {
    let peer = peer(json!({"ok": true, "data": {"answer": 42}})).await;
    let config = json!({
        "url": peer.url("/t/{{ input.id }}/run?lang={{ input.lang }}"),
        "method": "PUT",
        "headers": {"X-User": "{{ input.user }}", "X-Fixed": "yes"},
        "query": {"q": "{{ input.text }} & more", "session": "{{ run.session_id }}"},
        "request": {"question": "{{ input.text|upper }}", "n": "{{ mul(input.n, 2) }}", "key": "{{ run.id }}"},
        "response": "{\"result\": body.data.answer, \"status\": status, \"type\": headers['content-type']}",
        "success_when": "body.ok",
    });
    let input = json!({"id": "a/../b", "lang": "d&e", "user": "Ann", "text": "wh y?", "n": 21});
    let bench = Bench::new("webhook", &peer, config).input(input);
    assert_eq!(bench.output().await, json!({"result": 42, "status": 200, "type": "application/json"}));
    let sent = peer.last();
    assert_eq!(sent.line(), "PUT /t/a%2F..%2Fb/run?lang=d%26e&q=wh+y%3F+%26+more&session=ses_1");
    assert_eq!((sent.header("x-user"), sent.header("x-fixed")), (Some("Ann"), Some("yes")));
    assert_eq!(sent.json(), json!({"question": "WH Y?", "n": 42, "key": "key-1"}));
}

#[tokio::test]
async fn values_cannot_add_headers_or_leave_the_path() {
    let peer = peer(json!({})).await;
    let config = json!({"url": peer.url("/t/{{ input.id }}"), "headers": {"X-User": "{{ input.user }}"}});
    for input in [
        json!({"id": "1", "user": "a\r\nX-Admin: 1"}),
        json!({"id": "..", "user": "a"}),
        json!({"id": null, "user": "a"}),
        json!({"user": "a"}),
    ] {
        let error = Bench::new("webhook", &peer, config.clone()).input(input.clone()).error().await;
        assert_eq!(error.code, Code::InvalidInput, "{input}: {}", error.message);
    }
    assert_eq!(peer.received().len(), 0);
}

#[tokio::test]
async fn answers_of_every_form_become_json() {
    for (kind, body, expected) in [
        ("application/json", "\n \n{\"a\":1}", json!({"a": 1})),
        ("application/problem+json; charset=utf-8", "[1]", json!([1])),
        ("text/plain", "done", json!({"text": "done"})),
        ("text/html", "<p>x</p>", json!({"text": "<p>x</p>"})),
        ("text/plain", "{\"a\":1}", json!({"a": 1})),
        ("application/json", "", Value::Null),
    ] {
        let peer = Peer::answering(answer(200, &[("Content-Type", kind)], body)).await;
        let bench = Bench::new("webhook", &peer, json!({"url": peer.url("/")}));
        assert_eq!(bench.output().await, expected, "{kind} {body}");
    }
    for (kind, body) in [("application/json", "{broken"), ("application/json", "Accepted")] {
        let peer = Peer::answering(answer(200, &[("Content-Type", kind)], body)).await;
        let error = Bench::new("webhook", &peer, json!({"url": peer.url("/")})).error().await;
        assert!(error.message.contains("JSON") && !error.retriable, "{}", error.message);
    }
}

#[tokio::test]
async fn bodies_can_be_forms_and_text() {
    let peer = peer(json!({})).await;
    for (format, request, kind, body) in [
        (
            "form",
            json!({"a": "{{ input.text }}", "b": 1}),
            "application/x-www-form-urlencoded",
            "a=x+%26&b=1",
        ),
        ("text", json!("input.text"), "text/plain; charset=utf-8", "x &"),
        ("json", json!("input.text"), "application/json", "\"x &\""),
    ] {
        let config = json!({"url": peer.url("/"), "body_format": format, "request": request});
        Bench::new("webhook", &peer, config).input(json!({"text": "x &"})).output().await;
        assert_eq!((peer.last().header("content-type"), peer.last().body.as_str()), (Some(kind), body));
    }
    let config = json!({"url": peer.url("/list"), "method": "GET"});
    Bench::new("webhook", &peer, config).output().await;
    assert_eq!((peer.last().line(), peer.last().body.as_str()), ("GET /list", ""));
}

#[tokio::test]
async fn credentials_go_where_they_belong_and_nowhere_else() {
    let peer = Peer::answering(answer(403, &[], "Authorization data is wrong!")).await;
    for (kind, fields, header, value) in [
        ("bearer", &[("token", "canary")][..], "authorization", "Bearer canary"),
        ("api_key", &[("key", "canary")], "x-api-key", "canary"),
        ("basic_auth", &[("username", "u"), ("password", "canary")], "authorization", "Basic dTpjYW5hcnk="),
        ("header", &[("name", "X-Peer"), ("value", "canary")], "x-peer", "canary"),
    ] {
        let bench = Bench::new("webhook", &peer, json!({"url": peer.url("/")})).credential(kind, fields);
        let error = bench.error().await;
        assert_eq!(peer.last().header(header), Some(value), "{kind}");
        assert!(
            !format!("{error:?} {:?}", bench.heard.events()).contains("canary"),
            "{kind} shows in {error:?}"
        );
        assert!(error.message.contains("Authorization data is wrong!"), "{}", error.message);
    }
    let mut bench = Bench::new("webhook", &peer, json!({"url": peer.url("/")}))
        .credential("bearer", &[("token", "canary")]);
    bench.call.credentials[0].allowed_hosts = vec!["api.example.com".to_owned()];
    let before = peer.received().len();
    assert_eq!(bench.error().await.code, Code::EgressDenied);
    assert_eq!(peer.received().len(), before);
    let incomplete =
        Bench::new("webhook", &peer, json!({"url": peer.url("/")})).credential("bearer", &[("key", "x")]);
    assert_eq!(incomplete.error().await.code, Code::CredentialInvalid);
}

#[tokio::test]
async fn bodies_are_signed_as_standard_webhooks_says() {
    let peer = peer(json!({})).await;
    let bench = Bench::new("webhook", &peer, json!({"url": peer.url("/")}))
        .credential("webhook", &[("secret", "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")]);
    bench.output().await;
    let sent = peer.last();
    assert_eq!(sent.header("webhook-id"), Some("key-1"));
    let timestamp = sent.header("webhook-timestamp").expect("is there").to_owned();
    let expected = {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        use hmac::{Hmac, KeyInit as _, Mac as _};
        let key = STANDARD.decode("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").expect("base64");
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(&key).expect("a key");
        mac.update(format!("key-1.{timestamp}.{}", sent.body).as_bytes());
        format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes()))
    };
    assert_eq!(sent.header("webhook-signature"), Some(expected.as_str()));
}

#[tokio::test]
async fn statuses_say_what_they_mean() {
    for (status, headers, body, retriable, part) in [
        (500, &[][..], r#"{"message":"Error in workflow"}"#, false, "Error in workflow"),
        (
            404,
            &[],
            r#"{"code":404,"message":"not registered","stacktrace":"at /usr/lib/n8n"}"#,
            false,
            "not registered",
        ),
        (429, &[("Retry-After", "7")], "slow down", true, "429"),
        (503, &[], "", true, "503"),
        (502, &[], "<html>nginx</html>", true, "502"),
        (408, &[], "", true, "408"),
        (401, &[], "", false, "credential"),
        (302, &[("Location", "https://elsewhere.example/x")], "", false, "redirects are not followed"),
        (418, &[], "", false, "418"),
    ] {
        let peer = Peer::answering(answer(status, headers, body)).await;
        let error = Bench::new("webhook", &peer, json!({"url": peer.url("/")})).error().await;
        assert_eq!((error.code, error.retriable), (Code::ExecutionFailed, retriable), "{status}");
        assert!(error.message.contains(part), "{status}: {}", error.message);
        assert!(!error.message.contains("/usr/lib") && !error.message.contains("<html"), "{}", error.message);
        assert_eq!(error.details["status"], status);
        assert_eq!(peer.received().len(), 1, "{status} was asked again");
        assert_eq!(error.retry_after, (status == 429).then(|| Duration::from_secs(7)));
    }
    let peer = Peer::answering(answer(404, &[], "{\"found\":false}")).await;
    let config = json!({"url": peer.url("/"), "success_statuses": ["2xx", "404"]});
    assert_eq!(Bench::new("webhook", &peer, config).output().await, json!({"found": false}));
}

#[tokio::test]
async fn a_good_status_is_not_yet_success() {
    let peer = peer(json!({"ok": false, "error": {"reason": "no such customer"}})).await;
    let config =
        json!({"url": peer.url("/"), "success_when": "body.ok", "error_message": "body.error.reason"});
    let error = Bench::new("webhook", &peer, config).error().await;
    assert_eq!(
        (error.code, error.details["answer"].as_str()),
        (Code::ExecutionFailed, Some("no such customer"))
    );
}

#[tokio::test]
async fn an_answer_can_come_by_callback() {
    let peer = Peer::answering(answer(202, &[], "Accepted")).await;
    let config = json!({
        "url": peer.url("/catch"), "reply": "callback", "callback_header": "X-Answer-To",
        "callback_field": "callback_url", "response": "body.result",
    });
    let bench = Bench::new("webhook", &peer, config.clone());
    let far_end = async {
        while peer.received().is_empty() {
            tokio::task::yield_now().await;
        }
        bench.desk.answer(&json!({"result": "late but right"}));
    };
    let (output, ()) = tokio::join!(bench.output(), far_end);
    assert_eq!(output, "late but right");
    let url = "https://reeve.example/hooks/callbacks/one-time";
    assert_eq!(peer.last().header("x-answer-to"), Some(url));
    assert_eq!(peer.last().json(), json!({"text": "hello", "callback_url": url}));

    let late = Bench::new("webhook", &peer, config.clone()).timeout(Duration::from_millis(200));
    assert_eq!(late.error().await.code, Code::ExecutionTimeout);
    let stopped = Bench::new("webhook", &peer, config);
    stopped.call.stop.cancel();
    assert_eq!(stopped.error().await.code, Code::ExecutionCancelled);
}

#[tokio::test]
async fn streams_are_handed_on_piece_by_piece() {
    let sse = Peer::answering(vec![
        chunked_head("text/event-stream"),
        chunk(": ping\n\ndata: Hel"),
        chunk("lo\n\ndata:  wör"),
        chunk("ld\r\n\r\ndata: [DONE]\n\n"),
        last_chunk(),
    ])
    .await;
    let bench = Bench::new("webhook", &sse, json!({"url": sse.url("/"), "stream": "sse"}));
    assert_eq!(bench.output().await, json!({"text": "Hello wörld"}));
    assert_eq!(bench.heard.texts(), ["Hello", " wörld"]);

    let lines = "{\"type\":\"begin\"}\n{\"type\":\"item\",\"content\":\"Hi \"}\r\n{\"type\":\"item\",\"content\":\"you\"}\n{\"type\":\"end\"}";
    let ndjson = Peer::answering(vec![chunked_head("application/json"), chunk(lines), last_chunk()]).await;
    let config = json!({
        "url": ndjson.url("/"), "stream": "ndjson", "stream_text": "data.content if data.type == 'item' else none",
    });
    let bench = Bench::new("webhook", &ndjson, config);
    assert_eq!(bench.output().await, json!({"text": "Hi you"}));
    assert_eq!(bench.heard.texts(), ["Hi ", "you"]);

    let pieces = Peer::answering(vec![
        chunked_head("application/x-ndjson"),
        chunk("{\"a\":1}\n{\"a\":2}\n"),
        last_chunk(),
    ])
    .await;
    let bench = Bench::new("webhook", &pieces, json!({"url": pieces.url("/"), "stream": "ndjson"}));
    assert_eq!(bench.output().await, json!([{"a": 1}, {"a": 2}]));
    assert!(bench.heard.events().contains(&Event::Piece(json!({"a": 2}))));

    let failing = Peer::answering(vec![
        chunked_head("text/event-stream"),
        chunk("data: a\n\nevent: error\ndata: {\"message\":\"boom\"}\n\n"),
        last_chunk(),
    ])
    .await;
    let error =
        Bench::new("webhook", &failing, json!({"url": failing.url("/"), "stream": "sse"})).error().await;
    assert!(error.message.contains("boom"), "{}", error.message);
}

#[tokio::test]
async fn a_test_reaches_the_far_end_without_starting_its_work() {
    let peer = Peer::start(|request, _| {
        if request.line() == "GET /healthz" { answer(200, &[], "ok") } else { answer(500, &[], "") }
    })
    .await;
    let bench = Bench::new("webhook", &peer, json!({"url": peer.url("/start")}));
    let probe = bench.probe().await;
    assert!(probe.ok, "{probe:?}");
    assert_eq!(probe.checks.iter().map(|it| it.name.as_str()).collect::<Vec<_>>(), ["resolve", "connect"]);
    assert_eq!(peer.received().len(), 0);

    let config = json!({"url": peer.url("/start"), "health_url": peer.url("/healthz")});
    let probe = Bench::new("webhook", &peer, config).credential("bearer", &[("token", "t")]).probe().await;
    assert!(probe.ok, "{probe:?}");
    assert_eq!(peer.last().header("authorization"), Some("Bearer t"));
    let probe =
        Bench::new("webhook", &peer, json!({"url": peer.url("/start"), "health_url": peer.url("/ill")}))
            .probe()
            .await;
    assert!(!probe.ok && probe.checks.last().is_some_and(|it| it.remedy.is_some()), "{probe:?}");

    let closed =
        Bench::on("webhook", crate::support::net::Net::allowing(&[]), json!({"url": peer.url("/start")}))
            .probe()
            .await;
    assert!(!closed.ok && closed.detail.contains("loopback"), "{closed:?}");
    let port = peer.port();
    drop(peer);
    let gone = Peer::answering(vec![Step::Close]).await;
    let net = crate::support::net::Net::allowing(&[format!("127.0.0.1:{port}")]);
    let probe = Bench::on("webhook", net, json!({"url": format!("http://127.0.0.1:{port}/")})).probe().await;
    assert!(probe.checks.iter().any(|it| it.name == "connect"), "{probe:?}");
    drop(gone);
}

#[tokio::test]
async fn what_is_wrong_in_a_config_is_named_by_its_field() {
    let peer = peer(json!({})).await;
    for (config, paths) in [
        (json!({"url": "ftp://x/y"}), &["/url"][..]),
        (json!({"url": "http://{{ input.host }}/x"}), &["/url"]),
        (json!({"url": "http://example.com{{ input.rest }}"}), &["/url"]),
        (json!({"url": "http://u:p@example.com/"}), &["/url"]),
        (json!({"url": "http://example.com/{{ input.x"}), &["/url"]),
        (json!({"url": "http://example.com/{{ input.x }}", "request": "input."}), &["/request"]),
        (json!({"url": "http://a.example/", "response": {"a": ["{{ nope( }}"]}}), &["/response"]),
        (
            json!({"url": "http://a.example/", "headers": {"Host": "x", "Authorization": "y", "b d": "z"}}),
            &["/headers/Authorization", "/headers/Host", "/headers/b d"],
        ),
        (
            json!({"url": "http://a.example/", "success_statuses": ["2xx", "6xx", "20"]}),
            &["/success_statuses/1", "/success_statuses/2"],
        ),
        (json!({"url": "http://a.example/", "method": "GET", "callback_field": "x"}), &["/callback_field"]),
        (json!({"url": "http://a.example/", "reply": "callback", "stream": "sse"}), &["/stream"]),
        (json!({"url": "http://a.example/", "health_url": "nope"}), &["/health_url"]),
        (json!({"url": "http://a.example/", "unknown": 1}), &["/unknown"]),
    ] {
        assert_eq!(Bench::new("webhook", &peer, config.clone()).objections(), paths, "{config}");
    }
}
