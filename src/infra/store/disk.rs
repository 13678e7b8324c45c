//! The database file as redb sees it: positioned reads and writes, and a note of what kind of failure was
//! met, because a full disk can be survived and a failed sync cannot.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};

use redb::StorageBackend;

/// What went wrong on the medium since it was opened, and how often it was synced.
#[derive(Debug, Default)]
pub struct Faults {
    pub sync_failed: AtomicBool,
    pub full: AtomicBool,
    pub syncs: AtomicU64,
}

#[derive(Debug)]
pub struct DiskFile {
    file: File,
    faults: Arc<Faults>,
}

impl DiskFile {
    /// Opens the file, or makes it with mode 0600.
    pub fn open(path: &Path, faults: Arc<Faults>) -> io::Result<Self> {
        use std::os::unix::fs::OpenOptionsExt;
        let file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
        Ok(Self { file, faults })
    }

    fn noting<T>(&self, result: io::Result<T>) -> io::Result<T> {
        if let Err(error) = &result
            && matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            self.faults.full.store(true, Relaxed);
        }
        result
    }
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.file.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.file.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.noting(self.file.set_len(len))
    }

    fn sync_data(&self) -> io::Result<()> {
        self.faults.syncs.fetch_add(1, Relaxed);
        let result = self.file.sync_data();
        if result.is_err() {
            self.faults.sync_failed.store(true, Relaxed);
        }
        result
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.noting(self.file.write_all_at(data, offset))
    }
}
