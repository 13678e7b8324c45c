//! A9: tokens that are not what they say.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use serde_json::{Value, json};

use crate::support::{Appliance, PASSWORD};

fn parts(token: &str) -> (Value, Value, String) {
    let mut parts = token.split('.');
    let mut json = || {
        let bytes = B64.decode(parts.next().expect("a part")).expect("base64");
        serde_json::from_slice(&bytes).expect("json")
    };
    let (head, body) = (json(), json());
    (head, body, parts.next().expect("a signature").to_owned())
}

fn joined(head: &Value, body: &Value, signature: &str) -> String {
    format!("{}.{}.{signature}", B64.encode(head.to_string()), B64.encode(body.to_string()))
}

#[actix_web::test]
async fn changed_tokens_open_nothing() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let (head, body, signature) = parts(&owner.access_token);
    let with = |value: &Value, name: &str, new: Value| {
        let mut value = value.clone();
        value[name] = new;
        value
    };
    let mut forged = vec![
        String::new(),
        "a.b.c".to_owned(),
        format!("{}.", owner.access_token),
        owner.access_token.rsplit_once('.').expect("dots").0.to_owned(),
        format!("{}.", owner.access_token.rsplit_once('.').expect("dots").0),
        owner.access_token.to_uppercase(),
        owner.refresh_token.clone(),
    ];
    for alg in ["none", "None", "HS256", "RS256", "ES256", "HS512"] {
        forged.push(joined(&with(&head, "alg", json!(alg)), &body, &signature));
        forged.push(joined(&with(&head, "alg", json!(alg)), &body, ""));
    }
    for (name, value) in [
        ("kid", json!("../../../../dev/null")),
        ("jwk", json!({"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"})),
        ("jku", json!("https://evil.test/jwks")),
        ("crit", json!(["exp"])),
        ("typ", json!("at")),
    ] {
        forged.push(joined(&with(&head, name, value), &body, &signature));
    }
    for (name, value) in [
        ("exp", json!(99_999_999_999_i64)),
        ("aud", json!("other")),
        ("iss", json!("https://evil.test")),
        ("sub", json!("usr_00000000000000000000000000")),
        ("sid", json!("ses_00000000000000000000000000")),
    ] {
        forged.push(joined(&head, &with(&body, name, value), &signature));
    }
    let nobody = appliance.anonymous();
    for token in &forged {
        nobody.bearer(token).get("/api/users/me").await.expect_error(401, "Unauthenticated");
    }
    owner.get("/api/users/me").await.expect(200);
}

#[actix_web::test]
async fn tokens_are_taken_from_their_headers_only_and_one_at_a_time() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let nobody = appliance.anonymous();
    let token = &owner.access_token;
    let both = owner.http.with("x-api-key", token);
    both.get("/api/users/me").await.expect_error(401, "Unauthenticated");
    nobody.get(&format!("/api/users/me?access_token={token}")).await.expect_error(401, "Unauthenticated");
    for (name, value) in [
        ("authorization", token.clone()),
        ("authorization", format!("Basic {token}")),
        ("cookie", format!("reeve_session={token}")),
        ("cookie", format!("access_token={token}")),
    ] {
        nobody.with(name, value).get("/api/users/me").await.expect_error(401, "Unauthenticated");
    }
    nobody.with("authorization", format!("bearer {token}")).get("/api/users/me").await.expect(200);
    nobody.with("x-api-key", token).get("/api/users/me").await.expect(200);
}

#[actix_web::test]
async fn an_access_token_ends_after_ten_minutes_and_a_key_on_its_day() {
    let (appliance, clock) = Appliance::start_held(|_| {}, Vec::new()).await;
    let owner = appliance.owner().await;
    let key = owner.key(&["org:read"]).await;
    clock.advance_ms(599_000);
    owner.get("/api/org").await.expect(200);
    clock.advance_ms(1_000);
    owner.get("/api/org").await.expect_error(401, "Unauthenticated");
    let body = json!({"refresh_token": owner.refresh_token});
    let tokens = appliance.anonymous().post("/api/auth/refresh-token", body).await.expect(200);
    let owner = appliance.with_tokens(&tokens).await;
    clock.advance_ms(90 * 86_400_000 - 600_001);
    key.get("/api/org").await.expect(200);
    clock.advance_ms(1);
    key.get("/api/org").await.expect_error(401, "Unauthenticated");
    // Ninety days without a use are more than a refresh token lives.
    let body = json!({"refresh_token": owner.refresh_token});
    appliance.anonymous().post("/api/auth/refresh-token", body).await.expect_error(401, "Unauthenticated");
    assert!(reeve::access::sweep(&appliance.inner.services).await.expect("sweeps") >= 1);
}

#[actix_web::test]
async fn a_key_ends_within_a_year_and_has_real_scopes() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let key = |body: Value| {
        let owner = owner.http.clone();
        async move { owner.post("/api/api-keys", body).await }
    };
    for scopes in [json!([]), json!(["everything"]), json!(["agt_x"]), json!("agents:read"), json!(null)] {
        key(json!({"name": "k", "scopes": scopes})).await.expect_error(422, "ValidationFailed");
    }
    for end in ["2001-01-01T00:00:00Z", "2999-01-01T00:00:00Z", "soon"] {
        let body = json!({"name": "k", "scopes": ["org:read"], "expires_at": end});
        key(body).await.expect_error(422, "ValidationFailed");
    }
    // A viewer cannot make a key that does more than a viewer.
    let viewer = appliance.caller(reeve::access::Role::Viewer).await;
    let body = json!({"name": "k", "scopes": ["org:write"]});
    viewer.post("/api/api-keys", body).await.expect_error(403, "InsufficientPermissions");
}

#[actix_web::test]
async fn reset_and_invitation_tokens_must_be_texts_that_were_given_out() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let nobody = appliance.anonymous();
    for token in
        [json!(null), json!(""), json!([]), json!({"$ne": ""}), json!(0), json!(true), json!("rv_reset_x")]
    {
        let body = json!({"token": token, "password": PASSWORD});
        let status = nobody.post("/api/auth/password-reset/confirm", body).await.status;
        assert!(status == 404 || status == 422, "{token}: {status}");
        let body = json!({"invite": token, "email": "x@mill.test", "password": PASSWORD});
        let status = nobody.post("/api/auth/register", body).await.status;
        assert!(status == 404 || status == 422, "{token}: {status}");
    }
    let body = json!({"email": "new@mill.test", "password": PASSWORD, "org_name": "Own"});
    nobody.post("/api/auth/register", body).await.expect_error(403, "InsufficientPermissions");
    // Links lead to the configured address, whatever the request says of its host.
    let evil = owner.http.with("host", "evil.test").with("x-forwarded-host", "evil.test");
    let asked = json!({"email": "new@mill.test", "role": "viewer"});
    let made = evil.post("/api/org/invitations", asked).await.expect(201);
    assert!(!made.to_string().contains("evil.test"), "{made}");
}

#[actix_web::test]
async fn an_invitation_does_not_outlive_its_makers_role() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let admin = appliance.caller(reeve::access::Role::Admin).await;
    let asked = json!({"email": "new@mill.test", "role": "admin"});
    let made = admin.post("/api/org/invitations", asked).await.expect(201);
    let join = |email: &str| json!({"invite": made["token"], "email": email, "password": PASSWORD});
    let nobody = appliance.anonymous();
    nobody.post("/api/auth/register", join("other@mill.test")).await.expect_error(422, "ValidationFailed");
    owner.put(&format!("/api/org/members/{}", admin.id), json!({"role": "builder"})).await.expect(200);
    nobody.post("/api/auth/register", join("new@mill.test")).await.expect_error(404, "NotFound");
}
