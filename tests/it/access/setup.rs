//! The first run: one token, one winner, from the machine itself only.

use std::os::unix::fs::PermissionsExt as _;

use futures_util::future::join_all;
use reeve::access;
use reeve::infra::Secret;
use serde_json::{Value, json};

use crate::support::{Appliance, PASSWORD};

fn request(token: &str, number: usize) -> Value {
    json!({"token": token, "org_name": format!("Mill {number}"), "email": format!("o{number}@mill.test"), "password": PASSWORD})
}

async fn token_of(appliance: &Appliance) -> String {
    let token =
        access::prepare_setup(&appliance.inner.services, None).await.expect("prepares").expect("a token");
    token.expose_str().expect("text").to_owned()
}

#[actix_web::test]
async fn of_fifty_setups_at_once_one_wins() {
    let appliance = Appliance::start_with(|it| it.limits.logins_per_minute = 100, Vec::new()).await;
    let token = token_of(&appliance).await;
    let nobody = appliance.anonymous();
    let attempts = (0..50).map(|number| {
        let (nobody, body) = (nobody.clone(), request(&token, number));
        async move { nobody.post("/api/setup", body).await }
    });
    let answers = join_all(attempts).await;
    let statuses: Vec<u16> = answers.iter().map(|it| it.status).collect();
    assert_eq!(statuses.iter().filter(|it| **it == 201).count(), 1, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|it| **it == 409).count(), 49, "{statuses:?}");
    let people = access::console::people(&appliance.inner.services).expect("lists");
    assert_eq!(people.len(), 1);
    assert!(people[0].superadmin && people[0].organizations.len() == 1);
}

#[actix_web::test]
async fn the_token_is_needed_is_private_and_ends_with_setup() {
    let appliance = Appliance::start().await;
    let folder = appliance.inner.services.config.data.dir.clone();
    let nobody = appliance.anonymous();
    nobody.post("/api/setup", request("rv_setup_wrong", 0)).await.expect_error(401, "Unauthenticated");
    let first = token_of(&appliance).await;
    // A second start makes another one, and the first is void.
    let second = token_of(&appliance).await;
    nobody.post("/api/setup", request(&first, 0)).await.expect_error(401, "Unauthenticated");
    let file = folder.join("setup-token");
    assert_eq!(std::fs::read_to_string(&file).expect("reads").trim(), second);
    assert_eq!(std::fs::metadata(&file).expect("is there").permissions().mode() & 0o777, 0o600);
    for broken in [json!(null), json!(""), json!([]), json!({}), json!(true)] {
        let mut body = request(&second, 0);
        body["token"] = broken;
        let status = nobody.post("/api/setup", body).await.status;
        assert!(status == 401 || status == 422, "{status}");
    }
    let mut weak = request(&second, 0);
    weak["password"] = json!("reeve");
    nobody.post("/api/setup", weak).await.expect_error(422, "ValidationFailed");
    nobody.post("/api/setup", request(&second, 0)).await.expect(201);
    assert!(!file.exists());
    nobody.post("/api/setup", request(&second, 1)).await.expect_error(409, "Conflict");
    nobody.post("/api/setup", request("rv_setup_wrong", 1)).await.expect_error(409, "Conflict");
    assert!(access::prepare_setup(&appliance.inner.services, None).await.expect("prepares").is_none());
    assert!(!file.exists());
}

#[actix_web::test]
async fn a_given_token_must_be_long() {
    let appliance = Appliance::start().await;
    let short = Some(Secret::from("short".to_owned()));
    assert!(access::prepare_setup(&appliance.inner.services, short).await.is_err());
}

#[actix_web::test]
async fn setup_is_refused_to_other_machines() {
    let trust =
        |it: &mut reeve::config::Config| it.server.trusted_proxies = vec!["127.0.0.1".parse().expect("ip")];
    let appliance = Appliance::start_with(trust, Vec::new()).await;
    let token = token_of(&appliance).await;
    let remote = appliance.anonymous().with("x-forwarded-for", "203.0.113.9");
    remote.post("/api/setup", request(&token, 0)).await.expect_error(403, "InsufficientPermissions");
    let lying = appliance.anonymous().with("x-forwarded-for", "127.0.0.1, 203.0.113.9");
    lying.post("/api/setup", request(&token, 0)).await.expect_error(403, "InsufficientPermissions");
    appliance.anonymous().post("/api/setup", request(&token, 0)).await.expect(201);
}
