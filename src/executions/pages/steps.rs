//! A run's journal as steps on a time axis, and as log lines.

use std::collections::HashMap;

use serde_json::Value;

use crate::base::Timestamp;
use crate::engine::{Entry, EventKind};
use crate::executions::types::ExecutionView;
use crate::web::view::{Step, count, sentence};

/// Names of the agents that steps ask, by their ids.
pub(super) type AgentNames = HashMap<String, String>;

/// Waiting for its turn, attempts, tool calls and steps, in the order in which they began.
pub(super) fn steps(
    run: &ExecutionView,
    entries: &[Entry],
    agents: &AgentNames,
    now: Timestamp,
) -> Vec<Step> {
    let mut drawn = Drawn { zero: run.created_at, until: run.completed_at.unwrap_or(now), steps: Vec::new() };
    let began = run.started_at.unwrap_or(drawn.until);
    // A wait that nobody could notice is no step.
    if began.since(run.created_at) >= 10 || run.started_at.is_none() {
        let status =
            if run.started_at.is_some() || run.completed_at.is_some() { "completed" } else { "waiting" };
        drawn.add(
            "Waits for its turn",
            if status == "waiting" { "pending" } else { "ok" },
            run.created_at,
            0,
        );
        drawn.end(0, began, None);
    }
    let has_steps = run.workflow_id.is_some();
    let mut attempt = None;
    let mut calls: Vec<(String, usize)> = Vec::new();
    for entry in entries {
        let data = entry.data.to_value();
        match entry.kind {
            EventKind::Started => {
                if let Some(before) = attempt.take() {
                    drawn.end(before, entry.at, Some(if has_steps { "interrupted" } else { "failed" }));
                }
                // What the attempt before left open was cut off with it.
                for (_, at) in calls.drain(..) {
                    drawn.end(at, entry.at, Some("interrupted"));
                }
                let label = match data["attempt"].as_u64().unwrap_or(1) {
                    1 if has_steps => "Run".to_owned(),
                    _ if has_steps => "Taken up again".to_owned(),
                    number => format!("Attempt {number}"),
                };
                attempt = Some(drawn.add(&label, "running", entry.at, 0));
            }
            EventKind::ToolCalled | EventKind::StepStarted => {
                let name = name_of(&data, entry.kind);
                let at = drawn.add(
                    &name,
                    "running",
                    entry.at,
                    if is_within_step(&data, entry.kind) { 2 } else { 1 },
                );
                drawn.steps[at].note = asked(&data, agents);
                calls.push((name, at));
            }
            EventKind::ToolReturned | EventKind::StepCompleted | EventKind::StepFailed => {
                let name = name_of(&data, entry.kind);
                let status = if entry.kind == EventKind::StepFailed { "failed" } else { "completed" };
                let open = calls.iter().rposition(|it| it.0 == name).map(|place| calls.remove(place).1);
                // A step can fail before its agent was asked.
                let failed_early = open.is_none() && entry.kind == EventKind::StepFailed;
                let at = if failed_early { Some(drawn.add(&name, "running", entry.at, 1)) } else { open };
                let Some(at) = at else { continue };
                drawn.end(at, entry.at, Some(status));
                drawn.add_note(at, &short(data["error"]["message"].as_str().unwrap_or_default()));
                drawn.add_note(at, &used(&data["usage"]));
            }
            EventKind::StepSkipped => {
                let at = drawn.add(&name_of(&data, entry.kind), "skipped", entry.at, 1);
                drawn.steps[at].note = short(data["reason"].as_str().unwrap_or_default());
            }
            EventKind::Usage if data["step"].is_null() => {
                if let Some(step) = attempt.and_then(|it| drawn.steps.get_mut(it)) {
                    step.note = used(&data);
                }
            }
            EventKind::Log if is_failure(&data) && data["step"].is_null() => {
                if let Some(step) = attempt.and_then(|it| drawn.steps.get_mut(it)) {
                    step.status = "failed".to_owned();
                    step.note = short(data["message"].as_str().unwrap_or_default());
                    step.duration_ms = entry.at.since(drawn.zero).saturating_sub(step.start_ms);
                }
            }
            _ => {}
        }
    }
    if run.completed_at.is_some() {
        let status = super::index::status_word(run.status);
        if let Some(last) = attempt.filter(|it| drawn.steps[*it].status == "running") {
            drawn.end(last, drawn.until, Some(&status));
        }
        for (_, at) in calls {
            drawn.end(at, drawn.until, Some("interrupted"));
        }
    } else {
        for step in drawn.steps.iter_mut().filter(|it| it.status == "running") {
            step.duration_ms = now.since(drawn.zero).saturating_sub(step.start_ms);
        }
    }
    drawn.steps
}

/// Whether a tool was called by a step.
fn is_within_step(data: &Value, kind: EventKind) -> bool {
    kind == EventKind::ToolCalled && data["step"].is_string()
}

/// Whom a step asks, and for which time.
fn asked(data: &Value, agents: &AgentNames) -> String {
    let name = data["agent_id"].as_str().and_then(|it| agents.get(it)).cloned();
    let again = data["attempt"].as_u64().filter(|it| *it > 1).map(|it| format!("attempt {it}"));
    let stands_in = data["call"].as_u64().filter(|it| *it > 1).map(|_| "stands in".to_owned());
    [name, stands_in, again].into_iter().flatten().collect::<Vec<_>>().join(" · ")
}

struct Drawn {
    zero: Timestamp,
    until: Timestamp,
    steps: Vec<Step>,
}

impl Drawn {
    fn add(&mut self, label: &str, status: &str, at: Timestamp, depth: u8) -> usize {
        self.steps.push(Step {
            label: label.to_owned(),
            status: status.to_owned(),
            start_ms: at.since(self.zero),
            depth,
            ..Step::default()
        });
        self.steps.len() - 1
    }

    fn add_note(&mut self, step: usize, note: &str) {
        let Some(step) = self.steps.get_mut(step).filter(|_| !note.is_empty()) else { return };
        if !step.note.is_empty() {
            step.note.push_str(" · ");
        }
        step.note.push_str(note);
    }

    /// A step that failed before keeps the end that it has.
    fn end(&mut self, step: usize, at: Timestamp, status: Option<&str>) {
        let Some(step) = self.steps.get_mut(step).filter(|it| it.status != "failed") else { return };
        step.duration_ms = at.since(self.zero).saturating_sub(step.start_ms);
        if let Some(status) = status {
            status.clone_into(&mut step.status);
        }
    }
}

fn name_of(data: &Value, kind: EventKind) -> String {
    let name = data["name"].as_str().or_else(|| data["step"].as_str()).unwrap_or("step");
    match kind {
        EventKind::ToolCalled | EventKind::ToolReturned => format!("Tool {name}"),
        _ => name.to_owned(),
    }
}

fn is_failure(data: &Value) -> bool {
    data["level"] == "error"
}

fn used(data: &Value) -> String {
    let tokens = data["input_tokens"].as_u64().unwrap_or(0) + data["output_tokens"].as_u64().unwrap_or(0);
    if tokens == 0 { String::new() } else { format!("{} tokens", count(tokens)) }
}

fn short(text: &str) -> String {
    let mut short: String = sentence(text).chars().take(80).collect();
    if text.chars().count() > 80 {
        short.push('…');
    }
    short
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::base::Json;
    use crate::engine::Status;

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn run(status: &str, completed: Option<i64>) -> ExecutionView {
        let mut run: Value = json!({
            "id": "exe_00000000000000000000000000", "agent_id": "agt_00000000000000000000000000",
            "agent_version": "1.0.0", "workflow_id": null, "deployment_id": null, "parent_id": null,
            "status": status, "input": {}, "output": null, "session_id": null, "error": null, "attempts": 1,
            "trigger": { "kind": "api", "actor": "anonymous" }, "metadata": null,
            "usage": { "duration_ms": 0, "queue_ms": 0, "cpu_time_ms": 0, "memory_peak_bytes": null, "api_calls": 0,
                "input_tokens": 0, "output_tokens": 0, "cost_micros": 0 },
            "created_at": at(1_000), "started_at": at(1_100), "completed_at": null,
        });
        if let Some(ms) = completed {
            run["completed_at"] = json!(at(ms));
        }
        serde_json::from_value(run).expect("a run")
    }

    fn entry(ms: i64, kind: EventKind, data: Value) -> Entry {
        let execution = "exe_00000000000000000000000000".parse().expect("an id");
        Entry { execution, sequence: 1, at: at(ms), kind, data: Json::of(&data) }
    }

    fn drawn(run: &ExecutionView, entries: &[Entry], now: i64) -> Vec<(String, String, u64, u64)> {
        let agents = AgentNames::from([("agt_1".to_owned(), "Writer".to_owned())]);
        let found = steps(run, entries, &agents, at(now));
        found.into_iter().map(|it| (it.label, it.status, it.start_ms, it.duration_ms)).collect()
    }

    #[test]
    fn attempts_stand_behind_each_other_and_tools_below_them() {
        assert_eq!(Status::ALL.len(), 7);
        let entries = [
            entry(1_100, EventKind::Started, json!({"attempt": 1})),
            entry(1_200, EventKind::Log, json!({"level": "error", "message": "no answer"})),
            entry(1_500, EventKind::Started, json!({"attempt": 2})),
            entry(1_600, EventKind::ToolCalled, json!({"name": "search"})),
            entry(1_700, EventKind::ToolReturned, json!({"name": "search"})),
        ];
        let found = drawn(&run("completed", Some(2_000)), &entries, 9_000);
        let expected = [
            ("Waits for its turn", "ok", 0, 100),
            ("Attempt 1", "failed", 100, 100),
            ("Attempt 2", "completed", 500, 500),
            ("Tool search", "completed", 600, 100),
        ];
        let expected: Vec<_> = expected.map(|it| (it.0.to_owned(), it.1.to_owned(), it.2, it.3)).into();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_chain_shows_its_steps_with_whom_they_asked_and_how_they_ended() {
        let step = |ms, kind, name: &str, more: Value| {
            let mut data = json!({ "step": name });
            json_patch::merge(&mut data, &more);
            entry(ms, kind, data)
        };
        let began = |attempt| json!({ "agent_id": "agt_1", "attempt": attempt, "call": 1 });
        let entries = [
            entry(1_100, EventKind::Started, json!({"attempt": 1})),
            step(1_100, EventKind::StepStarted, "one", began(1)),
            step(1_200, EventKind::StepFailed, "one", json!({ "error": { "message": "no answer" } })),
            entry(1_200, EventKind::Log, json!({"level": "error", "message": "x", "step": "one"})),
            step(1_300, EventKind::StepStarted, "one", began(2)),
            step(1_400, EventKind::StepCompleted, "one", json!({ "usage": { "input_tokens": 7 } })),
            step(1_400, EventKind::StepSkipped, "two", json!({ "reason": "its condition does not hold" })),
            step(1_400, EventKind::StepStarted, "three", began(1)),
            entry(1_700, EventKind::Started, json!({"attempt": 2})),
            step(1_700, EventKind::StepStarted, "three", began(1)),
            step(1_800, EventKind::StepCompleted, "three", json!({})),
        ];
        let mut whole = run("completed", Some(2_000));
        whole.workflow_id = Some("wfl_00000000000000000000000001".parse().expect("an id"));
        let agents = AgentNames::from([("agt_1".to_owned(), "Writer".to_owned())]);
        let found = steps(&whole, &entries, &agents, at(9_000));
        let found: Vec<_> = found[1..]
            .iter()
            .map(|it| (it.label.as_str(), it.status.as_str(), it.note.as_str(), it.duration_ms))
            .collect();
        let expected = [
            ("Run", "interrupted", "", 600),
            ("one", "failed", "Writer · No answer", 100),
            ("one", "completed", "Writer · attempt 2 · 7 tokens", 100),
            ("two", "skipped", "Its condition does not hold", 0),
            ("three", "interrupted", "Writer", 300),
            ("Taken up again", "completed", "", 300),
            ("three", "completed", "Writer", 100),
        ];
        assert_eq!(found, expected);
    }

    #[test]
    fn what_goes_on_reaches_to_now() {
        let entries = [entry(1_100, EventKind::Started, json!({"attempt": 1}))];
        let found = drawn(&run("running", None), &entries, 3_000);
        assert_eq!(found.last(), Some(&("Attempt 1".to_owned(), "running".to_owned(), 100, 1_900)));
    }
}
