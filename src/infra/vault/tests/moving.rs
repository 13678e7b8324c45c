//! S4: a sealed value opens in its own place and nowhere else.

use std::collections::HashSet;
use std::sync::Arc;

use proptest::prelude::*;

use super::*;
use crate::base::Code;

/// Every place there is in two instances, two organizations and the appliance, two key versions, two purposes,
/// two tables, two rows and two fields: each value is tried in all the others.
#[test]
fn of_all_pairs_of_places_every_swap_is_refused() {
    let mut places: Vec<(Vault, Arc<Ring>, Binding<'static>, Sealed)> = Vec::new();
    for instance_no in [1, 2] {
        for scope in [Scope::Appliance, org(1), org(2)] {
            let vault = || Vault::open_with(Root::generate(), instance(instance_no), Redactor::new());
            for rotated in [false, true] {
                let home = vault();
                let mut wrapped = home.new_ring(scope).expect("ring");
                if rotated {
                    wrapped = home.rotate(scope, &wrapped).expect("rotates");
                }
                let ring = home.ring(scope, &wrapped).expect("opens");
                for purpose in [Purpose::Credential, Purpose::TotpSeed] {
                    for (table, row, field) in
                        [("a", "r", "f"), ("b", "r", "f"), ("a", "s", "f"), ("a", "r", "g"), ("ar", "", "f")]
                    {
                        let binding = Binding { purpose, table, row: row.as_bytes(), field };
                        let sealed = home.seal(&ring, &binding, &secret("moved value")).expect("seals");
                        places.push((vault(), ring.clone(), binding, sealed));
                    }
                }
            }
        }
    }
    let (mut tried, mut refused) = (0, 0);
    for (here, (vault, ring, binding, own)) in places.iter().enumerate() {
        assert!(vault.open(ring, binding, own).is_ok(), "a value opens in its own place");
        for (there, (_, _, _, sealed)) in places.iter().enumerate() {
            if here != there {
                tried += 1;
                refused += usize::from(
                    vault.open(ring, binding, sealed).is_err_and(|it| it.is(Code::CredentialInvalid)),
                );
            }
        }
    }
    assert_eq!((tried, refused), (120 * 119, 120 * 119));
}

/// The same key material everywhere: what is tested is the associated data alone, not a difference of keys.
#[test]
fn the_binding_alone_refuses_another_instance_scope_or_version() {
    let binding = place("credentials", "row", "value");
    let mut seen = HashSet::new();
    for instance_no in [1, 2] {
        for scope in [Scope::Appliance, org(0), org(1)] {
            for version in [1, 2, 256] {
                for format in [1, 2] {
                    assert!(seen.insert(binding.encode(format, instance(instance_no), scope, version)));
                }
            }
        }
    }
}

#[test]
fn every_purpose_has_a_key_of_its_own() {
    let vault = vault();
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let keys: HashSet<[u8; 32]> = Purpose::ALL.iter().map(|it| *ring.subkey(ring.current(), *it)).collect();
    let labels: HashSet<&str> = Purpose::ALL.iter().map(|it| it.label()).collect();
    assert_eq!((keys.len(), labels.len()), (Purpose::ALL.len(), Purpose::ALL.len()));
}

#[test]
fn every_flipped_bit_and_every_cut_is_refused() {
    let vault = vault();
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let binding = place("credentials", "row", "value");
    let sealed = vault.seal(&ring, &binding, &secret("sk-whole")).expect("seals");
    for bit in 0..sealed.as_bytes().len() * 8 {
        let mut bytes = sealed.as_bytes().to_vec();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(vault.open(&ring, &binding, &Sealed::from_bytes(bytes)).is_err(), "bit {bit}");
    }
    for length in 0..sealed.as_bytes().len() {
        let cut = Sealed::from_bytes(&sealed.as_bytes()[..length]);
        assert!(vault.open(&ring, &binding, &cut).is_err(), "{length} bytes");
    }
}

#[test]
fn nonces_do_not_repeat_and_equal_values_seal_differently() {
    let vault = vault();
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let binding = place("credentials", "row", "value");
    let mut nonces = HashSet::new();
    for _ in 0..20_000 {
        let sealed = vault.seal(&ring, &binding, &secret("same")).expect("seals");
        assert!(nonces.insert(sealed.as_bytes()[5..29].to_vec()));
    }
}

#[test]
fn a_sealed_value_comes_back_from_text_and_from_bytes() {
    let vault = vault();
    let wrapped = vault.new_ring(org(1)).expect("ring");
    let ring = vault.ring(org(1), &wrapped).expect("opens");
    let sealed = vault.seal(&ring, &place("t", "r", "f"), &secret("value")).expect("seals");
    let text = serde_json::to_string(&(&sealed, &wrapped)).expect("json");
    assert_eq!(
        serde_json::from_str::<(Sealed, WrappedRing)>(&text).expect("json"),
        (sealed.clone(), wrapped.clone())
    );
    let bytes = rmp_serde::to_vec_named(&(&sealed, &wrapped)).expect("bytes");
    assert_eq!(rmp_serde::from_slice::<(Sealed, WrappedRing)>(&bytes).expect("bytes"), (sealed, wrapped));
}

proptest! {
    #[test]
    fn different_places_never_encode_alike(
        a in ("[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}"), b in ("[ab]{0,3}", "[ab]{0,3}", "[ab]{0,3}"),
    ) {
        let encode = |it: &(String, String, String)| {
            place(&it.0, &it.1, &it.2).encode(1, instance(1), org(1), 1)
        };
        prop_assert_eq!(a == b, encode(&a) == encode(&b));
    }

    #[test]
    fn what_is_sealed_comes_back(
        value in proptest::collection::vec(any::<u8>(), 0..300), row in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let vault = vault();
        let wrapped = vault.new_ring(Scope::Appliance).expect("ring");
        let ring = vault.ring(Scope::Appliance, &wrapped).expect("opens");
        let binding = Binding { purpose: Purpose::Setting, table: "t", row: &row, field: "f" };
        let sealed = vault.seal(&ring, &binding, &Secret::new(value.clone())).expect("seals");
        let loaded = vault.open(&ring, &binding, &sealed).expect("opens");
        prop_assert_eq!(loaded.expose(), &value[..]);
    }
}
