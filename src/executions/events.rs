//! A run's journal as clients follow it: from any place on, without gap or repetition, to its end.

use std::collections::VecDeque;

use futures_util::Stream;
use futures_util::stream::unfold;

use super::ops;
use super::types::{Execution, ExecutionView};
use crate::access::Cx;
use crate::base::{ExecutionId, Json, Result};
use crate::engine::{Entry, EventKind, Watch, entries_after};
use crate::infra::store::Rows;

/// Entries that are read from the store at once.
const CHUNK: usize = 500;

#[derive(Debug, Clone)]
pub struct StreamEvent {
    pub sequence: u64,
    pub kind: EventKind,
    /// One line of JSON. The last event carries the whole execution.
    pub data: Json,
}

struct Follower {
    cx: Cx,
    id: ExecutionId,
    last: u64,
    ready: VecDeque<Entry>,
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
            if let Some(entry) = self.ready.pop_front() {
                self.last = entry.sequence;
                self.done = entry.kind.is_last();
                return Some(self.event(entry));
            }
            if self.behind {
                match self.read() {
                    Ok(entries) => {
                        self.behind = entries.len() == CHUNK;
                        if entries.is_empty() && self.watch.is_none() {
                            return None;
                        }
                        self.ready.extend(entries);
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
                    Some(entries) => self.take(&entries),
                    None => {
                        self.watch = None;
                        self.behind = true;
                    }
                },
            }
        }
        None
    }

    fn take(&mut self, entries: &[Entry]) {
        for entry in entries.iter().filter(|it| it.sequence > self.last) {
            let expected = self.ready.back().map_or(self.last, |it| it.sequence) + 1;
            if entry.sequence == expected {
                self.ready.push_back(entry.clone());
            } else if entry.sequence > expected {
                self.behind = true;
                return;
            }
        }
    }

    fn read(&self) -> Result<Vec<Entry>> {
        entries_after(&self.cx.read()?, self.id, self.last, CHUNK)
    }

    fn event(&self, entry: Entry) -> Result<StreamEvent> {
        let data = if entry.kind.is_last() {
            let execution: Option<Execution> = self.cx.read()?.get(self.id)?;
            let view: Option<ExecutionView> = execution.map(|it| it.view(self.cx.now(), None));
            let text = serde_json::to_value(view).unwrap_or_default();
            Json::of(&text)
        } else {
            entry.data
        };
        Ok(StreamEvent { sequence: entry.sequence, kind: entry.kind, data })
    }
}
