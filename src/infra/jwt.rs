//! Access tokens: short-lived JWTs, signed with Ed25519, that name a user, an organization and a session.
//!
//! The algorithm is fixed here, and the header is not read but compared: a token whose header is not, byte for
//! byte, the one we write is refused, whatever it asks for (`alg`, `kid`, `jwk`, `crit`, …). A valid token is
//! not yet a permission: the session it names is looked up at each request.

use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use serde::{Deserialize, Serialize};

use super::Secret;
use super::vault::{SigningKey, VerifyingKey};
use crate::base::{Doing, Error, OrgId, Result, SessionId, Timestamp, UserId};

const TYPE: &str = "at+jwt";
/// Ours have 400 bytes.
const MAX_BYTES: usize = 2_048;
/// How far the clocks of two nodes may be apart.
const CLOCK_SKEW_S: i64 = 5;

/// What a valid token says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Access {
    pub user: UserId,
    pub org: OrgId,
    pub session: SessionId,
    pub issued_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Claims {
    iss: String,
    aud: String,
    sub: UserId,
    org: OrgId,
    sid: SessionId,
    iat: i64,
    nbf: i64,
    exp: i64,
}

/// Issues and checks access tokens.
pub struct AccessTokens {
    issuer: String,
    audience: String,
    life_ms: u64,
    signer: EncodingKey,
    header: Header,
    validation: Validation,
    /// The current key first; then those that were current until their last token ends.
    trusted: Vec<Trusted>,
}

struct Trusted {
    /// The only first part of a token that this key is tried for.
    head: String,
    key: DecodingKey,
}

impl AccessTokens {
    /// `issuer` and `audience` are this appliance's public address or the instance's id; `life_ms` is rounded to
    /// whole seconds, at least one.
    pub fn new(key: &SigningKey, issuer: &str, audience: &str, life_ms: u64) -> Result<Self> {
        let public = key.verifying_key();
        let mut validation = Validation::new(Algorithm::EdDSA);
        validation.set_audience(&[audience]);
        validation.set_issuer(&[issuer]);
        validation.set_required_spec_claims(&["exp", "nbf", "iss", "aud", "sub"]);
        // Times are checked below, against the clock that is handed in.
        validation.validate_exp = false;
        validation.validate_nbf = false;
        Ok(Self {
            issuer: issuer.to_owned(),
            audience: audience.to_owned(),
            life_ms: (life_ms / 1_000).max(1) * 1_000,
            signer: EncodingKey::from_ed_der(key.to_pkcs8()?.expose()),
            header: header(&public),
            validation,
            trusted: vec![Trusted::new(&public)?],
        })
    }

    /// Trusts a key that was current before, until its last tokens have ended.
    pub fn trust(&mut self, previous: &VerifyingKey) -> Result<()> {
        self.trusted.push(Trusted::new(previous)?);
        Ok(())
    }

    pub fn life_ms(&self) -> u64 {
        self.life_ms
    }

    /// A token that is valid from now on for `life_ms`.
    pub fn issue(&self, now: Timestamp, user: UserId, org: OrgId, session: SessionId) -> Result<Secret> {
        let iat = now.millis().div_euclid(1_000);
        let claims = Claims {
            iss: self.issuer.clone(),
            aud: self.audience.clone(),
            sub: user,
            org,
            sid: session,
            iat,
            nbf: iat,
            exp: iat.saturating_add_unsigned(self.life_ms / 1_000),
        };
        jsonwebtoken::encode(&self.header, &claims, &self.signer)
            .map(Secret::from)
            .doing("sign an access token")
    }

    /// Errors: `Unauthenticated`. Only a token that was ours is told that it has expired.
    pub fn verify(&self, now: Timestamp, token: &str) -> Result<Access> {
        let claims = self.claims(token).ok_or_else(refused)?;
        let now_s = now.millis().div_euclid(1_000);
        let life_s = i64::try_from(self.life_ms / 1_000).unwrap_or(i64::MAX);
        let early = claims.iat.max(claims.nbf) > now_s.saturating_add(CLOCK_SKEW_S);
        let overlong = claims.exp.saturating_sub(claims.iat) > life_s;
        if early || overlong {
            return Err(refused());
        }
        if claims.exp <= now_s {
            return Err(Error::unauthenticated(
                "the access token has expired; get a new one with the refresh token",
            ));
        }
        Ok(Access {
            user: claims.sub,
            org: claims.org,
            session: claims.sid,
            issued_at: Timestamp::from_millis(claims.iat.saturating_mul(1_000)),
            expires_at: Timestamp::from_millis(claims.exp.saturating_mul(1_000)),
        })
    }

    fn claims(&self, token: &str) -> Option<Claims> {
        if token.len() > MAX_BYTES {
            return None;
        }
        let (head, _) = token.split_once('.')?;
        let trusted = self.trusted.iter().find(|it| it.head == head)?;
        let data = jsonwebtoken::decode::<Claims>(token, &trusted.key, &self.validation).ok()?;
        Some(data.claims)
    }
}

impl Trusted {
    fn new(key: &VerifyingKey) -> Result<Self> {
        use base64::Engine;
        let engine = base64::engine::general_purpose::URL_SAFE_NO_PAD;
        let head = engine.encode(serde_json::to_vec(&header(key)).doing("write a token's header")?);
        Ok(Self { head, key: DecodingKey::from_ed_der(&key.bytes()) })
    }
}

fn header(key: &VerifyingKey) -> Header {
    let mut header = Header::new(Algorithm::EdDSA);
    header.typ = Some(TYPE.to_owned());
    header.kid = Some(key.id());
    header
}

fn refused() -> Error {
    Error::unauthenticated("the access token is not valid; log in again")
}

#[cfg(test)]
mod tests;
