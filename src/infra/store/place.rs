//! Where the database's file stands, and how another one takes its place.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use redb::StorageBackend;

use super::disk::DiskFile;

pub type Medium = Box<dyn StorageBackend>;

/// A place for one file, with room for a second one beside it.
pub trait Place: Send + Sync + 'static {
    fn open(&self) -> io::Result<Medium>;

    /// A new, empty file beside it; what an earlier process left there is gone.
    fn make_beside(&self) -> io::Result<Medium>;

    /// The file beside it once more.
    fn open_beside(&self) -> io::Result<Medium>;

    /// The file beside it is the one of this place from now on; until `sync`, a power cut may undo that. Errors: it
    /// is not.
    fn take_place(&self) -> io::Result<()>;

    /// Which file it is survives a power cut.
    fn sync(&self) -> io::Result<()>;

    /// The file beside it is not wanted.
    fn clear_beside(&self);

    /// What the file takes of the disk.
    fn bytes(&self) -> u64 {
        0
    }

    fn path(&self) -> Option<&Path> {
        None
    }
}

/// Without a second file.
impl<F: Fn() -> io::Result<Medium> + Send + Sync + 'static> Place for F {
    fn open(&self) -> io::Result<Medium> {
        self()
    }

    fn make_beside(&self) -> io::Result<Medium> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn open_beside(&self) -> io::Result<Medium> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn take_place(&self) -> io::Result<()> {
        Err(io::ErrorKind::Unsupported.into())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn clear_beside(&self) {}
}

/// A file in a folder.
pub(super) struct FilePlace {
    path: PathBuf,
    beside: PathBuf,
}

impl FilePlace {
    pub(super) fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), beside: path.with_extension("next") }
    }
}

impl Place for FilePlace {
    fn open(&self) -> io::Result<Medium> {
        Ok(Box::new(DiskFile::open(&self.path)?))
    }

    fn make_beside(&self) -> io::Result<Medium> {
        match std::fs::remove_file(&self.beside) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
            _ => {}
        }
        self.open_beside()
    }

    fn open_beside(&self) -> io::Result<Medium> {
        Ok(Box::new(DiskFile::open(&self.beside)?))
    }

    fn take_place(&self) -> io::Result<()> {
        std::fs::rename(&self.beside, &self.path)
    }

    fn sync(&self) -> io::Result<()> {
        let folder = self.path.parent().filter(|it| !it.as_os_str().is_empty());
        std::fs::File::open(folder.unwrap_or(Path::new("."))).and_then(|it| it.sync_all())
    }

    fn clear_beside(&self) {
        let _ = std::fs::remove_file(&self.beside);
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.path).map_or(0, |it| it.blocks() * 512)
    }

    fn path(&self) -> Option<&Path> {
        Some(&self.path)
    }
}
