//! Opening the vault at start. A wrong or missing key stops nothing but what needs a secret.

use std::path::PathBuf;
use std::sync::Arc;

use uuid::Uuid;

use super::rows::{Instance, the_only};
use crate::base::{Env, Result};
use crate::config::Config;
use crate::infra::Secret;
use crate::infra::store::{Rows, Store};
use crate::infra::vault::{KeyCheck, KeySource, RecoveryKey, Redactor, Vault};

/// What the settings cannot hold.
#[derive(Default)]
pub struct KeySettings {
    /// Unwraps the key file.
    pub passphrase: Option<Secret>,
    /// Folder of files that the service manager hands in; a key file in it is read and never made.
    pub handed_in: Option<PathBuf>,
}

/// The vault of this data folder. The key file is made at the first start; from then on the store remembers
/// which key it was, and another one, or none, leads to a sealed vault with nothing lost.
///
/// Errors: `ValidationFailed` for a key file inside the data folder or a recovery key that is none;
/// `Unavailable` for a key file that others can read, or that cannot be made.
pub async fn start(
    config: &Config,
    settings: KeySettings,
    store: &Store,
    env: &Env,
    redactor: Arc<Redactor>,
) -> Result<Vault> {
    let source = source_of(config, settings);
    source.apart_from(&config.data.dir)?;
    let recovery: Vec<RecoveryKey> =
        config.keys.recovery_recipients.iter().map(|it| it.parse()).collect::<Result<_>>()?;
    let instance = instance(store, env).await?;
    let (id, check) = (instance.id, instance.check);
    // Reads files, and a passphrase costs a second of work: not on a thread that serves.
    let started =
        tokio::task::spawn_blocking(move || Vault::start(&source, recovery, check.as_ref(), id, redactor))
            .await
            .map_err(|it| crate::base::Error::internal("open the vault", it))??;
    if let Some(check) = started.new_check {
        remember(store, id, check).await?;
    }
    match started.vault.sealed_because() {
        Some(reason) => tracing::error!("secrets are sealed, and credentials cannot be used: {reason}"),
        None => tracing::info!("secrets are open"),
    }
    Ok(started.vault)
}

fn source_of(config: &Config, settings: KeySettings) -> KeySource {
    let path = config.key_file();
    let is_handed_in = settings.handed_in.is_some_and(|it| path.starts_with(it));
    match settings.passphrase {
        _ if is_handed_in => KeySource::HandedIn { path },
        Some(passphrase) => KeySource::Passphrase { path, passphrase },
        None => KeySource::File { path },
    }
}

/// The instance's id is on disk before any key is made for it.
async fn instance(store: &Store, env: &Env) -> Result<Instance> {
    if let Some(found) = store.appliance()?.get::<Instance>(the_only())? {
        return Ok(found);
    }
    let made = Instance { id: uuid::Builder::from_random_bytes(env.bytes()).into_uuid(), check: None };
    store
        .write(move |tx| {
            tx.appliance().put(&made)?;
            Ok(made)
        })
        .await
}

async fn remember(store: &Store, id: Uuid, check: KeyCheck) -> Result<()> {
    store.write(move |tx| tx.appliance().put(&Instance { id, check: Some(check) })).await
}
