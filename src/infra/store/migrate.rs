//! From an older version's rows to this one's: the database is copied aside, the folder is stamped so that
//! the older program leaves it alone, and all steps run in one commit. Whatever interrupts this, the next
//! start goes on: each part that is done shows on disk.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::folder;
use super::keys::Key;
use super::log;
use super::rows::{PerAppliance, Row, Rows, Table};
use super::tx::WriteTx;
use crate::base::{Doing, Error, Result, Timestamp};
use crate::infra::fault;

/// Version of what this program writes.
pub const SCHEMA_VERSION: u32 = 3;

/// One step from a version to the next.
#[derive(Clone, Copy)]
pub struct Migration {
    /// The version that stands after this step.
    pub to: u32,
    pub run: fn(&mut WriteTx<'_>) -> Result<()>,
}

/// The steps of this program, by version.
pub(super) const MIGRATIONS: &[Migration] = &[
    // The same rows, but a log in front of the database, which an older program would not read.
    Migration { to: 2, run: |_| Ok(()) },
    // The same rows, but a log in two files, of which an older program would read one.
    Migration { to: 3, run: |_| Ok(()) },
];

/// The version that stands after all `steps`.
pub(super) fn newest(steps: &[Migration]) -> u32 {
    steps.iter().map(|it| it.to).fold(SCHEMA_VERSION, u32::max)
}

/// The store's own row about itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct About {
    schema_version: u32,
    created_at: Timestamp,
}

impl Row for About {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(2, "about");

    fn key(&self) -> Key {
        Self::the_key()
    }
}

impl About {
    fn the_key() -> Key {
        Key::new().byte(0)
    }
}

/// The version of the rows; `None` for a new store.
pub(super) fn found(rows: &impl Rows<PerAppliance>) -> Result<Option<u32>> {
    Ok(rows.get::<About>(About::the_key())?.map(|it| it.schema_version))
}

/// Runs the steps that the rows have not seen, and notes the version that stands then.
///
/// Errors: those of a step, and `Unavailable` for rows of a newer program.
pub(super) fn run(tx: &mut WriteTx<'_>, steps: &[Migration], now: Timestamp) -> Result<()> {
    let ours = newest(steps);
    let about = tx.appliance().get::<About>(About::the_key())?;
    if let Some(about) = &about {
        folder::refuse_newer(about.schema_version, ours)?;
        for step in steps.iter().filter(|it| it.to > about.schema_version) {
            (step.run)(tx)?;
            fault!("store.migration.step"?);
        }
    }
    let created_at = about.map_or(now, |it| it.created_at);
    tx.appliance().put(&About { schema_version: ours, created_at })
}

/// Copies the database into a data folder of its own, from which the older program can start. Its name
/// appears when it is whole; a copy that is there stays as it is.
pub(super) fn copy_aside(data: &Path, database: &Path, version: u32) -> Result<()> {
    let copy = data.join(format!("before-migration-from-{version}"));
    if copy.exists() {
        return Ok(());
    }
    let next = copy.with_extension("partial");
    if next.exists() {
        fs::remove_dir_all(&next).doing("remove an unfinished copy")?;
    }
    fill(&next, database, version).map_err(|error| {
        let _ = fs::remove_dir_all(&next);
        Error::unavailable(
            "the data folder could not be copied before migrating it; it needs as much room again as the database",
        )
        .caused_by(error)
    })?;
    fault!("store.migration.copied"?);
    fs::rename(&next, &copy).doing("name the copy")?;
    folder::sync(data)
}

fn fill(copy: &Path, database: &Path, version: u32) -> Result<()> {
    fs::DirBuilder::new().mode(0o700).create(copy).doing("make the copy's folder")?;
    let logs = log::files(database);
    for file in [database].into_iter().chain(logs.iter().map(PathBuf::as_path)).filter(|it| it.exists()) {
        let to = copy.join(file.file_name().unwrap_or_default());
        fs::copy(file, &to).doing("copy the database")?;
        fs::File::open(&to).and_then(|it| it.sync_all()).doing("sync the copy")?;
    }
    folder::stamp(copy, version)
}
