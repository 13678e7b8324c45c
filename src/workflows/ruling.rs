//! What follows the failure of an attempt. Pure: no clock, no store, no chance.

use super::facts::Then;
use super::plan::Plan;
use super::progress::Progress;
use crate::base::Timestamp;
use crate::engine::{Failure, Retry};

/// What is known about the call that failed.
pub(super) struct Circumstances {
    pub retry: Retry,
    /// Whether the call may be made again.
    pub may_repeat: bool,
    pub now: Timestamp,
    /// When the time of the run is over.
    pub deadline: Timestamp,
    /// 0.0 to 1.0: the part of the pause's second half that is added.
    pub jitter: f64,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Ruling {
    pub then: Then,
    pub retry_at: Option<Timestamp>,
    pub goto: Option<String>,
}

impl Ruling {
    fn to(then: Then) -> Self {
        Self { then, retry_at: None, goto: None }
    }
}

/// Decides after attempt number `progress.attempts` of the call at hand.
pub(super) fn after(plan: &Plan, progress: &Progress, failure: &Failure, it: &Circumstances) -> Ruling {
    let Some(node) = plan.nodes.get(progress.at) else { return Ruling::to(Then::Fail) };
    let retry_at = it.now.plus_ms(it.retry.pause_ms(progress.attempts, failure.retry_after_ms, it.jitter));
    let again = it.may_repeat && failure.retriable && progress.attempts < it.retry.max_attempts;
    if again && retry_at < it.deadline {
        return Ruling { retry_at: Some(retry_at), ..Ruling::to(Then::Retry) };
    }
    if progress.call + 1 < node.calls.len() {
        return Ruling::to(Then::Fallback);
    }
    match node.on_error {
        None => Ruling::to(Then::Fail),
        Some(to) if to == node.next => Ruling::to(Then::Continue),
        Some(to) => Ruling { goto: plan.nodes.get(to).map(|it| it.id.to_string()), ..Ruling::to(Then::Goto) },
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::Code;
    use crate::workflows::tests::a_chain;
    use crate::workflows::types::Definition;

    fn plan() -> Plan {
        let steps = json!([
            { "id": "a", "on_error": { "fallback": { "agent_id": "agt_00000000000000000000000007" } } },
            { "id": "b", "on_error": { "goto": "d" } },
            { "id": "c", "on_error": "continue" },
            { "id": "d" },
        ]);
        Plan::of(&Definition::Chain(a_chain(json!({ "steps": steps }))))
    }

    fn ruled(at: usize, call: usize, attempts: u32, retriable: bool, may_repeat: bool) -> Ruling {
        let plan = plan();
        let progress = Progress { at, call, attempts, ..Progress::new(&plan) };
        let failure = Failure { retriable, ..Failure::new(Code::ExecutionFailed, "no") };
        let circumstances = Circumstances {
            retry: Retry { max_attempts: 2, backoff_ms: 100, max_backoff_ms: 100 },
            may_repeat,
            now: Timestamp::from_millis(1_000),
            deadline: Timestamp::from_millis(9_000),
            jitter: 1.0,
        };
        after(&plan, &progress, &failure, &circumstances)
    }

    #[test]
    fn what_may_succeed_later_is_tried_again_while_attempts_are_left() {
        let again = ruled(3, 0, 1, true, true);
        assert_eq!((again.then, again.retry_at), (Then::Retry, Some(Timestamp::from_millis(1_100))));
        assert_eq!(ruled(3, 0, 2, true, true).then, Then::Fail);
        assert_eq!(ruled(3, 0, 1, false, true).then, Then::Fail);
        assert_eq!(ruled(3, 0, 1, true, false).then, Then::Fail);
    }

    #[test]
    fn then_each_step_goes_its_own_way() {
        assert_eq!(ruled(0, 0, 2, true, true).then, Then::Fallback);
        assert_eq!(ruled(0, 1, 2, true, true).then, Then::Fail);
        let jump = ruled(1, 0, 2, true, true);
        assert_eq!((jump.then, jump.goto.as_deref()), (Then::Goto, Some("d")));
        assert_eq!(ruled(2, 0, 2, true, true).then, Then::Continue);
    }
}
