//! One event on its way to one endpoint, and what follows an attempt. Pure: no clock, no store, no chance.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::event::EventType;
use super::types::{Health, Why};
use crate::base::{AgentId, DeliveryId, EventId, ExecutionId, Timestamp, WebhookId};

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// Between two attempts; the first is made at once. Ten attempts in about 75 hours.
const PAUSES_MS: [u64; 9] = [
    5_000,
    5 * 60_000,
    30 * 60_000,
    2 * HOUR_MS,
    5 * HOUR_MS,
    10 * HOUR_MS,
    14 * HOUR_MS,
    20 * HOUR_MS,
    24 * HOUR_MS,
];
/// No far end can put an attempt off for longer.
const MAX_RETRY_AFTER_MS: u64 = DAY_MS;
/// Attempts that a delivery remembers.
const REMEMBERED: usize = 12;
/// How long ended deliveries stay: those that failed are of more interest.
const DELIVERED_KEPT_MS: u64 = 3 * DAY_MS;
const FAILED_KEPT_MS: u64 = 30 * DAY_MS;
/// An endpoint that has taken nothing for so long, over so many attempts, is switched off.
const FAILING_MS: u64 = 4 * DAY_MS;
const FAILING_ATTEMPTS: u32 = 10;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "DeliveryStatus")]
pub enum State {
    /// It will be attempted (again).
    Pending,
    /// The far end took it.
    Delivered,
    /// It is not attempted any more.
    Failed,
}

impl State {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    pub fn from_name(name: &str) -> Option<Self> {
        [Self::Pending, Self::Delivered, Self::Failed].into_iter().find(|it| it.name() == name)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Delivery {
    pub id: DeliveryId,
    /// Where it leads: to a webhook,
    #[serde(default)]
    pub webhook_id: Option<WebhookId>,
    /// or to the address that its run named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Of a callback's message.
    #[serde(default)]
    pub body_bytes: u64,
    pub event_id: EventId,
    pub event: EventType,
    pub agent_id: Option<AgentId>,
    pub execution_id: Option<ExecutionId>,
    pub state: State,
    /// Attempts that reached for the far end.
    pub attempts: u32,
    /// Of a pending one.
    pub next_attempt_at: Option<Timestamp>,
    /// The latest attempts, oldest first.
    pub tries: Vec<Try>,
    /// The delivery that this one repeats.
    pub resend_of: Option<DeliveryId>,
    /// A test: attempted once, also where the endpoint is switched off.
    pub once: bool,
    /// Why it ended without an attempt.
    pub note: Option<String>,
    pub created_at: Timestamp,
    pub ended_at: Option<Timestamp>,
}

/// One attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[schemars(rename = "DeliveryAttempt")]
pub struct Try {
    pub at: Timestamp,
    pub latency_ms: u64,
    /// Of the answer, where there was one.
    pub status_code: Option<u16>,
    /// The beginning of what the far end said.
    pub answer: Option<String>,
    /// What went wrong.
    pub error: Option<String>,
}

/// What an attempt came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    Taken,
    /// 410: never again.
    Gone,
    /// Anything else that counts.
    Refused {
        retry_after_ms: Option<u64>,
    },
}

/// What becomes of the delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Next {
    Ended(State),
    Again(Timestamp),
}

impl Delivery {
    /// After so many attempts, this one counted. `jitter`: 0.0 to 1.0.
    pub(super) fn next(&self, outcome: &Outcome, now: Timestamp, jitter: f64) -> Next {
        let retry_after_ms = match outcome {
            Outcome::Taken => return Next::Ended(State::Delivered),
            Outcome::Gone => return Next::Ended(State::Failed),
            Outcome::Refused { .. } if self.once => return Next::Ended(State::Failed),
            Outcome::Refused { retry_after_ms } => retry_after_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS),
        };
        let made = usize::try_from(self.attempts).unwrap_or(usize::MAX).max(1);
        match PAUSES_MS.get(made - 1) {
            None => Next::Ended(State::Failed),
            Some(pause) => Next::Again(now.plus_ms(spread(*pause, jitter).max(retry_after_ms))),
        }
    }

    pub(super) fn remember(&mut self, attempt: Try) {
        if self.tries.len() == REMEMBERED {
            self.tries.remove(0);
        }
        self.tries.push(attempt);
    }

    pub(super) fn end(&mut self, state: State, now: Timestamp) {
        self.state = state;
        self.next_attempt_at = None;
        self.ended_at = Some(now);
    }

    /// When it may go; none while it is pending.
    pub(super) fn expires_at(&self) -> Option<Timestamp> {
        let kept = match self.state {
            State::Pending => return None,
            State::Delivered => DELIVERED_KEPT_MS,
            State::Failed => FAILED_KEPT_MS,
        };
        self.ended_at.map(|it| it.plus_ms(kept))
    }
}

/// Up to a fifth more, so that what failed together does not come back together.
fn spread(pause_ms: u64, jitter: f64) -> u64 {
    pause_ms + (pause_ms as f64 / 5.0 * jitter.clamp(0.0, 1.0)) as u64
}

impl Health {
    /// Takes an attempt into account; answers why the endpoint is to be switched off, where it is.
    pub(super) fn note(&mut self, outcome: &Outcome, error: Option<&str>, now: Timestamp) -> Option<Why> {
        if *outcome == Outcome::Taken {
            (self.failing_since, self.failures) = (None, 0);
            self.last_success_at = Some(now);
            return None;
        }
        let since = *self.failing_since.get_or_insert(now);
        self.failures = self.failures.saturating_add(1);
        self.last_failure_at = Some(now);
        self.last_failure = error.map(str::to_owned);
        match outcome {
            Outcome::Gone => Some(Why::Gone),
            _ if now.since(since) >= FAILING_MS && self.failures >= FAILING_ATTEMPTS => Some(Why::Failing),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::Id;

    fn after(attempts: u32) -> Delivery {
        Delivery {
            id: DeliveryId::from_bytes([1; 16]),
            webhook_id: Some(WebhookId::from_bytes([2; 16])),
            callback_url: None,
            body_bytes: 0,
            event_id: EventId::from_bytes([3; 16]),
            event: EventType::ExecutionCompleted,
            agent_id: None,
            execution_id: None,
            state: State::Pending,
            attempts,
            next_attempt_at: None,
            tries: Vec::new(),
            resend_of: None,
            once: false,
            note: None,
            created_at: Timestamp::from_millis(0),
            ended_at: None,
        }
    }

    const REFUSED: Outcome = Outcome::Refused { retry_after_ms: None };

    /// The time of each attempt when all fail.
    fn schedule(jitter: f64) -> Vec<u64> {
        let (mut now, mut times) = (Timestamp::from_millis(0), vec![0]);
        for attempts in 1.. {
            match after(attempts).next(&REFUSED, now, jitter) {
                Next::Again(at) => {
                    times.push(at.since(Timestamp::from_millis(0)));
                    now = at;
                }
                Next::Ended(state) => {
                    assert_eq!(state, State::Failed);
                    break;
                }
            }
        }
        times
    }

    #[test]
    fn ten_attempts_are_spread_over_three_days() {
        let plain = schedule(0.0);
        assert_eq!(plain.len(), 10);
        assert_eq!(plain[1], 5_000);
        assert_eq!(plain[9] / HOUR_MS, 75);
        let late = schedule(1.0);
        assert_eq!(late.len(), 10);
        assert!(
            plain.iter().zip(&late).skip(1).all(|(plain, late)| plain < late && *late <= plain * 6 / 5 + 1)
        );
    }

    #[test]
    fn a_far_end_that_names_a_time_is_heard() {
        let now = Timestamp::from_millis(0);
        let ask = |attempts, ms| {
            let outcome = Outcome::Refused { retry_after_ms: Some(ms) };
            match after(attempts).next(&outcome, now, 0.0) {
                Next::Again(at) => at.since(now),
                Next::Ended(_) => panic!("it ended"),
            }
        };
        assert_eq!(ask(1, 60_000), 60_000);
        assert_eq!(ask(4, 60_000), 2 * HOUR_MS, "never sooner than otherwise");
        assert_eq!(ask(1, u64::MAX), DAY_MS);
    }

    #[test]
    fn what_is_taken_or_gone_or_a_test_is_not_sent_again() {
        let now = Timestamp::from_millis(0);
        assert_eq!(after(1).next(&Outcome::Taken, now, 0.0), Next::Ended(State::Delivered));
        assert_eq!(after(1).next(&Outcome::Gone, now, 0.0), Next::Ended(State::Failed));
        let test = Delivery { once: true, ..after(1) };
        assert_eq!(test.next(&REFUSED, now, 0.0), Next::Ended(State::Failed));
    }

    #[test]
    fn an_endpoint_is_given_up_after_days_and_not_after_a_bad_hour() {
        let mut health = Health::new(WebhookId::from_bytes([2; 16]));
        let at = |ms| Timestamp::from_millis(0).plus_ms(ms);
        for minute in 0..60 {
            assert_eq!(health.note(&REFUSED, Some("no"), at(minute * 60_000)), None);
        }
        assert_eq!(health.note(&REFUSED, Some("no"), at(FAILING_MS)), Some(Why::Failing));
        assert_eq!(health.note(&Outcome::Taken, None, at(FAILING_MS)), None);
        assert_eq!(health.note(&REFUSED, Some("no"), at(FAILING_MS + 1)), None, "it begins anew");
        assert_eq!(health.failing_since, Some(at(FAILING_MS + 1)));
        let mut quiet = Health::new(WebhookId::from_bytes([2; 16]));
        quiet.note(&REFUSED, None, at(0));
        assert_eq!(quiet.note(&REFUSED, None, at(FAILING_MS * 2)), None, "two failures are few");
    }

    #[test]
    fn old_deliveries_go_and_pending_ones_stay() {
        let mut delivery = after(1);
        assert_eq!(delivery.expires_at(), None);
        delivery.end(State::Failed, Timestamp::from_millis(0));
        assert_eq!(delivery.expires_at(), Some(Timestamp::from_millis(0).plus_ms(FAILED_KEPT_MS)));
    }
}
