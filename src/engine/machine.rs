//! What follows an attempt. Pure: no clock, no store, no chance.

use super::task::{End, Failure, Lane, Repeat, Retry, Status, Task, Verdict};
use crate::base::{Code, Timestamp};

/// Longest pause that a far end may ask for before the next attempt.
const MAX_RETRY_AFTER_MS: u64 = 3_600_000;

#[derive(Debug, Clone, PartialEq)]
pub enum Next {
    /// Again, not before this time.
    Again {
        at: Timestamp,
        after: Failure,
    },
    /// On with the same attempt, not before this time.
    Later {
        at: Timestamp,
    },
    /// On with the same attempt, once there is a place in all of these lanes.
    Turn {
        lanes: Vec<Lane>,
    },
    End(End),
}

/// Why an attempt ended from outside.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cut {
    Cancelled,
    TimedOut,
    /// It waited for its turn for too long.
    NeverBegan,
}

/// Decides after attempt number `task.attempts` (already counted). `jitter` is 0.0 to 1.0: the part of the
/// pause's second half that is added, so that many failures do not come back at once.
pub fn next(task: &Task, verdict: Verdict, now: Timestamp, jitter: f64) -> Next {
    let end = |status, output, failure| {
        Next::End(End {
            status,
            output,
            failure,
            attempts: task.attempts,
            started_at: task.begun_at,
            ended_at: now,
        })
    };
    match verdict {
        Verdict::Done(output) => end(Status::Completed, Some(output), None),
        Verdict::Stopped => end(Status::Cancelled, None, None),
        // Its time may be over before: then it ends there.
        Verdict::Later { at } => Next::Later { at: at.min(task.deadline(task.begun_at.unwrap_or(now))) },
        Verdict::Turn { lanes } => Next::Turn { lanes },
        Verdict::Failed(failure) => {
            let deadline = task.deadline(task.begun_at.unwrap_or(now));
            let at = now.plus_ms(task.retry.pause_ms(task.attempts, failure.retry_after_ms, jitter));
            let may_repeat = task.repeat == Repeat::AtLeastOnce && failure.retriable;
            if may_repeat && task.attempts < task.retry.max_attempts && at < deadline {
                Next::Again { at, after: failure }
            } else {
                end(Status::Failed, None, Some(failure))
            }
        }
    }
}

/// The end of work that was cut off.
pub(super) fn cut(task: &Task, cut: Cut, now: Timestamp) -> End {
    let (status, failure) = match cut {
        Cut::Cancelled => (Status::Cancelled, None),
        Cut::TimedOut => {
            let message = format!("the run did not end within {} ms", task.timeout_ms);
            (Status::Timeout, Some(Failure::new(Code::ExecutionTimeout, message)))
        }
        Cut::NeverBegan => {
            let limit = task.queue_timeout_ms.unwrap_or_default();
            let message = format!("the run waited more than {limit} ms for its turn, and did not begin");
            (Status::Timeout, Some(Failure::new(Code::ExecutionTimeout, message)))
        }
    };
    End { status, output: None, failure, attempts: task.attempts, started_at: task.begun_at, ended_at: now }
}

/// What an attempt came to that took longer than one may.
pub(super) fn attempt_cut(task: &Task) -> Verdict {
    let limit = task.attempt_timeout_ms.unwrap_or_default();
    let message = format!("the attempt did not end within {limit} ms");
    Verdict::Failed(Failure { retriable: true, ..Failure::new(Code::ExecutionTimeout, message) })
}

/// What becomes of a task that is found after a crash: `None` where it is attempted (again).
pub(super) fn after_crash(task: &Task, now: Timestamp) -> Option<End> {
    if !(task.in_flight && task.repeat == Repeat::AtMostOnce) {
        return None;
    }
    let message = "the server stopped during this run, and its agent allows no second attempt";
    Some(End {
        status: Status::Failed,
        output: None,
        failure: Some(Failure::new(Code::Interrupted, message)),
        attempts: task.attempts,
        started_at: task.begun_at,
        ended_at: now,
    })
}

impl Retry {
    /// The pause after attempt number `attempts`. Doubles with every attempt, up to the policy's most; a far end that
    /// names a time is heard. `jitter` is as in `next`.
    pub fn pause_ms(&self, attempts: u32, retry_after_ms: Option<u64>, jitter: f64) -> u64 {
        let doublings = attempts.saturating_sub(1).min(32);
        let full = self.backoff_ms.saturating_mul(1 << doublings).min(self.max_backoff_ms);
        let spread = full / 2 + ((full / 2) as f64 * jitter.clamp(0.0, 1.0)) as u64;
        spread.max(retry_after_ms.unwrap_or(0).min(MAX_RETRY_AFTER_MS))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::{ExecutionId, Id, Json, OrgId};

    fn task(attempts: u32) -> Task {
        Task {
            id: ExecutionId::from_bytes([1; 16]),
            org: OrgId::from_bytes([2; 16]),
            lane: [0; 16],
            lane_limit: 1,
            priority: 0,
            repeat: Repeat::AtLeastOnce,
            retry: Retry { max_attempts: 3, backoff_ms: 100, max_backoff_ms: 150 },
            timeout_ms: 10_000,
            accepted_at: Timestamp::from_millis(0),
            ready_at: Timestamp::from_millis(0),
            pause_ms: 0,
            attempts,
            begun_at: Some(Timestamp::from_millis(0)),
            in_flight: false,
            resting: false,
            held_since: None,
            held_ms: 0,
            weight: 0,
            more_lanes: Vec::new(),
            turn: Vec::new(),
            attempt_timeout_ms: None,
            queue_timeout_ms: None,
        }
    }

    fn failed(retriable: bool, retry_after_ms: Option<u64>) -> Verdict {
        Verdict::Failed(Failure { retriable, retry_after_ms, ..Failure::new(Code::ExecutionFailed, "no") })
    }

    fn at(next: Next) -> Option<i64> {
        match next {
            Next::Again { at, .. } | Next::Later { at } => Some(at.millis()),
            Next::Turn { .. } | Next::End(_) => None,
        }
    }

    #[test]
    fn pauses_double_up_to_the_most_and_hear_the_far_end() {
        let now = Timestamp::from_millis(1_000);
        assert_eq!(at(next(&task(1), failed(true, None), now, 1.0)), Some(1_100));
        assert_eq!(at(next(&task(1), failed(true, None), now, 0.0)), Some(1_050));
        assert_eq!(at(next(&task(2), failed(true, None), now, 1.0)), Some(1_150));
        assert_eq!(at(next(&task(1), failed(true, Some(700)), now, 0.0)), Some(1_700));
    }

    #[test]
    fn attempts_time_and_hopeless_failures_end_it() {
        let now = Timestamp::from_millis(1_000);
        assert_eq!(at(next(&task(3), failed(true, None), now, 0.0)), None);
        assert_eq!(at(next(&task(1), failed(false, None), now, 0.0)), None);
        assert_eq!(at(next(&task(1), failed(true, Some(9_500)), now, 0.0)), None);
    }

    #[test]
    fn what_may_run_once_is_not_tried_again() {
        let once = Task { repeat: Repeat::AtMostOnce, ..task(1) };
        assert_eq!(at(next(&once, failed(true, None), Timestamp::from_millis(1_000), 0.0)), None);
    }

    #[test]
    fn an_output_completes() {
        let Next::End(end) = next(&task(1), Verdict::Done(Json::null()), Timestamp::from_millis(5), 0.0)
        else {
            panic!("it ends");
        };
        assert_eq!((end.status, end.attempts), (Status::Completed, 1));
    }

    #[test]
    fn a_rest_ends_with_the_time_of_the_run() {
        let now = Timestamp::from_millis(1_000);
        let later = |ms| Verdict::Later { at: Timestamp::from_millis(ms) };
        assert_eq!(at(next(&task(1), later(4_000), now, 0.0)), Some(4_000));
        assert_eq!(at(next(&task(1), later(99_000), now, 0.0)), Some(10_000));
    }

    #[test]
    fn a_crash_interrupts_only_what_may_run_once() {
        let once = Task { repeat: Repeat::AtMostOnce, in_flight: true, ..task(1) };
        assert_eq!(after_crash(&task(1), Timestamp::from_millis(5)), None);
        assert_eq!(after_crash(&Task { in_flight: false, ..once.clone() }, Timestamp::from_millis(5)), None);
        let end = after_crash(&once, Timestamp::from_millis(5)).expect("it ends");
        assert_eq!(end.failure.map(|it| it.code), Some(Code::Interrupted));
    }
}
