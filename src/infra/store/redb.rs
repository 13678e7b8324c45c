//! redb as the backend: one table of bytes, every commit with quick repair, so that reopening after a crash
//! takes milliseconds whatever the size.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

use parking_lot::RwLock;
use redb::{Database, Durability, ReadOnlyTable, ReadableDatabase, StorageBackend, TableDefinition};

use super::Order;
use super::backend::{Backend, Pair, PairIter, Snapshot, StoreError, WriteSet};
use super::disk::{DiskFile, Faults};

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
/// How long readers may hold up the reopening after a full disk.
const READERS_LEAVE: Duration = Duration::from_secs(5);

type OpenMedium = Box<dyn Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync>;

pub struct RedbBackend {
    database: RwLock<Option<Database>>,
    open: OpenMedium,
    cache_bytes: usize,
    faults: Arc<Faults>,
    /// One clone lives in every snapshot.
    readers: Arc<()>,
    path: Option<PathBuf>,
}

impl RedbBackend {
    /// Opens or makes the database file at `path`.
    pub fn file(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        let faults = Arc::new(Faults::default());
        let (file, noted) = (path.to_owned(), faults.clone());
        let open =
            Box::new(move || Ok(Box::new(DiskFile::open(&file, noted.clone())?) as Box<dyn StorageBackend>));
        Self::open(open, cache_bytes, faults, Some(path.to_owned()))
    }

    /// As `file`, on any medium: what tests cut the power of.
    pub fn on(
        open: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        Self::open(Box::new(open), cache_bytes, Arc::new(Faults::default()), None)
    }

    fn open(
        open: OpenMedium,
        cache_bytes: usize,
        faults: Arc<Faults>,
        path: Option<PathBuf>,
    ) -> Result<Self, StoreError> {
        let database = open_database(&open, cache_bytes)?;
        let database = RwLock::new(Some(database));
        Ok(Self { database, open, cache_bytes, faults, readers: Arc::new(()), path })
    }

    /// Syncs of the file since it was opened.
    pub fn syncs(&self) -> u64 {
        self.faults.syncs.load(Relaxed)
    }

    fn classify(&self, error: &dyn std::fmt::Display) -> StoreError {
        if self.faults.full.load(Relaxed) && !self.faults.sync_failed.load(Relaxed) {
            StoreError::Full
        } else {
            StoreError::Broken(error.to_string())
        }
    }

    fn try_commit(&self, changes: &WriteSet) -> Result<(), redb::Error> {
        let database = self.database.read();
        let Some(database) = database.as_ref() else { return Err(redb::Error::DatabaseClosed) };
        let mut tx = database.begin_write()?;
        tx.set_durability(Durability::Immediate)?;
        tx.set_quick_repair(true);
        {
            let mut table = tx.open_table(ROWS)?;
            for (key, value) in changes {
                match value {
                    Some(value) => table.insert(key.as_slice(), value.as_slice())?,
                    None => table.remove(key.as_slice())?,
                };
            }
        }
        tx.commit()?;
        Ok(())
    }
}

fn open_database(open: &OpenMedium, cache_bytes: usize) -> Result<Database, StoreError> {
    let try_open = || -> Result<Database, redb::Error> {
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        let database = builder.create_with_backend(Medium(open()?))?;
        let exists = match database.begin_read()?.open_table(ROWS) {
            Ok(_) => true,
            Err(redb::TableError::TableDoesNotExist(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !exists {
            let mut tx = database.begin_write()?;
            tx.set_quick_repair(true);
            tx.open_table(ROWS)?;
            tx.commit()?;
        }
        Ok(database)
    };
    // Damage in a file can meet an assertion of the library: that, too, is "cannot be opened".
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(try_open))
        .map_err(|_| StoreError::Broken("the database file is damaged".into()))?
        .map_err(|it| StoreError::Broken(it.to_string()))
}

impl Backend for RedbBackend {
    fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        let database = self.database.read();
        let Some(database) = database.as_ref() else { return Err(StoreError::Broken("closed".into())) };
        let open = || -> Result<_, redb::Error> { Ok(database.begin_read()?.open_table(ROWS)?) };
        let table = open().map_err(|it| StoreError::Broken(it.to_string()))?;
        Ok(Arc::new(RedbSnapshot { table, _reader: self.readers.clone() }))
    }

    fn commit(&self, changes: &WriteSet) -> Result<(), StoreError> {
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| self.try_commit(changes)));
        match result {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(self.classify(&error)),
            Err(_) => Err(StoreError::Broken("the database file is damaged".into())),
        }
    }

    fn recover(&self) -> Result<(), StoreError> {
        let mut database = self.database.write();
        let deadline = Instant::now() + READERS_LEAVE;
        // A reader of the old file handle could see pages that the reopened database writes anew.
        while Arc::strong_count(&self.readers) > 1 {
            if Instant::now() > deadline {
                return Err(StoreError::Broken("readers kept the full store from being reopened".into()));
            }
            std::thread::yield_now();
        }
        *database = None;
        self.faults.full.store(false, Relaxed);
        *database = Some(open_database(&self.open, self.cache_bytes)?);
        Ok(())
    }

    fn size_bytes(&self) -> u64 {
        self.path.as_ref().and_then(|it| std::fs::metadata(it).ok()).map_or(0, |it| it.len())
    }

    fn free_bytes(&self) -> Option<u64> {
        let folder = self.path.as_ref()?.parent()?;
        let stat = rustix::fs::statvfs(folder).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    fn syncs(&self) -> u64 {
        Self::syncs(self)
    }
}

struct RedbSnapshot {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    _reader: Arc<()>,
}

impl Snapshot for RedbSnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| Ok(self.table.get(key)?.map(|it| it.value().to_vec())))
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        if from >= to {
            return Ok(Box::new(std::iter::empty()));
        }
        let mut range = guarded(|| self.table.range::<&[u8]>(from..to))?;
        Ok(Box::new(std::iter::from_fn(move || {
            guarded(|| {
                let next = match order {
                    Order::Oldest => range.next(),
                    Order::Newest => range.next_back(),
                };
                next.transpose().map(|pair| {
                    pair.map(|(key, value)| -> Pair { (key.value().to_vec(), value.value().to_vec()) })
                })
            })
            .transpose()
        })))
    }
}

/// A damaged page is an error of this read, not a panic of the thread that read.
fn guarded<T>(read: impl FnOnce() -> Result<T, redb::StorageError>) -> Result<T, StoreError> {
    std::panic::catch_unwind(std::panic::AssertUnwindSafe(read))
        .map_err(|_| StoreError::Broken("the database file is damaged".into()))?
        .map_err(|it| StoreError::Broken(it.to_string()))
}

/// Lets `create_with_backend` take a medium that is chosen at run time.
#[derive(Debug)]
struct Medium(Box<dyn StorageBackend>);

impl StorageBackend for Medium {
    fn len(&self) -> std::io::Result<u64> {
        self.0.len()
    }
    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.0.read(offset, out)
    }
    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.0.set_len(len)
    }
    fn sync_data(&self) -> std::io::Result<()> {
        self.0.sync_data()
    }
    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.0.write(offset, data)
    }
    fn close(&self) -> std::io::Result<()> {
        self.0.close()
    }
}
