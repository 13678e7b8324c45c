//! The database file: positioned reads and writes; and the reserve, a file whose only use is to be deleted
//! when the disk is full, so that ends of runs and deletions still find room.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use redb::StorageBackend;

#[derive(Debug)]
pub(super) struct DiskFile(File);

impl DiskFile {
    /// Opens the file, or makes it with mode 0600.
    pub(super) fn open(path: &Path) -> io::Result<Self> {
        Ok(Self(open_private(path)?))
    }
}

pub(super) fn open_private(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

impl StorageBackend for DiskFile {
    fn len(&self) -> io::Result<u64> {
        Ok(self.0.metadata()?.len())
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.0.read_exact_at(out, offset)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.0.set_len(len)
    }

    fn sync_data(&self) -> io::Result<()> {
        self.0.sync_data()
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        self.0.write_all_at(data, offset)
    }
}

/// Room set aside next to the database.
pub(super) struct Reserve {
    path: PathBuf,
}

impl Reserve {
    pub(super) const BYTES: u64 = 8 << 20;

    pub(super) fn beside(database: &Path) -> Self {
        Self { path: database.with_extension("reserve") }
    }

    /// Sets the room aside if that leaves as much again; otherwise another time.
    pub(super) fn keep(&self, free_bytes: Option<u64>) {
        if self.path.exists() || free_bytes.is_none_or(|it| it < 2 * Self::BYTES) {
            return;
        }
        let kept = open_private(&self.path).and_then(|file| {
            rustix::fs::fallocate(&file, rustix::fs::FallocateFlags::empty(), 0, Self::BYTES)?;
            Ok(())
        });
        if kept.is_err() {
            self.spend();
        }
    }

    /// Gives the room back to the disk.
    pub(super) fn spend(&self) {
        let _ = std::fs::remove_file(&self.path);
    }
}
