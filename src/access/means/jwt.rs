//! Access tokens: JWTs signed with Ed25519. The header is a constant, so there is no algorithm to choose, no key
//! to name and none to bring along. A token only names a session, which is looked up at each request.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as B64;
use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::base::{Doing, Env, Result, SessionId, Timestamp, UserId};

const HEADER: &str = r#"{"alg":"EdDSA","typ":"JWT"}"#;
const AUDIENCE: &str = "reeve";
const MAX_TOKEN_BYTES: usize = 2_048;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Claims {
    pub iss: String,
    pub aud: String,
    pub sub: UserId,
    pub sid: SessionId,
    /// Seconds since 1970, as the standard has it.
    pub iat: i64,
    pub exp: i64,
}

pub(crate) struct Signer {
    key: SigningKey,
    public: VerifyingKey,
    issuer: String,
}

impl Signer {
    pub(crate) fn new(env: &Env, issuer: &str) -> Self {
        let seed = Zeroizing::new(env.bytes::<32>());
        let key = SigningKey::from_bytes(&seed);
        Self { public: key.verifying_key(), key, issuer: issuer.to_owned() }
    }

    pub(crate) fn sign(&self, user: UserId, session: SessionId, now: Timestamp, ms: u64) -> Result<String> {
        let iat = now.millis().div_euclid(1_000);
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: AUDIENCE.to_owned(),
            sub: user,
            sid: session,
            iat,
            exp: iat + i64::try_from(ms / 1_000).unwrap_or(0),
        };
        let body = serde_json::to_vec(&claims).doing("write an access token")?;
        let text = format!("{}.{}", B64.encode(HEADER), B64.encode(body));
        let signature = self.key.sign(text.as_bytes());
        Ok(format!("{text}.{}", B64.encode(signature.to_bytes())))
    }

    /// What a token says, where this appliance signed it and it is valid now.
    pub(crate) fn check(&self, token: &str, now: Timestamp) -> Option<Claims> {
        if token.len() > MAX_TOKEN_BYTES {
            return None;
        }
        let (signed, signature) = token.rsplit_once('.')?;
        let (header, body) = signed.split_once('.')?;
        if header != B64.encode(HEADER) {
            return None;
        }
        let signature = Signature::from_slice(&B64.decode(signature).ok()?).ok()?;
        self.public.verify_strict(signed.as_bytes(), &signature).ok()?;
        let claims: Claims = serde_json::from_slice(&B64.decode(body).ok()?).ok()?;
        let seconds = now.millis().div_euclid(1_000);
        let holds = claims.aud == AUDIENCE
            && claims.iss == self.issuer
            && claims.iat <= seconds
            && seconds < claims.exp;
        holds.then_some(claims)
    }
}
