//! The data folder as a command finds it. Commands that work on what is there make no new one: a mistyped name
//! would pass for an empty store.

use std::path::Path;

use super::{Settings, open};
use crate::app::Appliance;
use crate::base::{Code, Error, Result};
use crate::config::Config;
use crate::infra::store;

/// The settings, where the data folder they name is one.
///
/// Errors: `NotFound` where there is no store.
pub(super) fn existing(settings: &Settings) -> Result<Config> {
    let config = settings.load()?;
    must_be_there(&config.data.dir)?;
    Ok(config)
}

/// As `open`, for a folder that is there and that no other process uses.
///
/// Errors: `NotFound` where there is no store, `Unavailable` while a server has it.
pub(super) async fn open_existing(settings: &Settings) -> Result<Appliance> {
    let config = existing(settings)?;
    if store::is_held(&config.data.dir) {
        return Err(held(&config).suggest("do this in the browser, or stop the server first"));
    }
    open(config).await
}

/// What to say while another process has the folder.
pub(super) fn held(config: &Config) -> Error {
    let folder = config.data.dir.display();
    Error::unavailable(format!("a running Reeve, most likely the server, is using the data folder {folder}"))
}

fn must_be_there(folder: &Path) -> Result<()> {
    let shown = folder.display();
    let none = |what: String| {
        Err(Error::new(Code::NotFound, what)
            .suggest("name the right one with --data-dir; `reeve setup` makes a new one"))
    };
    match folder.metadata() {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            none(format!("there is no data folder at {shown}"))
        }
        Err(error) => none(format!("the data folder {shown} cannot be looked at: {error}")),
        Ok(it) if !it.is_dir() => none(format!("there is no data folder at {shown}: it is a file")),
        Ok(_) if matches!(folder.join("reeve.redb").try_exists(), Ok(false)) => {
            none(format!("there is no data folder at {shown}: nothing of Reeve is in it"))
        }
        Ok(_) => Ok(()),
    }
}
