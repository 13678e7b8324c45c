//! Webhooks as pages.

use serde_json::json;

use super::{Bench, id_of, status, taken};

#[actix_web::test]
async fn a_webhook_is_made_tested_changed_and_deleted_by_forms() {
    let bench = Bench::new(|_, before| if before == 0 { taken() } else { status(500) }).await;
    let agent = bench.agent("Teller").await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    assert!(visitor.page("/webhooks").await.contains("Nobody is told yet"));
    assert!(visitor.page("/webhooks/new").await.contains("value=\"execution.timeout\" checked"));
    let url = bench.peer.url("/hook");
    let wrong = visitor.send("/webhooks", &[("name", "Desk"), ("url", &url)]).await;
    assert!(wrong.status == 422 && wrong.text().contains("Choose at least one event"), "{}", wrong.text());
    assert!(wrong.text().contains(&url), "what was typed is there still");
    let fields = [
        ("name", "Desk"),
        ("url", url.as_str()),
        ("event", "execution.completed"),
        ("event", "execution.failed"),
    ];
    let made = visitor.send("/webhooks", &fields).await;
    assert!(made.status == 200 && made.text().contains("whsec_"), "{}", made.text());
    assert_eq!(visitor.send("/webhooks", &fields).await.status, 422, "the name is taken");
    let all = bench.owner.get("/api/webhooks").await.expect(200);
    let place = format!("/webhooks/{}", id_of(&all["items"][0]));
    let secret =
        made.text().split("whsec_").nth(1).expect("a secret").split('<').next().expect("text").to_owned();
    let page = visitor.page(&place).await;
    assert!(page.contains("Nothing was sent yet") && !page.contains(&secret), "shown once");

    let (_, page) = visitor.through(&format!("{place}/test"), &[]).await;
    assert!(page.contains("The test was taken with 204") && page.contains("webhook.test"), "{page}");
    bench.run(&agent, "hello").await;
    bench.deliveries(id_of(&all["items"][0]), |it| it.len() == 2 && it[0]["attempts"] == 1).await;
    let page = visitor.page(&format!("{place}?status=pending")).await;
    assert!(page.contains("execution.completed") && page.contains("The last attempts failed"), "{page}");
    let delivery = page
        .split(&format!("{place}/deliveries/"))
        .nth(1)
        .expect("a link")
        .split('"')
        .next()
        .expect("an id")
        .to_owned();
    let page = visitor.page(&format!("{place}/deliveries/{delivery}")).await;
    assert!(page.contains("not today") && page.contains("Send it now"), "{page}");
    visitor.through(&format!("{place}/deliveries/{delivery}/resend"), &[]).await;

    let (_, page) = visitor.through(&format!("{place}/switch"), &[("to", "off")]).await;
    assert!(page.contains("Paused"), "{page}");
    let (_, page) = visitor.through(&format!("{place}/switch"), &[("to", "on")]).await;
    assert!(page.contains("Switch off"), "{page}");
    assert_eq!(
        visitor.send(&place, &[("name", ""), ("url", &url), ("event", "execution.failed")]).await.status,
        422
    );
    let change = [("name", "Room"), ("url", url.as_str()), ("event", "execution.failed")];
    let (_, page) = visitor.through(&place, &change).await;
    assert!(page.contains("Room"), "{page}");
    let rotated = visitor.send(&format!("{place}/rotate"), &[("overlap_ms", "3600000")]).await;
    assert!(
        rotated.status == 200 && rotated.text().contains("the one before signs too"),
        "{}",
        rotated.text()
    );
    assert_eq!(visitor.send(&format!("{place}/rotate"), &[("overlap_ms", "x")]).await.status, 422);
    assert_eq!(visitor.send(&format!("{place}/delete"), &[("confirm", "Desk")]).await.status, 422);
    let (to, _) = visitor.through(&format!("{place}/delete"), &[("confirm", "Room")]).await;
    assert_eq!(to, "/webhooks");
    assert_eq!(visitor.open(&place).await.status, 404);
}

#[actix_web::test]
async fn the_page_says_why_an_endpoint_was_switched_off() {
    let bench = Bench::new(|_, _| status(410)).await;
    let agent = bench.agent("Teller").await;
    let webhook = bench.webhook(json!({})).await;
    bench.run(&agent, "hello").await;
    bench.delivery(id_of(&webhook), "failed", 1).await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    let page = visitor.page(&format!("/webhooks/{}", id_of(&webhook))).await;
    assert!(page.contains("Switched off: it answered 410") && page.contains("Switch on"), "{page}");
}
