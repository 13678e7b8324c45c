//! How many requests of one organization are being accepted at once, and how fast one follows the other, so that
//! whoever sends many stands in line behind their own, and not before everybody else. Whoever is alone has all the
//! room, and nobody to wait for.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::Instant;

use crate::access::Cx;
use crate::base::{Error, OrgId, Result, Timestamp};

/// Shared by the organizations that have sent something lately.
const ROOM: usize = 256;
const LEAST: usize = 4;
const LATELY_MS: u64 = 1_000;
/// Who sends more than so many times what others send on average, and more than a few, is held for a while at each
/// place before it is used.
const MUCH: usize = 4;
const FEW: usize = 64;
const SHORTEST_HOLD: Duration = Duration::from_millis(1);
const LONGEST_HOLD: Duration = Duration::from_millis(64);
/// A hold that ends later than this after its time tells that there is more to do than processors can.
const LATE: Duration = Duration::from_millis(2);
/// A refusal is answered this much later: asking again at once is no way to have more than others.
const REFUSED_PAUSE: Duration = Duration::from_millis(50);

#[derive(Default)]
struct Intake(Mutex<State>);

#[derive(Default)]
struct State {
    orgs: HashMap<OrgId, Line>,
    since: Option<Timestamp>,
    /// Organizations that have sent something in this stretch of time, and in the one before; and how often.
    seen: usize,
    seen_before: usize,
    sent: Sent,
    hold: Hold,
}

#[derive(Default)]
struct Line {
    inside: usize,
    seen: bool,
    sent: Sent,
    room: Arc<Notify>,
}

/// Requests of this stretch of time, and of the one before.
#[derive(Default)]
struct Sent {
    now: usize,
    before: usize,
}

impl Sent {
    fn turn_over(&mut self) {
        self.before = std::mem::take(&mut self.now);
    }

    fn all(&self) -> usize {
        self.now + self.before
    }
}

/// How long those who send much are held: longer while the processors do not keep up, so that what others send finds
/// them free.
struct Hold(Duration);

impl Default for Hold {
    fn default() -> Self {
        Self(SHORTEST_HOLD)
    }
}

impl Hold {
    fn learn(&mut self, late: Duration) {
        let next = if late > LATE { self.0 * 5 / 4 } else { self.0 * 19 / 20 };
        self.0 = next.clamp(SHORTEST_HOLD, LONGEST_HOLD);
    }
}

impl State {
    /// Begins another stretch of time where this one is over, and forgets who has gone.
    fn turn_over(&mut self, now: Timestamp) {
        if self.since.is_some_and(|it| now.since(it) < LATELY_MS) {
            return;
        }
        self.since = Some(now);
        self.seen_before = std::mem::take(&mut self.seen);
        self.sent.turn_over();
        self.orgs.retain(|_, line| {
            line.seen = false;
            line.sent.turn_over();
            line.inside > 0 || line.sent.before > 0 || Arc::strong_count(&line.room) > 1
        });
    }

    fn active(&self) -> usize {
        self.seen.max(self.seen_before).max(1)
    }

    /// Takes a place, or answers where to wait for one. The place is used after the time that it answers.
    fn enter(&mut self, org: OrgId, now: Timestamp) -> Result<Option<Duration>, Arc<Notify>> {
        self.turn_over(now);
        if !std::mem::replace(&mut self.orgs.entry(org).or_default().seen, true) {
            self.seen += 1;
        }
        let active = self.active();
        let share = (ROOM / active).max(LEAST);
        let line = self.orgs.entry(org).or_default();
        if line.inside >= share {
            return Err(line.room.clone());
        }
        line.inside += 1;
        line.sent.now += 1;
        self.sent.now += 1;
        let (mine, all) = (line.sent.all(), self.sent.all());
        let sends_much = active > 1 && mine > ((all - mine) / (active - 1) * MUCH).max(FEW);
        Ok(sends_much.then_some(self.hold.0))
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
        let hold = match entered {
            Ok(hold) => hold,
            Err(room) => {
                room.notified().await;
                continue;
            }
        };
        let pass = Pass { intake, org };
        if let Some(hold) = hold {
            let due = Instant::now() + hold;
            tokio::time::sleep_until(due).await;
            pass.intake.0.lock().hold.learn(due.elapsed());
        }
        return pass;
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
    fn who_sends_much_beside_others_is_held_and_nobody_else() {
        let mut state = State::default();
        let mut enter = |number: u8, ms: i64| {
            let hold = state.enter(org(number), at(ms)).unwrap_or_else(|_| panic!("no place for {number}"));
            state.orgs.get_mut(&org(number)).expect("a line").inside = 0;
            hold
        };
        for ms in 0..100 {
            assert_eq!(enter(1, ms), None, "who is alone waits for nobody");
        }
        assert_eq!(enter(2, 100), None);
        assert_eq!(enter(1, 101), Some(SHORTEST_HOLD), "of two");
        (3..=20).for_each(|it| assert_eq!(enter(it, 102), None));
        assert_eq!(enter(1, 103), Some(SHORTEST_HOLD), "of many");
        assert_eq!(enter(1, 1_500), Some(SHORTEST_HOLD), "what was sent a moment ago counts still");
        assert_eq!(enter(1, 2_500), None, "and the others have gone");
    }

    #[test]
    fn holds_grow_while_processors_are_late_and_shrink_again() {
        let mut hold = Hold::default();
        (0..100).for_each(|_| hold.learn(LATE * 2));
        assert_eq!(hold.0, LONGEST_HOLD);
        hold.learn(Duration::ZERO);
        assert!(hold.0 < LONGEST_HOLD);
        (0..1_000).for_each(|_| hold.learn(Duration::ZERO));
        assert_eq!(hold.0, SHORTEST_HOLD);
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
