//! The address that a run names for its end to be told to: what may be one. Sending is the webhooks' business.

use crate::base::{Error, Result};
use crate::infra::egress::{Egress, parse_url};

const FIELD: &str = "callback_url";
const MAX_BYTES: usize = 2_048;

/// As it will be stored.
///
/// Errors: `ValidationFailed` for what is no address; `EgressDenied` for one that is closed, as far as it can be
/// seen without asking for names: the rest is seen when something is sent there.
pub(super) fn check(egress: &Egress, text: &str) -> Result<String> {
    let text = text.trim();
    if text.len() > MAX_BYTES {
        return Err(Error::invalid_at(FIELD, format!("an address has at most {MAX_BYTES} bytes")));
    }
    let url = parse_url(text).map_err(|it| Error::invalid_at(FIELD, it.message))?;
    egress.check(&url).map_err(|it| {
        let message = it.message.clone();
        Error::from(it).at("/callback_url", message)
    })?;
    Ok(url.into())
}
