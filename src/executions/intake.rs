//! How many requests of one organization are being accepted at once, so that whoever sends many stands in line
//! behind their own, and not before everybody else. Whoever is alone has all the room.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;

use crate::access::Cx;
use crate::base::{Error, OrgId, Result, Timestamp};

/// Shared by the organizations that have sent something lately.
const ROOM: usize = 256;
const LEAST: usize = 4;
const LATELY_MS: u64 = 1_000;
/// A refusal is answered this much later: asking again at once is no way to have more than others.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Intake(Mutex<State>);

#[derive(Default)]
struct State {
    orgs: HashMap<OrgId, Line>,
    since: Option<Timestamp>,
    /// Organizations that have sent something in this stretch of time, and in the one before.
    seen: usize,
    seen_before: usize,
}

#[derive(Default)]
struct Line {
    inside: usize,
    seen: bool,
    room: Arc<Notify>,
}

impl State {
    /// Begins another stretch of time where this one is over, and forgets who has gone.
    fn turn_over(&mut self, now: Timestamp) {
        if self.since.is_some_and(|it| now.since(it) < LATELY_MS) {
            return;
        }
        self.since = Some(now);
        self.seen_before = std::mem::take(&mut self.seen);
        self.orgs.retain(|_, line| {
            line.seen = false;
            line.inside > 0 || Arc::strong_count(&line.room) > 1
        });
    }

    /// Takes a place, or answers where to wait for one.
    fn enter(&mut self, org: OrgId, now: Timestamp) -> Result<(), Arc<Notify>> {
        self.turn_over(now);
        let line = self.orgs.entry(org).or_default();
        if !std::mem::replace(&mut line.seen, true) {
            self.seen += 1;
        }
        let share = (ROOM / self.seen.max(self.seen_before).max(1)).max(LEAST);
        if line.inside >= share {
            return Err(line.room.clone());
        }
        line.inside += 1;
        Ok(())
    }
}

/// A place, until it goes.
pub(super) struct Pass {
    intake: Arc<Intake>,
    org: OrgId,
}

impl Drop for Pass {
    fn drop(&mut self) {
        if let Some(line) = self.intake.0.lock().orgs.get_mut(&self.org) {
            line.inside = line.inside.saturating_sub(1);
            line.room.notify_one();
        }
    }
}

/// Waits for a place among the requests of the caller's organization.
pub(super) async fn enter(cx: &Cx) -> Pass {
    let (intake, org) = (cx.services().kept.get::<Intake>(), cx.org());
    loop {
        let entered = intake.0.lock().enter(org, cx.now());
        match entered {
            Ok(()) => return Pass { intake, org },
            Err(room) => room.notified().await,
        }
    }
}

/// Errors: `ResourceExhausted` where so many more do not fit into the organization's queue, a moment later;
/// `Unavailable` while draining.
pub(super) async fn check_room(cx: &Cx, count: usize) -> Result<()> {
    let checked = cx.services().engine.check_room_for(cx.org(), count);
    if checked.as_ref().is_err_and(is_full) {
        tokio::time::sleep(REFUSED_PAUSE).await;
    }
    checked
}

fn is_full(error: &Error) -> bool {
    error.is(crate::base::Code::ResourceExhausted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    fn org(number: u8) -> OrgId {
        OrgId::from_bytes([number; 16])
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn fit(state: &mut State, number: u8, now: Timestamp) -> usize {
        (0..).take_while(|_| state.enter(org(number), now).is_ok()).count()
    }

    #[test]
    fn who_is_alone_has_all_the_room_and_many_share_it() {
        let mut state = State::default();
        assert_eq!(fit(&mut state, 1, at(0)), ROOM);
        assert_eq!(fit(&mut state, 2, at(1)), ROOM / 2);
        (3..=9).for_each(|it| drop(state.enter(org(it), at(2))));
        assert_eq!(fit(&mut state, 10, at(3)), ROOM / 10);
        assert!(state.enter(org(1), at(4)).is_err(), "more than its share is inside");
    }

    #[test]
    fn who_has_gone_is_forgotten() {
        let mut state = State::default();
        for number in 1..=8 {
            assert!(state.enter(org(number), at(0)).is_ok());
        }
        state.orgs.values_mut().for_each(|it| it.inside = 0);
        assert_eq!(fit(&mut state, 1, at(1_000)), ROOM / 8, "those of a moment ago count still");
        state.orgs.values_mut().for_each(|it| it.inside = 0);
        assert_eq!(fit(&mut state, 1, at(2_000)), ROOM);
        assert_eq!(state.orgs.len(), 1);
    }
}
