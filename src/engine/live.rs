//! A run at work: its pen on the journal, and those who watch.

use std::any::Any;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use parking_lot::Mutex;
use tokio::sync::{Notify, broadcast};
use tokio_util::sync::CancellationToken;

use super::face::Inner;
use super::journal::{Entry, EventKind, Published, entries_after};
use super::places::Places;
use super::task::{Failure, Task};
use crate::base::{Env, Error, ExecutionId, Json, OrgId, Result, Timestamp};
use crate::infra::store::OrgTx;

/// Committed batches that a watcher may be behind before it reads from the store again.
const WATCHER_LAG: usize = 256;
/// Neighbouring text deltas are joined up to this size.
const MAX_DELTA_BYTES: usize = 8 * 1024;
/// Entries of a journal that are read at once.
const HISTORY_CHUNK: usize = 500;

/// What an attempt holds of its run.
pub struct Run {
    pub id: ExecutionId,
    pub org: OrgId,
    /// Cancelled when nobody wants the result any more, or its time is over.
    pub stop: CancellationToken,
    /// When its time is over.
    pub deadline: Instant,
    pub(super) lease: Arc<Lease>,
    /// Number of the last entry that earlier attempts left.
    pub(super) earlier: u64,
    /// Places that it waited for and has not taken yet.
    pub(super) turn: Mutex<Option<Places>>,
    pub(super) kept: Mutex<Vec<Box<dyn Any + Send>>>,
    pub(super) topic: Arc<Topic>,
    pub(super) engine: Arc<Inner>,
}

impl Run {
    /// Adds to the journal. Watchers see it once it is on disk, within some milliseconds.
    pub fn note(&self, kind: EventKind, data: Json) {
        self.topic.note(kind, data);
    }

    /// As `note` for a piece of text output; neighbours are joined.
    pub fn text(&self, text: &str) {
        self.topic.text(None, text);
    }

    /// As `text`, of one step; neighbours of the same step are joined.
    pub fn text_of(&self, step: &Arc<str>, text: &str) {
        self.topic.text(Some(step), text);
    }

    /// Adds to the journal, with `rows` in the same transaction. When this returns, it is on disk. Tries until
    /// it is, also where the disk is full.
    ///
    /// Errors: `Unavailable` where it cannot be written any more, or the attempt is over: it should end.
    pub async fn record(
        &self,
        kind: EventKind,
        data: Json,
        rows: impl Fn(&mut OrgTx<'_, '_>) -> Result<()> + Clone + Send + 'static,
    ) -> Result<()> {
        let (engine, topic, lease) = (self.engine.clone(), self.topic.clone(), self.lease.clone());
        // On its own: an attempt that is cut off in the middle must not leave an entry without its rows.
        let write = async move { engine.write_entry(&topic, &lease, kind, data, rows).await };
        match self.engine.runtime.spawn(write).await {
            Ok(true) => Ok(()),
            _ => Err(Error::unavailable("what happened in this run could not be recorded")),
        }
    }

    /// Holds a thing until what the attempt answers is on disk, or `let_go`.
    pub fn keep(&self, thing: impl Any + Send) {
        self.kept.lock().push(Box::new(thing));
    }

    /// Lets go what it kept: what a step answered is on disk.
    pub fn let_go(&self) {
        self.kept.lock().clear();
    }

    /// Whether someone asked to hold this run. Work that has steps looks here between them, and answers
    /// `Verdict::Later` with the present time: the run then rests until it is released.
    pub fn pause_wanted(&self) -> bool {
        self.topic.is_to_be_held()
    }

    /// What earlier attempts, also those of earlier processes, left in the journal and `keep` keeps; in order.
    pub fn history(&self, mut keep: impl FnMut(&Entry) -> bool) -> Result<Vec<Entry>> {
        let (mut kept, mut last) = (Vec::new(), 0);
        let rows = self.engine.store.org(self.org)?;
        while last < self.earlier {
            let entries = entries_after(&rows, self.id, last, HISTORY_CHUNK)?;
            let Some(newest) = entries.last() else { break };
            last = newest.sequence;
            kept.extend(entries.into_iter().filter(|it| it.sequence <= self.earlier && keep(it)));
        }
        Ok(kept)
    }
}

/// What an attempt has as long as its run is in its hands. Where it was cut off, or has answered, something of it may
/// still be on its way to the store; that comes too late.
#[derive(Default)]
pub(super) struct Lease(AtomicBool);

impl Lease {
    /// Before the run's pause or end is written, so that nothing of the attempt can follow that.
    pub(super) fn end(&self) {
        self.0.store(true, Ordering::SeqCst);
    }

    pub(super) fn is_over(&self) -> bool {
        self.0.load(Ordering::SeqCst)
    }
}

/// How far a run has come that has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Underway {
    /// Its first start, where it has begun in this process.
    pub since: Option<Timestamp>,
    /// Attempts that were begun.
    pub attempts: u32,
}

/// One run's unwritten entries and its watchers. Lives from acceptance to the end; small as long as it waits, because
/// many may wait.
pub(super) struct Topic {
    pub id: ExecutionId,
    pub org: OrgId,
    /// Number of the last entry that earlier processes left.
    earlier: u64,
    /// Made when something happens in it.
    lively: OnceLock<Box<Lively>>,
    /// Whether it has ended, or this process has nothing more to say about it.
    pub ended: Ended,
    /// Whether it is to be held: what counts, wherever its task is.
    hold: AtomicBool,
    pub underway: Mutex<Underway>,
    dirty: Arc<Dirty>,
}

struct Lively {
    pending: Mutex<Pending>,
    /// Held while entries are being written, so that they are published in order.
    writing: tokio::sync::Mutex<()>,
    /// Made for the first who reads along: most runs are only waited for, and a channel is not small.
    committed: Mutex<Option<broadcast::Sender<Arc<[Published]>>>>,
    stop: CancellationToken,
    /// Why it was stopped, where there is more to say than that somebody wished it.
    why: OnceLock<Box<Failure>>,
}

/// Said once, heard by all who wait for it.
#[derive(Default)]
pub(super) struct Ended {
    said: AtomicBool,
    told: Notify,
}

impl Ended {
    pub(super) fn say(&self) {
        self.said.store(true, Ordering::SeqCst);
        self.told.notify_waiters();
    }

    async fn heard(&self) {
        loop {
            // It hears from here on what is said.
            let told = self.told.notified();
            if self.said.load(Ordering::SeqCst) {
                return;
            }
            told.await;
        }
    }
}

#[derive(Default)]
struct Pending {
    last_sequence: u64,
    entries: Vec<Entry>,
    /// Text that waits to become an entry, and the step that it is of.
    text: String,
    text_of: Option<Arc<str>>,
    /// The last entry is there: nothing follows it, whatever a late attempt still says.
    closed: bool,
}

/// Topics with unwritten entries, for the one who writes them.
pub(super) struct Dirty {
    /// Tells when an entry was made.
    env: Env,
    pub topics: Mutex<Vec<Arc<Topic>>>,
    pub wake: Notify,
}

impl Dirty {
    pub(super) fn new(env: Env) -> Self {
        Self { env, topics: Mutex::default(), wake: Notify::new() }
    }
}

impl Topic {
    pub(super) fn new(task: &Task, last_sequence: u64, dirty: Arc<Dirty>) -> Arc<Self> {
        Arc::new(Self {
            id: task.id,
            org: task.org,
            earlier: last_sequence,
            lively: OnceLock::new(),
            ended: Ended::default(),
            hold: AtomicBool::new(task.held_since.is_some()),
            underway: Mutex::new(Underway { since: None, attempts: task.attempts }),
            dirty,
        })
    }

    fn lively(&self) -> &Lively {
        self.lively.get_or_init(|| {
            Box::new(Lively {
                pending: Mutex::new(Pending { last_sequence: self.earlier, ..Pending::default() }),
                writing: tokio::sync::Mutex::new(()),
                committed: Mutex::new(None),
                stop: CancellationToken::new(),
                why: OnceLock::new(),
            })
        })
    }

    /// Held while entries are being written, so that they are published in order.
    pub(super) fn writing(&self) -> &tokio::sync::Mutex<()> {
        &self.lively().writing
    }

    /// Tells whoever works at it that nobody wants the result any more. `why` is told to those who wait for it;
    /// the first who stops it says so.
    pub(super) fn stop(&self, why: Option<Failure>) {
        let lively = self.lively();
        if let Some(why) = why.filter(|_| !lively.stop.is_cancelled()) {
            let _ = lively.why.set(Box::new(why));
        }
        lively.stop.cancel();
    }

    pub(super) fn why_stopped(&self) -> Option<Failure> {
        self.lively.get().and_then(|it| it.why.get()).map(|it| Failure::clone(it))
    }

    pub(super) fn is_stopped(&self) -> bool {
        self.lively.get().is_some_and(|it| it.stop.is_cancelled())
    }

    pub(super) fn stop_token(&self) -> CancellationToken {
        self.lively().stop.child_token()
    }

    pub(super) fn is_to_be_held(&self) -> bool {
        self.hold.load(Ordering::SeqCst)
    }

    pub(super) fn hold(&self, wanted: bool) {
        self.hold.store(wanted, Ordering::SeqCst);
    }

    pub(super) fn note(self: &Arc<Self>, kind: EventKind, data: Json) {
        let was_clean = {
            let mut pending = self.lively().pending.lock();
            if pending.closed {
                return;
            }
            let was_clean = pending.is_clean();
            self.end_text(&mut pending);
            pending.push(self.id, self.dirty.env.now(), kind, data);
            pending.closed = kind.is_last();
            was_clean
        };
        self.mark(was_clean);
    }

    fn text(self: &Arc<Self>, step: Option<&Arc<str>>, text: &str) {
        if text.is_empty() {
            return;
        }
        let was_clean = {
            let mut pending = self.lively().pending.lock();
            if pending.closed {
                return;
            }
            let was_clean = pending.is_clean();
            if pending.text_of.as_ref() != step {
                self.end_text(&mut pending);
                pending.text_of = step.cloned();
            }
            pending.text.push_str(text);
            if pending.text.len() >= MAX_DELTA_BYTES {
                self.end_text(&mut pending);
            }
            was_clean
        };
        self.mark(was_clean);
    }

    /// What it takes in memory, about.
    pub(super) fn held_bytes(&self) -> usize {
        let lively = self.lively.get().map_or(0, |it| size_of::<Lively>() + it.pending.lock().held_bytes());
        size_of::<Self>() + lively
    }

    /// Number of the newest entry, written or not.
    pub(super) fn last_sequence(&self) -> u64 {
        self.lively.get().map_or(self.earlier, |it| it.pending.lock().last_sequence)
    }

    /// Takes what is unwritten, in order.
    pub(super) fn take(&self) -> Vec<Entry> {
        let mut pending = self.lively().pending.lock();
        self.end_text(&mut pending);
        std::mem::take(&mut pending.entries)
    }

    /// Puts back what could not be written.
    pub(super) fn give_back(&self, mut entries: Vec<Entry>) {
        let mut pending = self.lively().pending.lock();
        entries.append(&mut pending.entries);
        pending.entries = entries;
    }

    pub(super) fn publish(&self, entries: Vec<Entry>) {
        if let Some(committed) = self.lively().committed.lock().as_ref().filter(|_| !entries.is_empty()) {
            let _ = committed.send(entries.into_iter().map(Published::new).collect());
        }
    }

    fn subscribe(&self) -> broadcast::Receiver<Arc<[Published]>> {
        self.lively().committed.lock().get_or_insert_with(|| broadcast::Sender::new(WATCHER_LAG)).subscribe()
    }

    fn end_text(&self, pending: &mut Pending) {
        if !pending.text.is_empty() {
            let text = std::mem::take(&mut pending.text);
            let data = match &pending.text_of {
                None => serde_json::json!({ "text": text }),
                Some(step) => serde_json::json!({ "step": **step, "text": text }),
            };
            let data = Json::of(&data);
            pending.push(self.id, self.dirty.env.now(), EventKind::Delta, data);
        }
    }

    fn mark(self: &Arc<Self>, was_clean: bool) {
        if was_clean {
            self.mark_again();
        }
    }

    pub(super) fn mark_again(self: &Arc<Self>) {
        self.dirty.topics.lock().push(self.clone());
        self.dirty.wake.notify_one();
    }
}

impl Pending {
    fn held_bytes(&self) -> usize {
        self.text.len() + self.entries.iter().map(|it| size_of::<Entry>() + it.data.len()).sum::<usize>()
    }

    fn is_clean(&self) -> bool {
        self.entries.is_empty() && self.text.is_empty()
    }

    fn push(&mut self, execution: ExecutionId, at: Timestamp, kind: EventKind, data: Json) {
        self.last_sequence += 1;
        self.entries.push(Entry { execution, sequence: self.last_sequence, at, kind, data });
    }
}

/// A run as someone outside sees it.
pub struct Watch {
    topic: Arc<Topic>,
    committed: Option<broadcast::Receiver<Arc<[Published]>>>,
}

impl Watch {
    pub(super) fn of(topic: &Arc<Topic>) -> Self {
        Self { topic: topic.clone(), committed: None }
    }

    /// Committed entries as they come; `None` when the run has ended, or this process stops. `Some` of
    /// nothing: some may have been missed, and the store has them; so the first time always.
    pub async fn next(&mut self) -> Option<Arc<[Published]>> {
        use broadcast::error::RecvError::{Closed, Lagged};
        let Some(committed) = &mut self.committed else {
            self.committed = Some(self.topic.subscribe());
            return Some(Arc::from([]));
        };
        // What is published comes before the end, so it is looked at first.
        tokio::select! {
            biased;
            entries = committed.recv() => match entries {
                Ok(entries) => Some(entries),
                Err(Lagged(_)) => Some(Arc::from([])),
                Err(Closed) => None,
            },
            () = self.topic.ended.heard() => None,
        }
    }

    /// Returns when the run's end is on disk, or this process will not see it.
    pub async fn ended(&mut self) {
        self.topic.ended.heard().await;
    }

    /// First start, where it has begun.
    pub fn started_at(&self) -> Option<Timestamp> {
        self.topic.underway.lock().since
    }
}
