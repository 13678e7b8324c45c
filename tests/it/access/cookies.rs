//! A8: browser sessions.

use reeve::access::Role;
use reeve::web::{WebState, no_session_cookie, session_cookie};
use serde_json::json;

use super::browser;
use super::csrf::probes;
use crate::support::{Appliance, PASSWORD};

#[actix_web::test]
async fn a_session_ends_when_idle_and_in_any_case_after_a_week() {
    let (appliance, clock) = Appliance::start_held(|_| {}, probes()).await;
    let owner = appliance.owner().await;
    let (cookie, _) = browser(&appliance, &owner.email).await;
    let page = appliance.anonymous().with("cookie", format!("reeve_session={cookie}"));
    const HOUR: u64 = 3_600_000;
    for _ in 0..14 {
        clock.advance_ms(11 * HOUR);
        page.get("/probe").await.expect(204);
    }
    clock.advance_ms(11 * HOUR);
    page.get("/probe").await.expect(204);
    clock.advance_ms(3 * HOUR);
    page.get("/probe").await.expect_error(401, "Unauthenticated");
    let (cookie, _) = browser(&appliance, &owner.email).await;
    let page = appliance.anonymous().with("cookie", format!("reeve_session={cookie}"));
    clock.advance_ms(12 * HOUR);
    page.get("/probe").await.expect_error(401, "Unauthenticated");
}

#[actix_web::test]
async fn a_session_ends_with_what_it_stood_on() {
    let appliance = Appliance::start_with(|_| {}, probes()).await;
    let owner = appliance.owner().await;
    let page_of = async |email: &str| {
        let (cookie, _) = browser(&appliance, email).await;
        let page = appliance.anonymous().with("cookie", format!("reeve_session={cookie}"));
        page.get("/probe").await.expect(204);
        page
    };
    let viewer = appliance.caller(Role::Viewer).await;
    let path = format!("/api/org/members/{}", viewer.id);
    for change in [json!({"role": "operator"}), json!({"status": "suspended"})] {
        let page = page_of(&viewer.email).await;
        owner.put(&path, change).await.expect(200);
        page.get("/probe").await.expect_error(401, "Unauthenticated");
    }
    owner.put(&path, json!({"status": "active"})).await.expect(200);
    let page = page_of(&viewer.email).await;
    let again = appliance.log_in(&viewer.email).await;
    let change = json!({"current_password": PASSWORD, "new_password": "nine loud herons"});
    again.post("/api/users/me/password", change).await.expect(200);
    page.get("/probe").await.expect_error(401, "Unauthenticated");

    let page = page_of(&owner.email).await;
    owner.delete("/api/users/me/sessions").await.expect(204);
    page.get("/probe").await.expect_error(401, "Unauthenticated");
}

#[actix_web::test]
async fn a_cookie_that_was_not_given_out_or_comes_twice_is_none() {
    let appliance = Appliance::start_with(|_| {}, probes()).await;
    let owner = appliance.owner().await;
    let (cookie, _) = browser(&appliance, &owner.email).await;
    let nobody = appliance.anonymous();
    for header in [
        format!("reeve_session={cookie}; reeve_session={cookie}"),
        format!("reeve_session=fixed; reeve_session={cookie}"),
        format!("reeve_session={}", &cookie[..cookie.len() - 1]),
        format!("__Host-reeve_session={cookie}"),
        format!("Reeve_Session={cookie}"),
        "reeve_session=".to_owned(),
        "reeve_session=fixed-by-someone-else".to_owned(),
    ] {
        nobody.with("cookie", &header).get("/probe").await.expect_error(401, "Unauthenticated");
    }
    nobody.get(&format!("/probe?reeve_session={cookie}")).await.expect_error(401, "Unauthenticated");
    nobody.with("cookie", format!("a=b; reeve_session={cookie}")).get("/probe").await.expect(204);
}

#[actix_web::test]
async fn the_cookie_is_strict_where_the_address_is_https() {
    for (url, name, secure) in
        [("", "reeve_session", false), ("https://reeve.example.com", "__Host-reeve_session", true)]
    {
        let appliance = Appliance::start_with(|it| it.server.public_url = url.to_owned(), Vec::new()).await;
        let state = WebState::new(appliance.inner.services.clone(), std::sync::Arc::default());
        let value = reeve::infra::Secret::from("value".to_owned());
        for cookie in [session_cookie(&state, &value), no_session_cookie(&state)] {
            assert_eq!(cookie.name(), name);
            assert_eq!(cookie.secure().unwrap_or(false), secure);
            assert_eq!(cookie.http_only(), Some(true));
            assert_eq!(cookie.path(), Some("/"));
            assert_eq!(cookie.domain(), None);
            assert_eq!(cookie.same_site(), Some(actix_web::cookie::SameSite::Lax));
        }
    }
}
