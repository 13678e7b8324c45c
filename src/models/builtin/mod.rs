//! The builtin model. It is **not a language model** and does not pretend to be: a deterministic text engine that
//! needs no key, no network and no download. It summarizes by choosing sentences, labels by comparing words, fills
//! a schema with what it can recognise, and answers by quoting. It never writes a fact that is not in the text, and
//! the same request always gets the same answer.
//!
//! How instructions decide: `task`. What a message may hold: `subject`. How output fields are understood: `fill`.

mod bound;
mod digest;
mod fill;
mod find;
mod keywords;
mod labels;
mod quote;
mod rank;
mod subject;
mod task;
mod text;
mod tokens;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use async_trait::async_trait;
use serde_json::{Value, json};
use tokio_util::sync::CancellationToken;

use super::{Ended, Model, ModelError, OnDelta, Reply, Request, Tokens};
use crate::base::Code;
use digest::{Reading, distinct};
use find::NameKind;
use subject::Subject;

pub use bound::most_tokens;
pub use task::Task;
pub use tokens::count as count_tokens;

/// What it says of itself.
pub const DESCRIPTION: &str = "Built in, no LLM: chooses sentences, picks labels, pulls out fields and quotes passages. \
                               Deterministic, offline, free.";
/// Tokens that one delta holds at most.
const TOKENS_PER_DELTA: usize = 6;

/// The model, set to a task.
#[derive(Debug, Clone, Copy, Default)]
pub struct Builtin {
    pub task: Task,
}

impl Builtin {
    pub const NAME: &'static str = "builtin";

    pub fn new(task: Task) -> Self {
        Self { task }
    }

    /// The whole answer at once, on this thread. Time grows with the text's length: about a quarter of a second for 1 MiB.
    pub fn think(&self, request: &Request) -> Reply {
        let subject = Subject::of(&request.messages);
        let mut notes = Vec::new();
        if subject.cut > 0 {
            notes.push(format!(
                "read the first {} bytes of text, left out {}",
                subject.text.len(),
                subject.cut
            ));
        }
        let schema = request.output_schema.as_deref();
        let (text, json, did) = match schema.map(|it| (it, wish(it))) {
            Some((schema, Wish::Fields)) => {
                let reading = Reading::of(subject.text.as_str(), subject.title.clone());
                notes.push(read_note(&reading));
                let value = fill::fill(&reading, &subject, &request.instructions, schema);
                (fill::write(&value, schema), Some(value), "filled the output schema")
            }
            wished => {
                let task = task::decide(self.task, &request.instructions, &subject);
                let (text, reading) = plain_answer(task, &request.instructions, &subject);
                notes.push(read_note(&reading));
                let json = match wished.map(|it| it.1) {
                    Some(Wish::Text) => Some(Value::String(text.clone())),
                    Some(_) => Some(json!({ "text": text })),
                    None => None,
                };
                (json.as_ref().map_or(text, Value::to_string), json, did(task))
            }
        };
        notes.push(did.to_owned());
        let (text, output, ended) = cut(text, request.max_output_tokens);
        let json = json.filter(|_| ended == Ended::Whole);
        let input = tokens::count(&request.instructions)
            + request.messages.iter().map(|it| tokens::count(&it.content)).sum::<u64>();
        Reply { text, json, tokens: Tokens { input, output }, cpu_time_ms: 0, ended, notes }
    }
}

#[async_trait]
impl Model for Builtin {
    fn name(&self) -> &str {
        Self::NAME
    }

    async fn answer(
        &self,
        request: Request,
        on_delta: OnDelta<'_>,
        stop: &CancellationToken,
    ) -> Result<Reply, ModelError> {
        let cancelled = || ModelError::new(Code::ExecutionCancelled, "the run was cancelled");
        let (model, request) = (*self, Arc::new(request));
        let work = tokio::task::spawn_blocking(move || {
            let begun = thread_time_us();
            let reply = model.think(&request);
            Reply { cpu_time_ms: thread_time_us().saturating_sub(begun).div_ceil(1_000).max(1), ..reply }
        });
        let reply = tokio::select! {
            done = work => done.map_err(|_| ModelError::new(Code::Internal, "the builtin model could not read this text"))?,
            () = stop.cancelled() => return Err(cancelled()),
        };
        for delta in deltas(&reply.text) {
            if stop.is_cancelled() {
                return Err(cancelled());
            }
            on_delta(delta);
        }
        Ok(reply)
    }
}

/// Processor time of this thread so far.
fn thread_time_us() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    u64::try_from(time.tv_sec * 1_000_000 + time.tv_nsec / 1_000).unwrap_or(0)
}

/// What an output schema wishes for.
enum Wish {
    /// A text, whatever it says.
    Text,
    /// Anything, which asks for nothing in particular.
    Anything,
    Fields,
}

fn wish(schema: &Value) -> Wish {
    const SAYS: &[&str] =
        &["$schema", "$id", "title", "description", "type", "examples", "additionalProperties"];
    let Some(fields) = schema.as_object() else { return Wish::Anything };
    let plain = fields.keys().all(|it| SAYS.contains(&it.as_str()));
    match schema["type"].as_str() {
        Some("string") if plain => Wish::Text,
        None if plain && schema.get("type").is_none() => Wish::Anything,
        Some("object") if plain && schema["additionalProperties"] != false => Wish::Anything,
        _ => Wish::Fields,
    }
}

fn did(task: Task) -> &'static str {
    match task {
        Task::Auto | Task::Summarize => "summarized",
        Task::Classify => "picked a label",
        Task::Extract => "listed what was found",
        Task::Answer => "looked for passages that answer",
    }
}

fn read_note(reading: &Reading) -> String {
    let language = reading.doc.language.name().unwrap_or("an unknown language");
    format!("read {} words in {} sentences, {language}", reading.doc.word_count, reading.sentence_count())
}

fn plain_answer(task: Task, instructions: &str, subject: &Subject) -> (String, Reading) {
    let reading = Reading::of(subject.text.as_str(), subject.title.clone());
    let text = match task {
        Task::Answer => quoted(&reading, subject),
        Task::Classify => label(&reading, instructions, subject),
        Task::Extract => listed(&reading),
        Task::Auto | Task::Summarize => reading.markdown(task::length(instructions)),
    };
    (text, reading)
}

fn quoted(reading: &Reading, subject: &Subject) -> String {
    let Some(question) = subject.question.as_deref() else {
        return "There is a question but no text to answer it from. I am the builtin text engine, not a language \
                model: send the text too, as {\"text\": …, \"question\": …}."
            .to_owned();
    };
    let found = quote::answer(&reading.doc, &reading.facts, question, 3);
    if found.is_empty() {
        return fill::NOTHING_ANSWERS.to_owned();
    }
    let each: Vec<String> = found.iter().map(|it| format!("> {}\n— {}", it.quote, it.place())).collect();
    each.join("\n\n")
}

fn label(reading: &Reading, instructions: &str, subject: &Subject) -> String {
    let labels = if subject.labels.is_empty() { task::labels(instructions) } else { subject.labels.clone() };
    if labels.is_empty() {
        return "No labels were given to choose from: name them in the instructions (one of: a, b, c), in the input \
                as `labels`, or as an `enum` of the output schema."
            .to_owned();
    }
    let features = labels::Features::of(&reading.doc);
    let verdict = labels::pick(&features, &labels, instructions);
    labels[verdict.label].name.clone()
}

fn listed(reading: &Reading) -> String {
    let facts = &reading.facts;
    let mut out = String::new();
    let mut list = |name: &str, values: Vec<String>| {
        if !values.is_empty() {
            out.push_str(&format!("**{name}**\n"));
            values.iter().take(100).for_each(|it| out.push_str(&format!("- {it}\n")));
            out.push('\n');
        }
    };
    list("People", reading.names(NameKind::Person));
    list("Organizations", reading.names(NameKind::Organization));
    list("Places", reading.names(NameKind::Place));
    list("Dates", reading.dates());
    list("Times", distinct(facts.times.iter().map(|it| it.it.clone())));
    list("Amounts", reading.amounts());
    list("Percentages", distinct(facts.percentages.iter().map(|it| format!("{} %", it.it))));
    list("Identifiers", distinct(facts.identifiers.iter().map(|it| it.it.value.clone())));
    list("E-mail", distinct(facts.emails.iter().map(|it| it.it.clone())));
    list("Telephone", distinct(facts.phones.iter().map(|it| it.it.clone())));
    list("Addresses", distinct(facts.urls.iter().map(|it| it.it.clone())));
    if out.is_empty() { "Nothing was found that could be listed.".to_owned() } else { out }
}

/// `text` within `most` tokens, and how many it has.
fn cut(text: String, most: Option<u64>) -> (String, u64, Ended) {
    let (mut end, mut count) = (0, 0);
    for piece in tokens::pieces(&text) {
        if most.is_some_and(|it| count >= it) {
            return (text[..end].to_owned(), count, Ended::Length);
        }
        end += piece.len();
        count += 1;
    }
    (text, count, Ended::Whole)
}

/// `text` in pieces of a few tokens.
fn deltas(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = text;
    std::iter::from_fn(move || {
        let length: usize = tokens::pieces(rest).take(TOKENS_PER_DELTA).map(str::len).sum();
        let (piece, after) = rest.split_at(length);
        rest = after;
        (!piece.is_empty()).then_some(piece)
    })
}
