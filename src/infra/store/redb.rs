//! redb as the database: one table of bytes, every commit with quick repair, so that reopening after a crash
//! takes milliseconds whatever the size.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use parking_lot::RwLock;
use redb::{
    CursorError, Database, Durability, ReadOnlyTable, ReadableDatabase, StorageBackend, Table,
    TableDefinition,
};

use super::Order;
use super::backend::{Pair, PairIter, Snapshot, StoreError};
use super::blocks::{Blocks, Faults};
use super::disk::{DiskFile, Reserve};
use super::layers::Changed;

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const MARK: TableDefinition<&str, u64> = TableDefinition::new("log");
const OWNER: &str = "owner";
const APPLIED: &str = "applied";

type OpenMedium = Box<dyn Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync>;

/// What the database knows of the log in front of it.
pub(super) struct Mark {
    /// Of all logs, this database's.
    pub owner: u64,
    /// Number of the last commit that it has taken in.
    pub applied: u64,
}

pub(super) struct RedbBackend {
    /// `None` while a full disk keeps it from being reopened.
    database: RwLock<Option<Database>>,
    open: OpenMedium,
    cache_bytes: usize,
    faults: Arc<Faults>,
    file: Option<PathBuf>,
}

impl RedbBackend {
    /// Opens or makes the database file at `path`.
    pub(super) fn file(path: &Path, cache_bytes: usize) -> Result<Self, StoreError> {
        match std::fs::metadata(path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => make_file(path, cache_bytes)?,
            // redb would make a new store of it.
            Ok(about) if about.len() < Blocks::LEAST_BYTES => {
                return Err(StoreError::Broken("the database file is cut off".into()));
            }
            _ => {}
        }
        let file = path.to_owned();
        let open = move || Ok(Box::new(DiskFile::open(&file)?) as Box<dyn StorageBackend>);
        let mut backend = Self::on(open, cache_bytes)?;
        backend.file = Some(path.to_owned());
        Reserve::beside(path).keep(backend.free_bytes());
        Ok(backend)
    }

    /// As `file`, on any medium.
    pub(super) fn on(
        open: impl Fn() -> std::io::Result<Box<dyn StorageBackend>> + Send + Sync + 'static,
        cache_bytes: usize,
    ) -> Result<Self, StoreError> {
        let (open, faults): (OpenMedium, _) = (Box::new(open), Arc::new(Faults::default()));
        let database = RwLock::new(Some(open_database(&open, &faults, cache_bytes)?));
        Ok(Self { database, open, cache_bytes, faults, file: None })
    }

    fn classify(&self, error: &dyn std::fmt::Display) -> StoreError {
        if self.faults.full.load(Relaxed) && !self.faults.broken.load(Relaxed) {
            StoreError::Full
        } else {
            StoreError::Broken(error.to_string())
        }
    }

    /// Errors: `Full` while there is no database because the disk was full.
    fn with_database<T>(
        &self,
        act: impl FnOnce(&Database) -> Result<T, redb::Error>,
    ) -> Result<T, StoreError> {
        let database = self.database.read();
        let database = database.as_ref().ok_or(StoreError::Full)?;
        guarded(|| act(database))
    }
}

/// A file that is not whole yet never stands under the database's name.
fn make_file(path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let next = path.with_extension("new");
    let broken = |error: std::io::Error| StoreError::Broken(error.to_string());
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(broken(error)),
        _ => {}
    }
    let file = next.clone();
    let open: OpenMedium = Box::new(move || Ok(Box::new(DiskFile::open(&file)?) as Box<dyn StorageBackend>));
    drop(open_database(&open, &Arc::default(), cache_bytes)?);
    std::fs::rename(&next, path).map_err(broken)?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|it| it.sync_all()).map_err(broken)
}

/// Closing writes, too, and can meet damage.
fn close(database: Option<Database>) {
    if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
        tracing::error!("the database could not be closed cleanly; the next start recovers it");
    }
}

impl Drop for RedbBackend {
    fn drop(&mut self) {
        close(self.database.get_mut().take());
    }
}

fn open_database(
    open: &OpenMedium,
    faults: &Arc<Faults>,
    cache_bytes: usize,
) -> Result<Database, StoreError> {
    guarded(|| {
        let mut builder = Database::builder();
        builder.set_cache_size(cache_bytes);
        let database = builder.create_with_backend(Blocks::new(open()?, faults.clone()))?;
        let exists = match database.begin_read()?.open_table(MARK) {
            Ok(_) => true,
            Err(redb::TableError::TableDoesNotExist(_)) => false,
            Err(error) => return Err(error.into()),
        };
        if !exists {
            let mut tx = database.begin_write()?;
            tx.set_quick_repair(true);
            tx.open_table(ROWS)?;
            let mut mark = tx.open_table(MARK)?;
            mark.insert(OWNER, uuid::Uuid::new_v4().as_u64_pair().0)?;
            mark.insert(APPLIED, 0)?;
            drop(mark);
            tx.commit()?;
        }
        Ok(database)
    })
}

/// Neighbours that are new go in together: redb fills its pages with them, where it would leave half of each
/// empty if they came one at a time.
fn put_all<'a>(
    table: &mut Table<'_, &[u8], &[u8]>,
    changes: impl Iterator<Item = Changed<'a>>,
) -> Result<(), redb::Error> {
    let mut changes = changes.peekable();
    while let Some((key, value)) = changes.next() {
        let Some(value) = value else {
            table.remove(key)?;
            continue;
        };
        let mut run = table.lower_bound_mut(Bound::Included(key))?;
        let is_new = run.insert_before(key, value);
        if matches!(is_new, Err(CursorError::UnorderedKey)) {
            run.close()?;
            table.insert(key, value)?;
            continue;
        }
        is_new?;
        while let Some((key, Some(value))) = changes.peek() {
            match run.insert_before(*key, *value) {
                Ok(()) => changes.next(),
                Err(CursorError::UnorderedKey) => break,
                Err(error) => return Err(error.into()),
            };
        }
        run.close()?;
    }
    Ok(())
}

impl RedbBackend {
    /// The last state that was applied. Later ones do not change it.
    pub(super) fn snapshot(&self) -> Result<Arc<dyn Snapshot>, StoreError> {
        let table = self.with_database(|database| Ok(database.begin_read()?.open_table(ROWS)?))?;
        Ok(Arc::new(RedbSnapshot(table)))
    }

    pub(super) fn mark(&self) -> Result<Mark, StoreError> {
        self.with_database(|database| {
            let mark = database.begin_read()?.open_table(MARK)?;
            let number = |name| Ok::<_, redb::Error>(mark.get(name)?.map_or(0, |it| it.value()));
            Ok(Mark { owner: number(OWNER)?, applied: number(APPLIED)? })
        })
    }

    /// Applies all changes, sorted by key, or nothing, and notes that the log's commits up to number `applied`
    /// are in. When this returns `Ok`, they survive a power cut.
    pub(super) fn apply<'a>(
        &self,
        changes: impl Iterator<Item = Changed<'a>>,
        applied: u64,
    ) -> Result<(), StoreError> {
        // A page that found no room while it was only being cached may have found it later.
        self.faults.full.store(false, Relaxed);
        let done = self.with_database(|database| {
            let mut tx = database.begin_write()?;
            tx.set_durability(Durability::Immediate)?;
            tx.set_quick_repair(true);
            put_all(&mut tx.open_table(ROWS)?, changes)?;
            tx.open_table(MARK)?.insert(APPLIED, applied)?;
            Ok(tx.commit()?)
        });
        done.map_err(|error| match error {
            StoreError::Broken(cause) => self.classify(&cause),
            other => other,
        })
    }

    /// After `StoreError::Full`: back to the last state that was applied. Readers of the old handle meet errors
    /// from here on where they have not read ahead; never new pages.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        if let Some(file) = &self.file {
            Reserve::beside(file).spend();
        }
        let mut database = self.database.write();
        close(database.take());
        self.faults.full.store(false, Relaxed);
        let reopened = open_database(&self.open, &self.faults, self.cache_bytes);
        *database = Some(reopened.map_err(|error| self.classify(&error))?);
        Ok(())
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.file.as_ref().and_then(|it| std::fs::metadata(it).ok()).map_or(0, |it| it.len())
    }

    pub(super) fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(self.file.as_ref()?.parent()?).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Room has come back after a full disk: time to set aside anew what `recover` gave up.
    pub(super) fn room_is_back(&self) {
        if let Some(file) = &self.file {
            Reserve::beside(file).keep(self.free_bytes());
        }
    }

    /// What the media have met; the log notes there, too.
    pub(super) fn faults(&self) -> Arc<Faults> {
        self.faults.clone()
    }
}

struct RedbSnapshot(ReadOnlyTable<&'static [u8], &'static [u8]>);

impl Snapshot for RedbSnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| Ok(self.0.get(key)?.map(|it| it.value().to_vec())))
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        if from >= to {
            return Ok(Box::new(std::iter::empty()));
        }
        let mut range = guarded(|| Ok(self.0.range::<&[u8]>(from..to)?))?;
        Ok(Box::new(std::iter::from_fn(move || {
            guarded(|| {
                let next = match order {
                    Order::Oldest => range.next(),
                    Order::Newest => range.next_back(),
                };
                let pair = next.transpose()?;
                Ok(pair.map(|(key, value)| -> Pair { (key.value().to_vec(), value.value().to_vec()) }))
            })
            .transpose()
        })))
    }
}

/// Damage in the file can meet an assertion of the library: that, too, is an error of this call, not a panic
/// of the thread.
fn guarded<T>(act: impl FnOnce() -> Result<T, redb::Error>) -> Result<T, StoreError> {
    catch_unwind(AssertUnwindSafe(act))
        .map_err(|_| StoreError::Broken("the database file is damaged".into()))?
        .map_err(|it| StoreError::Broken(it.to_string()))
}
