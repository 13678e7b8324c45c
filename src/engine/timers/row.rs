//! The timer's row.

use serde::{Deserialize, Serialize};

use crate::base::{Result, Timestamp};
use crate::infra::store::{Key, OrgTx, PerOrg, Row, Table};

/// What a timer is for. Numbers are on disk and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u8", try_from = "u8")]
#[repr(u8)]
pub enum TimerKind {
    /// The next tick of a schedule.
    Schedule = 1,
    /// The next try of an outgoing webhook.
    Delivery = 2,
    /// A tick that waited for the run before it.
    ScheduleQueue = 3,
}

impl TimerKind {
    const ALL: [Self; 3] = [Self::Schedule, Self::Delivery, Self::ScheduleQueue];
}

impl From<TimerKind> for u8 {
    fn from(kind: TimerKind) -> Self {
        kind as Self
    }
}

impl TryFrom<u8> for TimerKind {
    type Error = String;

    fn try_from(number: u8) -> Result<Self, String> {
        Self::ALL.into_iter().find(|it| u8::from(*it) == number).ok_or(format!("no kind of timer {number}"))
    }
}

/// One for each kind and subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Timer {
    pub kind: TimerKind,
    /// The id of what it is for.
    pub subject: [u8; 16],
    pub due: Timestamp,
}

impl Row for Timer {
    type Scope = PerOrg;
    const TABLE: Table = Table::with_feed(12, "timers");

    fn key(&self) -> Key {
        Self::key_of(self.kind, self.subject)
    }
}

impl Timer {
    pub(super) fn key_of(kind: TimerKind, subject: [u8; 16]) -> Key {
        Key::new().byte(kind.into()).bytes(&subject)
    }

    /// Sets the one timer of this kind and subject, also where there is one. It counts once `tx` is committed.
    pub fn set(tx: &mut OrgTx<'_, '_>, kind: TimerKind, subject: [u8; 16], due: Timestamp) -> Result<()> {
        tx.put(&Self { kind, subject, due })
    }

    /// Takes it away, where it is there.
    pub fn clear(tx: &mut OrgTx<'_, '_>, kind: TimerKind, subject: [u8; 16]) -> Result<()> {
        tx.delete::<Self>(Self::key_of(kind, subject)).map(drop)
    }
}
