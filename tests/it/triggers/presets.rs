//! Every way of signing: right, tampered with, late, and sent again.

use serde_json::json;

use super::{Bench, Hook, SECRET, based, hexed, run_of};
use crate::support::http::Answer;

const BODY: &str = r#"{"text":"hello"}"#;

/// What a scheme sends at a time.
type Sign = fn(&str, i64, &str) -> Vec<(String, String)>;

fn pair(name: &str, value: String) -> (String, String) {
    (name.to_owned(), value)
}

fn standard(body: &str, at: i64, id: &str) -> Vec<(String, String)> {
    let signature = based(SECRET.as_bytes(), &format!("{id}.{at}.{body}"));
    vec![
        pair("webhook-id", id.to_owned()),
        pair("webhook-timestamp", at.to_string()),
        pair("webhook-signature", format!("v1,AAAA v1,{signature}")),
    ]
}

fn stripe(body: &str, at: i64, _: &str) -> Vec<(String, String)> {
    vec![pair("stripe-signature", format!("t={at},v1={}", hexed(SECRET.as_bytes(), &format!("{at}.{body}"))))]
}

fn slack(body: &str, at: i64, _: &str) -> Vec<(String, String)> {
    let signature = hexed(SECRET.as_bytes(), &format!("v0:{at}:{body}"));
    vec![
        pair("x-slack-request-timestamp", at.to_string()),
        pair("x-slack-signature", format!("v0={signature}")),
    ]
}

async fn send(hook: &Hook, headers: &[(String, String)], body: &str) -> Answer {
    let headers: Vec<(&str, &str)> = headers.iter().map(|it| (it.0.as_str(), it.1.as_str())).collect();
    hook.call(&headers, body).await
}

#[actix_web::test]
async fn timed_signatures_are_taken_in_time_and_once() {
    let bench = Bench::new().await;
    for (scheme, sign) in
        [("standard_webhooks", standard as Sign), ("stripe", stripe as Sign), ("slack", slack as Sign)]
    {
        let made = bench
            .trigger(json!({ "name": scheme, "signature": { "scheme": scheme }, "tolerance_ms": 60_000 }))
            .await;
        let hook = bench.hook(&made);
        let now = bench.now();
        let good = sign(BODY, now, "msg_1");
        let first = send(&hook, &good, BODY).await.expect(202);
        assert_eq!(first["outcome"], "accepted", "{scheme}");
        // The run is there before the answer is.
        bench.owner.get(&format!("/api/executions/{}", run_of(&first))).await.expect(200);
        let replay = send(&hook, &good, BODY).await.expect(202);
        assert_eq!(
            (&replay["outcome"], run_of(&replay)),
            (&json!("deduplicated"), run_of(&first)),
            "{scheme}"
        );

        let tampered = send(&hook, &good, r#"{"text":"other"}"#).await;
        tampered.expect_error(401, "Unauthenticated");
        let old =
            send(&hook, &sign(BODY, now - 61, "msg_2"), BODY).await.expect_error(401, "Unauthenticated");
        let said = old["error"]["message"].as_str().expect("a sentence");
        assert_eq!(said, "this was signed 61 s ago, and is taken within 60 s only", "{scheme}");
        send(&hook, &sign(BODY, now + 61, "msg_2"), BODY).await.expect_error(401, "Unauthenticated");
        hook.call(&[], BODY).await.expect_error(401, "Unauthenticated");

        let hits = bench.hits(&hook).await;
        let outcomes: Vec<&str> = hits.iter().map(|it| it["outcome"].as_str().expect("an outcome")).collect();
        assert_eq!(
            outcomes,
            ["refused", "refused", "refused", "refused", "deduplicated", "accepted"],
            "{scheme}"
        );
        assert!(hits[0]["reason"].as_str().expect("a reason").contains("is missing"), "{}", hits[0]);
    }
    assert_eq!(bench.runs().await.len(), 3);
}

#[actix_web::test]
async fn github_is_known_by_its_delivery_and_by_its_body() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    let first = hook.github("d-1", BODY).await.expect(202);
    let again = hook.github("d-1", BODY).await.expect(202);
    assert_eq!(again["outcome"], "deduplicated");
    // The signature does not cover the delivery's name.
    let renamed = hook.github("d-2", BODY).await.expect(202);
    assert_eq!(run_of(&renamed), run_of(&first), "a replay under another name");
    let other = hook.github("d-3", r#"{"text":"other"}"#).await.expect(202);
    assert_eq!(other["outcome"], "accepted");
    let signature = format!("sha256={}", hexed(b"another secret, long enough", BODY));
    hook.call(&[("x-hub-signature-256", &signature)], BODY).await.expect_error(401, "Unauthenticated");
    let ping = format!("sha256={}", hexed(SECRET.as_bytes(), "{}"));
    let ping =
        hook.call(&[("x-hub-signature-256", &ping), ("x-github-event", "ping")], "{}").await.expect(200);
    assert_eq!(ping["outcome"], "filtered");
    let hits = bench.hits(&hook).await;
    assert_eq!(hits[3]["delivery_id"], "d-2", "{hits:?}");
    bench.clock.advance_ms(24 * 3_600_000);
    let later = hook.github("d-1", BODY).await.expect(202);
    assert_eq!(later["outcome"], "accepted", "a day later it is new");
}

#[actix_web::test]
async fn any_header_carries_a_signature() {
    let bench = Bench::new().await;
    for (name, signature, value) in [
        ("hex", json!({ "header": "X-Sig" }), hexed(SECRET.as_bytes(), BODY)),
        (
            "prefixed",
            json!({ "header": "X-Sig", "prefix": "sha256=", "algorithm": "sha256" }),
            format!("sha256={}", hexed(SECRET.as_bytes(), BODY)),
        ),
        ("base64", json!({ "header": "x-sig", "encoding": "base64" }), based(SECRET.as_bytes(), BODY)),
    ] {
        let mut signature = signature;
        signature["scheme"] = json!("hmac");
        let hook = bench.hook(&bench.trigger(json!({ "name": name, "signature": signature })).await);
        hook.call(&[("x-sig", &value)], BODY).await.expect(202);
        hook.call(&[("x-sig", &value)], "{}").await.expect_error(401, "Unauthenticated");
        hook.call(&[("x-sig", &value[1..])], BODY).await.expect_error(401, "Unauthenticated");
        hook.call(&[("x-other", &value)], BODY).await.expect_error(401, "Unauthenticated");
    }
}

#[actix_web::test]
async fn slack_is_told_what_it_asks_once_its_signature_fits() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("slack").await;
    let body =
        r#"{"type":"url_verification","challenge":"3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P"}"#;
    let answer = send(&hook, &slack(body, bench.now(), ""), body).await;
    assert_eq!(
        (answer.status, answer.text()),
        (200, "3eZbrw1aBm2rZgRNFdxV2595E9CY3gmdALWMmHkvFXO7tYXAYM8P".to_owned())
    );
    send(&hook, &slack("{}", bench.now(), ""), body).await.expect_error(401, "Unauthenticated");
    assert_eq!(bench.runs().await.len(), 0);
}

#[actix_web::test]
async fn without_a_signature_only_in_words_and_in_the_audit_log() {
    let bench = Bench::new().await;
    let new = |signature| json!({ "name": "Open", "agent_id": bench.agent, "signature": signature });
    for signature in [
        json!({ "scheme": "none" }),
        json!({ "scheme": "none", "insecure_no_signature": false }),
        json!(null),
    ] {
        bench.owner.post("/api/triggers", new(signature)).await.expect_error(422, "ValidationFailed");
    }
    let made = bench
        .owner
        .post("/api/triggers", new(json!({ "scheme": "none", "insecure_no_signature": true })))
        .await;
    let hook = bench.hook(&made.expect(201));
    hook.call(&[], BODY).await.expect(202);
    let audit = bench.owner.get("/api/audit?action=trigger.create").await.expect(200);
    assert_eq!(audit["items"][0]["details"]["insecure_no_signature"], true, "{audit}");
    assert!(!audit.to_string().contains("rv_hook_"), "no address in the log");
}

#[actix_web::test]
async fn a_secret_that_is_replaced_counts_a_while_longer() {
    let bench = Bench::new().await;
    let hook = bench.signed_by("github").await;
    let path = format!("/api/triggers/{}/rotate", hook.id);
    let next = "the next secret of this test";
    let body = json!({ "what": "secret", "secret": next, "overlap_ms": 60_000 });
    let rotated = bench.owner.post(&path, body).await.expect(200);
    assert_eq!((&rotated["secret"], &rotated["url"]), (&json!(null), &json!(null)), "one's own is not shown");
    hook.github("d-1", "{\"n\":1}").await.expect(202);
    let signature = format!("sha256={}", hexed(next.as_bytes(), "{\"n\":2}"));
    hook.call(&[("x-hub-signature-256", &signature)], "{\"n\":2}").await.expect(202);
    bench.clock.advance_ms(60_000);
    hook.github("d-3", "{\"n\":3}").await.expect_error(401, "Unauthenticated");
    // A new address, and the old one is nobody's.
    let moved = bench.owner.post(&path, json!({ "what": "address" })).await.expect(200);
    hook.github("d-4", "{\"n\":4}").await.expect_error(404, "NotFound");
    let moved = bench.hook(&moved);
    let signature = format!("sha256={}", hexed(next.as_bytes(), "{\"n\":5}"));
    moved.call(&[("x-hub-signature-256", &signature)], "{\"n\":5}").await.expect(202);
}
