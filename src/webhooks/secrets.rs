//! Signing secrets in the form of Standard Webhooks: made, or taken as they are given.

use super::types::Webhook;
use crate::access::Cx;
use crate::base::{Error, Result, WebhookId};
use crate::infra::Secret;
use crate::infra::signature::{STANDARD_PREFIX, standard_key, standard_secret};
use crate::infra::store::Row;
use crate::keys::SecretsOf;

pub(super) const RANDOM_BYTES: usize = 32;
const LEAST_BYTES: usize = 24;
const MOST_BYTES: usize = 64;

/// The given secret, or a new one; and whether it was made here, so that it has to be shown.
///
/// Errors: `ValidationFailed` for one that is no secret of Standard Webhooks.
pub(super) fn given_or_new(cx: &Cx, given: Option<Secret>) -> Result<(Secret, bool)> {
    let Some(secret) = given else {
        return Ok((standard_secret(&cx.env().bytes::<RANDOM_BYTES>()), true));
    };
    let is_prefixed = secret.expose().starts_with(STANDARD_PREFIX.as_bytes());
    let length = standard_key(&secret).filter(|_| is_prefixed).map_or(0, |it| it.expose().len());
    if !(LEAST_BYTES..=MOST_BYTES).contains(&length) {
        let message = format!(
            "a secret is {STANDARD_PREFIX} and base64 of {LEAST_BYTES} to {MOST_BYTES} bytes; leave it out, and one is made"
        );
        return Err(Error::invalid_at("/secret", message));
    }
    Ok((secret, false))
}

pub(super) fn of(id: WebhookId) -> SecretsOf {
    SecretsOf::new(Webhook::TABLE.name, id)
}
