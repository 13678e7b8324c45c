//! Ciphertexts that somebody with the store's file in hand moves about: refused, each of them.

use std::collections::BTreeMap;

use reeve::base::{CredentialId, OrgId};
use reeve::infra::store::{Key, PerOrg, Row, Rows, Table};
use reeve::infra::vault::{Sealed, WrappedRing};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{made, reaching, run, webhook_agent};
use crate::support::Appliance;
use crate::support::peer::{Peer, json as says};

/// The row as the store has it: what is not of interest here is carried along.
#[derive(Clone, Serialize, Deserialize)]
struct Raw {
    id: CredentialId,
    fields: BTreeMap<String, Sealed>,
    version: u32,
    #[serde(flatten)]
    rest: BTreeMap<String, serde_json::Value>,
}

impl Row for Raw {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(104, "credentials");

    fn key(&self) -> Key {
        Key::of(self.id)
    }
}

fn read(appliance: &Appliance, org: OrgId, id: &str) -> Raw {
    let id: CredentialId = id.parse().expect("an id");
    appliance.inner.services.store.org(org).expect("a view").get(id).expect("reads").expect("is there")
}

async fn write(appliance: &Appliance, org: OrgId, row: Raw) {
    appliance.inner.services.store.write_org(org, move |tx| tx.put(&row)).await.expect("writes");
}

#[actix_web::test]
async fn a_value_opens_in_its_own_place_and_nowhere_else() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let allow = vec![peer.address.to_string()];
    let appliance = Appliance::start_with(
        |it| {
            it.egress.allow = allow;
            it.auth.open_registration = true;
        },
        Vec::new(),
    )
    .await;
    let (owner, stranger) = (appliance.owner().await, appliance.stranger().await);
    let pair = |n: u8| json!({"username": format!("user-name-{n}"), "password": format!("pass-word-{n}")});
    let one = made(&owner, "One", "basic_auth", pair(1)).await;
    let two = made(&owner, "Two", "basic_auth", pair(2)).await;
    let theirs = made(&stranger, "Theirs", "basic_auth", pair(3)).await;
    let agent = webhook_agent(&owner, "Hook", &peer.url("/in"), &[&one]).await;
    run(&owner, &agent).await.expect(200);

    let own = read(&appliance, owner.org, &one);
    let old = own.clone();
    let rotation = json!({"value": pair(4)});
    owner.post(&format!("/api/credentials/{one}/rotate"), rotation).await.expect(200);
    let own = read(&appliance, owner.org, &one);
    assert!(own.fields.values().all(|it| old.fields.values().all(|old| old != it)), "the old ones are gone");

    let with = |fields: BTreeMap<String, Sealed>| Raw { fields, ..own.clone() };
    let flipped = own.fields.iter().map(|(name, sealed)| {
        let mut bytes = sealed.as_bytes().to_vec();
        *bytes.last_mut().expect("bytes") ^= 1;
        (name.clone(), Sealed::from_bytes(bytes))
    });
    let crossed = [("username", "password"), ("password", "username")]
        .map(|(to, from)| (to.to_owned(), own.fields[from].clone()));
    let moves = [
        ("another row", with(read(&appliance, owner.org, &two).fields)),
        ("another organization", with(read(&appliance, stranger.org, &theirs).fields)),
        ("another field", with(crossed.into())),
        ("an older value", with(old.fields.clone())),
        ("another version", Raw { version: own.version + 1, ..own.clone() }),
        ("a flipped bit", with(flipped.collect())),
    ];
    let count = moves.len();
    let (path, before) = (format!("/api/credentials/{one}/validate"), peer.received().len());
    for (what, row) in moves {
        write(&appliance, owner.org, row).await;
        run(&owner, &agent).await.expect_error(422, "CredentialInvalid");
        let looked = owner.post(&path, json!({})).await.expect(200);
        assert_eq!((&looked["ok"], &looked["checks"][0]["ok"]), (&json!(false), &json!(false)), "{what}");
    }
    assert_eq!(peer.received().len(), before, "nothing left");
    eprintln!("S4: moves={count} refused={count}");
    write(&appliance, owner.org, own).await;
    run(&owner, &agent).await.expect(200);
}

#[actix_web::test]
async fn without_the_organizations_keys_nothing_of_it_opens() {
    let peer = Peer::answering(says(&json!({"ok": true}))).await;
    let appliance = reaching(&[&peer]).await;
    let owner = appliance.owner().await;
    let id = made(&owner, "One", "bearer", json!({"token": "amber-river"})).await;
    let agent = webhook_agent(&owner, "Hook", &peer.url("/in"), &[&id]).await;
    run(&owner, &agent).await.expect(200);
    let erase =
        move |tx: &mut reeve::infra::store::OrgTx<'_, '_>| tx.delete::<Ring>(Key::new().byte(0)).map(|_| ());
    appliance.inner.services.store.write_org(owner.org, erase).await.expect("erases");
    run(&owner, &agent).await.expect_error(422, "CredentialInvalid");
}

/// The organization's wrapped keys.
#[derive(Serialize, Deserialize)]
struct Ring(WrappedRing);

impl Row for Ring {
    type Scope = PerOrg;
    const TABLE: Table = Table::new(101, "key_rings");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}
