//! A6: another site cannot make a person's browser change anything.

use actix_web::web::Data;
use reeve::access::{self, Credential, Cx, LoginRequest};
use reeve::base::Origin;
use reeve::infra::Secret;
use reeve::web::{NoContent, Reply, Route, WebState};

use crate::support::http::Http;
use crate::support::{Appliance, PASSWORD};

async fn change(_cx: Cx) -> Reply<NoContent> {
    Ok(NoContent)
}

async fn enter(_state: Data<WebState>) -> Reply<NoContent> {
    Ok(NoContent)
}

pub(super) fn probes() -> Vec<Route> {
    vec![
        Route::get("/probe", change).member().says("A page."),
        Route::post("/probe", change).member().says("A form."),
        Route::post("/probe/enter", enter).open().says("A form before there is a session."),
    ]
}

/// Cookie and CSRF token of a browser session.
pub async fn browser(appliance: &Appliance, email: &str) -> (String, String) {
    let services = &appliance.inner.services;
    let request =
        LoginRequest { email: email.to_owned(), password: Secret::from(PASSWORD.to_owned()), org_id: None };
    let cookie = access::log_in_browser(services, &Origin::default(), request).await.expect("logs in");
    let cookie = cookie.expose_str().expect("text").to_owned();
    let cx =
        access::authenticate(services, Credential::Cookie(&cookie), Origin::default()).await.expect("is in");
    (cookie, cx.csrf_token().expect("a token").to_owned())
}

fn with_cookie(http: &Http, cookie: &str) -> Http {
    http.with("cookie", format!("reeve_session={cookie}"))
}

#[actix_web::test]
async fn a_change_needs_the_cookie_our_own_page_and_the_sessions_token() {
    let appliance = Appliance::start_with(|_| {}, probes()).await;
    let owner = appliance.owner().await;
    let (cookie, csrf) = browser(&appliance, &owner.email).await;
    let (_, other) = browser(&appliance, &owner.email).await;
    let base = with_cookie(&appliance.anonymous(), &cookie);
    let own = base.base.clone();
    let ours = base.with("origin", &own).with("sec-fetch-site", "same-origin");

    ours.with("x-csrf-token", &csrf).form("/probe", &[]).await.expect(204);
    ours.form("/probe", &[("csrf_token", &csrf)]).await.expect(204);
    base.with("origin", &own).form("/probe", &[("csrf_token", &csrf)]).await.expect(204);
    base.with("sec-fetch-site", "same-origin").form("/probe", &[("csrf_token", &csrf)]).await.expect(204);

    let mut attacks = 0;
    for token in ["", "wrong", other.as_str(), cookie.as_str(), "null"] {
        ours.form("/probe", &[("csrf_token", token)]).await.expect_error(403, "InsufficientPermissions");
        ours.with("x-csrf-token", token)
            .form("/probe", &[("csrf_token", &csrf)])
            .await
            .expect_error(403, "InsufficientPermissions");
        attacks += 2;
    }
    ours.form("/probe", &[]).await.expect_error(403, "InsufficientPermissions");
    ours.form("/probe", &[("csrf_token", &csrf), ("csrf_token", &csrf)]).await.expect(403);
    ours.form(&format!("/probe?csrf_token={csrf}"), &[]).await.expect(403);
    let plain = format!("csrf_token={csrf}").into();
    ours.send(http::Method::POST, "/probe", Some("text/plain"), plain).await.expect(403);
    attacks += 4;
    for (name, value) in [
        ("origin", "https://evil.test"),
        ("origin", "null"),
        ("origin", ""),
        ("origin", &format!("{own}.evil.test")),
        ("origin", &own.replace("http:", "https:")),
        ("origin", "http://localhost:1"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-site"),
        ("sec-fetch-site", "none"),
        ("sec-fetch-site", ""),
    ] {
        ours.with(name, value).form("/probe", &[("csrf_token", &csrf)]).await.expect(403);
        ours.with(name, value).form("/probe/enter", &[]).await.expect(403);
        attacks += 2;
    }
    base.form("/probe", &[("csrf_token", &csrf)]).await.expect(403);
    appliance.anonymous().form("/probe/enter", &[]).await.expect(403);
    // A name that leads here by its owner's choice is not ours.
    let rebound = ours.with("host", "evil.test").with("origin", "http://evil.test");
    rebound.form("/probe", &[("csrf_token", &csrf)]).await.expect(403);
    attacks += 3;
    ours.form("/probe/enter", &[]).await.expect(204);
    println!("attacks={attacks} blocked={attacks}");
}

#[actix_web::test]
async fn a_cookie_opens_no_endpoint_for_programs_and_a_token_no_page() {
    let appliance = Appliance::start_with(|_| {}, probes()).await;
    let owner = appliance.owner().await;
    let (cookie, csrf) = browser(&appliance, &owner.email).await;
    let http = with_cookie(&appliance.anonymous(), &cookie).with("x-csrf-token", &csrf);
    http.get("/api/users/me").await.expect_error(401, "Unauthenticated");
    http.bearer(&cookie).get("/api/users/me").await.expect_error(401, "Unauthenticated");
    owner.get("/probe").await.expect_error(401, "Unauthenticated");
}
