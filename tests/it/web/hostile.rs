//! Bodies, queries and headers that are made to hurt: refused with the envelope, and nothing falls over.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use super::probe;
use crate::support::Appliance;

const JSON: Option<&str> = Some("application/json");

fn deep(depth: usize) -> String {
    format!("{{\"name\":{}1{}}}", "[".repeat(depth), "]".repeat(depth))
}

fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let text = |it: &str| it.as_bytes().to_vec();
    vec![
        ("empty", Vec::new()),
        ("not JSON", text("name")),
        ("deep 65", text(&deep(65))),
        ("deep 100,000", text(&deep(100_000))),
        ("deep open", text(&"[".repeat(100_000))),
        ("deep objects", text(&"{\"a\":".repeat(100_000))),
        ("twice the same key", text(r#"{"name":"a","name":"b"}"#)),
        ("a million digits", text(&format!("{{\"name\":\"a\",\"size\":{}}}", "9".repeat(900_000)))),
        ("huge exponent", text(r#"{"name":"a","size":1e999999}"#)),
        ("negative", text(r#"{"name":"a","size":-1}"#)),
        ("fraction", text(r#"{"name":"a","size":1.5}"#)),
        ("lone surrogate", text(r#"{"name":"\ud800"}"#)),
        ("lone low surrogate", text(r#"{"name":"\udc00x"}"#)),
        ("swapped surrogates", text(r#"{"name":"\udc00\ud800"}"#)),
        ("invalid UTF-8", b"{\"name\":\"\xff\xfe\"}".to_vec()),
        ("overlong UTF-8", b"{\"name\":\"\xc0\xaf\"}".to_vec()),
        ("surrogate in UTF-8", b"{\"name\":\"\xed\xa0\x80\"}".to_vec()),
        ("raw NUL", b"{\"name\":\"a\0b\"}".to_vec()),
        ("NUL behind", b"{\"name\":\"a\"}\0".to_vec()),
        ("BOM", b"\xef\xbb\xbf{\"name\":\"a\"}".to_vec()),
        ("UTF-16", b"\xff\xfe{\0\"\0n\0".to_vec()),
        ("raw line break in a string", b"{\"name\":\"a\nb\"}".to_vec()),
        ("two values", text(r#"{"name":"a"}{"name":"b"}"#)),
        ("trailing comma", text(r#"{"name":"a",}"#)),
        ("comment", text("{\"name\":\"a\"/* */}")),
        ("single quotes", text("{'name':'a'}")),
        ("NaN", text(r#"{"name":"a","size":NaN}"#)),
        ("cut off", text(r#"{"name":"a"#)),
        ("cut in an escape", text(r#"{"name":"\u12"#)),
        ("wrong type", text(r#"{"name":{"$gt":""}}"#)),
        ("null", text("null")),
        ("array", text("[]")),
        ("string", text("\"name\"")),
        ("unknown field", text(r#"{"name":"a","admin":true}"#)),
        ("prototype", text(r#"{"name":"a","__proto__":{"x":1}}"#)),
        ("missing field", text("{}")),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn hostile_bodies_are_refused_with_the_envelope() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let client = appliance.anonymous();
    for (name, body) in bodies() {
        let answer = client.send(Method::POST, "/api/probe", JSON, body.into()).await;
        assert_eq!(answer.status, 422, "{name}: {}", answer.text());
        answer.expect_error(422, "ValidationFailed");
        assert!(answer.body.len() < 4_000, "{name} is answered at length");
    }
    for (body, says) in [
        ("[]", "the body is a list; it has to be an object"),
        ("3", "the body is 3; it has to be an object"),
        ("{}", "name: is missing"),
        (r#"{"name":{}}"#, "name: is an object; it has to be a string"),
        (r#"{"name":"a","admin":true}"#, "admin: is no field here"),
    ] {
        let answer = client.send(Method::POST, "/api/probe", JSON, body.into()).await;
        let error = answer.expect_error(422, "ValidationFailed");
        let message = error["error"]["message"].as_str().expect("a message");
        assert!(message.starts_with(says), "{body}: {message}");
    }
    client.post("/api/probe", json!({"name": "still here"})).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn strange_but_valid_texts_come_back_as_they_are() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let client = appliance.anonymous();
    for name in
        ["\u{202e}evil\u{2066}", "e\u{301}".repeat(300).as_str(), "\u{1F600}", "a\u{0}b", "=1+1", "<b>"]
    {
        let answer = client.post("/api/probe", json!({"name": name})).await.expect(201);
        assert_eq!(answer["name"], name);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_field_is_named_by_its_path() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let client = appliance.anonymous();
    for (body, path) in [
        (json!({"name": "a", "admin": true}), "/admin"),
        (json!({"name": 1}), "/name"),
        (json!({"name": "a", "size": "x"}), "/size"),
    ] {
        let answer = client.post("/api/probe", body).await.expect_error(422, "ValidationFailed");
        assert_eq!(answer["error"]["details"]["validation_errors"][0]["path"], path, "{answer}");
    }
    client.get("/api/probe?limti=1").await.expect_error(422, "ValidationFailed");
    client.get("/api/probe?limit=x").await.expect_error(422, "ValidationFailed");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_types_and_encodings_are_refused() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let client = appliance.anonymous();
    let body = || Bytes::from_static(b"{\"name\":\"a\"}");
    for kind in
        [None, Some("text/plain"), Some("application/x-www-form-urlencoded"), Some("multipart/form-data")]
    {
        let answer = client.send(Method::POST, "/api/probe", kind, body()).await;
        answer.expect_error(415, "UnsupportedMediaType");
    }
    for coding in ["gzip", "br", "deflate", "zstd", "gzip, gzip"] {
        let packed = client.with("content-encoding", coding);
        let answer = packed.send(Method::POST, "/api/probe", JSON, body()).await;
        answer.expect_error(415, "UnsupportedMediaType");
    }
    let kind = Some("Application/JSON; charset=utf-8");
    client.send(Method::POST, "/api/probe", kind, body()).await.expect(201);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_has_a_limit_however_it_comes() {
    let appliance = Appliance::start_with(|it| it.limits.body_bytes = 1_000, probe::routes()).await;
    let client = appliance.anonymous();
    let body = |bytes: usize| json!({"name": "a".repeat(bytes)});
    client.post("/api/probe", body(900)).await.expect(201);
    let answer = client.post("/api/probe", body(1_000)).await.expect_error(413, "PayloadTooLarge");
    assert_eq!(answer["error"]["details"]["limit_bytes"], 1_000);
}

#[tokio::test(flavor = "multi_thread")]
async fn queries_and_addresses_have_limits() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let client = appliance.anonymous();
    let pairs = format!("/api/probe?{}", "a=1&".repeat(10_000));
    assert!([414, 422, 431].contains(&client.get(&pairs).await.status));
    for query in ["limit=1&limit=2", "limit=%ff", "limit=%00", "limit[]=1", "limit=9999999999999999999999"] {
        client.get(&format!("/api/probe?{query}")).await.expect_error(422, "ValidationFailed");
    }
    client.get("/healthz").await.expect(200);
}
