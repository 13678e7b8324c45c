//! Timers in the order of their times. Pure bookkeeping, no clock.

use std::collections::{BTreeSet, HashMap};

use super::row::TimerKind;
use crate::base::{OrgId, Timestamp};

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Name {
    pub org: OrgId,
    pub kind: TimerKind,
    pub subject: [u8; 16],
}

#[derive(Default)]
pub(super) struct Wheel {
    by_time: BTreeSet<(Timestamp, Name)>,
    times: HashMap<Name, Timestamp>,
}

impl Wheel {
    /// Sets the time of this timer, over an earlier one.
    pub(super) fn set(&mut self, name: Name, at: Timestamp) {
        if let Some(earlier) = self.times.insert(name, at) {
            self.by_time.remove(&(earlier, name));
        }
        self.by_time.insert((at, name));
    }

    pub(super) fn clear(&mut self, name: &Name) {
        if let Some(at) = self.times.remove(name) {
            self.by_time.remove(&(at, *name));
        }
    }

    /// Takes out up to `most` whose time has come, the longest overdue first.
    pub(super) fn take_due(&mut self, now: Timestamp, most: usize) -> Vec<Name> {
        let mut due = Vec::new();
        while due.len() < most
            && let Some((_, name)) = self.by_time.first().copied().filter(|it| it.0 <= now)
        {
            self.clear(&name);
            due.push(name);
        }
        due
    }

    pub(super) fn next(&self) -> Option<Timestamp> {
        self.by_time.first().map(|it| it.0)
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::base::Id;

    fn name(subject: u8) -> Name {
        Name { org: OrgId::from_bytes([1; 16]), kind: TimerKind::Schedule, subject: [subject; 16] }
    }

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    proptest! {
        #[test]
        fn what_is_due_comes_once_in_order_at_its_last_time(
            steps in proptest::collection::vec((0_u8..3, 0_u8..6, 0_i64..50), 1..80),
        ) {
            let (mut wheel, mut model) = (Wheel::default(), std::collections::BTreeMap::new());
            for (act, subject, time) in steps {
                match act {
                    0 => {
                        wheel.set(name(subject), at(time));
                        model.insert(subject, time);
                    }
                    1 => {
                        wheel.clear(&name(subject));
                        model.remove(&subject);
                    }
                    _ => {
                        let due: Vec<u8> = wheel.take_due(at(time), 99).iter().map(|it| it.subject[0]).collect();
                        let mut expected: Vec<(i64, u8)> =
                            model.iter().filter(|it| *it.1 <= time).map(|it| (*it.1, *it.0)).collect();
                        expected.sort();
                        model.retain(|_, due| *due > time);
                        prop_assert_eq!(due, expected.into_iter().map(|it| it.1).collect::<Vec<_>>());
                    }
                }
                prop_assert_eq!(wheel.len(), model.len());
                prop_assert_eq!(wheel.by_time.len(), model.len());
                prop_assert_eq!(wheel.next(), model.values().min().map(|it| at(*it)));
            }
        }
    }
}
