//! A look at a data folder that changes nothing on disk: who holds it, and whether its store would open. What
//! opening writes stays in memory.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use parking_lot::Mutex;
use redb::StorageBackend;

use super::backend::Backend;
use super::folder;
use super::log;
use super::logged::LoggedBackend;
use super::migrate;
use super::rows::View;
use crate::base::{Error, Result};

const PAGE: usize = 4096;
const CACHE_BYTES: usize = 8 << 20;

/// Whether a process of Reeve is using the folder. Unknown counts as no: opening says more.
pub fn is_held(folder: &Path) -> bool {
    let Ok(file) = File::open(folder.join(folder::LOCK)) else { return false };
    let locked = rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockShared);
    locked == Err(rustix::io::Errno::WOULDBLOCK)
}

/// Opens the store of a folder that nobody holds, as a start would, without a change to it.
///
/// Errors: what a start would meet.
pub fn would_open(folder: &Path) -> Result<()> {
    let ours = migrate::SCHEMA_VERSION;
    folder::refuse_newer(folder::stamped(folder)?.unwrap_or(ours), ours)?;
    let database = folder.join("reeve.redb");
    let unreadable = |error: io::Error| Error::unavailable(error.to_string());
    if std::fs::metadata(&database).map_err(unreadable)?.len() < LoggedBackend::LEAST_BYTES {
        return Err(Error::unavailable("the database file is cut off"));
    }
    let half = |it: &Path| -> Result<Box<dyn StorageBackend>> {
        Ok(Box::new(Untouched::over(it).map_err(unreadable)?))
    };
    let [first, second] = log::files(&database);
    let log = [half(&first)?, half(&second)?];
    let open = move || Ok(Box::new(Untouched::over(&database)?) as Box<dyn StorageBackend>);
    let backend = LoggedBackend::on(open, log, LoggedBackend::LOG_BYTES, CACHE_BYTES, 0)?;
    migrate::found(&View::appliance(backend.snapshot()?)).map(|_| ())
}

/// A file that is only read. What is written over it is kept in memory, by page.
#[derive(Debug)]
struct Untouched {
    /// `None`: not there yet.
    file: Option<File>,
    over: Mutex<Over>,
}

#[derive(Debug)]
struct Over {
    pages: HashMap<u64, Vec<u8>>,
    len: u64,
    /// How much of the file still counts.
    of_file: u64,
}

impl Untouched {
    fn over(path: &Path) -> io::Result<Self> {
        let file = match File::open(path) {
            Ok(file) => Some(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error),
        };
        let len = file.as_ref().map_or(Ok(0), |it| it.metadata().map(|it| it.len()))?;
        Ok(Self { file, over: Mutex::new(Over { pages: HashMap::new(), len, of_file: len }) })
    }

    /// The page as it stands now, with zeros behind the end.
    fn page(&self, over: &Over, number: u64) -> io::Result<Vec<u8>> {
        if let Some(page) = over.pages.get(&number) {
            return Ok(page.clone());
        }
        let (mut page, begin) = (vec![0; PAGE], number * PAGE as u64);
        if let Some(file) = self.file.as_ref().filter(|_| begin < over.of_file) {
            let there = usize::try_from(over.of_file - begin).map_or(PAGE, |it| it.min(PAGE));
            file.read_exact_at(&mut page[..there], begin)?;
        }
        Ok(page)
    }
}

/// The parts of `[offset, offset + len)` by page: its number, where in it, and where in the caller's bytes.
fn parts(offset: u64, len: usize) -> impl Iterator<Item = (u64, usize, std::ops::Range<usize>)> {
    let mut done = 0;
    std::iter::from_fn(move || {
        let at = offset + done as u64;
        let within = (at % PAGE as u64) as usize;
        let next = len.min(done + PAGE - within);
        let part = (at / PAGE as u64, within, done..next);
        (done < len).then(|| {
            done = next;
            part
        })
    })
}

impl StorageBackend for Untouched {
    fn len(&self) -> io::Result<u64> {
        Ok(self.over.lock().len)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        let over = self.over.lock();
        if offset + out.len() as u64 > over.len {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        for (number, within, part) in parts(offset, out.len()) {
            let page = self.page(&over, number)?;
            let count = part.len();
            out[part].copy_from_slice(&page[within..within + count]);
        }
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        let mut over = self.over.lock();
        if len < over.len {
            // The rest of the last page reads as zeros should the file grow again.
            let (last, kept) = (len / PAGE as u64, (len % PAGE as u64) as usize);
            let mut page = self.page(&over, last)?;
            page[kept..].fill(0);
            over.pages.retain(|number, _| *number < last);
            over.pages.insert(last, page);
            over.of_file = over.of_file.min(len);
        }
        over.len = len;
        Ok(())
    }

    fn sync_data(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, data: &[u8]) -> io::Result<()> {
        let mut over = self.over.lock();
        for (number, within, part) in parts(offset, data.len()) {
            let mut page = self.page(&over, number)?;
            page[within..within + part.len()].copy_from_slice(&data[part]);
            over.pages.insert(number, page);
        }
        over.len = over.len.max(offset + data.len() as u64);
        Ok(())
    }
}
