//! Secrets that come from outside: the environment, a file it names, the service manager.

use crate::base::{Error, Result};
use crate::infra::Secret;
use crate::keys::KeySettings;

/// Of the environment variable `name`, or of the file that `name` with `_FILE` behind it names.
///
/// Errors: `ValidationFailed` for a file that cannot be read.
pub(super) fn given_secret(name: &str) -> Result<Option<Secret>> {
    let file = format!("{name}_FILE");
    let text = match (std::env::var(name), std::env::var(&file)) {
        (Ok(text), _) => text,
        (_, Ok(path)) => std::fs::read_to_string(&path)
            .map_err(|it| Error::invalid(format!("{file}: {path} cannot be read: {it}")))?,
        _ => return Ok(None),
    };
    Ok(Some(Secret::from(text.trim().to_owned())).filter(|it| !it.expose().is_empty()))
}

/// What unwraps the key file, and the folder in which systemd hands credentials in.
///
/// Errors: as `given_secret`.
pub(super) fn key_settings() -> Result<KeySettings> {
    Ok(KeySettings {
        passphrase: given_secret("REEVE_KEYS_PASSPHRASE")?,
        handed_in: std::env::var_os("CREDENTIALS_DIRECTORY").map(Into::into),
    })
}
