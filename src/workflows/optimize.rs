//! What recorded runs say about a chain's steps, and what could be better. Pure.

use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::facts::{Completed, Failed, Skipped, Started, Then};
use super::types::{Chain, Step};
use crate::adapters::Usage;
use crate::adapters::mapping;
use crate::engine::{Entry, EventKind};

/// Below this many runs nothing is said about how steps do.
const FEWEST_RUNS: u64 = 5;
const SLOW_SHARE: f64 = 0.5;
const FAILING_SHARE: f64 = 0.1;
const COSTLY_SHARE: f64 = 0.6;

/// What recorded runs say about a chain.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct Optimization {
    /// The newest runs of the chain's present revision; others are not looked at.
    pub runs: u64,
    pub steps: Vec<StepFigures>,
    pub suggestions: Vec<Suggestion>,
}

#[derive(Debug, Clone, Default, Serialize, JsonSchema)]
#[schemars(rename = "ChainStepFigures")]
pub struct StepFigures {
    pub step: String,
    pub completed: u64,
    /// For good.
    pub failed: u64,
    pub skipped: u64,
    /// Attempts beyond the first.
    pub retried: u64,
    pub p50_ms: Option<u64>,
    pub p95_ms: Option<u64>,
    /// Of the time that all steps took together, 0 to 1.
    pub share_of_time: f64,
    /// As far as it is known; `null` where it is of no call.
    pub input_tokens: Option<u64>,
    /// As far as it is known; `null` where it is of no call.
    pub output_tokens: Option<u64>,
    /// As far as it is known; `null` where it is of no call.
    pub cost_micros: Option<i64>,
    /// Calls whose cost nobody knows: it is not in `cost_micros`.
    pub unpriced_calls: u64,
    #[serde(skip)]
    #[schemars(skip)]
    usage: Usage,
    #[serde(skip)]
    #[schemars(skip)]
    durations: Vec<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "ChainSuggestionKind")]
pub enum SuggestionKind {
    /// It does not need what the step before it yields.
    Parallel,
    Slow,
    Failing,
    Costly,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(rename = "ChainSuggestion")]
pub struct Suggestion {
    pub kind: SuggestionKind,
    pub step: String,
    pub message: String,
}

/// Adds up what happened in runs.
pub(super) struct Tally {
    runs: u64,
    steps: Vec<StepFigures>,
}

impl Tally {
    pub(super) fn of(chain: &Chain) -> Self {
        let steps =
            chain.steps.iter().map(|it| StepFigures { step: it.id.clone(), ..StepFigures::default() });
        Self { runs: 0, steps: steps.collect() }
    }

    /// Adds one run's journal.
    pub(super) fn add(&mut self, entries: &[Entry]) {
        self.runs += 1;
        for entry in entries {
            self.count(entry);
        }
    }

    fn count(&mut self, entry: &Entry) -> Option<()> {
        let text = entry.data.as_str();
        match entry.kind {
            EventKind::StepStarted => {
                let fact: Started = serde_json::from_str(text).ok()?;
                self.step(&fact.step)?.retried += u64::from(fact.attempt > 1);
            }
            EventKind::StepCompleted => {
                let fact: Completed = serde_json::from_str(text).ok()?;
                let step = self.step(&fact.step)?;
                step.completed += 1;
                step.took(fact.duration_ms, fact.usage);
            }
            EventKind::StepFailed => {
                let fact: Failed = serde_json::from_str(text).ok()?;
                let step = self.step(&fact.step)?;
                if fact.then != Then::Retry {
                    step.failed += u64::from(fact.then != Then::Fallback);
                    step.took(fact.duration_ms, fact.usage);
                }
            }
            EventKind::StepSkipped => {
                let fact: Skipped = serde_json::from_str(text).ok()?;
                self.step(&fact.step)?.skipped += 1;
            }
            _ => {}
        }
        Some(())
    }

    fn step(&mut self, id: &str) -> Option<&mut StepFigures> {
        self.steps.iter_mut().find(|it| it.step == id)
    }

    pub(super) fn told(mut self, chain: &Chain) -> Optimization {
        let all: u64 = self.steps.iter().flat_map(|it| &it.durations).sum();
        for step in &mut self.steps {
            step.durations.sort_unstable();
            step.p50_ms = quantile(&step.durations, 50);
            step.p95_ms = quantile(&step.durations, 95);
            step.share_of_time = share(step.durations.iter().sum(), all);
            let tokens = step.usage.known_tokens();
            (step.input_tokens, step.output_tokens) = (tokens.map(|it| it.0), tokens.map(|it| it.1));
            step.cost_micros = step.usage.known_cost_micros();
            step.unpriced_calls = step.usage.unpriced_calls;
        }
        let mut suggestions = beside_each_other(chain);
        if self.runs >= FEWEST_RUNS {
            suggestions.extend(self.steps.iter().flat_map(|it| it.advice(self.steps.len())));
            suggestions.extend(costly(&self.steps));
        }
        Optimization { runs: self.runs, steps: self.steps, suggestions }
    }
}

impl StepFigures {
    fn took(&mut self, duration_ms: u64, usage: Usage) {
        self.durations.push(duration_ms);
        self.usage.add(usage);
    }

    fn advice(&self, steps: usize) -> Vec<Suggestion> {
        let mut advice = Vec::new();
        let mut say = |kind, message| advice.push(Suggestion { kind, step: self.step.clone(), message });
        let ran = self.completed + self.failed;
        if ran > 0 && share(self.failed, ran) >= FAILING_SHARE {
            let message = format!(
                "{} of {ran} times it failed: look at its last error, or let another agent stand in (on_error)",
                self.failed
            );
            say(SuggestionKind::Failing, message);
        }
        if steps > 1 && self.share_of_time >= SLOW_SHARE {
            let message = format!(
                "it takes {:.0} % of the time of all steps: a quicker agent here helps most",
                self.share_of_time * 100.0
            );
            say(SuggestionKind::Slow, message);
        }
        advice
    }
}

fn costly(steps: &[StepFigures]) -> Option<Suggestion> {
    let all: i64 = steps.iter().map(|it| it.usage.cost_micros).sum();
    let most = steps.iter().max_by_key(|it| it.usage.cost_micros).filter(|_| steps.len() > 1 && all > 0)?;
    let part = most.usage.cost_micros as f64 / all as f64;
    (part >= COSTLY_SHARE).then(|| Suggestion {
        kind: SuggestionKind::Costly,
        step: most.step.clone(),
        message: format!(
            "{:.0} % of what a run costs: a condition or a cheaper agent here saves most",
            part * 100.0
        ),
    })
}

/// Steps that need nothing of the one before them.
fn beside_each_other(chain: &Chain) -> Vec<Suggestion> {
    let pairs = chain.steps.iter().zip(chain.steps.iter().skip(1));
    pairs
        .filter(|(before, step)| !needs(step, &before.id))
        .map(|(before, step)| Suggestion {
            kind: SuggestionKind::Parallel,
            step: step.id.clone(),
            message: format!("it reads nothing of “{}” and could run beside it", before.id),
        })
        .collect()
}

/// Whether a step reads what comes before it, as far as can be told; what cannot is taken for a yes.
fn needs(step: &Step, before: &str) -> bool {
    let Some(input) = &step.input_mapping else { return true };
    let condition = step.condition.as_ref().map(|it| Value::from(it.as_str()));
    let output = step.output_mapping.as_ref().map(crate::base::Json::to_value);
    let mappings = [Some(input.to_value()), condition, output];
    let names: BTreeSet<String> = mappings
        .into_iter()
        .flatten()
        .flat_map(|it| mapping::look(&it))
        .filter_map(|it| it.reads.ok())
        .flatten()
        .collect();
    let own = format!("steps.{before}");
    names.iter().any(|it| {
        it == "previous"
            || it.starts_with("previous.")
            || it == "steps"
            || *it == own
            || it.starts_with(&format!("{own}."))
    })
}

fn quantile(sorted: &[u64], percent: usize) -> Option<u64> {
    sorted.get((sorted.len() * percent / 100).min(sorted.len().saturating_sub(1))).copied()
}

fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::{Json, Timestamp};
    use crate::workflows::tests::a_chain;

    fn entry(kind: EventKind, data: &Value) -> Entry {
        let execution = "exe_00000000000000000000000000".parse().expect("an id");
        Entry { execution, sequence: 1, at: Timestamp::from_millis(0), kind, data: Json::of(data) }
    }

    fn usage(cost: i64) -> Value {
        json!({ "api_calls": 1, "input_tokens": 1, "output_tokens": 1, "cost_micros": cost, "cpu_time_ms": 0 })
    }

    fn completed(step: &str, ms: u64, cost: i64) -> Entry {
        let data = json!({ "step": step, "output": {}, "usage": usage(cost), "duration_ms": ms });
        entry(EventKind::StepCompleted, &data)
    }

    fn failed(step: &str) -> Entry {
        let data = json!({
            "step": step, "call": 1, "attempt": 1, "error": { "code": "ExecutionFailed", "message": "no" },
            "then": "continue", "usage": usage(0), "duration_ms": 1,
        });
        entry(EventKind::StepFailed, &data)
    }

    #[test]
    fn slow_failing_and_costly_steps_are_named_and_those_that_need_not_wait() {
        let chain = a_chain(json!({ "steps": [
            { "id": "a" },
            { "id": "b", "input_mapping": "input.x" },
            { "id": "c", "input_mapping": { "a": "{{ steps.a.output }}", "b": "{{ steps.b.output }}" } },
            { "id": "d", "input_mapping": "steps.b.output", "condition": "previous.go" },
        ] }));
        let mut tally = Tally::of(&chain);
        for n in 0..6 {
            let b = if n < 2 { failed("b") } else { completed("b", 90, 10) };
            tally.add(&[completed("a", 10, 1), b, completed("c", 10, 1)]);
        }
        let told = tally.told(&chain);
        let kinds: Vec<_> = told.suggestions.iter().map(|it| (it.kind, it.step.as_str())).collect();
        use SuggestionKind::{Costly, Failing, Parallel, Slow};
        assert_eq!(kinds, [(Parallel, "b"), (Failing, "b"), (Slow, "b"), (Costly, "b")]);
        assert_eq!((told.runs, told.steps[1].failed, told.steps[1].p50_ms), (6, 2, Some(90)));
    }

    #[test]
    fn few_runs_say_nothing_about_how_steps_do() {
        let chain = a_chain(json!({ "steps": [{ "id": "a" }, { "id": "b" }] }));
        let mut tally = Tally::of(&chain);
        tally.add(&[failed("a"), completed("b", 90, 1)]);
        assert_eq!(tally.told(&chain).suggestions, []);
    }
}
