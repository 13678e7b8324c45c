//! How far a run has come. Pure: what the journal says is laid over the plan, entry by entry, so that a run that
//! goes on after a crash stands where it stood.

use serde::de::DeserializeOwned;

use super::facts::{Completed, Failed, Skipped, Started, StepError, Then};
use super::plan::Plan;
use crate::adapters::Usage;
use crate::base::{Doing, Json, Result, Timestamp};
use crate::engine::{Entry, EventKind};

/// What became of one node.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Outcome {
    Completed(Json),
    Failed(StepError),
    Skipped,
}

impl Outcome {
    pub(super) fn word(&self) -> &'static str {
        match self {
            Self::Completed(_) => "completed",
            Self::Failed(_) => "failed",
            Self::Skipped => "skipped",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Progress {
    /// The node that is next, or at work; the number of nodes is the end.
    pub at: usize,
    /// By node; `None`: not reached yet, or jumped over.
    pub outcomes: Vec<Option<Outcome>>,
    /// The node that completed last.
    pub previous: Option<usize>,
    /// Place among the node's calls.
    pub call: usize,
    /// Attempts of this call that have begun.
    pub attempts: u32,
    /// Whether the last of them has no end in the journal.
    pub in_flight: bool,
    /// When the first of them began.
    pub begun_at: Option<Timestamp>,
    /// Not before this.
    pub retry_at: Option<Timestamp>,
    /// By the attempts of this call that have ended, or were cut off by a crash.
    pub spent: Usage,
    /// By calls that have ended.
    pub total: Usage,
}

impl Progress {
    pub(super) fn new(plan: &Plan) -> Self {
        Self { outcomes: vec![None; plan.end()], ..Self::default() }
    }

    /// Errors: only ours, where the journal is not of this plan.
    pub(super) fn replay(plan: &Plan, history: &[Entry]) -> Result<Self> {
        let (mut progress, mut told) = (Self::new(plan), None);
        for entry in history {
            match entry.kind {
                EventKind::StepStarted => {
                    progress.cut_off(told.take());
                    progress.started(&read::<Started>(entry)?, entry.at);
                }
                EventKind::Usage => {
                    told.get_or_insert_with(Usage::default).add(read(entry)?);
                    continue;
                }
                EventKind::StepCompleted => progress.completed(plan, read::<Completed>(entry)?),
                EventKind::StepFailed => progress.failed(plan, &read::<Failed>(entry)?),
                EventKind::StepSkipped => {
                    let _: Skipped = read(entry)?;
                    progress.skipped(plan);
                }
                _ => {}
            }
            told = None;
        }
        progress.cut_off(told);
        Ok(progress)
    }

    /// The attempt under way has no end in the journal: it used what it has told, or nobody knows what.
    fn cut_off(&mut self, told: Option<Usage>) {
        if self.in_flight {
            self.spent.add(told.unwrap_or_else(Usage::of_unknown_call));
        }
    }

    pub(super) fn started(&mut self, fact: &Started, at: Timestamp) {
        self.attempts = fact.attempt;
        self.in_flight = true;
        self.retry_at = None;
        self.begun_at.get_or_insert(at);
    }

    pub(super) fn completed(&mut self, plan: &Plan, fact: Completed) {
        self.total.add(fact.usage);
        if let Some(outcome) = self.outcomes.get_mut(self.at) {
            *outcome = Some(Outcome::Completed(fact.output));
        }
        self.previous = Some(self.at);
        self.go(plan.nodes.get(self.at).map_or(plan.end(), |it| it.next));
    }

    pub(super) fn failed(&mut self, plan: &Plan, fact: &Failed) {
        self.spent = fact.usage;
        self.in_flight = false;
        match fact.then {
            Then::Retry => self.retry_at = fact.retry_at,
            Then::Fallback => {
                self.total.add(fact.usage);
                self.spent = Usage::default();
                self.call += 1;
                self.attempts = 0;
                self.begun_at = None;
            }
            Then::Continue | Then::Goto | Then::Fail => {
                self.total.add(fact.usage);
                if let Some(outcome) = self.outcomes.get_mut(self.at) {
                    *outcome = Some(Outcome::Failed(fact.error.clone()));
                }
                let to = fact.goto.as_deref().and_then(|it| plan.place(it)).unwrap_or(self.at + 1);
                self.go(to);
            }
        }
    }

    pub(super) fn skipped(&mut self, plan: &Plan) {
        if let Some(outcome) = self.outcomes.get_mut(self.at) {
            *outcome = Some(Outcome::Skipped);
        }
        self.go(plan.nodes.get(self.at).map_or(plan.end(), |it| it.next));
    }

    fn go(&mut self, to: usize) {
        self.at = to;
        self.call = 0;
        self.attempts = 0;
        self.in_flight = false;
        self.begun_at = None;
        self.retry_at = None;
        self.spent = Usage::default();
    }

    /// By everything that the journal tells of.
    pub(super) fn used(&self) -> Usage {
        let mut used = self.total;
        used.add(self.spent);
        used
    }

    /// Whether the node at hand has not been touched yet.
    pub(super) fn is_fresh(&self) -> bool {
        self.attempts == 0 && self.call == 0
    }
}

fn read<T: DeserializeOwned>(entry: &Entry) -> Result<T> {
    serde_json::from_str(entry.data.as_str()).doing("read the journal of a workflow's run")
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::workflows::tests::a_chain;
    use crate::workflows::types::Definition;

    fn plan() -> Plan {
        let steps = json!([
            { "id": "a", "on_error": { "fallback": { "agent_id": "agt_00000000000000000000000007" } } },
            { "id": "b", "on_error": { "goto": "d" } },
            { "id": "c" },
            { "id": "d" },
        ]);
        Plan::of(&Definition::Chain(a_chain(json!({ "steps": steps }))))
    }

    fn entry(kind: EventKind, data: Value) -> Entry {
        let execution = "exe_00000000000000000000000000".parse().expect("an id");
        Entry { execution, sequence: 1, at: Timestamp::from_millis(7), kind, data: Json::of(&data) }
    }

    fn started(step: &str, call: usize, attempt: u32) -> Entry {
        let data = json!({
            "step": step, "agent_id": "agt_00000000000000000000000005", "agent_version": "1.0.0", "call": call,
            "attempt": attempt, "idempotency_key": "k",
        });
        entry(EventKind::StepStarted, data)
    }

    fn usage(n: u64) -> Value {
        json!({ "api_calls": n, "input_tokens": 0, "output_tokens": 0, "cost_micros": 0, "cpu_time_ms": 0 })
    }

    fn completed(step: &str, n: u64) -> Entry {
        let data = json!({ "step": step, "output": { "n": n }, "usage": usage(n), "duration_ms": 1 });
        entry(EventKind::StepCompleted, data)
    }

    fn failed(step: &str, then: &str, more: Value) -> Entry {
        let mut data = json!({
            "step": step, "call": 1, "attempt": 1, "error": { "code": "ExecutionFailed", "message": "no" },
            "then": then, "usage": usage(1), "duration_ms": 1,
        });
        json_patch::merge(&mut data, &more);
        entry(EventKind::StepFailed, data)
    }

    fn after(history: &[Entry]) -> Progress {
        Progress::replay(&plan(), history).expect("replays")
    }

    #[test]
    fn what_is_recorded_is_behind_and_what_only_began_is_at_hand() {
        let progress = after(&[started("a", 1, 1), completed("a", 2), started("b", 1, 1)]);
        assert_eq!((progress.at, progress.previous, progress.attempts), (1, Some(0), 1));
        assert!(progress.in_flight && !progress.is_fresh());
        assert_eq!(progress.total.api_calls, 2);
        assert!(matches!(&progress.outcomes[0], Some(Outcome::Completed(it)) if it.as_str() == r#"{"n":2}"#));
    }

    #[test]
    fn what_was_cut_off_used_what_it_told_or_nobody_knows_what() {
        let used = |more: &[Entry]| {
            let progress = after(&[&[started("a", 1, 1), completed("a", 2)], more].concat());
            (progress.used().api_calls, progress.used().unpriced_calls)
        };
        let began = || started("b", 1, 1);
        let told = || entry(EventKind::Usage, usage(5));
        assert_eq!(used(&[]), (2, 0));
        assert_eq!(used(&[began()]), (3, 1));
        assert_eq!(used(&[began(), told()]), (7, 0));
        assert_eq!(used(&[began(), began(), told()]), (8, 1));
        assert_eq!(used(&[began(), told(), completed("b", 5)]), (7, 0));
    }

    #[test]
    fn attempts_are_counted_on_and_the_pause_is_kept() {
        let again = json!({ "retry_at": Timestamp::from_millis(90) });
        let progress = after(&[started("a", 1, 1), failed("a", "retry", again)]);
        assert_eq!((progress.at, progress.attempts, progress.in_flight), (0, 1, false));
        assert_eq!(progress.retry_at, Some(Timestamp::from_millis(90)));
        assert_eq!((progress.spent.api_calls, progress.total.api_calls), (1, 0));
        assert_eq!(progress.begun_at, Some(Timestamp::from_millis(7)));
    }

    #[test]
    fn a_stand_in_begins_anew_and_a_jump_leaves_out_what_lies_between() {
        let progress = after(&[started("a", 1, 3), failed("a", "fallback", json!({}))]);
        assert_eq!((progress.at, progress.call, progress.attempts), (0, 1, 0));
        assert!(!progress.is_fresh());
        let jump = failed("b", "goto", json!({ "goto": "d" }));
        let progress = after(&[started("a", 1, 1), completed("a", 1), started("b", 1, 1), jump]);
        assert_eq!((progress.at, progress.previous), (3, Some(0)));
        assert!(progress.outcomes[2].is_none());
        assert_eq!(progress.total.api_calls, 2);
    }

    #[test]
    fn what_is_skipped_changes_nothing_for_what_follows() {
        let skipped = entry(EventKind::StepSkipped, json!({ "step": "b", "reason": "x" }));
        let progress = after(&[started("a", 1, 1), completed("a", 1), skipped]);
        assert_eq!((progress.at, progress.previous), (2, Some(0)));
        assert_eq!(progress.outcomes[1], Some(Outcome::Skipped));
    }
}
