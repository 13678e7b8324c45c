//! What every answer has, whatever was asked.

use bytes::Bytes;
use http::Method;
use serde_json::json;

use super::probe;
use crate::support::Appliance;
use crate::support::http::{Answer, Http};

async fn probed() -> Appliance {
    Appliance::start_with(|_| {}, probe::routes()).await
}

async fn bare(client: &Http, method: Method, path: &str) -> Answer {
    client.send(method, path, None, Bytes::new()).await
}

#[track_caller]
fn check_headers(answer: &Answer) {
    let has = |name: &str, value: &str| assert_eq!(answer.header(name), Some(value), "{name}: {answer:?}");
    has("x-content-type-options", "nosniff");
    has("x-frame-options", "DENY");
    has("referrer-policy", "same-origin");
    has("cross-origin-opener-policy", "same-origin");
    has("cross-origin-resource-policy", "same-origin");
    let csp = answer.header("content-security-policy").expect("a policy");
    assert!(csp.contains("default-src 'none'") && csp.contains("frame-ancestors 'none'"), "{csp}");
    assert!(!csp.contains("unsafe") && !csp.contains('*'), "{csp}");
    assert!(answer.header("x-request-id").is_some_and(|it| !it.is_empty()));
    assert!(answer.header("cache-control").is_some());
    assert_eq!(answer.header("server"), None);
    assert_eq!(answer.header("x-powered-by"), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn every_route_answers_with_the_safety_headers() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    let mut routes = reeve::app::routes();
    routes.extend(probe::routes());
    for route in &routes {
        let path = route.path.replace(['{', '}'], "");
        for method in [route.method.clone(), actix_web::http::Method::OPTIONS] {
            let method = Method::from_bytes(method.as_str().as_bytes()).expect("a method");
            check_headers(&bare(&client, method, &path).await);
        }
    }
    for path in ["/", "/api", "/api/nothing", "/nothing", "/api/../etc", "/%00", "/api/%ff"] {
        check_headers(&bare(&client, Method::GET, path).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn head_is_get_without_its_body() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    let get = bare(&client, Method::GET, "/api/probe").await;
    let head = bare(&client, Method::HEAD, "/api/probe").await;
    assert_eq!((get.status, head.status), (200, 200));
    assert!(head.body.is_empty());
    assert_eq!(head.header("content-length"), Some(get.body.len().to_string().as_str()));
    for name in ["etag", "content-type"] {
        assert_eq!(head.header(name), get.header(name), "{name}");
    }
    let missing = bare(&client, Method::HEAD, "/api/nothing").await;
    assert_eq!((missing.status, missing.body.len()), (404, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_says_what_it_takes() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    let allowed = "POST, GET, HEAD, DELETE, PUT, OPTIONS";
    let options = bare(&client, Method::OPTIONS, "/api/probe").await;
    assert_eq!((options.status, options.header("allow")), (204, Some(allowed)));
    let patch = bare(&client, Method::PATCH, "/api/probe").await;
    patch.expect_error(405, "MethodNotAllowed");
    assert_eq!(patch.header("allow"), Some(allowed));
    let trace = bare(&client, Method::TRACE, "/api/probe").await;
    trace.expect_error(405, "MethodNotAllowed");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_known_is_not_sent_again() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    let tag = client.get("/api/probe").await.header("etag").expect("a tag").to_owned();
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = client.with("if-none-match", known.clone()).get("/api/probe").await;
        assert_eq!((answer.status, answer.body.len()), (304, 0), "{known}");
        assert_eq!(answer.header("etag"), Some(tag.as_str()));
        check_headers(&answer);
    }
    for other in ["\"other\"", "", "W/\"x\", \"y\""] {
        assert_eq!(client.with("if-none-match", other).get("/api/probe").await.status, 200, "{other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_panic_is_an_error_like_any_other() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    for _ in 0..3 {
        let answer = client.delete("/api/probe").await;
        answer.expect_error(500, "Internal");
        assert!(!answer.text().contains("secret"), "{}", answer.text());
        check_headers(&answer);
    }
    let failed = client.put("/api/probe", json!({})).await;
    failed.expect_error(500, "Internal");
    assert!(!failed.text().contains("nobody"), "{}", failed.text());
    client.get("/api/probe").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_sane_request_ids_are_taken_over() {
    let appliance = probed().await;
    let long = "a".repeat(65);
    for (given, kept) in
        [("abc-1_2.3", true), (long.as_str(), false), ("a b", false), ("a\tb", false), ("", false)]
    {
        let answer = appliance.anonymous().with("x-request-id", given).get("/healthz").await;
        let id = answer.header("x-request-id").expect("an id");
        assert_eq!(id == given, kept, "{given} became {id}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn larger_answers_are_packed_for_those_who_take_it() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    let coding = |answer: &Answer| answer.header("content-encoding").map(str::to_owned);
    let large = "/api/probe?limit=20000";
    let plain = client.get(large).await;
    assert_eq!(coding(&plain), None);
    assert_eq!(plain.header("vary"), Some("accept-encoding"));
    for (accepts, expected) in [("br, gzip", "br"), ("gzip", "gzip")] {
        let packed = client.with("accept-encoding", accepts).get(large).await;
        assert_eq!(coding(&packed).as_deref(), Some(expected));
        assert!(packed.body.len() * 10 < plain.body.len());
        assert_eq!(packed.header("etag"), plain.header("etag"));
        assert_eq!(packed.header("content-length"), Some(packed.body.len().to_string().as_str()));
    }
    assert_eq!(coding(&client.with("accept-encoding", "br").get("/api/probe").await), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn health_says_whether_work_is_taken() {
    let appliance = probed().await;
    let client = appliance.anonymous();
    client.get("/healthz").await.expect(200);
    client.get("/readyz").await.expect(200);
    let draining = &appliance.inner.services.draining;
    draining.store(true, std::sync::atomic::Ordering::Relaxed);
    client.get("/healthz").await.expect(200);
    let answer = client.get("/readyz").await;
    answer.expect_error(503, "Unavailable");
    assert!(answer.header("retry-after").is_some());
    let refused = client.post("/api/probe", json!({"name": "x"})).await;
    refused.expect_error(503, "Unavailable");
    client.get("/api/probe").await.expect(200);
}

#[tokio::test]
async fn an_id_that_is_none_is_answered_as_one_that_is_not_there() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    for (path, id) in [
        ("/api/agents/{}", "agt_00000000000000000000000001"),
        ("/api/agents/{}/executions", "agt_00000000000000000000000001"),
        ("/api/executions/{}", "exe_00000000000000000000000001"),
        ("/api/chains/{}", "wfl_00000000000000000000000001"),
        ("/api/credentials/{}", "cre_00000000000000000000000001"),
        ("/api/schedules/{}", "sch_00000000000000000000000001"),
        ("/api/triggers/{}", "trg_00000000000000000000000001"),
    ] {
        let answer = async |id: &str| {
            let answer = owner.get(&path.replace("{}", id)).await;
            let error = &answer.json()["error"];
            (answer.status, error["code"].clone(), error["message"].to_string().replace(id, "ID"))
        };
        let unknown = answer(id).await;
        assert_eq!(unknown.0, 404, "{path}");
        for odd in ["agt_", "nonsense", "exe_00000000000000000000000001x"] {
            let (status, code, _) = answer(odd).await;
            assert_eq!((status, &code), (404, &unknown.1), "{path} {odd}");
        }
        assert_eq!(answer("nonsense").await, unknown, "{path}");
    }
}
