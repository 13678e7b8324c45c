//! The file that holds the root key: where it may be, who may read it, how it is made.
//!
//! It is written whole or not at all (temporary file, sync, rename, sync of the directory) and never changed
//! in place. Permissions are read from the opened file, so that nobody can swap it in between.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::base::{Code, Error, Result};
use crate::infra::Secret;
use crate::infra::fault;

/// An identity takes 200 bytes, a wrapped one 700: anything larger is another file.
const MAX_FILE_BYTES: u64 = 64 * 1024;

/// Where the root key comes from.
pub enum KeySource {
    /// An age identity in a file of its own, mode 0600, made at the first start.
    File { path: PathBuf },
    /// The same, wrapped with a passphrase (scrypt).
    Passphrase { path: PathBuf, passphrase: Secret },
    /// A file that the service manager hands in (a systemd credential); read, never made. Its group bits may
    /// hold the mask of an access list, so group read is accepted here.
    HandedIn { path: PathBuf },
}

impl KeySource {
    pub fn path(&self) -> &Path {
        match self {
            Self::File { path } | Self::Passphrase { path, .. } | Self::HandedIn { path } => path,
        }
    }

    /// Refuses a key inside the data folder: a copy of the folder must not carry the key that opens it.
    ///
    /// Errors: `ValidationFailed`.
    pub fn apart_from(&self, data_dir: &Path) -> Result<()> {
        let key_dir = settle(self.path().parent().unwrap_or(Path::new(".")));
        if key_dir.starts_with(settle(data_dir)) {
            return Err(Error::invalid(format!(
                "the key file {} must be outside the data folder {}, so that a copy of the data does not carry its key",
                self.path().display(),
                data_dir.display()
            )));
        }
        Ok(())
    }

    pub(super) fn passphrase(&self) -> Option<&Secret> {
        match self {
            Self::Passphrase { passphrase, .. } => Some(passphrase),
            Self::File { .. } | Self::HandedIn { .. } => None,
        }
    }

    fn forbidden_bits(&self) -> u32 {
        match self {
            Self::HandedIn { .. } => 0o037,
            Self::File { .. } | Self::Passphrase { .. } => 0o077,
        }
    }

    /// The whole file, if nobody else may read it.
    pub(super) fn read(&self) -> Result<Zeroizing<Vec<u8>>, Refusal> {
        let path = self.path().to_owned();
        let mut file = match File::open(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(Refusal::Missing { path }),
            Err(error) => return Err(Refusal::Unreadable { path, why: error.to_string() }),
        };
        let meta =
            file.metadata().map_err(|it| Refusal::Unreadable { path: path.clone(), why: it.to_string() })?;
        let mode = meta.mode() & 0o7777;
        if !meta.is_file() || meta.len() > MAX_FILE_BYTES {
            return Err(Refusal::Damaged { path, why: "it is not a small plain file".to_owned() });
        }
        if mode & self.forbidden_bits() != 0 {
            return Err(Refusal::Exposed { path, mode });
        }
        let owner = meta.uid();
        if owner != 0 && owner != rustix::process::geteuid().as_raw() {
            return Err(Refusal::Foreign { path, owner });
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(meta.len() as usize + 1));
        file.read_to_end(&mut bytes)
            .map_err(|it| Refusal::Unreadable { path: self.path().to_owned(), why: it.to_string() })?;
        Ok(bytes)
    }

    /// Writes a new file; one that is there already is never overwritten.
    pub(super) fn create(&self, bytes: &[u8]) -> Result<()> {
        let path = self.path();
        fault!("vault.key_file"?);
        write_new(path, bytes).map_err(|it| {
            Error::unavailable(format!(
                "cannot create the key file {}: {it}; give its folder to the user the program runs as, or set another path",
                path.display()
            ))
        })
    }
}

fn write_new(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    let folder = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    if !folder.exists() {
        DirBuilder::new().recursive(true).mode(0o700).create(folder)?;
    }
    let name = path.file_name().ok_or(ErrorKind::InvalidInput)?.to_string_lossy();
    let temporary = folder.join(format!(".{name}.{:016x}", rand::random::<u64>()));
    let written = (|| {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        // A hard link fails where the name is taken; a rename would silently replace another key.
        std::fs::hard_link(&temporary, path)
    })();
    let removed = std::fs::remove_file(&temporary);
    written?;
    removed?;
    File::open(folder)?.sync_all()
}

/// The path as the file system knows it, for the part of it that exists.
fn settle(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    for known in absolute.ancestors() {
        if let (Ok(real), Ok(rest)) = (known.canonicalize(), absolute.strip_prefix(known)) {
            return if rest.as_os_str().is_empty() { real } else { real.join(rest) };
        }
    }
    absolute
}

/// Why a key could not be had.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refusal {
    Missing {
        path: PathBuf,
    },
    Unreadable {
        path: PathBuf,
        why: String,
    },
    /// Others than the owner may read it.
    Exposed {
        path: PathBuf,
        mode: u32,
    },
    /// It belongs to a user who is neither we nor root.
    Foreign {
        path: PathBuf,
        owner: u32,
    },
    Damaged {
        path: PathBuf,
        why: String,
    },
    WrongPassphrase {
        path: PathBuf,
    },
    /// Wrapped with a passphrase, and none is configured.
    NeedsPassphrase {
        path: PathBuf,
    },
}

impl Refusal {
    /// Whether the program may go on without the key (`Vault::sealed`). An exposed key stops the start: going
    /// on would teach people to live with it.
    pub fn may_run_sealed(&self) -> bool {
        !matches!(self, Self::Exposed { .. } | Self::Foreign { .. })
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing { path } => {
                write!(f, "the key file {} is missing; put it back from your copy", path.display())
            }
            Self::Unreadable { path, why } => {
                write!(
                    f,
                    "the key file {} cannot be read ({why}); let the program's user read it",
                    path.display()
                )
            }
            Self::Exposed { path, mode } => write!(
                f,
                "the key file {0} can be read by others (mode {mode:04o}); run: chmod 600 {0}",
                path.display()
            ),
            Self::Foreign { path, owner } => write!(
                f,
                "the key file {0} belongs to user id {owner}; run: chown {1} {0}",
                path.display(),
                rustix::process::geteuid().as_raw()
            ),
            Self::Damaged { path, why } => write!(
                f,
                "the key file {} holds no age identity ({why}); put it back from your copy",
                path.display()
            ),
            Self::WrongPassphrase { path } => {
                write!(f, "the passphrase does not open the key file {}; give the right one", path.display())
            }
            Self::NeedsPassphrase { path } => write!(
                f,
                "the key file {} is wrapped with a passphrase; configure the passphrase",
                path.display()
            ),
        }
    }
}

impl std::error::Error for Refusal {}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::new(Code::Unavailable, refusal.to_string())
    }
}
