//! Budgets as pages, without scripts.

use serde_json::json;

use super::{Bench, DOLLAR};
use crate::agents::published;

#[actix_web::test]
async fn a_budget_is_made_seen_changed_and_deleted_by_forms() {
    let bench = Bench::new().await;
    let agent = bench.agent("Support").await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    assert!(visitor.page("/budgets").await.contains("Nothing is limited yet"));
    assert!(visitor.page("/budgets/new").await.contains("Agent: Support"));
    let fields = [
        ("name", "Pocket"),
        ("covers", "organization"),
        ("window", "day"),
        ("money", "2.5"),
        ("tokens", ""),
        ("action", "stop"),
        ("enabled", "true"),
    ];
    let mut wrong = fields;
    wrong[3] = ("money", "two");
    let refused = visitor.send("/budgets", &wrong).await;
    assert!(refused.status == 422 && refused.text().contains("An amount is written as in 12.50"));
    assert!(refused.text().contains("Pocket"), "what was typed is there still");
    let (place, page) = visitor.through("/budgets", &fields).await;
    assert!(page.contains("$0.00 of $2.50") && page.contains("The organization, a day"), "{page}");
    let twin = visitor.send("/budgets", &fields).await;
    assert!(twin.status == 422 && twin.text().contains("has this name already"), "{}", twin.text());
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(429);
    let page = visitor.page("/budgets").await;
    assert!(page.contains("$2.00 of $2.50") && page.contains("Refuses calls"), "{page}");
    let page = visitor.page(&place).await;
    assert!(page.contains("It refuses calls") && page.contains("Support"), "{page}");
    let change =
        [("name", "Purse"), ("money", "30"), ("tokens", "9"), ("action", "warn"), ("enabled", "true")];
    let (_, page) = visitor.through(&place, &change).await;
    assert!(page.contains("Purse") && page.contains("$2.00 of $30.00"), "{page}");
    assert_eq!(visitor.send(&place, &[("name", ""), ("action", "stop")]).await.status, 422);
    assert_eq!(visitor.send(&format!("{place}/delete"), &[("confirm", "Pocket")]).await.status, 422);
    let (to, _) = visitor.through(&format!("{place}/delete"), &[("confirm", "Purse")]).await;
    assert_eq!(to, "/budgets");
    assert_eq!(visitor.open(&place).await.status, 404);
}

#[actix_web::test]
async fn the_page_of_an_agent_shows_its_own_budget_of_the_day() {
    let bench = Bench::new().await;
    let mut new = super::model(&bench.peer, "Support");
    new["execution"]["budget_micros_per_day"] = json!(4 * DOLLAR);
    let agent = published(&bench.owner, new).await;
    bench.owner.post(&format!("{agent}/execute"), json!({ "input": "a" })).await.expect(200);
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page(&format!("/agents/{}", super::id_of(&agent))).await;
    assert!(page.contains("Budget of the day") && page.contains("$1.00 of $4.00"), "{page}");
}

#[actix_web::test]
async fn the_settings_take_a_time_zone() {
    let bench = Bench::new().await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let fields = [("name", "Mill"), ("time_zone", "Europe/Berlin")];
    let (_, page) = visitor.through("/organization", &fields).await;
    assert!(page.contains("Europe/Berlin"), "{page}");
    let wrong = visitor.send("/organization", &[("name", "Mill"), ("time_zone", "Berlin")]).await;
    assert!(wrong.status == 422 && wrong.text().contains("did you mean Europe/Berlin"), "{}", wrong.text());
}
