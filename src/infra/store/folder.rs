//! The data folder: one process at a time, and a version in a plain file that is read before the database is
//! opened, so that a newer folder is refused untouched.

use std::fs;
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;

use super::disk::open_private;
use crate::base::{Doing, Error, Result};

pub(super) const LOCK: &str = "reeve.lock";
const STAMP: &str = "VERSION";
const STAMP_WORDS: &str = "reeve data format";

/// Makes the folder, readable by its owner alone, where it is missing.
pub(super) fn make(folder: &Path) -> Result<()> {
    if folder.is_dir() {
        return Ok(());
    }
    let made = fs::DirBuilder::new().recursive(true).mode(0o700).create(folder);
    made.map_err(|error| {
        Error::unavailable(format!("the data folder {} cannot be made: {error}", folder.display()))
    })?;
    match folder.parent().filter(|it| !it.as_os_str().is_empty()) {
        Some(parent) => sync(parent),
        None => Ok(()),
    }
}

/// Held by the process that uses the folder.
pub(super) struct Lock(fs::File);

impl Drop for Lock {
    /// In so many words: closing would leave it to a child that is between fork and exec and has a copy.
    fn drop(&mut self) {
        let _ = rustix::fs::flock(&self.0, rustix::fs::FlockOperation::Unlock);
    }
}

/// Holds the folder for this process until the lock is dropped.
pub(super) fn lock(folder: &Path) -> Result<Lock> {
    let file = open_private(&folder.join(LOCK)).map_err(|error| {
        Error::unavailable(format!("the data folder {} cannot be written to: {error}", folder.display()))
    })?;
    match rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(Lock(file)),
        Err(rustix::io::Errno::WOULDBLOCK) => Err(Error::unavailable(format!(
            "another process of Reeve is using the data folder {}",
            folder.display()
        ))),
        Err(error) => Err(Error::unavailable(format!(
            "the data folder {} cannot be locked ({error}); it must be on a file system with locks",
            folder.display()
        ))),
    }
}

/// The version that the folder is stamped with; `None` for a new folder.
pub(super) fn stamped(folder: &Path) -> Result<Option<u32>> {
    let text = match fs::read_to_string(folder.join(STAMP)) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) if error.kind() == std::io::ErrorKind::NotADirectory => {
            return Err(Error::unavailable(format!(
                "the data folder cannot be {}: that is a file; name a folder",
                folder.display()
            )));
        }
        Err(error) => {
            return Err(Error::unavailable(format!(
                "the data folder {} cannot be read: {error}; give it to the user the program runs as",
                folder.display()
            )));
        }
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
         start the newer program, or put the copy that it made before it migrated (the folder \
         before-migration-from-{ours} in the data folder) in the data folder's place"
    )))
}

/// Writes the stamp so that it is there whole, or the old one is.
pub(super) fn stamp(folder: &Path, version: u32) -> Result<()> {
    let next = folder.join("VERSION.next");
    fs::write(&next, format!("{STAMP_WORDS} {version}\n")).doing("write the VERSION file")?;
    fs::File::open(&next).and_then(|it| it.sync_all()).doing("sync the VERSION file")?;
    fs::rename(&next, folder.join(STAMP)).doing("rename the VERSION file")?;
    sync(folder)
}

pub(super) fn sync(folder: &Path) -> Result<()> {
    fs::File::open(folder).and_then(|it| it.sync_all()).doing("sync a folder")
}
