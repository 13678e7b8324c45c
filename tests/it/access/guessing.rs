//! A10: guessing passwords leads nowhere and tells nothing.

use std::sync::atomic::Ordering::Relaxed;

use futures_util::future::join_all;
use reeve::access::{Role, console};
use serde_json::{Value, json};

use crate::support::{Appliance, PASSWORD};

fn guess(email: &str, password: &str) -> Value {
    json!({"email": email, "password": password})
}

#[actix_web::test]
async fn refusals_do_not_tell_why() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let suspended = appliance.caller(Role::Viewer).await;
    owner
        .put(&format!("/api/org/members/{}", suspended.id), json!({"status": "suspended"}))
        .await
        .expect(200);
    let disabled = appliance.caller(Role::Viewer).await;
    console::set_disabled(&appliance.inner.services, &disabled.email, true).await.expect("disables");
    disabled.get("/api/org").await.expect_error(401, "Unauthenticated");
    let nobody = appliance.anonymous().with("x-request-id", "same");
    let services = &appliance.inner.services;
    let work = || (services.means.password_hashes(), services.store.stats().commits.load(Relaxed));
    let mut seen = Vec::new();
    for body in [
        guess(&viewer.email, "wrong wrong wrong"),
        guess("nobody@mill.test", PASSWORD),
        guess("no address", PASSWORD),
        guess("", ""),
        guess(&suspended.email, PASSWORD),
        guess(&disabled.email, PASSWORD),
        guess(&viewer.email, &"x".repeat(2_000)),
        json!({"email": viewer.email, "password": PASSWORD, "org_id": "org_00000000000000000000000000"}),
    ] {
        // The time that a refusal takes is the hash and the commit of its audit entry: one each in every case.
        let earlier = work();
        let answer = nobody.post("/api/auth/login", body.clone()).await;
        assert_eq!((work().0 - earlier.0, work().1 - earlier.1), (1, 1), "{body}");
        let mut said = answer.expect_error(401, "Unauthenticated");
        said["error"]["timestamp"] = Value::Null;
        let mut names: Vec<String> = answer.headers.keys().map(ToString::to_string).collect();
        names.sort();
        seen.push((said, names));
    }
    assert!(seen.iter().all(|it| it == &seen[0]), "{seen:#?}");
    for email in [viewer.email.as_str(), suspended.email.as_str(), "nobody@mill.test"] {
        let earlier = work();
        nobody.post("/api/auth/password-reset", json!({"email": email})).await.expect(202);
        assert_eq!((work().0 - earlier.0, work().1 - earlier.1), (0, 1), "{email}");
    }
}

#[actix_web::test]
async fn one_account_takes_no_more_than_a_hundred_guesses_an_hour() {
    let many = |it: &mut reeve::config::Config| {
        it.limits.logins_per_minute = 100_000;
        it.server.trusted_proxies = vec!["127.0.0.1".parse().expect("ip")];
    };
    let (appliance, clock) = Appliance::start_held(many, Vec::new()).await;
    let owner = appliance.owner().await;
    let spellings = ["owner@mill.test", " Owner@Mill.test", "OWNER@MILL.TEST ", "owner@mill.test\t"];
    let mut passed = 0;
    for round in 0..4 {
        // In small groups: hashing has room for few at a time.
        for group in (0..100_usize).collect::<Vec<_>>().chunks(20) {
            let attempts = group.iter().map(|number| {
                let from = format!("203.0.{round}.{number}");
                let nobody = appliance.anonymous().with("x-forwarded-for", from);
                let body = guess(spellings[number % spellings.len()], "wrong wrong wrong");
                async move { nobody.post("/api/auth/login", body).await }
            });
            for answer in join_all(attempts).await {
                match answer.status {
                    401 => passed += 1,
                    429 => assert!(answer.header("retry-after").is_some()),
                    other => panic!("{other}: {}", answer.text()),
                }
            }
        }
        clock.advance_ms(800_000);
    }
    assert!((60..=100).contains(&passed), "{passed}");
    // Who is in stays in: only the access token has run out by now.
    let body = json!({"refresh_token": owner.refresh_token});
    appliance.anonymous().post("/api/auth/refresh-token", body).await.expect(200);
    clock.advance_ms(7_200_000);
    appliance.log_in(&owner.email).await;
}

#[actix_web::test]
async fn one_address_gets_few_attempts_and_cannot_pretend_to_be_many() {
    let (appliance, _clock) = Appliance::start_held(|it| it.limits.logins_per_minute = 5, Vec::new()).await;
    appliance.owner().await;
    let mut refused = 0;
    for number in 0..10 {
        let nobody = appliance.anonymous().with("x-forwarded-for", format!("203.0.113.{number}"));
        let body = guess(&format!("someone{number}@mill.test"), PASSWORD);
        refused += usize::from(nobody.post("/api/auth/login", body).await.status == 429);
    }
    assert_eq!(refused, 5);
}

#[actix_web::test]
async fn failures_stand_in_the_audit_log() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let nobody = appliance.anonymous();
    nobody.post("/api/auth/login", guess(&owner.email, "wrong wrong wrong")).await.expect(401);
    let log = owner.get("/api/audit?action=login.failed").await.expect(200);
    let entry = &log["items"][0];
    assert_eq!(entry["object_id"], owner.id.to_string());
    assert_eq!(entry["address"], "127.0.0.1");
    assert_eq!(entry["actor"]["kind"], "anonymous");
}
