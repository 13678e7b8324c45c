//! The secrets that senders sign with: made, or taken as they are given.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::scheme::{Preset, Scheme};
use super::types::Trigger;
use crate::access::Cx;
use crate::base::{Error, Result, TriggerId};
use crate::infra::Secret;
use crate::infra::signature::{STANDARD_PREFIX, standard_key, standard_secret};
use crate::infra::store::Row;
use crate::keys::SecretsOf;

const RANDOM_BYTES: usize = 32;
/// Shorter ones can be guessed from a signed message.
const LEAST_BYTES: usize = 16;
const MOST_BYTES: usize = 512;

pub(super) fn of(id: TriggerId) -> SecretsOf {
    SecretsOf::new(Trigger::TABLE.name, id)
}

/// A secret, and whether it was made here, so that it has to be shown.
///
/// Errors: `ValidationFailed` for one that the scheme cannot use.
pub(super) fn given_or_new(cx: &Cx, scheme: &Scheme, given: Option<Secret>) -> Result<(Secret, bool)> {
    let Some(secret) = given else {
        let random = cx.env().bytes::<RANDOM_BYTES>();
        let made = match scheme.preset {
            Preset::StandardWebhooks => standard_secret(&random),
            _ => Secret::from(URL_SAFE_NO_PAD.encode(random)),
        };
        return Ok((made, true));
    };
    let length = secret.expose().len();
    if !(LEAST_BYTES..=MOST_BYTES).contains(&length) || secret.expose_str().is_none() {
        let message = format!("a signing secret has {LEAST_BYTES} to {MOST_BYTES} characters");
        return Err(Error::invalid_at("/secret", message));
    }
    if scheme.preset == Preset::StandardWebhooks && standard_key(&secret).is_none() {
        let message = format!("after {STANDARD_PREFIX} this secret is not base64");
        return Err(Error::invalid_at("/secret", message));
    }
    Ok((secret, false))
}
