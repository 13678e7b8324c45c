//! Credentials on their way to a far end: who gets them, what is written down, what comes back.

use serde_json::json;

use super::{audit, id_of, made, reaching, run, webhook_agent};
use crate::support::Appliance;
use crate::support::peer::{Peer, answer, json as says};

const TOKEN: &str = "amber-river-0815-token";

#[actix_web::test]
async fn a_run_carries_its_credential_and_the_use_is_written_down() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let new =
        json!({"name": "A", "kind": "bearer", "value": {"token": TOKEN}, "allowed_hosts": ["127.0.0.1"]});
    let credential = id_of(&owner.post("/api/credentials", new).await.expect(201));
    let agent = webhook_agent(&owner, "Hook", &peer.url("/in"), &[&credential]).await;
    let before = owner.get(&format!("/api/credentials/{credential}")).await.expect(200);
    let mut executions = Vec::new();
    for _ in 0..3 {
        executions.push(id_of(&run(&owner, &agent).await.expect(200)));
        assert_eq!(peer.last().header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    }
    let uses = audit(&owner, "credential.use").await;
    assert_eq!(uses.len(), 3);
    for (entry, execution) in uses.iter().rev().zip(&executions) {
        assert_eq!(entry["object_id"], credential.as_str());
        assert_eq!(entry["details"]["execution_id"], execution.as_str());
        assert_eq!(entry["details"]["agent_id"], agent.as_str());
    }
    let after = owner.get(&format!("/api/credentials/{credential}")).await.expect(200);
    assert_eq!((before["uses"].as_u64(), after["uses"].as_u64()), (Some(0), Some(3)));
    assert!(after["last_used_at"].is_string());
    assert_eq!(after["used_by"], json!([{"agent_id": agent, "name": "Hook"}]));

    owner.post(&format!("/api/agents/{agent}/test"), json!({})).await.expect(200);
    assert!(audit(&owner, "credential.use").await.iter().any(|it| it["details"]["purpose"] == "probe"));
}

#[actix_web::test]
async fn a_credential_goes_to_its_hosts_and_nowhere_else() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    for (hosts, reaches) in
        [(json!(["127.0.0.1"]), true), (json!(["api.example.com"]), false), (json!([]), true)]
    {
        let new = json!({"name": hosts.to_string(), "kind": "bearer", "value": {"token": TOKEN}, "allowed_hosts": hosts});
        let credential = id_of(&owner.post("/api/credentials", new).await.expect(201));
        let agent = webhook_agent(&owner, &hosts.to_string(), &peer.url("/in"), &[&credential]).await;
        let before = peer.received().len();
        let answer = run(&owner, &agent).await;
        if reaches {
            answer.expect(200);
            assert_eq!(peer.last().header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
        } else {
            answer.expect_error(403, "EgressDenied");
            assert_eq!(peer.received().len(), before, "nothing left");
        }
    }
}

#[actix_web::test]
async fn a_new_value_is_used_from_the_next_run_on() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let credential = made(&owner, "A", "basic_auth", json!({"username": "ada", "password": TOKEN})).await;
    let agent = webhook_agent(&owner, "Hook", &peer.url("/in"), &[&credential]).await;
    run(&owner, &agent).await.expect(200);
    let first = peer.last().header("authorization").map(str::to_owned);
    let rotation = json!({"value": {"username": "ada", "password": "another-river-0816"}});
    owner.post(&format!("/api/credentials/{credential}/rotate"), rotation).await.expect(200);
    run(&owner, &agent).await.expect(200);
    assert!(first.is_some() && peer.last().header("authorization").map(str::to_owned) != first);
}

#[actix_web::test]
async fn what_a_far_end_says_back_of_a_credential_is_cut_out() {
    let peer = Peer::start(|request, _| {
        let header = request.header("authorization").unwrap_or_default().to_owned();
        match request.line() {
            "POST /fails" => {
                answer(500, &[("content-type", "application/json")], &json!({"error": header}).to_string())
            }
            _ => says(&json!({"headers": {"authorization": header}})),
        }
    })
    .await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let credential = made(&owner, "A", "bearer", json!({"token": TOKEN})).await;
    for path in ["/works", "/fails"] {
        let agent = webhook_agent(&owner, path, &peer.url(path), &[&credential]).await;
        let answer = run(&owner, &agent).await;
        assert!(answer.text().contains("[secret]"), "{}", answer.text());
        let list = owner.get(&format!("/api/agents/{agent}/executions")).await;
        let id = id_of(&list.json()["items"][0]);
        let events = owner.get(&format!("/api/executions/{id}/events")).await;
        for text in [answer.text(), list.text(), events.text()] {
            assert!(!text.contains(TOKEN), "{text}");
        }
    }
}

#[actix_web::test]
async fn an_expired_credential_is_refused_before_anything_leaves() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let allow = vec![peer.address.to_string()];
    let (appliance, clock) = Appliance::start_held(|it| it.egress.allow = allow, Vec::new()).await;
    let owner = appliance.owner().await;
    let at = reeve::base::Timestamp::from_millis(1_800_000_000_000).plus_ms(60_000);
    let new = json!({"name": "A", "kind": "bearer", "value": {"token": TOKEN}, "expires_at": at.to_string()});
    let credential = id_of(&owner.post("/api/credentials", new).await.expect(201));
    let agent = webhook_agent(&owner, "Hook", &peer.url("/in"), &[&credential]).await;
    run(&owner, &agent).await.expect(200);
    clock.advance_ms(60_000);
    run(&owner, &agent).await.expect_error(422, "CredentialInvalid");
    assert_eq!(peer.received().len(), 1);
    let path = format!("/api/credentials/{credential}");
    assert_eq!(owner.get(&path).await.expect(200)["expired"], true);
    assert_eq!(owner.post(&format!("{path}/validate"), json!({})).await.expect(200)["ok"], false);
    let probe = owner.post(&format!("/api/agents/{agent}/test"), json!({})).await.expect(200);
    assert_eq!((&probe["ok"], &probe["checks"][0]["name"]), (&json!(false), &json!("credentials")));
    owner.post(&format!("{path}/rotate"), json!({"value": {"token": TOKEN}})).await.expect(200);
    run(&owner, &agent).await.expect(200);
}

#[actix_web::test]
async fn an_agent_names_only_credentials_that_are_there_and_fit() {
    let appliance = Appliance::start_with(|it| it.auth.open_registration = true, Vec::new()).await;
    let owner = appliance.owner().await;
    let fits = made(&owner, "Fits", "bearer", json!({"token": TOKEN})).await;
    let odd = made(&owner, "Odd", "custom", json!({"dsn": TOKEN})).await;
    let stranger = appliance.stranger().await;
    let foreign = made(&stranger, "Foreign", "bearer", json!({"token": TOKEN})).await;
    let new = |credentials: &[&str]| json!({"name": "A", "agent_type": "webhook", "config": {"url": "https://example.com/"}, "credential_ids": credentials});
    for (ids, at) in
        [(vec![odd.as_str()], 0), (vec![&fits, &foreign], 1), (vec!["cre_00000000000000000000000000"], 0)]
    {
        let error = owner.post("/api/agents", new(&ids)).await.expect_error(422, "CredentialInvalid");
        let path = &error["error"]["details"]["validation_errors"][0]["path"];
        assert_eq!(*path, format!("/credential_ids/{at}"), "{error}");
    }
    owner.post("/api/agents", new(&[&fits])).await.expect(201);
}

#[actix_web::test]
async fn one_that_an_agent_uses_is_deleted_only_by_force() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let credential = made(&owner, "A", "bearer", json!({"token": TOKEN})).await;
    let agent = webhook_agent(&owner, "Ticket hook", &peer.url("/in"), &[&credential]).await;
    let path = format!("/api/credentials/{credential}");
    let error = owner.delete(&path).await.expect_error(409, "Conflict");
    assert!(error["error"]["message"].as_str().is_some_and(|it| it.contains("Ticket hook")), "{error}");
    run(&owner, &agent).await.expect(200);
    owner.delete(&format!("{path}?force=true")).await.expect(204);
    run(&owner, &agent).await.expect_error(422, "CredentialInvalid");
    assert_eq!(peer.received().len(), 1);
}
