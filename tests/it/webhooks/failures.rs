//! Far ends that do not take what they are told.

use serde_json::json;

use super::{Bench, id_of, status, taken};
use crate::support::peer::{Step, answer};

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

#[actix_web::test]
async fn a_failed_delivery_is_tried_again_under_the_same_id() {
    let bench = Bench::new(|_, before| if before < 2 { status(500) } else { taken() }).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    let waits = bench.delivery(id_of(&webhook), "pending", 1).await;
    assert_eq!(waits["response_code"], 500);
    assert_eq!(waits["tries"][0]["answer"], "not today");
    bench.pass(4_000);
    bench.pass(3_000);
    bench.delivery(id_of(&webhook), "pending", 2).await;
    let shown = bench.owner.get(&format!("/api/webhooks/{}", id_of(&webhook))).await.expect(200);
    assert_eq!((&shown["status"], &shown["failures_in_row"]), (&json!("failing"), &json!(2)));
    bench.pass(6 * MINUTE);
    let done = bench.delivery(id_of(&webhook), "delivered", 3).await;
    assert_eq!(done["tries"].as_array().expect("tries").len(), 3);
    let told = bench.told();
    assert_eq!(told.len(), 3);
    assert!(told.iter().all(|it| it.header("webhook-id") == told[0].header("webhook-id")), "one id");
    let at = |place: usize| {
        told[place].header("webhook-timestamp").expect("a time").parse::<i64>().expect("seconds")
    };
    assert!(at(0) < at(1) && at(1) < at(2), "the time is each attempt's own");
    let shown = bench.owner.get(&format!("/api/webhooks/{}", id_of(&webhook))).await.expect(200);
    assert_eq!(shown["status"], "active");
}

#[actix_web::test]
async fn a_delivery_is_given_up_after_ten_attempts_and_the_endpoint_after_days() {
    let bench = Bench::new(|_, _| status(503)).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    for attempts in 1..10 {
        bench.delivery(id_of(&webhook), "pending", attempts).await;
        bench.pass(29 * HOUR);
    }
    bench.delivery(id_of(&webhook), "failed", 10).await;
    // Ten failures in a row, over eleven days.
    let path = format!("/api/webhooks/{}", id_of(&webhook));
    let shown = bench.owner.get(&path).await.expect(200);
    assert_eq!((&shown["status"], &shown["disabled_reason"]), (&json!("disabled"), &json!("failing")));
    let audit = bench.owner.get("/api/audit?action=webhook.switch_off").await.expect(200);
    assert_eq!(audit["items"][0]["details"]["why"], "failing", "{audit}");
    assert_eq!(bench.told().len(), 10);
    // Nothing more is told, until somebody switches it on.
    let body = json!({ "input": { "text": "hello" } });
    bench.owner.post(&format!("{agent}/execute"), body).await.expect(200);
    let page = bench.owner.get(&format!("{path}/deliveries")).await.expect(200);
    assert_eq!(page["items"].as_array().expect("items").len(), 1);
    let change = json!({ "name": "Desk", "url": bench.peer.url("/hook"), "events": ["execution.completed"], "enabled": true });
    let on = bench.owner.put(&path, change).await.expect(200);
    assert_eq!((&on["status"], &on["failing_since"]), (&json!("active"), &json!(null)));
}

#[actix_web::test]
async fn an_endpoint_that_is_gone_is_switched_off_at_once() {
    let bench = Bench::new(|_, _| status(410)).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    bench.delivery(id_of(&webhook), "failed", 1).await;
    let shown = bench.owner.get(&format!("/api/webhooks/{}", id_of(&webhook))).await.expect(200);
    assert_eq!((&shown["enabled"], &shown["disabled_reason"]), (&json!(false), &json!("gone")));
    bench.run(&agent, "hello").await;
    bench.delivery(id_of(&webhook), "failed", 1).await;
    assert_eq!(bench.told().len(), 1);
}

#[actix_web::test]
async fn redirects_are_failures_and_are_not_followed() {
    let bench = Bench::new(|_, _| answer(302, &[("Location", "/hook/elsewhere")], "")).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    let waits = bench.delivery(id_of(&webhook), "pending", 1).await;
    assert!(waits["error"].as_str().expect("an error").contains("redirects are not followed"), "{waits}");
    assert_eq!(bench.told().len(), 1);
}

#[actix_web::test]
async fn a_far_end_that_asks_for_time_gets_it_from_all_deliveries() {
    let script = |_: &_, before| match before {
        0 => answer(429, &[("Retry-After", "600")], ""),
        _ => taken(),
    };
    let bench = Bench::new(script).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "one").await;
    bench.delivery(id_of(&webhook), "pending", 1).await;
    bench.run(&agent, "two").await;
    let put_off = |it: &[serde_json::Value]| {
        it.len() == 2 && it[0]["attempts"] == 0 && it[0]["next_attempt_at"] == it[1]["next_attempt_at"]
    };
    bench.deliveries(id_of(&webhook), put_off).await;
    bench.pass(599_000);
    assert_eq!(bench.told().len(), 1);
    bench.pass(1_000);
    bench.deliveries(id_of(&webhook), |it| it.iter().all(|it| it["status"] == "delivered")).await;
    assert_eq!(bench.told().len(), 3);
}

#[actix_web::test]
async fn a_slow_endpoint_takes_four_at_a_time_and_all_in_the_end() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let script = move |_: &_, _| {
        let mut steps = vec![Step::Wait(held.clone())];
        steps.extend(taken());
        steps
    };
    let bench = Bench::new(script).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    for n in 0..9 {
        bench.run(&agent, &n.to_string()).await;
    }
    let put_off = |it: &[serde_json::Value]| {
        it.iter().filter(|it| it["status"] == "pending" && it["next_attempt_at"] != it["created_at"]).count()
            == 5
    };
    bench.deliveries(id_of(&webhook), put_off).await;
    assert_eq!(bench.heard(4).await.len(), 4);
    gate.add_permits(100);
    let services = bench.appliance.inner.services.clone();
    bench
        .deliveries(id_of(&webhook), |it| {
            bench.clock.advance_ms(10);
            services.timers.look();
            it.iter().all(|it| it["status"] == "delivered")
        })
        .await;
    assert_eq!(bench.told().len(), 9);
}

#[actix_web::test]
async fn what_was_sent_can_be_sent_again_and_what_waits_at_once() {
    let bench = Bench::new(|_, before| if before == 0 { status(500) } else { taken() }).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    let place = format!("/api/webhooks/{}/deliveries", id_of(&webhook));
    bench.run(&agent, "hello").await;
    let first = bench.delivery(id_of(&webhook), "pending", 1).await;
    let again = format!("{place}/{}/resend", id_of(&first));
    let moved = bench.owner.post(&again, json!({})).await.expect(202);
    assert_eq!(moved["id"], first["id"], "what waits stays what it is");
    bench.delivery(id_of(&webhook), "delivered", 2).await;
    let repeat = bench.owner.post(&again, json!({})).await.expect(202);
    assert_eq!(repeat["resend_of"], first["id"]);
    bench.deliveries(id_of(&webhook), |it| it.len() == 2 && it[0]["status"] == "delivered").await;
    let told = bench.told();
    assert_eq!(told.len(), 3);
    assert_eq!(told[0].header("webhook-id"), told[2].header("webhook-id"));
    let audit = bench.owner.get("/api/audit?action=webhook.resend").await.expect(200);
    assert_eq!(audit["items"].as_array().expect("items").len(), 2);
}

#[actix_web::test]
async fn old_deliveries_age_out() {
    let bench = Bench::new(|_, _| taken()).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    bench.delivery(id_of(&webhook), "delivered", 1).await;
    let sweep = async || {
        let now = reeve::base::Clock::now(bench.clock.as_ref());
        let store = &bench.appliance.inner.services.store;
        store.write_org(bench.owner.org, move |tx| reeve::webhooks::sweep(tx, now)).await.expect("sweeps")
    };
    bench.pass(71 * HOUR);
    assert_eq!(sweep().await, 0);
    bench.pass(2 * HOUR);
    assert_eq!(sweep().await, 1);
    let page = bench.owner.get(&format!("/api/webhooks/{}/deliveries", id_of(&webhook))).await.expect(200);
    assert_eq!(page["items"], json!([]));
}
