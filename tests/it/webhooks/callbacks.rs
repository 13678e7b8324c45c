//! Runs that name an address for their end.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{Bench, is_signed, status, taken};
use crate::support::peer::{Peer, answer, json as says};
use crate::support::until;

const HOUR: u64 = 3_600_000;

impl Bench {
    /// Runs the agent (or chain) to its end, which is to be told at `/hook`; answers the run's path.
    async fn run_and_tell(&self, path: &str, text: &str) -> String {
        self.clock.advance_ms(1);
        let body = json!({ "input": { "text": text }, "callback_url": self.peer.url("/hook?token=hush") });
        let body = self.owner.post(&format!("{path}/execute"), body).await.json();
        let id = body["id"].as_str().or(body["error"]["details"]["execution_id"].as_str());
        format!("/api/executions/{}", id.unwrap_or_else(|| panic!("{body}")))
    }

    /// The run's callback, once it has come to this.
    async fn callback(&self, run: &str, status: &str, attempts: u64) -> Value {
        let found = async || self.owner.get(&format!("{run}/callback")).await.expect(200);
        let fits = |it: &Value| it["status"] == status && it["attempts"] == attempts;
        until("the callback", async || fits(&found().await)).await;
        found().await
    }

    async fn secret(&self) -> String {
        let made = self.owner.post("/api/callbacks/signing/rotate", json!({})).await.expect(200);
        made["secret"].as_str().expect("a secret").to_owned()
    }
}

#[actix_web::test]
async fn the_whole_run_is_sent_to_the_address_that_it_named() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let secret = bench.secret().await;
    let run = bench.run_and_tell(&agent, "hello").await;
    let told = bench.heard(1).await.remove(0);
    assert_eq!(told.line(), "POST /hook?token=hush");
    assert!(is_signed(&told, &secret));
    let message = told.json();
    assert_eq!(message["type"], "execution.completed");
    let data = &message["data"];
    assert!(run.ends_with(data["id"].as_str().expect("an id")));
    assert_eq!((&data["status"], &data["input"]["text"]), (&json!("completed"), &json!("hello")));
    assert_eq!(data["output"]["answer"], 42);
    assert_eq!(data["callback_origin"], bench.peer.url("").trim_end_matches('/'));
    assert!(!told.body.contains("hush"), "the address stays with those who may see it");
    let callback = bench.callback(&run, "delivered", 1).await;
    assert_eq!(callback["event_id"], told.header("webhook-id").expect("an id"));
    assert_eq!(callback["url"], bench.peer.url("/hook?token=hush"));
    let all = bench.owner.get("/api/callbacks?status=delivered").await.expect(200);
    assert_eq!(all["items"][0]["execution_id"], data["id"]);
    let none = bench.owner.get("/api/callbacks?status=failed").await.expect(200);
    assert_eq!(none["items"], json!([]));
    let ledger = bench.owner.get("/api/egress").await;
    assert_ne!(ledger.status, 500);
    let quiet = format!("/api/executions/{}/callback", bench.run(&agent, "hello").await);
    bench.owner.get(&quiet).await.expect_error(404, "NotFound");
    assert_eq!(bench.told().len(), 1, "only where a run asks for it");
}

#[actix_web::test]
async fn every_end_is_told_and_a_webhook_beside_it() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    bench.run_and_tell(&agent, "fail").await;
    assert_eq!(bench.heard(1).await[0].json()["type"], "execution.failed");
    let waiting =
        json!({ "name": "Slow", "agent_type": "webhook", "config": { "url": bench.peer.url("/hang") } });
    let slow = crate::agents::published(&bench.owner, waiting).await;
    let body = json!({
        "input": { "text": "hang" }, "wait_ms": 0, "callback_url": bench.peer.url("/hook"),
    });
    let run = bench.owner.post(&format!("{slow}/execute"), body).await.expect(202);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    let before = bench.owner.get(&format!("{run}/callback")).await.expect(200);
    assert_eq!((&before["status"], &before["delivery_id"]), (&json!("waiting"), &Value::Null));
    bench.owner.post(&format!("{run}/callback/resend"), json!({})).await.expect_error(409, "Conflict");
    bench.owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    assert_eq!(bench.heard(2).await[1].json()["type"], "execution.cancelled");
    bench.webhook(json!({})).await;
    bench.run_and_tell(&agent, "hello").await;
    let told = bench.heard(4).await;
    assert_ne!(told[2].header("webhook-id"), told[3].header("webhook-id"), "each is an event of its own");
}

#[actix_web::test]
async fn what_an_address_does_not_take_is_tried_again_under_the_same_id() {
    let bench = Bench::new(|_, before| if before < 2 { status(500) } else { taken() }).await;
    let agent = bench.agent("Teller").await;
    let run = bench.run_and_tell(&agent, "hello").await;
    let waits = bench.callback(&run, "pending", 1).await;
    assert_eq!(
        (&waits["response_code"], &waits["error"]),
        (&json!(500), &json!("it answered 500 Internal Server Error"))
    );
    // The agent is gone, and what it did is told all the same.
    bench.owner.delete(&agent).await.expect(204);
    bench.pass(7_000);
    bench.callback(&run, "pending", 2).await;
    bench.owner.post(&format!("{run}/callback/resend"), json!({})).await.expect(202);
    bench.callback(&run, "delivered", 3).await;
    let again = bench.owner.post(&format!("{run}/callback/resend"), json!({})).await.expect(202);
    assert!(again["resend_of"].is_string(), "{again}");
    bench.callback(&run, "delivered", 1).await;
    let told = bench.told();
    assert_eq!(told.len(), 4);
    assert!(told.iter().all(|it| it.header("webhook-id") == told[0].header("webhook-id")), "one id");
    assert!(told.iter().all(|it| it.body == told[0].body), "one message");
    let audit = bench.owner.get("/api/audit?action=callback.resend").await.expect(200);
    assert_eq!(audit["items"].as_array().expect("items").len(), 2);
}

#[actix_web::test]
async fn an_address_that_wants_no_more_is_left_alone() {
    let bench = Bench::new(|_, _| status(410)).await;
    let agent = bench.agent("Teller").await;
    let run = bench.run_and_tell(&agent, "hello").await;
    let gone = bench.callback(&run, "failed", 1).await;
    assert!(gone["error"].as_str().expect("an error").contains("410"), "{gone}");
    assert_eq!(bench.appliance.inner.services.timers.waiting(), 0);
    let signing = bench.owner.get("/api/callbacks/signing").await.expect(200);
    assert_eq!(signing["callbacks_waiting"], 0);
}

#[actix_web::test]
async fn an_address_that_cannot_be_one_is_refused_before_the_run() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let asks = async |url: &str| {
        let body = json!({ "input": { "text": "hello" }, "callback_url": url });
        bench.owner.post(&format!("{agent}/execute"), body).await
    };
    for wrong in [
        "nonsense",
        "ftp://a.test/",
        "https://me:pw@a.test/",
        "",
        &format!("https://a.test/{}", "x".repeat(2048)),
    ] {
        let error = asks(wrong).await.expect_error(422, "ValidationFailed");
        assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/callback_url", "{error}");
    }
    for closed in [
        "http://10.0.0.1/",
        "http://127.0.0.1:1/",
        "http://[::1]/",
        "http://169.254.169.254/",
        "http://0x7f.1/",
    ] {
        asks(closed).await.expect_error(403, "EgressDenied");
    }
    let runs = bench.owner.get("/api/executions").await.expect(200);
    assert_eq!(runs["items"], json!([]), "none of them ran");
}

#[actix_web::test]
async fn a_name_that_leads_inside_is_never_called() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let body = json!({ "input": { "text": "hello" }, "callback_url": "http://localhost:1/hook" });
    let answer = bench.owner.post(&format!("{agent}/execute"), body).await;
    if answer.status == 403 {
        return;
    }
    let run = answer.expect(200);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    let refused = bench.callback(&run, "pending", 1).await;
    assert!(refused["response_code"].is_null(), "{refused}");
}

#[actix_web::test]
async fn a_secret_is_shown_once_and_the_one_before_signs_for_a_while() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let unmade = bench.owner.get("/api/callbacks/signing").await.expect(200);
    assert!(unmade["secret_hint"].is_null(), "{unmade}");
    bench.run_and_tell(&agent, "one").await;
    assert!(bench.heard(1).await[0].header("webhook-signature").expect("a signature").starts_with("v1,"));
    let first = bench.secret().await;
    bench.run_and_tell(&agent, "two").await;
    let second = bench.secret().await;
    bench.run_and_tell(&agent, "three").await;
    let told = bench.heard(3).await;
    assert!(!is_signed(&told[0], &first) && is_signed(&told[1], &first) && !is_signed(&told[1], &second));
    assert!(is_signed(&told[2], &first) && is_signed(&told[2], &second), "both, for a day");
    let shown = bench.owner.get("/api/callbacks/signing").await;
    assert!(
        shown.text().contains("former_secret_until") && !shown.text().contains("whsec_"),
        "{}",
        shown.text()
    );
    let short = json!({ "secret": "whsec_c2hvcnQ=" });
    bench.owner.post("/api/callbacks/signing/rotate", short).await.expect_error(422, "ValidationFailed");
    let audit = bench.owner.get("/api/audit?action=callback.rotate").await;
    assert_eq!(audit.expect(200)["items"].as_array().expect("items").len(), 2);
}

#[actix_web::test]
async fn a_dead_address_does_not_gather_callbacks_without_end() {
    let bench = Bench::set(|it| it.limits.callbacks_waiting = 2, |_, _| status(500)).await;
    let agent = bench.agent("Teller").await;
    let first = bench.run_and_tell(&agent, "one").await;
    bench.run_and_tell(&agent, "two").await;
    let body = json!({ "input": { "text": "three" }, "callback_url": bench.peer.url("/hook") });
    let refused = bench.owner.post(&format!("{agent}/execute"), body.clone()).await;
    let error = refused.expect_error(429, "ResourceExhausted");
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/callback_url", "{error}");
    bench.run(&agent, "without one").await;
    for attempts in 1..10 {
        bench.callback(&first, "pending", attempts).await;
        bench.pass(29 * HOUR);
    }
    bench.callback(&first, "failed", 10).await;
    until("none waits", async || {
        bench.owner.get("/api/callbacks/signing").await.expect(200)["callbacks_waiting"] == 0
    })
    .await;
    bench.owner.post(&format!("{agent}/execute"), body).await.expect(200);
}

#[actix_web::test]
async fn chains_and_retries_are_told_of_too() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let agent = agent.rsplit('/').next().expect("an id");
    let chain = json!({ "name": "One", "steps": [{ "id": "ask", "agent_id": agent }] });
    let made = bench.owner.post("/api/chains", chain).await.expect(201);
    let id = made["id"].as_str().expect("an id");
    let run = bench.run_and_tell(&format!("/api/chains/{id}"), "hello").await;
    assert_eq!(bench.heard(1).await[0].json()["data"]["workflow_id"], id);
    bench.callback(&run, "delivered", 1).await;
    let both = json!({ "workflow_id": id, "input": {}, "callback_url": bench.peer.url("/hook") });
    bench.owner.post("/api/executions", both).await.expect(200);
    bench.heard(2).await;
    bench.owner.post(&format!("{run}/retry"), json!({})).await.expect(200);
    let told = bench.heard(3).await.remove(2).json();
    assert!(run.ends_with(told["data"]["trigger"]["retry_of"].as_str().expect("the first run")), "{told}");
}

#[actix_web::test]
async fn whoever_may_not_read_webhooks_sees_where_a_callback_leads_and_not_its_path() {
    let bench = Bench::new(|_, _| answer(500, &[], "it is hush that I want")).await;
    let config = json!({ "url": bench.peer.url("/work") });
    let new = json!({
        "name": "Teller", "agent_type": "webhook", "config": config, "visibility": "organization",
    });
    let agent = crate::agents::published(&bench.owner, new).await;
    let run = bench.run_and_tell(&agent, "hello").await;
    bench.callback(&run, "pending", 1).await;
    let viewer = bench.appliance.caller(Role::Viewer).await;
    for path in [run.clone(), format!("{run}/callback"), format!("{run}/events")] {
        let seen = viewer.get(&path).await;
        assert!(seen.status == 200 && !seen.text().contains("hush"), "{}", seen.text());
    }
    viewer
        .post(&format!("{run}/callback/resend"), json!({}))
        .await
        .expect_error(403, "InsufficientPermissions");
    viewer.get("/api/callbacks").await.expect_error(403, "InsufficientPermissions");
    viewer.get("/api/callbacks/signing").await.expect_error(403, "InsufficientPermissions");
}

#[actix_web::test]
async fn the_page_of_a_run_says_what_became_of_its_callback() {
    let bench = Bench::new(|_, before| if before == 0 { status(500) } else { taken() }).await;
    let agent = bench.agent("Teller").await;
    let run = bench.run_and_tell(&agent, "hello").await;
    bench.callback(&run, "pending", 1).await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let place = run.trim_start_matches("/api").to_owned();
    let page = visitor.page(&place).await;
    assert!(page.contains("It answered 500") && page.contains("Send it now"), "{page}");
    let (to, page) = visitor.through(&format!("{place}/callback/resend"), &[]).await;
    assert!(to.starts_with(&place) && page.contains("It is on its way"), "{to}");
    bench.callback(&run, "delivered", 2).await;
    let page = visitor.page(&place).await;
    assert!(page.contains("Delivered") && page.contains("Send it again"), "{page}");
    let page = visitor.page("/webhooks").await;
    assert!(page.contains("a run that names a callback_url"), "{page}");
    let made = visitor.send("/callbacks/signing/rotate", &[("overlap_ms", "3600000")]).await;
    assert!(made.status == 200 && made.text().contains("whsec_"), "{}", made.text());
    let wrong = visitor.send("/callbacks/signing/rotate", &[("overlap_ms", "x")]).await;
    assert!(wrong.status == 422 && wrong.text().contains("hoose from the list"), "{}", wrong.text());
    assert!(!visitor.page("/webhooks").await.contains("whsec_"), "shown once");
}

#[actix_web::test]
async fn a_message_leaves_out_what_would_make_it_too_large() {
    let large = "x".repeat(1 << 20);
    let peer = Peer::start(move |it, _| match it.line().contains("/hook") {
        true => taken(),
        false => says(&json!({ "long": large })),
    })
    .await;
    let allow = peer.address.to_string();
    let bench = Bench::set(|it| it.egress.allow.push(allow), |_, _| taken()).await;
    let config = json!({ "url": peer.url("/work") });
    let new = json!({ "name": "Long", "agent_type": "webhook", "config": config });
    let agent = crate::agents::published(&bench.owner, new).await;
    bench.run_and_tell(&agent, "hello").await;
    let told = bench.heard(1).await[0].json();
    assert_eq!(told["data"]["left_out"], json!(["input", "output"]));
}

#[actix_web::test]
async fn each_run_of_a_batch_is_told_of() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let inputs = json!([{ "text": "one" }, { "text": "fail" }, { "text": "three" }]);
    let body = json!({ "inputs": inputs, "callback_url": bench.peer.url("/hook") });
    bench.owner.post(&format!("{agent}/execute/batch"), body.clone()).await.expect(202);
    let mut told: Vec<String> = bench.heard(3).await.iter().map(|it| it.json()["type"].to_string()).collect();
    told.sort();
    assert_eq!(told, ["\"execution.completed\"", "\"execution.completed\"", "\"execution.failed\""]);
    let closed = json!({ "inputs": inputs, "callback_url": "http://10.0.0.1/" });
    bench.owner.post(&format!("{agent}/execute/batch"), closed).await.expect_error(403, "EgressDenied");
}
