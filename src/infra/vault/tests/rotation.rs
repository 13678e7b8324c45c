//! B7, B8: keys change while values stay; a key that was replaced opens nothing any more.

use super::*;
use crate::base::Code;

#[test]
fn a_rotated_ring_opens_old_and_new_until_the_old_key_is_retired() {
    let vault = vault();
    let place = place("credentials", "row", "value");
    let first = vault.new_ring(org(1)).expect("ring");
    let old =
        vault.seal(&vault.ring(org(1), &first).expect("opens"), &place, &secret("kept")).expect("seals");

    let mut second = vault.rotate(org(1), &first).expect("rotates");
    assert_eq!((second.versions(), second.current()), (vec![1, 2], 2));
    let ring = vault.ring(org(1), &second).expect("opens");
    assert_eq!(vault.open(&ring, &place, &old).expect("old value").expose(), b"kept");
    let new = vault.reseal(&ring, &place, &old).expect("reseals").expect("under the new key");
    assert_eq!((old.key_version(), new.key_version()), (Some(1), Some(2)));
    assert_eq!(vault.reseal(&ring, &place, &new).expect("reseals"), None);

    second.retire_old();
    let ring = vault.ring(org(1), &second).expect("opens");
    assert_eq!(vault.open(&ring, &place, &new).expect("new value").expose(), b"kept");
    assert!(vault.open(&ring, &place, &old).is_err_and(|it| it.is(Code::CredentialInvalid)));
    let before = vault.ring(org(1), &first).expect("opens");
    assert!(vault.open(&before, &place, &new).is_err(), "the retired key opens nothing that is new");
}

#[test]
fn after_a_rewrap_the_old_root_key_opens_nothing() {
    let vault = vault();
    let place = place("credentials", "row", "value");
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let sealed =
        vault.seal(&vault.ring(org(1), &wrapped).expect("opens"), &place, &secret("kept")).expect("seals");

    let next = Root::generate();
    let rewrapped = vault.rewrap(org(1), &wrapped, &next).expect("rewraps");
    let refused = vault.ring(org(1), &rewrapped).err().expect("the old root key does not open it");
    assert!(refused.is(Code::Unavailable));

    vault.adopt(next);
    assert!(vault.ring(org(1), &wrapped).is_err(), "the new root key does not open what the old one wrapped");
    let ring = vault.ring(org(1), &rewrapped).expect("opens");
    assert_eq!(vault.open(&ring, &place, &sealed).expect("opens").expose(), b"kept");
}

#[test]
fn a_ring_of_another_scope_or_instance_is_refused() {
    let identity = Root::generate();
    let text = {
        use age::secrecy::ExposeSecret;
        identity.identity().to_string().expose_secret().to_owned()
    };
    let same_root = || {
        let folder = tempfile::tempdir().expect("folder");
        let path = folder.path().join("key");
        write_private(&path, text.as_bytes());
        Root::open(&KeySource::File { path }).expect("opens")
    };
    let home = Vault::open_with(identity, instance(1), Redactor::new());
    let wrapped = home.new_ring(org(1)).expect("ring");
    assert!(home.ring(org(2), &wrapped).is_err(), "another organization");
    assert!(home.ring(Scope::Appliance, &wrapped).is_err(), "the appliance");
    let elsewhere = Vault::open_with(same_root(), instance(2), Redactor::new());
    assert!(elsewhere.ring(org(1), &wrapped).is_err(), "another instance");
    let again = Vault::open_with(same_root(), instance(1), Redactor::new());
    assert!(again.ring(org(1), &wrapped).is_ok(), "the same key opens it");
}

/// age says nothing about who wrapped: somebody who can write to the store knows the public key.
#[test]
fn a_ring_that_somebody_else_wrapped_for_our_key_is_refused() {
    let ours = Root::generate();
    let theirs = Root::generate().with_recovery(vec![ours.public()]);
    let forged = Vault::open_with(theirs, instance(1), Redactor::new()).new_ring(org(1)).expect("ring");
    let vault = Vault::open_with(ours, instance(1), Redactor::new());
    assert!(vault.ring(org(1), &forged).is_err_and(|it| it.is(Code::Unavailable)));
}

#[test]
fn a_recovery_key_opens_a_ring_when_the_root_key_is_lost() {
    use age::secrecy::ExposeSecret;
    let offline = age::x25519::Identity::generate();
    let recovery: RecoveryKey = offline.to_public().to_string().parse().expect("a public key");
    let lost = Vault::open_with(Root::generate().with_recovery(vec![recovery]), instance(1), Redactor::new());
    let place = place("credentials", "row", "value");
    let wrapped = lost.new_ring(org(1)).expect("ring");
    let sealed =
        lost.seal(&lost.ring(org(1), &wrapped).expect("opens"), &place, &secret("kept")).expect("seals");

    let offline = Secret::from(offline.to_string().expose_secret().to_owned());
    let next = Root::generate();
    let wrapped = Vault::recover(instance(1), org(1), &wrapped, &offline, &next).expect("recovers");
    let vault = Vault::open_with(next, instance(1), Redactor::new());
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    assert_eq!(vault.open(&ring, &place, &sealed).expect("opens").expose(), b"kept");

    let stranger = Secret::from(age::x25519::Identity::generate().to_string().expose_secret().to_owned());
    assert!(Vault::recover(instance(1), org(1), &wrapped, &stranger, &Root::generate()).is_err());
}

#[test]
fn hints_tell_secrets_apart_and_nothing_about_them() {
    let vault = vault();
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let hint = vault.hint(&ring, &secret("sk-aaaaaaaa")).expect("hint");
    assert_eq!(hint, vault.hint(&ring, &secret("sk-aaaaaaaa")).expect("hint"));
    assert_ne!(hint, vault.hint(&ring, &secret("sk-aaaaaaab")).expect("hint"));
    assert!(hint.len() == 4 && hint.chars().all(|it| it.is_ascii_alphanumeric()));
    let other = vault.new_ring(org(2)).expect("ring");
    let other = vault.ring(org(2), &other).expect("opens");
    assert_ne!(hint, vault.hint(&other, &secret("sk-aaaaaaaa")).expect("hint"), "keyed");
}

#[test]
fn a_mac_holds_across_a_rotation_and_for_its_purpose_only() {
    let vault = vault();
    let first = vault.new_ring(org(1)).expect("ring");
    let mac = vault.ring(org(1), &first).expect("opens").mac(Purpose::Cursor, b"page 2");
    let second = vault.rotate(org(1), &first).expect("rotates");
    let ring = vault.ring(org(1), &second).expect("opens");
    assert!(ring.verify_mac(Purpose::Cursor, b"page 2", &mac));
    assert!(!ring.verify_mac(Purpose::Cursor, b"page 3", &mac));
    assert!(!ring.verify_mac(Purpose::Form, b"page 2", &mac));
}

#[test]
fn a_signing_key_comes_back_and_signs() {
    let vault = vault();
    let wrapped = vault.new_ring(Scope::Appliance).expect("ring");
    let ring = vault.ring(Scope::Appliance, &wrapped).expect("opens");
    let (key, sealed) = vault.new_signing_key(&ring, "access").expect("made");
    let again = vault.open_signing_key(&ring, "access", &sealed).expect("opens");
    assert_eq!(key.verifying_key(), again.verifying_key());
    let signature = again.sign(b"message");
    assert!(key.verifying_key().verify(b"message", &signature));
    assert!(!key.verifying_key().verify(b"massage", &signature));
    assert!(vault.open_signing_key(&ring, "audit", &sealed).is_err(), "bound to its name");
}

#[test]
fn the_cache_is_bounded_and_serves_no_replaced_ring() {
    let cache = crate::infra::vault::cache::Cache::default();
    for n in 0..3_000u128 {
        cache.put(org(n), [0; 32], std::sync::Arc::new(Ring::generate(instance(1), org(n))));
    }
    assert_eq!(cache.len(), 1_024);
    assert!(cache.get(org(2_999), &[0; 32]).is_some());
    assert!(cache.get(org(2_999), &[1; 32]).is_none(), "another digest");
    assert!(cache.get(org(0), &[0; 32]).is_none(), "evicted");
}

fn write_private(path: &std::path::Path, bytes: &[u8]) {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut it| it.write_all(bytes)).expect("writes");
}
