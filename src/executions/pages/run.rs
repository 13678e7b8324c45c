//! The part of a run's page that changes while it runs.

use std::fmt::Write as _;

use askama::Template;
use askama::filters::HtmlSafe;

use super::index::status_word;
use super::log::{LEVELS, Log, level_of, log};
use super::steps::{AgentNames, steps};
use crate::access::{Action, Cx};
use crate::agents;
use crate::base::{ExecutionId, Micros, Result, Timestamp};
use crate::engine::{Entry, EventKind, Status};
use crate::executions::ops::{find, timeline};
use crate::executions::types::{ExecutionView, UsageView, WaitingFor};
use crate::executions::{error_of, runner_of};
use crate::web::view::{JsonView, UNKNOWN, Waterfall, count, duration, href, money, sentence};

/// Journal entries that a page looks at.
const LOOKED_AT: usize = 5_000;

#[derive(Template)]
#[template(path = "executions/_run.html")]
pub(super) struct RunPart {
    id: String,
    agent: String,
    status: String,
    pub(super) has_ended: bool,
    stats: Vec<(&'static str, String, &'static str, String)>,
    problem: Option<Problem>,
    waterfall: Waterfall,
    output: Option<JsonView>,
    /// What an output that is only text says.
    said: String,
    /// Text that came so far, while there is no output.
    so_far: String,
    log: Log,
    levels: Vec<(&'static str, String, bool)>,
    is_cut: bool,
    csrf_token: String,
    may_cancel: bool,
    may_pause: bool,
    may_resume: bool,
    /// Why it waits.
    waits: &'static str,
    may_retry: bool,
}

struct Problem {
    tone: &'static str,
    title: &'static str,
    message: String,
    /// Whether the other side has stopped, too.
    upstream: String,
    /// None where someone wanted it so.
    code: &'static str,
    suggestions: Vec<String>,
    details: Option<JsonView>,
}

impl HtmlSafe for RunPart {}

impl Problem {
    /// Of a run that someone cancelled: news, and nothing to mend.
    fn wanted(why: Option<&str>, upstream: String) -> Self {
        Self {
            tone: "idle",
            title: "This run was cancelled",
            message: why.map_or_else(|| "Someone ended it before it was done.".to_owned(), sentence),
            upstream,
            code: "",
            suggestions: Vec::new(),
            details: None,
        }
    }
}

/// Errors: `NotFound` where the caller may not see the run.
pub(super) fn run_part(cx: &Cx, id: ExecutionId, level: &str) -> Result<RunPart> {
    let run = find(cx, id)?;
    let entries = timeline(cx, id, LOOKED_AT)?;
    let runner = runner_of(cx, &cx.read()?, run.agent_id, run.workflow_id)?;
    Ok(part_of(cx, &run, runner.name, &entries, level))
}

fn part_of(cx: &Cx, run: &ExecutionView, agent: String, entries: &[Entry], level: &str) -> RunPart {
    let (now, has_ended) = (cx.now(), run.status.has_ended());
    let total_ms = run.completed_at.unwrap_or(now).since(run.created_at);
    let output = run.output.as_ref().map(crate::base::Json::to_value);
    let said = output.as_ref().and_then(|it| it.as_str()).unwrap_or_default().to_owned();
    RunPart {
        id: run.id.to_string(),
        agent,
        status: status_word(run.status),
        has_ended,
        stats: stats(run, now),
        problem: problem(run),
        waterfall: Waterfall::new(total_ms, steps(run, entries, &agent_names(cx, entries), now)),
        so_far: if output.is_none() { text_so_far(entries) } else { String::new() },
        output: output.as_ref().filter(|it| !it.is_string()).map(|it| JsonView::new("Output", it)),
        said,
        log: log(entries, level_of(level)),
        levels: levels(run.id, level),
        is_cut: entries.len() == LOOKED_AT,
        csrf_token: cx.csrf_token().unwrap_or_default().to_owned(),
        may_cancel: !has_ended && cx.may(Action::ExecutionsCancel),
        // An agent's call cannot be paused in the middle.
        may_pause: !has_ended
            && run.paused_at.is_none()
            && (run.workflow_id.is_some() || run.status == Status::Pending)
            && cx.may(Action::ExecutionsCancel),
        may_resume: run.paused_at.is_some() && cx.may(Action::ExecutionsCancel),
        waits: match (run.waiting_for, run.paused_at) {
            (Some(WaitingFor::Resume), _) => {
                "It is paused, and goes on when someone resumes it. The time does not count against its limit."
            }
            (None, Some(_)) => "It will wait once its present step has ended.",
            (None, None) => "",
        },
        may_retry: has_ended && cx.may(Action::ExecutionsRetry),
    }
}

/// Names of the agents that the run's steps asked. A name that cannot be read is left out.
fn agent_names(cx: &Cx, entries: &[Entry]) -> AgentNames {
    let mut names = AgentNames::new();
    let Ok(rows) = cx.read() else { return names };
    for entry in entries.iter().filter(|it| it.kind == EventKind::StepStarted) {
        let data = entry.data.to_value();
        let Some(id) = data["agent_id"].as_str().filter(|it| !names.contains_key(*it)) else { continue };
        let name = id.parse().ok().and_then(|it| agents::name_of(&rows, it).ok()).flatten();
        if let Some(name) = name {
            names.insert(id.to_owned(), name.name);
        }
    }
    names
}

fn calls(count: u64) -> String {
    if count == 1 { "1 call".to_owned() } else { format!("{count} calls") }
}

/// Label, value, tone, note.
fn stats(run: &ExecutionView, now: Timestamp) -> Vec<(&'static str, String, &'static str, String)> {
    let usage = &run.usage;
    let took = if run.started_at.is_some() { duration(usage.duration_ms) } else { "–".to_owned() };
    let waited = format!("{} in the queue", duration(run.started_at.unwrap_or(now).since(run.created_at)));
    let (tokens, cost, cpu) = match run.completed_at {
        Some(_) => (tokens(usage), cost(usage), cpu(usage)),
        // It is added up at the end.
        None => Default::default(),
    };
    let attempts = match run.attempts {
        0 | 1 => String::new(),
        _ => "tried more than once".to_owned(),
    };
    vec![
        ("Took", took, "idle", waited),
        ("Attempts", run.attempts.to_string(), if run.attempts > 1 { "warn" } else { "idle" }, attempts),
        ("Tokens", or_none(tokens.0), "idle", tokens.1),
        ("Cost", or_none(cost.0), "idle", cost.1),
        ("Processor time", or_none(cpu.0), "idle", cpu.1),
    ]
}

fn or_none(value: String) -> String {
    if value.is_empty() { "–".to_owned() } else { value }
}

/// Value and note.
fn tokens(usage: &UsageView) -> (String, String) {
    match (usage.input_tokens.zip(usage.output_tokens), usage.uncounted_calls) {
        (None, _) => (UNKNOWN.to_owned(), "the agent does not count them".to_owned()),
        (Some((0, 0)), 0) => (count(0), String::new()),
        (Some((input, output)), 0) => {
            (count(input + output), format!("{} in, {} out", count(input), count(output)))
        }
        (Some((input, output)), unknown) => {
            (count(input + output), format!("and those of {} that did not count", calls(unknown)))
        }
    }
}

fn cost(usage: &UsageView) -> (String, String) {
    let known = |micros| money(Micros(micros), "USD");
    match (usage.cost_micros, usage.unpriced_calls) {
        (None, _) => (UNKNOWN.to_owned(), "nobody has said a price".to_owned()),
        (Some(micros), 0) => (known(micros), String::new()),
        (Some(micros), unknown) => (known(micros), format!("and {} of unknown cost", calls(unknown))),
    }
}

fn cpu(usage: &UsageView) -> (String, String) {
    match usage.cpu_time_ms {
        None => (UNKNOWN.to_owned(), "the work was done elsewhere".to_owned()),
        Some(ms) => (duration(ms), String::new()),
    }
}

fn problem(run: &ExecutionView) -> Option<Problem> {
    let error = error_of(run)?;
    let upstream = run.cancellation.as_ref().map(|it| sentence(&it.message)).unwrap_or_default();
    let title = match run.status {
        Status::Cancelled => {
            let why = run.error.as_ref().map(|it| it.message.as_str());
            return Some(Problem::wanted(why, upstream));
        }
        Status::Timeout => "This run took too long",
        _ => "This run failed",
    };
    let details = run.error.as_ref().map(|it| it.details.to_value());
    let details = details.filter(|it| it.as_object().is_some_and(|it| !it.is_empty()));
    Some(Problem {
        tone: "bad",
        title,
        message: sentence(error.message()),
        upstream,
        code: error.code().name(),
        suggestions: run.error.as_ref().map(|it| advice(it.code)).unwrap_or_default(),
        details: details.map(|it| JsonView::new("Details", &it)),
    })
}

/// What to do, in the words of a page.
fn advice(code: crate::base::Code) -> Vec<String> {
    use crate::base::Code;
    let advice: &[&str] = match code {
        Code::ExecutionTimeout => {
            &["Look at the timeline for what took so long.", "Give the agent a longer time limit."]
        }
        Code::CredentialInvalid => &["Replace the value of the credential that the agent uses."],
        Code::EgressDenied => &[
            "Read what is refused above: a credential's hosts are changed on its page, addresses inside your network in the setting egress.allow.",
            "Or point the agent elsewhere.",
        ],
        Code::InvalidOutput => &["Compare the output with the agent's output schema; one of them is wrong."],
        Code::Interrupted => &["The server stopped while this ran. Check what it did, then retry."],
        Code::Unavailable | Code::ExecutionFailed => {
            &["Test the agent on its page: the other side may be down.", "Retry once the cause is mended."]
        }
        _ => &["Retry once the cause is mended."],
    };
    advice.iter().map(|it| (*it).to_owned()).collect()
}

/// Text that the agent has written since its last attempt began.
fn text_so_far(entries: &[Entry]) -> String {
    let begun = entries.iter().rposition(|it| it.kind == EventKind::Started).unwrap_or(0);
    let mut text = String::new();
    let mut of_step = String::new();
    for entry in entries[begun..].iter().filter(|it| it.kind == EventKind::Delta) {
        let data = entry.data.to_value();
        if let Some(step) = data["step"].as_str().filter(|it| *it != of_step) {
            let _ = writeln!(text, "{}[{step}]", if text.is_empty() { "" } else { "\n\n" });
            step.clone_into(&mut of_step);
        }
        match data["text"].as_str() {
            Some(more) => text.push_str(more),
            None => {
                let _ = writeln!(text, "{}", data["json"]);
            }
        }
    }
    text
}

fn levels(id: ExecutionId, level: &str) -> Vec<(&'static str, String, bool)> {
    let path = format!("/executions/{id}");
    let known = LEVELS.iter().any(|it| it.0 == level);
    LEVELS
        .iter()
        .map(|(word, label)| {
            let here = if known { *word == level } else { word.is_empty() };
            (*label, format!("{}#log", href(&path, [("level", *word)])), here)
        })
        .collect()
}
