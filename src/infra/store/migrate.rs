//! The data folder's version: stamped in a plain file that is read before the database is opened, so that a
//! newer folder is refused untouched, and in the database itself. An older folder is copied aside first.

use std::fs;
use std::path::Path;

use serde::{Deserialize, Serialize};

use super::keys::Key;
use super::rows::{PerAppliance, Row, Table};
use super::tx::WriteTx;
use crate::base::{Doing, Error, Result, Timestamp};

/// Version of what this program writes.
pub const SCHEMA_VERSION: u32 = 1;

const STAMP: &str = "VERSION";
const STAMP_WORDS: &str = "reeve data format";

/// One step from a version to the next.
#[derive(Clone, Copy)]
pub struct Migration {
    /// The version that stands after this step.
    pub to: u32,
    pub run: fn(&mut WriteTx<'_>) -> Result<()>,
}

/// The steps of this program. Empty while the first version is the only one.
pub(super) const MIGRATIONS: &[Migration] = &[];

/// The store's own row about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct About {
    pub schema_version: u32,
    pub created_at: Timestamp,
}

impl Row for About {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(2, "about");

    fn key(&self) -> Key {
        Self::the_key()
    }
}

impl About {
    pub(super) fn the_key() -> Key {
        Key::new().byte(0)
    }
}

/// The version that the folder is stamped with; `None` for a new folder.
pub(super) fn stamped(folder: &Path) -> Result<Option<u32>> {
    let path = folder.join(STAMP);
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).doing("read the data folder's VERSION file"),
    };
    let number = text.trim().strip_prefix(STAMP_WORDS).and_then(|it| it.trim().parse().ok());
    number.map(Some).ok_or_else(|| {
        Error::unavailable(format!(
            "the data folder's VERSION file should read \"{STAMP_WORDS} N\"; is this a data folder of Reeve?"
        ))
    })
}

/// Errors: `Unavailable` with both versions where the folder is newer than this program.
pub(super) fn refuse_newer(found: u32, ours: u32) -> Result<()> {
    if found <= ours {
        return Ok(());
    }
    Err(Error::unavailable(format!(
        "this data folder was written by a newer Reeve (data format {found}, this program knows {ours}); \
         start the newer program, or restore the copy that it made before it migrated"
    )))
}

/// Writes the stamp so that it is there whole, or the old one is.
pub(super) fn stamp(folder: &Path, version: u32) -> Result<()> {
    let next = folder.join("VERSION.next");
    fs::write(&next, format!("{STAMP_WORDS} {version}\n")).doing("write the VERSION file")?;
    fs::File::open(&next).and_then(|it| it.sync_all()).doing("sync the VERSION file")?;
    fs::rename(&next, folder.join(STAMP)).doing("rename the VERSION file")?;
    sync_folder(folder)
}

/// Copies the database aside before its first change by a newer program.
pub(super) fn copy_aside(folder: &Path, database: &Path, version: u32) -> Result<()> {
    let aside = folder.join(format!("before-migration-from-{version}"));
    if aside.join("complete").exists() {
        return Ok(());
    }
    fs::create_dir_all(&aside).doing("make the folder for the copy")?;
    let copy = aside.join("reeve.redb");
    fs::copy(database, &copy).doing("copy the database before migrating it")?;
    fs::File::open(&copy).and_then(|it| it.sync_all()).doing("sync the copy")?;
    fs::write(aside.join(STAMP), format!("{STAMP_WORDS} {version}\n")).doing("stamp the copy")?;
    fs::write(aside.join("complete"), "").doing("finish the copy")?;
    sync_folder(&aside)?;
    sync_folder(folder)
}

pub(super) fn sync_folder(folder: &Path) -> Result<()> {
    fs::File::open(folder).and_then(|it| it.sync_all()).doing("sync a folder")
}
