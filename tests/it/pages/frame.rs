//! What surrounds pages: the way in, appearance, errors, static files.

use reeve::access::Role;

use crate::support::Appliance;

#[actix_web::test]
async fn everything_leads_to_setup_until_somebody_has_an_account() {
    let appliance = Appliance::start().await;
    let mut browser = appliance.visitor();
    for path in ["/profile", "/login", "/ui-kit"] {
        let answer = browser.open(path).await;
        assert_eq!((answer.status, answer.header("location")), (303, Some("/setup")), "{path}");
    }
    appliance.owner().await;
    let answer = browser.open("/setup").await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/login")));
}

#[actix_web::test]
async fn who_has_no_session_logs_in_and_comes_back() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor();
    let answer = browser.open("/profile?tab=keys").await;
    let place = answer.header("location").expect("a place").to_owned();
    assert_eq!((answer.status, place.as_str()), (303, "/login?next=%2Fprofile%3Ftab%3Dkeys"));
    let page = browser.page(&place).await;
    assert!(page.contains("value=\"/profile?tab=keys\""), "{page}");
    let fields = [
        ("email", owner.email.as_str()),
        ("password", crate::support::PASSWORD),
        ("next", "/profile?tab=keys"),
    ];
    assert_eq!(browser.through("/login", &fields).await.0, "/profile?tab=keys");
    // A part that htmx asks for would end up within a page.
    let part =
        appliance.anonymous().with("accept", "text/html").with("hx-request", "true").get("/profile").await;
    assert_eq!((part.status, part.header("hx-redirect")), (401, Some("/login")));
}

#[actix_web::test]
async fn an_error_is_a_page_for_people_and_json_for_programs() {
    let appliance = Appliance::start().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let mut browser = appliance.visitor_of(&viewer.email).await;
    let answer = browser.open("/ui-kit").await;
    assert_eq!(answer.status, 403);
    let page = answer.text();
    assert!(page.contains("data-error-message") && page.contains("action=\"/logout\""), "{page}");
    assert!(page.contains(answer.header("x-request-id").expect("an id")), "{page}");
    assert_eq!(browser.open("/no-such-page").await.status, 404);
    viewer.get("/no-such-page").await.expect_error(404, "NotFound");
}

#[actix_web::test]
async fn a_form_of_another_page_is_refused() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor_of(&owner.email).await;
    browser.csrf = "guessed".to_owned();
    assert_eq!(browser.send("/logout", &[]).await.status, 403);
    browser.page("/profile").await;
}

#[actix_web::test]
async fn appearance_is_kept_and_leads_nowhere_else() {
    let appliance = Appliance::start().await;
    appliance.owner().await;
    let mut browser = appliance.visitor();
    let answer = browser.send("/preferences", &[("theme", "dark"), ("next", "/login")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/login")));
    assert!(browser.page("/login").await.contains("data-theme=\"dark\""));
    let answer = browser.send("/preferences", &[("density", "<b>"), ("next", "//evil.test")]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
}

#[actix_web::test]
async fn the_kit_and_its_files_are_served() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor_of(&owner.email).await;
    let page = browser.page("/ui-kit").await;
    let css = page.split("href=\"/static/").nth(2).and_then(|it| it.split('"').next()).expect("a stylesheet");
    let file = appliance.anonymous().get(&format!("/static/{css}")).await;
    assert_eq!(file.status, 200);
    assert!(file.header("cache-control").is_some_and(|it| it.contains("immutable")));
    assert!(file.header("set-cookie").is_none());
}

#[actix_web::test]
async fn the_navigation_shows_only_what_is_theirs() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(Role::Viewer).await;
    for (email, audit) in [(&owner.email, true), (&viewer.email, false)] {
        let page = appliance.visitor_of(email).await.page("/profile").await;
        assert_eq!(page.contains("href=\"/audit\""), audit, "{email}");
        assert!(!page.contains("href=\"/ui-kit\""), "{email}: a tool of those who build this");
    }
}
