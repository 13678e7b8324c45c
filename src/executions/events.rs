//! A run's journal as clients follow it: from any place on, without gap or repetition, to its end.

use std::collections::VecDeque;

use std::sync::Arc;

use bytes::Bytes;
use futures_util::Stream;
use futures_util::stream::unfold;

use super::ops;
use super::types::{Execution, ExecutionView};
use crate::access::Cx;
use crate::base::{ExecutionId, Json, Result};
use crate::engine::{Entry, EventKind, Published, Watch, entries_within};
use crate::infra::store::Rows;

/// Entries that are read from the store at once, and their bytes: what a slow reader keeps waiting.
const CHUNK: usize = 500;
const CHUNK_BYTES: usize = 256 << 10;

#[derive(Debug, Clone)]
pub struct StreamEvent {
    pub sequence: u64,
    pub kind: EventKind,
    /// One line of JSON. The last event carries the whole execution.
    pub data: Json,
    /// Where it is one that all who watch share.
    shared: Option<(Arc<[Published]>, usize)>,
}

impl StreamEvent {
    /// The event as it is sent to whoever follows the run over the network: all of them share one text.
    pub fn text(&self, make: impl FnOnce(&Self) -> Bytes) -> Bytes {
        match &self.shared {
            Some((batch, at)) => batch[*at].text(|| make(self)),
            None => make(self),
        }
    }
}

/// An entry that is to be told: read by this follower, or seen by all.
enum Ready {
    Read(Entry),
    Shared(Arc<[Published]>, usize),
}

impl Ready {
    fn entry(&self) -> &Entry {
        match self {
            Self::Read(entry) => entry,
            Self::Shared(batch, at) => &batch[*at].entry,
        }
    }
}

struct Follower {
    cx: Cx,
    id: ExecutionId,
    last: u64,
    ready: VecDeque<Ready>,
    watch: Option<Watch>,
    /// Whether the store may hold entries that have not been read.
    behind: bool,
    done: bool,
}

/// Events with a higher number than `after`, as they are committed; ends behind the last event of the run.
///
/// Errors: `NotFound` where the caller may not see the run.
pub fn follow(
    cx: &Cx,
    id: ExecutionId,
    after: u64,
) -> Result<impl Stream<Item = Result<StreamEvent>> + use<>> {
    ops::find(cx, id)?;
    // First watch, then read: what is committed in between is seen twice, and left out by its number.
    let watch = cx.services().engine.watch(id);
    Ok(stream(cx.clone(), id, after, watch))
}

/// As `follow`, for a run that was just accepted.
pub(super) fn stream(
    cx: Cx,
    id: ExecutionId,
    after: u64,
    watch: Option<Watch>,
) -> impl Stream<Item = Result<StreamEvent>> + use<> {
    let follower = Follower { cx, id, last: after, ready: VecDeque::new(), watch, behind: true, done: false };
    unfold(follower, |mut follower| async move { follower.next().await.map(|event| (event, follower)) })
}

impl Follower {
    async fn next(&mut self) -> Option<Result<StreamEvent>> {
        while !self.done {
            if let Some(ready) = self.ready.pop_front() {
                self.last = ready.entry().sequence;
                self.done = ready.entry().kind.is_last();
                return Some(self.event(ready));
            }
            if self.behind {
                match self.read() {
                    Ok((entries, has_more)) => {
                        self.behind = has_more;
                        if entries.is_empty() && self.watch.is_none() {
                            return None;
                        }
                        self.ready.extend(entries.into_iter().map(Ready::Read));
                    }
                    Err(error) => {
                        self.done = true;
                        return Some(Err(error));
                    }
                }
                continue;
            }
            match &mut self.watch {
                None => self.behind = true,
                Some(watch) => match watch.next().await {
                    Some(entries) if entries.is_empty() => self.behind = true,
                    Some(entries) => self.take(entries),
                    None => {
                        self.watch = None;
                        self.behind = true;
                    }
                },
            }
        }
        None
    }

    fn take(&mut self, batch: Arc<[Published]>) {
        for (at, published) in batch.iter().enumerate() {
            let expected = self.ready.back().map_or(self.last, |it| it.entry().sequence) + 1;
            if published.entry.sequence == expected {
                self.ready.push_back(Ready::Shared(batch.clone(), at));
            } else if published.entry.sequence > expected {
                self.behind = true;
                return;
            }
        }
    }

    fn read(&self) -> Result<(Vec<Entry>, bool)> {
        entries_within(&self.cx.read()?, self.id, self.last, CHUNK, CHUNK_BYTES)
    }

    fn event(&self, ready: Ready) -> Result<StreamEvent> {
        let (sequence, kind) = (ready.entry().sequence, ready.entry().kind);
        let data = match &ready {
            _ if !kind.is_last() => ready.entry().data.clone(),
            Ready::Read(_) => self.whole()?,
            Ready::Shared(batch, at) => batch[*at].data(|| self.whole())?,
        };
        let shared = match ready {
            Ready::Read(_) => None,
            Ready::Shared(batch, at) => Some((batch, at)),
        };
        Ok(StreamEvent { sequence, kind, data, shared })
    }

    fn whole(&self) -> Result<Json> {
        let execution: Option<Execution> = self.cx.read()?.get(self.id)?;
        let view: Option<ExecutionView> = execution.map(|it| it.view(self.cx.now(), None));
        Ok(Json::of(&serde_json::to_value(view).unwrap_or_default()))
    }
}
