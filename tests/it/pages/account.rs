//! Getting in, oneself, getting out.

use reeve::access::{self, Role};
use reeve::base::{Id as _, OrgId};
use reeve::infra::Secret;
use serde_json::json;

use crate::support::people::SETUP_TOKEN;
use crate::support::{Appliance, PASSWORD};

#[actix_web::test]
async fn the_first_owner_sets_up_with_the_token() {
    let appliance = Appliance::start().await;
    let token = Secret::from(SETUP_TOKEN.to_owned());
    access::prepare_setup(&appliance.inner.services, Some(token)).await.expect("prepares");
    let mut browser = appliance.visitor();
    browser.page("/setup").await;
    let fields = |token: &'static str, password: &'static str| {
        [
            ("token", token),
            ("org_name", "Mill & Sons"),
            ("name", ""),
            ("email", "ada@mill.test"),
            ("password", password),
        ]
    };
    for (token, password) in [("not-the-setup-token", PASSWORD), (SETUP_TOKEN, "short")] {
        let answer = browser.send("/setup", &fields(token, password)).await;
        assert_eq!(answer.status, 422, "{}", answer.text());
        let page = answer.text();
        assert!(page.contains("Mill &#38; Sons") && page.contains("ada@mill.test"), "{page}");
        assert!(!page.contains("value=\"short\""), "{page}");
    }
    let answer = browser.send("/setup", &fields(SETUP_TOKEN, PASSWORD)).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/agents")), "{}", answer.text());
    let page = browser.page("/profile").await;
    assert!(page.contains("Mill &#38; Sons") && page.contains("All set."), "{page}");
    // Said once.
    assert!(!browser.page("/profile").await.contains("All set."));
}

#[actix_web::test]
async fn a_wrong_password_asks_again_and_keeps_the_address() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor();
    let answer = browser.send("/login", &[("email", &owner.email), ("password", "wrong wrong")]).await;
    assert_eq!(answer.status, 422);
    let page = answer.text();
    assert!(page.contains(&owner.email) && page.contains("E-mail address or password is wrong"), "{page}");
    let answer = browser
        .send("/login", &[("email", &owner.email), ("password", PASSWORD), ("next", "//evil.test")])
        .await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    // Who is logged in is not asked again.
    assert_eq!(browser.open("/login?next=/profile").await.header("location"), Some("/profile"));
}

#[actix_web::test]
async fn logging_out_ends_the_session() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor_of(&owner.email).await;
    let before = browser.cookies.clone();
    let (place, page) = browser.through("/logout", &[]).await;
    assert_eq!(place, "/login");
    assert!(page.contains("You are logged out."), "{page}");
    browser.cookies = before;
    assert_eq!(browser.open("/profile").await.status, 303);
}

#[actix_web::test]
async fn an_invitation_is_taken_up() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let asked = json!({"email": "grace@mill.test", "role": "builder"});
    let made = owner.post("/api/org/invitations", asked).await.expect(201);
    let path = format!("/invitations/{}", made["token"].as_str().expect("a token"));
    assert!(made["url"].as_str().is_some_and(|it| it.ends_with(&path)), "{made}");
    let mut browser = appliance.visitor();
    let page = browser.page(&path).await;
    assert!(page.contains("grace@mill.test") && page.contains("Join Mill"), "{page}");
    let answer = browser.send(&path, &[("name", "Grace"), ("password", "short")]).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("value=\"Grace\""));
    let answer = browser.send(&path, &[("name", "Grace"), ("password", PASSWORD)]).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    assert!(browser.page("/profile").await.contains("grace@mill.test"));
    // Good once.
    assert_eq!(appliance.visitor().open(&path).await.status, 404);
}

#[actix_web::test]
async fn a_forgotten_password_is_set_anew_by_a_link() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let mut browser = appliance.visitor();
    assert_eq!(browser.send("/reset", &[("email", " ")]).await.status, 422);
    let (place, _) = browser.through("/reset", &[("email", &viewer.email)]).await;
    assert_eq!(place, "/login");
    let made =
        owner.post(&format!("/api/org/members/{}/password-reset", viewer.id), json!({})).await.expect(201);
    let path = format!("/reset/{}", made["token"].as_str().expect("a token"));
    assert!(made["url"].as_str().is_some_and(|it| it.ends_with(&path)), "{made}");
    browser.page(&path).await;
    assert_eq!(browser.send(&path, &[("password", "short")]).await.status, 422);
    assert_eq!(browser.through(&path, &[("password", "nine loud herons")]).await.0, "/login");
    assert_eq!(browser.send(&path, &[("password", "nine loud herons")]).await.status, 404);
    let answer = browser.send("/login", &[("email", &viewer.email), ("password", "nine loud herons")]).await;
    assert_eq!(answer.status, 303);
}

#[actix_web::test]
async fn a_profile_is_changed() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor_of(&owner.email).await;
    let email = owner.email.as_str();
    let answer =
        browser.send("/profile", &[("name", "Ada\u{7}"), ("email", email), ("current_password", "")]).await;
    assert_eq!(answer.status, 422);
    let answer = browser
        .send("/profile", &[("name", "Ada"), ("email", "new@mill.test"), ("current_password", "")])
        .await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("value=\"new@mill.test\""), "{}", answer.text());
    let fields = [("name", "Ada Lovelace"), ("email", "new@mill.test"), ("current_password", PASSWORD)];
    let (_, page) = browser.through("/profile", &fields).await;
    assert!(page.contains("Ada Lovelace") && page.contains("Your profile is saved."), "{page}");
}

#[actix_web::test]
async fn a_new_password_keeps_this_session_only() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut other = appliance.visitor_of(&owner.email).await;
    let mut browser = appliance.visitor_of(&owner.email).await;
    let change = |now: &'static str| [("password_now", now), ("new_password", "nine loud herons")];
    let answer = browser.send("/profile/password", &change("wrong wrong")).await;
    assert_eq!(answer.status, 422);
    assert!(answer.text().contains("This is not your current password"), "{}", answer.text());
    browser.through("/profile/password", &change(PASSWORD)).await;
    assert_eq!(other.open("/profile").await.status, 303);
    browser.page("/profile").await;
}

#[actix_web::test]
async fn sessions_are_ended_one_by_one_or_all_others() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut browser = appliance.visitor_of(&owner.email).await;
    let mut other = appliance.visitor_of(&owner.email).await;
    let page = browser.page("/profile").await;
    let path =
        page.split("action=\"/profile/sessions/").nth(1).and_then(|it| it.split('"').next()).expect("a form");
    let (_, page) = browser.through(&format!("/profile/sessions/{path}"), &[]).await;
    assert!(page.contains("The session has ended."), "{page}");
    assert_eq!(browser.send("/profile/sessions/ses_00000000000000000000000000/end", &[]).await.status, 404);
    let (_, page) = browser.through("/profile/sessions/end-others", &[]).await;
    assert!(page.contains("other session"), "{page}");
    assert_eq!(other.open("/profile").await.status, 303);
}

#[actix_web::test]
async fn a_person_switches_to_another_organization() {
    let appliance = Appliance::start_with(|it| it.auth.open_registration = true, Vec::new()).await;
    let owner = appliance.owner().await;
    let stranger = appliance.stranger().await;
    let asked = json!({"email": stranger.email, "role": "viewer"});
    let made = owner.post("/api/org/invitations", asked).await.expect(201);
    let join = json!({"invite": made["token"], "email": stranger.email, "password": PASSWORD});
    appliance.anonymous().post("/api/auth/register", join).await.expect(201);
    let mut browser = appliance.visitor_of(&stranger.email).await;
    let elsewhere = OrgId::from_bytes([7; 16]).to_string();
    assert_eq!(browser.send("/switch-organization", &[("org_id", &elsewhere)]).await.status, 404);
    let answer = browser.send("/switch-organization", &[("org_id", &owner.org.to_string())]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some("/")));
    let page = browser.page("/profile").await;
    assert!(page.contains("<dt>Organization</dt><dd>Mill</dd>"), "{page}");
}
