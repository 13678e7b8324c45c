//! redb as the database: one table of bytes, every commit with quick repair, so that reopening after a crash
//! takes milliseconds whatever the size.

use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};

use parking_lot::{Mutex, RwLock};
use redb::{
    CursorError, Database, Durability, ReadOnlyTable, ReadableDatabase, ReadableTableMetadata,
    StorageBackend, Table, TableDefinition,
};

use super::Order;
use super::backend::{Pair, PairIter, Snapshot, StoreError, WriteSet};
use super::blocks::{Blocks, Faults};
use super::compaction::{Followed, MOST_BEHIND_BYTES, given_up};
use super::disk::{DiskFile, Reserve};
use super::layers::Changed;
use super::place::{FilePlace, Medium, Place};
use crate::infra::fault;

const ROWS: TableDefinition<&[u8], &[u8]> = TableDefinition::new("rows");
const MARK: TableDefinition<&str, u64> = TableDefinition::new("log");
const OWNER: &str = "owner";
const APPLIED: &str = "applied";

/// What the database knows of the log in front of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Mark {
    /// Of all logs, this database's.
    pub owner: u64,
    /// Number of the last commit that it has taken in.
    pub applied: u64,
}

pub(super) struct RedbBackend {
    current: RwLock<Arc<Handle>>,
    place: Box<dyn Place>,
    cache_bytes: usize,
    faults: Arc<Faults>,
    /// For whoever copies the database while it serves; `None` while nobody does. Held while anything is applied, and
    /// while the file is opened anew or replaced.
    following: Mutex<Option<Followed>>,
}

/// The file that is being read. Snapshots hold it, too: one that was replaced is closed when the last of them goes.
struct Handle(RwLock<Option<OpenFile>>);

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
        let backend = Self::on(FilePlace::new(path), cache_bytes)?;
        Reserve::beside(path).keep(backend.free_bytes());
        Ok(backend)
    }

    /// As `file`, on any medium.
    pub(super) fn on(place: impl Place, cache_bytes: usize) -> Result<Self, StoreError> {
        let (place, faults): (Box<dyn Place>, _) = (Box::new(place), Arc::new(Faults::default()));
        // A copy that a crash cut off.
        place.clear_beside();
        let file = OpenFile::new(place.open().map_err(|it| broken(&it))?, &faults, cache_bytes)?;
        let current = RwLock::new(Arc::new(Handle(RwLock::new(Some(file)))));
        Ok(Self { current, place, cache_bytes, faults, following: Mutex::default() })
    }

    fn classify(&self, error: &dyn std::fmt::Display) -> StoreError {
        if self.faults.full.load(Relaxed) && !self.faults.broken.load(Relaxed) {
            StoreError::Full
        } else {
            StoreError::Broken(error.to_string())
        }
    }

    /// Errors: `Full` while there is no database because the disk was full.
    fn with_file<T>(&self, act: impl FnOnce(&OpenFile) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let handle = self.current.read().clone();
        let file = handle.0.read();
        act(file.as_ref().ok_or(StoreError::Full)?)
    }
}

/// A file that is not whole yet never stands under the database's name.
fn make_file(path: &Path, cache_bytes: usize) -> Result<(), StoreError> {
    let next = path.with_extension("new");
    match std::fs::remove_file(&next) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(broken(&error)),
        _ => {}
    }
    let medium = Box::new(DiskFile::open(&next).map_err(|it| broken(&it))?);
    drop(OpenFile::new(medium, &Arc::default(), cache_bytes)?);
    std::fs::rename(&next, path).map_err(|it| broken(&it))?;
    let folder = path.parent().filter(|it| !it.as_os_str().is_empty()).unwrap_or(Path::new("."));
    std::fs::File::open(folder).and_then(|it| it.sync_all()).map_err(|it| broken(&it))
}

fn broken(error: &std::io::Error) -> StoreError {
    StoreError::Broken(error.to_string())
}

/// An open database.
pub(super) struct OpenFile {
    /// There until it is dropped.
    database: Option<Database>,
    /// Nobody will ever open it again: what closing it writes need not be synced by whoever reads it last.
    retired: Arc<AtomicBool>,
}

impl OpenFile {
    /// Opens it, or makes one of an empty medium.
    pub(super) fn new(medium: Medium, faults: &Arc<Faults>, cache_bytes: usize) -> Result<Self, StoreError> {
        let retired = Arc::new(AtomicBool::new(false));
        let medium = Box::new(Retiring { medium, retired: retired.clone() });
        let database = guarded(|| open_database(Blocks::new(medium, faults.clone()), cache_bytes))?;
        Ok(Self { database: Some(database), retired })
    }

    fn with<T>(&self, act: impl FnOnce(&Database) -> Result<T, redb::Error>) -> Result<T, StoreError> {
        let database = self.database.as_ref().ok_or(StoreError::Full)?;
        guarded(|| act(database))
    }

    /// All changes, sorted by key, or nothing, with what is given of the mark. When this returns `Ok`, they survive a
    /// power cut.
    pub(super) fn write<'a>(
        &self,
        changes: impl Iterator<Item = Changed<'a>>,
        (owner, applied): (Option<u64>, Option<u64>),
    ) -> Result<(), StoreError> {
        self.with(|database| {
            let mut tx = database.begin_write()?;
            tx.set_durability(Durability::Immediate)?;
            tx.set_quick_repair(true);
            put_all(&mut tx.open_table(ROWS)?, changes)?;
            for (name, number) in [(OWNER, owner), (APPLIED, applied)] {
                if let Some(number) = number {
                    tx.open_table(MARK)?.insert(name, number)?;
                }
            }
            fault!("store.database.commit");
            Ok(tx.commit()?)
        })
    }

    fn mark(&self) -> Result<Mark, StoreError> {
        self.with(|database| {
            let mark = database.begin_read()?.open_table(MARK)?;
            let number = |name| Ok::<_, redb::Error>(mark.get(name)?.map_or(0, |it| it.value()));
            Ok(Mark { owner: number(OWNER)?, applied: number(APPLIED)? })
        })
    }

    /// How many rows it has.
    pub(super) fn rows(&self) -> Result<u64, StoreError> {
        self.with(|database| Ok(database.begin_read()?.open_table(ROWS)?.len()?))
    }

    /// Gives back what it has grown by and does not need. Nobody may be reading it.
    pub(super) fn trim(&mut self) -> Result<(), StoreError> {
        let Some(database) = &mut self.database else { return Ok(()) };
        let trimmed = catch_unwind(AssertUnwindSafe(|| database.compact()));
        let trimmed = trimmed.map_err(|_| StoreError::Broken("the new database file is damaged".into()))?;
        trimmed.map(drop).map_err(|it| StoreError::Broken(it.to_string()))
    }
}

impl Drop for OpenFile {
    /// Closing writes, too, and can meet damage.
    fn drop(&mut self) {
        let database = self.database.take();
        if catch_unwind(AssertUnwindSafe(|| drop(database))).is_err() {
            tracing::error!("the database could not be closed cleanly; the next start recovers it");
        }
    }
}

/// A medium that another one may replace: then nobody needs it to be on the disk.
#[derive(Debug)]
struct Retiring {
    medium: Medium,
    retired: Arc<AtomicBool>,
}

impl StorageBackend for Retiring {
    fn len(&self) -> std::io::Result<u64> {
        self.medium.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> std::io::Result<()> {
        self.medium.read(offset, out)
    }

    fn set_len(&self, len: u64) -> std::io::Result<()> {
        self.medium.set_len(len)
    }

    fn sync_data(&self) -> std::io::Result<()> {
        if self.retired.load(Relaxed) { Ok(()) } else { self.medium.sync_data() }
    }

    fn write(&self, offset: u64, data: &[u8]) -> std::io::Result<()> {
        self.medium.write(offset, data)
    }

    fn close(&self) -> std::io::Result<()> {
        self.medium.close()
    }
}

fn open_database(medium: Blocks, cache_bytes: usize) -> Result<Database, redb::Error> {
    let mut builder = Database::builder();
    builder.set_cache_size(cache_bytes);
    let database = builder.create_with_backend(medium)?;
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
        Ok(Arc::new(self.reader()?))
    }

    pub(super) fn reader(&self) -> Result<RedbSnapshot, StoreError> {
        let handle = self.current.read().clone();
        let file = handle.0.read();
        let file_open = file.as_ref().ok_or(StoreError::Full)?;
        let table = file_open.with(|database| Ok(database.begin_read()?.open_table(ROWS)?))?;
        drop(file);
        Ok(RedbSnapshot { table, _handle: handle })
    }

    pub(super) fn mark(&self) -> Result<Mark, StoreError> {
        self.with_file(OpenFile::mark)
    }

    /// Applies all changes, sorted by key, or nothing, and notes that the log's commits up to number `applied`
    /// are in. When this returns `Ok`, they survive a power cut.
    pub(super) fn apply<'a>(
        &self,
        changes: impl Iterator<Item = Changed<'a>>,
        applied: u64,
    ) -> Result<(), StoreError> {
        let mut following = self.following.lock();
        // A page that found no room while it was only being cached may have found it later.
        self.faults.full.store(false, Relaxed);
        let mut followed = following.take();
        let seen = changes.inspect(|(key, value)| {
            if let Some(followed) = &mut followed {
                followed.add(key, *value);
            }
        });
        let done = self.with_file(|file| file.write(seen, (None, Some(applied))));
        if done.is_ok() {
            *following = followed.filter(|it| it.bytes <= MOST_BEHIND_BYTES);
        }
        done.map_err(|error| match error {
            StoreError::Broken(cause) => self.classify(&cause),
            other => other,
        })
    }

    /// After `StoreError::Full`: back to the last state that was applied. Readers of the old handle meet errors
    /// from here on where they have not read ahead; never new pages.
    pub(super) fn recover(&self) -> Result<(), StoreError> {
        let mut following = self.following.lock();
        *following = None;
        if let Some(path) = self.place.path() {
            Reserve::beside(path).spend();
        }
        let handle = self.current.read().clone();
        let mut file = handle.0.write();
        drop(file.take());
        self.faults.full.store(false, Relaxed);
        let medium = self.place.open().map_err(|it| self.classify(&it))?;
        let opened = OpenFile::new(medium, &self.faults, self.cache_bytes);
        *file = Some(opened.map_err(|error| self.classify(&error))?);
        Ok(())
    }

    pub(super) fn place(&self) -> &dyn Place {
        self.place.as_ref()
    }

    pub(super) fn cache_bytes(&self) -> usize {
        self.cache_bytes
    }

    /// From now on, what is applied is kept for `take_followed`; `false` where it is already.
    pub(super) fn begin_following(&self) -> bool {
        let mut following = self.following.lock();
        let is_free = following.is_none();
        following.get_or_insert_default();
        is_free
    }

    /// What was applied since the last call; `None` where that is not known.
    pub(super) fn take_followed(&self) -> Option<WriteSet> {
        self.following.lock().as_mut().map(|it| std::mem::take(it).changes)
    }

    pub(super) fn end_following(&self) {
        *self.following.lock() = None;
    }

    /// `file`, which stands beside this one, takes its place once `catch_up` has given it the changes since
    /// `take_followed`, this mark and so many rows. Nothing is applied meanwhile.
    ///
    /// Errors: everything is as it was, or nothing may be acknowledged any more.
    pub(super) fn replace(
        &self,
        file: OpenFile,
        catch_up: impl FnOnce(&OpenFile, &WriteSet, Mark, u64) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let mut following = self.following.lock();
        let followed =
            following.take().ok_or_else(|| given_up(&"what was applied meanwhile is not known"))?;
        let (mark, rows) = self.with_file(|it| Ok((it.mark()?, it.rows()?)))?;
        fault!("store.compaction.swap"?);
        let caught_up = catch_up(&file, &followed.changes, mark, rows);
        if let Err(error) = caught_up.and_then(|()| self.place.take_place().map_err(|it| given_up(&it))) {
            // Where the new file found no room, the old one is as it was.
            self.faults.full.store(false, Relaxed);
            return Err(error);
        }
        if let Err(error) = self.place.sync() {
            // Which of the two a power cut leaves is open, and the next change would be in one of them only.
            self.faults.broken.store(true, Relaxed);
            return Err(broken(&error));
        }
        let next = Arc::new(Handle(RwLock::new(Some(file))));
        let old = std::mem::replace(&mut *self.current.write(), next);
        if let Some(old) = old.0.read().as_ref() {
            old.retired.store(true, Relaxed);
        }
        fault!("store.compaction.swapped"?);
        Ok(())
    }

    pub(super) fn size_bytes(&self) -> u64 {
        self.place.bytes()
    }

    pub(super) fn free_bytes(&self) -> Option<u64> {
        let stat = rustix::fs::statvfs(self.place.path()?.parent()?).ok()?;
        Some(stat.f_bavail.saturating_mul(stat.f_frsize))
    }

    /// Room has come back after a full disk: time to set aside anew what `recover` gave up.
    pub(super) fn room_is_back(&self) {
        if let Some(path) = self.place.path() {
            Reserve::beside(path).keep(self.free_bytes());
        }
    }

    /// What the media have met; the log notes there, too.
    pub(super) fn faults(&self) -> Arc<Faults> {
        self.faults.clone()
    }
}

/// Holds its file open, also where another one has taken its place.
pub(super) struct RedbSnapshot {
    table: ReadOnlyTable<&'static [u8], &'static [u8]>,
    _handle: Arc<Handle>,
}

impl RedbSnapshot {
    /// All rows from this key on.
    pub(super) fn from(&self, key: &[u8]) -> Result<PairIter<'_>, StoreError> {
        let mut range = guarded(|| Ok(self.table.range::<&[u8]>(key..)?))?;
        Ok(Box::new(std::iter::from_fn(move || {
            guarded(|| Ok(range.next().transpose()?.map(pair_of))).transpose()
        })))
    }
}

fn pair_of(
    (key, value): (redb::AccessGuard<'_, &'static [u8]>, redb::AccessGuard<'_, &'static [u8]>),
) -> Pair {
    (key.value().to_vec(), value.value().to_vec())
}

impl Snapshot for RedbSnapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        guarded(|| Ok(self.table.get(key)?.map(|it| it.value().to_vec())))
    }

    fn range(&self, from: &[u8], to: &[u8], order: Order) -> Result<PairIter<'_>, StoreError> {
        if from >= to {
            return Ok(Box::new(std::iter::empty()));
        }
        let mut range = guarded(|| Ok(self.table.range::<&[u8]>(from..to)?))?;
        Ok(Box::new(std::iter::from_fn(move || {
            guarded(|| {
                let next = match order {
                    Order::Oldest => range.next(),
                    Order::Newest => range.next_back(),
                };
                Ok(next.transpose()?.map(pair_of))
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
