//! A9: what people try with JWTs, each case alone on an otherwise valid token.

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;
use uuid::Uuid;

use super::*;
use crate::base::{Code, Id};

const ISSUER: &str = "https://reeve.example";
const AUDIENCE: &str = "reeve-api";
const LIFE_MS: u64 = 600_000;
const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_500);

struct Bench {
    key: SigningKey,
    tokens: AccessTokens,
}

impl Bench {
    fn new() -> Self {
        let key = SigningKey::generate();
        let tokens = AccessTokens::new(&key, ISSUER, AUDIENCE, LIFE_MS).expect("tokens");
        Self { key, tokens }
    }

    fn token(&self) -> String {
        let token = self.tokens.issue(NOW, id(1), id(2), id(3)).expect("issues");
        token.expose_str().expect("text").to_owned()
    }

    fn header(&self) -> Value {
        json!({"typ": TYPE, "alg": "EdDSA", "kid": self.key.verifying_key().id()})
    }

    /// A token with our own signature over whatever is in it.
    fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = format!("{}.{}", encode(header), encode(claims));
        let signature = self.key.sign(message.as_bytes());
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    /// Our own header and signature, one claim changed.
    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        match value {
            Value::Null => claims.as_object_mut().expect("object").remove(name),
            value => claims.as_object_mut().expect("object").insert(name.to_owned(), value),
        };
        let token = self.token();
        let head = token.split('.').next().expect("a header");
        let message = format!("{head}.{}", encode(&claims));
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(self.key.sign(message.as_bytes())))
    }

    fn verify(&self, token: &str) -> Result<Access> {
        self.tokens.verify(NOW, token)
    }
}

fn id<T: Id>(n: u128) -> T {
    T::from_uuid(Uuid::from_u128(n))
}

fn claims() -> Value {
    let iat = NOW.millis() / 1_000;
    json!({
        "iss": ISSUER, "aud": AUDIENCE, "sub": id::<UserId>(1), "org": id::<OrgId>(2),
        "sid": id::<SessionId>(3), "iat": iat, "nbf": iat, "exp": iat + 600,
    })
}

fn encode(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

fn hmac(key: &[u8], message: &str) -> String {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
    mac.update(message.as_bytes());
    URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes())
}

#[test]
fn a_token_says_what_it_was_issued_for_until_it_ends() {
    let bench = Bench::new();
    let access = bench.verify(&bench.token()).expect("valid");
    assert_eq!((access.user, access.org, access.session), (id(1), id(2), id(3)));
    assert_eq!(access.expires_at.since(access.issued_at), LIFE_MS);
    let last = access.expires_at.minus_ms(1);
    assert!(bench.tokens.verify(last, &bench.token()).is_ok());
    let error = bench.tokens.verify(access.expires_at, &bench.token()).expect_err("expired");
    assert!(error.is(Code::Unauthenticated) && error.message().contains("expired"));
}

#[test]
fn tokens_of_the_key_before_are_valid_while_it_is_trusted() {
    let old = Bench::new();
    let mut new = Bench::new();
    assert!(new.verify(&old.token()).is_err());
    new.tokens.trust(&old.key.verifying_key()).expect("trusts");
    assert!(new.verify(&old.token()).is_ok());
    assert!(new.verify(&new.token()).is_ok());
}

#[test]
fn the_bench_itself_makes_valid_tokens() {
    let bench = Bench::new();
    assert!(bench.verify(&bench.with_claim("iss", json!(ISSUER))).is_ok());
}

#[test]
fn a_token_that_asks_for_anything_in_its_header_is_refused() {
    let bench = Bench::new();
    let other = SigningKey::generate();
    let jwk =
        json!({"kty": "OKP", "crv": "Ed25519", "x": URL_SAFE_NO_PAD.encode(other.verifying_key().bytes())});
    let set = |name: &str, value: Value| {
        let mut header = bench.header();
        header[name] = value;
        header
    };
    let headers = [
        ("alg none", set("alg", json!("none"))),
        ("alg None", set("alg", json!("None"))),
        ("alg empty", set("alg", json!(""))),
        ("alg HS256", set("alg", json!("HS256"))),
        ("alg RS256", set("alg", json!("RS256"))),
        ("alg ES256", set("alg", json!("ES256"))),
        ("alg null", set("alg", Value::Null)),
        ("alg as a list", set("alg", json!(["EdDSA"]))),
        ("kid to a file", set("kid", json!("../../../../dev/null"))),
        ("kid with SQL", set("kid", json!("x' UNION SELECT 'key"))),
        ("kid of another key", set("kid", json!(other.verifying_key().id()))),
        ("no kid", json!({"typ": TYPE, "alg": "EdDSA"})),
        ("embedded jwk", set("jwk", jwk)),
        ("jku", set("jku", json!("https://evil.example/jwks.json"))),
        ("x5u", set("x5u", json!("https://evil.example/cert.pem"))),
        ("x5c", set("x5c", json!(["AAAA"]))),
        ("crit", set("crit", json!(["exp"]))),
        ("b64 false", set("b64", json!(false))),
        ("zip", set("zip", json!("DEF"))),
        ("another type", set("typ", json!("JWT"))),
        ("nested", set("cty", json!("JWT"))),
    ];
    for (name, header) in &headers {
        // Even with our own signature; with an attacker's; and with none.
        let own = bench.signed(header, &claims());
        let message = own.rsplit_once('.').expect("parts").0.to_owned();
        let foreign = format!("{message}.{}", URL_SAFE_NO_PAD.encode(other.sign(message.as_bytes())));
        for token in [own, foreign, format!("{message}."), message] {
            assert!(bench.verify(&token).is_err_and(|it| it.is(Code::Unauthenticated)), "{name}: {token}");
        }
    }
}

#[test]
fn our_public_key_is_no_shared_secret() {
    let bench = Bench::new();
    let public = bench.key.verifying_key().bytes();
    let mut header = bench.header();
    for alg in ["HS256", "EdDSA"] {
        header["alg"] = json!(alg);
        let message = format!("{}.{}", encode(&header), encode(&claims()));
        for key in [
            public.to_vec(),
            STANDARD.encode(public).into_bytes(),
            URL_SAFE_NO_PAD.encode(public).into_bytes(),
        ] {
            assert!(bench.verify(&format!("{message}.{}", hmac(&key, &message))).is_err());
        }
    }
}

#[test]
fn a_token_signed_by_another_key_under_our_header_is_refused() {
    let bench = Bench::new();
    let token = bench.token();
    let message = token.rsplit_once('.').expect("parts").0;
    let other = SigningKey::generate();
    assert!(
        bench
            .verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode(other.sign(message.as_bytes()))))
            .is_err()
    );
    assert!(bench.verify(&format!("{message}.{}", URL_SAFE_NO_PAD.encode([0; 64]))).is_err());
}

#[test]
fn wrong_claims_are_refused_though_signed_by_us() {
    let bench = Bench::new();
    let now = NOW.millis() / 1_000;
    let cases = [
        ("iss", json!("https://evil.example")),
        ("iss", json!([ISSUER, "https://evil.example"])),
        ("iss", Value::Null),
        ("aud", json!("another-api")),
        ("aud", json!([AUDIENCE, "another-api"])),
        ("aud", json!("")),
        ("aud", Value::Null),
        ("sub", json!("usr_short")),
        ("sub", json!(id::<OrgId>(1))),
        ("sub", Value::Null),
        ("org", Value::Null),
        ("sid", Value::Null),
        ("exp", json!(now)),
        ("exp", json!(now - 1)),
        ("exp", json!(now + 601)),
        ("exp", json!(i64::MAX)),
        ("exp", json!("9999999999")),
        ("exp", json!(9e99)),
        ("exp", Value::Null),
        ("nbf", json!(now + 6)),
        ("nbf", Value::Null),
        ("iat", json!(now + 6)),
        ("iat", json!(i64::MIN)),
        ("iat", Value::Null),
        ("role", json!("owner")),
    ];
    for (name, value) in cases {
        let token = bench.with_claim(name, value.clone());
        assert!(bench.verify(&token).is_err_and(|it| it.is(Code::Unauthenticated)), "{name} = {value}");
    }
}

#[test]
fn every_altered_or_cut_token_is_refused() {
    let bench = Bench::new();
    let token = bench.token();
    for at in 0..token.len() {
        let other = if &token[at..=at] == "A" { "B" } else { "A" };
        let altered = format!("{}{other}{}", &token[..at], &token[at + 1..]);
        assert!(bench.verify(&altered).is_err(), "altered at {at}");
        assert!(bench.verify(&token[..at]).is_err(), "cut at {at}");
    }
    let parts: Vec<&str> = token.split('.').collect();
    for wrong in [
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        format!("{}.{}", parts[0], parts[1]),
        format!("{}..{}", parts[0], parts[2]),
        format!("{token}."),
        format!("{token}.{}", parts[2]),
        format!("{token}=="),
        format!(" {token}"),
        format!("{token}\n"),
        format!("Bearer {token}"),
        token.to_uppercase(),
        token.repeat(100),
        "é.é.é".to_owned(),
    ] {
        assert!(bench.verify(&wrong).is_err(), "{wrong}");
    }
}
