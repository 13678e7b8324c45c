//! The overview, and the numbers behind it.

use reeve::access::Role;
use serde_json::json;

use crate::agents::{native, published};
use crate::support::Appliance;

#[actix_web::test]
async fn an_empty_appliance_invites_and_one_click_later_there_is_an_agent() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let page = visitor.page("/").await;
    assert!(page.contains("Deploy Document digest") && page.contains("Connect a webhook"), "{page}");
    let answer = visitor.send("/overview/deploy", &[("template", "document-digest")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/agents/document-digest")));
    owner
        .post("/api/agents/document-digest/execute", json!({"input": {"document": "One. Two. Three."}}))
        .await
        .expect(200);
    let page = visitor.page("/").await;
    assert!(page.contains("Nothing needs you right now.") && page.contains("100 %"), "{page}");
    assert_eq!(visitor.send("/overview/deploy", &[("template", "nothing")]).await.status, 404);
    let viewer = appliance.caller(Role::Viewer).await;
    let mut viewer = appliance.visitor_of(&viewer.email).await;
    assert_eq!(viewer.send("/overview/deploy", &[("template", "ticket-triage")]).await.status, 403);
    assert!(!viewer.page("/").await.contains("/overview/deploy"));
}

#[actix_web::test]
async fn who_is_not_logged_in_is_led_to_the_log_in() {
    let appliance = Appliance::start().await;
    appliance.owner().await;
    let answer = appliance.visitor().open("/").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/login")));
}

#[actix_web::test]
async fn numbers_count_what_ended() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let path = published(&owner, native("Counted")).await;
    for _ in 0..3 {
        owner.post(&format!("{path}/execute"), json!({"input": {"text": "some words"}})).await.expect(200);
    }
    for (place, bucket) in [("/api/analytics/summary", "hour"), (&format!("{path}/metrics"), "minute")] {
        let found = owner.get(&format!("{place}?bucket={bucket}")).await.expect(200);
        assert_eq!(found["total"]["executions"], 3, "{found}");
        assert_eq!(found["total"]["success_rate"], 1.0);
        let sum: u64 = found["buckets"]
            .as_array()
            .expect("buckets")
            .iter()
            .filter_map(|it| it["completed"].as_u64())
            .sum();
        assert_eq!(sum, 3);
    }
    let back = "?from=2026-01-02T00:00:00Z&to=2026-01-01T00:00:00Z";
    owner.get(&format!("/api/analytics/summary{back}")).await.expect_error(422, "ValidationFailed");
    owner.get("/api/agents/none/metrics").await.expect_error(404, "AgentNotFound");
}
