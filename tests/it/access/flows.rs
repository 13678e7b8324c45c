//! The everyday ways: set up, invite, join, log in, refresh, make keys, leave.

use reeve::access::Role;
use serde_json::json;

use crate::support::{Appliance, PASSWORD};

#[actix_web::test]
async fn the_first_owner_sees_themselves() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let me = owner.get("/api/users/me").await.expect(200);
    assert_eq!(me["email"], "owner@mill.test");
    assert_eq!(me["role"], "owner");
    assert_eq!(me["superadmin"], true);
    assert_eq!(me["organizations"][0]["slug"], "mill");
    assert_eq!(owner.get("/api/org").await.expect(200)["name"], "Mill");
}

#[actix_web::test]
async fn an_invited_person_joins_with_the_role_they_were_given() {
    let appliance = Appliance::start().await;
    for role in [Role::Admin, Role::Builder, Role::Operator, Role::Viewer] {
        let member = appliance.caller(role).await;
        assert_eq!(member.role, role);
    }
    let members = appliance.owner().await.get("/api/org/members").await.expect(200);
    assert_eq!(members["items"].as_array().expect("items").len(), 5);
}

#[actix_web::test]
async fn tokens_are_refreshed_and_a_reused_one_ends_the_session() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let nobody = appliance.anonymous();
    let refresh = |token: String| {
        let nobody = nobody.clone();
        async move { nobody.post("/api/auth/refresh-token", json!({"refresh_token": token})).await }
    };
    let second = refresh(owner.refresh_token.clone()).await.expect(200);
    let second = appliance.with_tokens(&second).await;
    // The first comes back: somebody has a copy.
    refresh(owner.refresh_token.clone()).await.expect_error(401, "Unauthenticated");
    second.get("/api/users/me").await.expect_error(401, "Unauthenticated");
    refresh(second.refresh_token.clone()).await.expect_error(401, "Unauthenticated");
    let again = appliance.log_in(&owner.email).await;
    let log = again.get("/api/audit?action=session.token_reused").await.expect(200);
    assert_eq!(log["items"].as_array().expect("items").len(), 1);
}

#[actix_web::test]
async fn a_key_acts_within_its_scopes_until_it_is_revoked() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let made = owner
        .post("/api/api-keys", json!({"name": "ci", "scopes": ["members:read", "keys:write"]}))
        .await
        .expect(201);
    let secret = made["secret"].as_str().expect("a secret");
    assert!(secret.starts_with("rv_live_") && secret.len() > 60, "{secret}");
    let key = appliance.anonymous().with("x-api-key", secret);
    key.get("/api/org/members").await.expect(200);
    key.get("/api/org").await.expect_error(403, "AgentAccessDenied");
    // A key cannot make a key that reaches further than itself.
    key.post("/api/api-keys", json!({"name": "more", "scopes": ["org:write"]}))
        .await
        .expect_error(403, "AgentAccessDenied");
    key.post("/api/api-keys", json!({"name": "same", "scopes": ["members:read"]})).await.expect(201);
    key.post("/api/auth/logout", json!({})).await.expect_error(409, "Conflict");
    let listed = owner.get("/api/api-keys").await.expect(200);
    assert!(!listed.to_string().contains(secret));
    assert_eq!(listed["items"].as_array().expect("items").len(), 2);
    let path = format!("/api/api-keys/{}", made["id"].as_str().expect("an id"));
    owner.delete(&path).await.expect(204);
    key.get("/api/org/members").await.expect_error(401, "Unauthenticated");
    owner.delete(&path).await.expect_error(404, "NotFound");
}

#[actix_web::test]
async fn what_is_taken_from_a_member_is_gone_at_once() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let key = viewer.key(&["org:read"]).await;
    let path = format!("/api/org/members/{}", viewer.id);
    owner.put(&path, json!({"status": "suspended"})).await.expect(200);
    viewer.get("/api/org").await.expect_error(401, "Unauthenticated");
    key.get("/api/org").await.expect_error(401, "Unauthenticated");
    owner.put(&path, json!({"status": "active", "role": "operator"})).await.expect(200);
    key.get("/api/org").await.expect(200);
    let viewer = appliance.log_in(&viewer.email).await;
    assert_eq!(viewer.role, Role::Operator);
    owner.delete(&path).await.expect(204);
    viewer.get("/api/org").await.expect_error(401, "Unauthenticated");
    key.get("/api/org").await.expect_error(401, "Unauthenticated");
    let body = json!({"email": viewer.email, "password": PASSWORD});
    appliance.anonymous().post("/api/auth/login", body).await.expect_error(401, "Unauthenticated");
    owner.get(&path).await.expect_error(404, "NotFound");
}

#[actix_web::test]
async fn the_last_owner_stays_and_nobody_reaches_above_themselves() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let admin = appliance.caller(Role::Admin).await;
    let path = format!("/api/org/members/{}", owner.id);
    owner.put(&path, json!({"role": "admin"})).await.expect_error(409, "Conflict");
    owner.delete(&path).await.expect_error(409, "Conflict");
    admin.put(&path, json!({"role": "viewer"})).await.expect_error(403, "InsufficientPermissions");
    admin.delete(&path).await.expect_error(403, "InsufficientPermissions");
    admin
        .put(&format!("/api/org/members/{}", admin.id), json!({"role": "owner"}))
        .await
        .expect_error(403, "InsufficientPermissions");
    admin
        .post("/api/org/invitations", json!({"email": "x@mill.test", "role": "owner"}))
        .await
        .expect_error(403, "InsufficientPermissions");
    let denials = owner.get("/api/audit?action=access.denied").await.expect(200);
    assert_eq!(denials["items"].as_array().expect("items").len(), 4);
    assert_eq!(owner.get("/api/audit/verify").await.expect(200)["ok"], true);
}

#[actix_web::test]
async fn a_new_password_ends_every_session() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let other = appliance.log_in(&owner.email).await;
    let next = "nine loud herons";
    let change = |current: &str, next: &str| json!({"current_password": current, "new_password": next});
    owner
        .post("/api/users/me/password", change("wrong wrong wrong", next))
        .await
        .expect_error(422, "ValidationFailed");
    owner
        .post("/api/users/me/password", change(PASSWORD, "short"))
        .await
        .expect_error(422, "ValidationFailed");
    let tokens = owner.post("/api/users/me/password", change(PASSWORD, next)).await.expect(200);
    owner.get("/api/org").await.expect_error(401, "Unauthenticated");
    other.get("/api/org").await.expect_error(401, "Unauthenticated");
    appliance.with_tokens(&tokens).await.get("/api/org").await.expect(200);
    let old = json!({"email": owner.email, "password": PASSWORD});
    appliance.anonymous().post("/api/auth/login", old).await.expect_error(401, "Unauthenticated");
}

#[actix_web::test]
async fn an_administrators_link_sets_a_password_once() {
    let appliance = Appliance::start().await;
    let admin = appliance.caller(Role::Admin).await;
    let viewer = appliance.caller(Role::Viewer).await;
    let path = format!("/api/org/members/{}/password-reset", viewer.id);
    let first = admin.post(&path, json!({})).await.expect(201);
    let link = admin.post(&path, json!({})).await.expect(201);
    let confirm = |token: &serde_json::Value, password: &str| {
        let (nobody, body) = (appliance.anonymous(), json!({"token": token, "password": password}));
        async move { nobody.post("/api/auth/password-reset/confirm", body).await }
    };
    confirm(&first["token"], "nine loud herons").await.expect_error(404, "NotFound");
    confirm(&link["token"], "short").await.expect_error(422, "ValidationFailed");
    confirm(&link["token"], "nine loud herons").await.expect(204);
    confirm(&link["token"], "nine loud herons").await.expect_error(404, "NotFound");
    viewer.get("/api/org").await.expect_error(401, "Unauthenticated");
    let body = json!({"email": viewer.email, "password": "nine loud herons"});
    appliance.anonymous().post("/api/auth/login", body).await.expect(200);
}

#[actix_web::test]
async fn a_person_goes_from_one_organization_to_another() {
    let appliance = Appliance::start_with(|it| it.auth.open_registration = true, Vec::new()).await;
    let owner = appliance.owner().await;
    let stranger = appliance.stranger().await;
    assert_ne!(owner.org, stranger.org);
    // Invited with the account they have, they join with the password they have.
    let asked = json!({"email": stranger.email, "role": "viewer"});
    let invitation = owner.post("/api/org/invitations", asked).await.expect(201);
    let join = |password: &str| json!({"invite": invitation["token"], "email": stranger.email, "password": password});
    let nobody = appliance.anonymous();
    nobody.post("/api/auth/register", join("not the password")).await.expect_error(401, "Unauthenticated");
    stranger
        .post("/api/auth/switch-organization", json!({"org_id": owner.org}))
        .await
        .expect_error(404, "NotFound");
    nobody.post("/api/auth/register", join(PASSWORD)).await.expect(201);
    nobody.post("/api/auth/register", join(PASSWORD)).await.expect_error(404, "NotFound");
    let tokens =
        stranger.post("/api/auth/switch-organization", json!({"org_id": owner.org})).await.expect(200);
    stranger.get("/api/org").await.expect_error(401, "Unauthenticated");
    let there = appliance.with_tokens(&tokens).await;
    assert_eq!((there.org, there.role), (owner.org, Role::Viewer));
    let both = there.get("/api/users/me").await.expect(200);
    assert_eq!(both["organizations"].as_array().expect("a list").len(), 2);
    // The next log-in leads to where they were last.
    assert_eq!(appliance.log_in(&stranger.email).await.org, owner.org);
}

#[actix_web::test]
async fn sessions_are_seen_and_ended() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let other = appliance.log_in(&owner.email).await;
    let viewer = appliance.caller(Role::Viewer).await;
    let list = owner.get("/api/users/me/sessions").await.expect(200);
    let items = list["items"].as_array().expect("items");
    assert_eq!(items.len(), 2);
    let id =
        items.iter().find(|it| it["current"] == false).expect("the other")["id"].as_str().expect("an id");
    let path = format!("/api/users/me/sessions/{id}");
    viewer.delete(&path).await.expect_error(404, "NotFound");
    owner.delete(&path).await.expect(204);
    other.get("/api/org").await.expect_error(401, "Unauthenticated");
    let third = appliance.log_in(&owner.email).await;
    third.delete("/api/users/me/sessions").await.expect(204);
    owner.get("/api/org").await.expect_error(401, "Unauthenticated");
    third.post("/api/auth/logout", json!({})).await.expect(204);
    third.get("/api/org").await.expect_error(401, "Unauthenticated");
}

#[actix_web::test]
async fn a_profile_changes_with_if_match_and_an_address_with_the_password() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let tag = viewer.get("/api/users/me").await.header("etag").expect("a tag").to_owned();
    let named =
        viewer.with("if-match", &tag).put("/api/users/me", json!({"name": "Grace"})).await.expect(200);
    assert_eq!(named["name"], "Grace");
    viewer
        .with("if-match", &tag)
        .put("/api/users/me", json!({"name": "X"}))
        .await
        .expect_error(412, "PreconditionFailed");
    let patch = json!({"email": "grace@mill.test"});
    viewer.put("/api/users/me", patch).await.expect_error(422, "ValidationFailed");
    let patch = json!({"email": owner.email, "current_password": PASSWORD});
    viewer.put("/api/users/me", patch).await.expect_error(409, "Conflict");
    let patch = json!({"email": "grace@mill.test", "current_password": PASSWORD});
    viewer.put("/api/users/me", patch).await.expect(200);
    appliance.log_in("Grace@Mill.test").await;
    // Nothing of the stored row can be slipped in.
    for field in ["superadmin", "role", "org_id", "password", "disabled", "id"] {
        let mut patch = json!({"name": "X"});
        patch[field] = json!(true);
        viewer.put("/api/users/me", patch).await.expect_error(422, "ValidationFailed");
    }
}
