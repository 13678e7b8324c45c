//! The appliance's own key: made once, named where it is wrong, and never made anew.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use reeve::access::Role;
use reeve::app::Parts;
use reeve::config::Config;
use reeve::infra::Secret;
use reeve::keys::KeySettings;
use serde_json::{Value, json};

use super::{made, run, webhook_agent};
use crate::support::Appliance;
use crate::support::peer::{Peer, json as says};

const TOKEN: &str = "amber-river-0815-token";

fn config(folder: &Path, peer: &Peer) -> Config {
    let mut config = Appliance::config(folder.join("data"));
    config.egress.allow = vec![peer.address.to_string()];
    config
}

#[actix_web::test]
async fn a_missing_or_wrong_key_seals_what_is_there_and_the_right_one_opens_it_again() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let folder = tempfile::tempdir().expect("a folder");
    let config = config(folder.path(), &peer);
    let (key, away) = (config.key_file(), folder.path().join("away"));
    assert!(!key.starts_with(&config.data.dir));

    let appliance = Appliance::open(config.clone(), Vec::new()).await;
    let owner = appliance.owner().await;
    let mode = std::fs::metadata(&key).expect("the key file").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let id = made(&owner, "A", "bearer", json!({"token": TOKEN})).await;
    let agent = webhook_agent(&owner, "Hook", &peer.url("/in"), &[&id]).await;
    run(&owner, &agent).await.expect(200);
    let open = owner.get("/api/vault").await.expect(200);
    assert_eq!((&open["state"], &open["reason"]), (&json!("open"), &Value::Null));
    let fingerprint = open["key_fingerprint"].as_str().expect("a fingerprint").to_owned();
    // Access tokens outlive a restart, because the key that signs them is kept.
    let appliance = appliance.stop_and_open(config.clone()).await;
    let again = appliance.anonymous().bearer(&owner.access_token);
    again.get("/api/users/me").await.expect(200);

    std::fs::rename(&key, &away).expect("moves the key away");
    let appliance = appliance.stop_and_open(config.clone()).await;
    assert!(!key.exists(), "no new key is ever made");
    let said = sealed(&appliance, &id, &agent, &peer).await;
    assert!(said.contains("missing"), "{said}");

    // Another appliance's key.
    let other = tempfile::tempdir().expect("a folder");
    let others = Appliance::config(other.path().join("data"));
    Appliance::open(others.clone(), Vec::new()).await.stop().await;
    std::fs::copy(others.key_file(), &key).expect("copies");
    let appliance = appliance.stop_and_open(config.clone()).await;
    let said = sealed(&appliance, &id, &agent, &peer).await;
    assert!(said.contains(&fingerprint), "{said} names the key it wants, {fingerprint}");

    std::fs::write(&key, "nonsense").expect("writes");
    let appliance = appliance.stop_and_open(config.clone()).await;
    sealed(&appliance, &id, &agent, &peer).await;

    std::fs::rename(&away, &key).expect("brings the key back");
    let appliance = appliance.stop_and_open(config).await;
    let owner = appliance.log_in("owner@mill.test").await;
    assert_eq!(owner.get("/api/vault").await.expect(200)["state"], "open");
    run(&owner, &agent).await.expect(200);
    assert_eq!(peer.last().header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
    owner.post(&format!("/api/credentials/{id}/rotate"), json!({"value": {"token": "x"}})).await.expect(200);
    appliance.stop().await;
}

/// What holds while sealed. Answers the reason that is given.
async fn sealed(appliance: &Appliance, id: &str, agent: &str, peer: &Peer) -> String {
    let owner = appliance.log_in("owner@mill.test").await;
    let status = owner.get("/api/vault").await.expect(200);
    assert_eq!(status["state"], "sealed");
    let before = peer.received().len();
    let path = format!("/api/credentials/{id}");
    let shown = owner.get(&path).await.expect(200);
    assert_eq!(shown["name"], "A");
    let new = json!({"name": "B", "kind": "bearer", "value": {"token": TOKEN}});
    owner.post("/api/credentials", new).await.expect_error(503, "Unavailable");
    let rotation = json!({"value": {"token": TOKEN}});
    owner.post(&format!("{path}/rotate"), rotation).await.expect_error(503, "Unavailable");
    owner.post(&format!("{path}/validate"), json!({})).await.expect_error(503, "Unavailable");
    let failed = run(&owner, agent).await.expect_error(503, "Unavailable");
    assert!(failed["error"]["message"].as_str().is_some_and(|it| it.contains("sealed")), "{failed}");
    assert_eq!(peer.received().len(), before, "nothing left");
    assert_eq!(owner.get(&path).await.expect(200)["version"], shown["version"]);
    // The rest goes on, and every page says what is wrong: the reason only to those who keep credentials.
    owner.get("/api/agents").await.expect(200);
    for (caller, told) in [(owner.clone(), true), (appliance.join(&owner, Role::Viewer).await, false)] {
        let page = appliance.visitor_of(&caller.email).await.page("/agents").await;
        assert!(page.contains("data-sealed") && page.contains("reeve doctor") == told, "{page}");
    }
    status["reason"].as_str().expect("a reason").to_owned()
}

#[actix_web::test]
async fn a_passphrase_wraps_the_key_and_without_it_the_vault_stays_sealed() {
    let folder = tempfile::tempdir().expect("a folder");
    let config = Appliance::config(folder.path().join("data"));
    let with = |passphrase: Option<&str>| Parts {
        keys: KeySettings { passphrase: passphrase.map(|it| Secret::from(it.to_owned())), handed_in: None },
        ..Parts::default()
    };
    let appliance = Appliance::open_with(config.clone(), with(Some("seven quiet otters")), Vec::new()).await;
    let owner = appliance.owner().await;
    made(&owner, "A", "bearer", json!({"token": TOKEN})).await;
    let file = std::fs::read_to_string(config.key_file()).unwrap_or_default();
    assert!(!file.contains("AGE-SECRET-KEY"), "the file holds the key wrapped");
    appliance.stop().await;
    for (passphrase, state) in
        [(None, "sealed"), (Some("six loud otters"), "sealed"), (Some("seven quiet otters"), "open")]
    {
        let appliance = Appliance::open_with(config.clone(), with(passphrase), Vec::new()).await;
        let owner = appliance.log_in("owner@mill.test").await;
        assert_eq!(owner.get("/api/vault").await.expect(200)["state"], state, "{passphrase:?}");
        appliance.stop().await;
    }
}

#[actix_web::test]
async fn a_key_that_others_can_read_or_that_lies_with_the_data_stops_the_start() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut config = Appliance::config(folder.path().join("data"));
    Appliance::open(config.clone(), Vec::new()).await.stop().await;
    let key = config.key_file();
    std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o644)).expect("sets");
    let refused = reeve::app::Appliance::open(config.clone(), Parts::default()).await.err().expect("refused");
    assert!(refused.message().contains("chmod 600"), "{refused}");
    config.keys.file = config.data.dir.join("reeve.key");
    let refused = reeve::app::Appliance::open(config, Parts::default()).await.err().expect("refused");
    assert!(refused.message().contains("outside the data folder"), "{refused}");
}
