//! The reference for developers: whole, offline, without scripts.

use reeve::app;
use reeve::web::is_described;

use super::probe;
use crate::support::Appliance;

#[tokio::test(flavor = "multi_thread")]
async fn the_reference_shows_every_call_and_needs_nothing_from_elsewhere() {
    let appliance = Appliance::start_with(|_| {}, probe::routes()).await;
    let page = appliance.anonymous().get("/developers").await;
    assert_eq!((page.status, page.header("content-type")), (200, Some("text/html; charset=utf-8")));
    let text = page.text();
    let mut routes = app::routes();
    routes.extend(probe::routes());
    for route in routes.iter().filter(|it| is_described(it)) {
        assert!(text.contains(&format!("<code>{}</code>", route.path)), "{} is missing", route.path);
    }
    for attribute in ["src=\"", "href=\"", "action=\""] {
        for target in text.split(attribute).skip(1).filter_map(|it| it.split('"').next()) {
            let is_ours = target.starts_with('/') && !target.starts_with("//");
            assert!(is_ours || target.starts_with('#'), "{attribute}{target}");
        }
    }
    for anchor in text.split("href=\"#schema-").skip(1).filter_map(|it| it.split('"').next()) {
        assert!(text.contains(&format!("id=\"schema-{anchor}\"")), "{anchor} leads nowhere");
    }
    assert!(text.contains("curl -X POST"));
    let client = appliance.anonymous();
    for url in text.split("href=\"/static/").skip(1).filter_map(|it| it.split('"').next()) {
        assert_eq!(client.get(&format!("/static/{url}")).await.status, 200, "{url}");
    }
    client.get("/static/old/css/app.css").await.expect_error(404, "NotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_document_is_served_with_its_tag() {
    let appliance = Appliance::start().await;
    let client = appliance.anonymous();
    let answer = client.get("/api/openapi.json").await;
    assert_eq!(answer.expect(200)["openapi"], "3.1.0");
    let tag = answer.header("etag").expect("a tag");
    assert_eq!(client.with("if-none-match", tag).get("/api/openapi.json").await.status, 304);
}
