//! What a conversation is about: the text to work on, the question, the labels, taken out of its messages.
//!
//! A message may be plain text or JSON. Of a JSON object, `text`, `document`, `content`, `body`, `message`, `article`,
//! `transcript`, `description`, `email`, `input` or `data` is the text; `question`, `query` or `q` the question;
//! `title`, `subject` or `name` the title; `labels`, `categories`, `options` or `choices` the labels. Whatever else
//! it holds stands before the text as `Name: value` lines, so that nothing the caller sent is lost.

use serde_json::{Map, Value};

use super::labels::Label;
use crate::models::{Message, Role};

/// Bytes of text that are read. What comes after is left out, and the reply's notes say so.
pub(super) const MAX_TEXT_BYTES: usize = 1 << 20;
const MAX_DEPTH: usize = 16;

#[derive(Debug, Default)]
pub(super) struct Subject {
    pub(super) text: String,
    pub(super) question: Option<String>,
    pub(super) title: Option<String>,
    pub(super) labels: Vec<Label>,
    /// Bytes left out.
    pub(super) cut: usize,
}

const TEXT: &[&str] = &[
    "text",
    "document",
    "content",
    "body",
    "message",
    "article",
    "transcript",
    "ticket",
    "email",
    "mail",
    "description",
    "markdown",
    "input",
    "data",
    "notes",
    "passage",
];
const QUESTION: &[&str] = &["question", "query", "q"];
const TITLE: &[&str] = &["title", "subject", "headline", "name"];
const LABELS: &[&str] = &["labels", "categories", "options", "choices", "classes"];
/// Longer values of these names are text, not an address.
const SHORT_IS_FIELD: usize = 80;

impl Subject {
    pub(super) fn of(messages: &[Message]) -> Self {
        let mut it = Self::default();
        let users: Vec<&Message> = messages.iter().filter(|it| it.role == Role::User).collect();
        let Some((last, earlier)) = users.split_last() else { return it };
        it.read(&last.content);
        let asks = it.question.is_none() && is_question(&it.text);
        if asks && !earlier.is_empty() {
            it.question = Some(std::mem::take(&mut it.text));
        }
        if it.text.trim().is_empty() {
            let question = it.question.take();
            for message in earlier {
                it.read(&message.content);
                it.text.push_str("\n\n");
            }
            it.question = question.or(it.question.take());
        }
        it.split_question();
        it.cut_to(MAX_TEXT_BYTES);
        it
    }

    fn read(&mut self, content: &str) {
        match serde_json::from_str::<Value>(content) {
            Ok(Value::Object(fields)) => self.read_object(&fields),
            Ok(Value::String(text)) => self.text.push_str(&text),
            Ok(value @ Value::Array(_)) => self.text.push_str(&flat(&value, 0)),
            _ => self.text.push_str(content),
        }
    }

    fn read_object(&mut self, fields: &Map<String, Value>) {
        let main = TEXT
            .iter()
            .filter(|it| fields.get(**it).is_some_and(|value| !is_blank(value)))
            .find(|it| !matches!(**it, "email" | "mail") || fields.get(**it).is_some_and(is_long));
        let mut head = String::new();
        let mut body = String::new();
        for (name, value) in fields {
            let lower = name.to_lowercase();
            let lower = lower.as_str();
            match value {
                Value::String(text) if QUESTION.contains(&lower) => self.question = Some(text.clone()),
                Value::String(text) if TITLE.contains(&lower) && self.title.is_none() && lower != "name" => {
                    self.title = Some(text.clone());
                    head.push_str(&format!("{name}: {text}\n"));
                }
                Value::Array(items) if LABELS.contains(&lower) => {
                    self.labels = items.iter().filter_map(label).collect()
                }
                Value::Null => {}
                _ if main.is_some_and(|it| *it == name) => body = flat(value, 0),
                Value::String(_) if is_long(value) => body = format!("{}\n\n{body}", flat(value, 0)),
                _ => head.push_str(&format!(
                    "{}: {}\n",
                    name.replace('_', " "),
                    flat(value, 1).replace('\n', " ")
                )),
            }
        }
        if !head.is_empty()
            && !body.is_empty()
            && main.is_none_or(|it| *it != "document" || self.title.is_none())
        {
            head.push('\n');
            self.text.push_str(&head);
        } else if body.is_empty() {
            self.text.push_str(&head);
        }
        self.text.push_str(&body);
    }

    /// `Question: …` on a line of its own, first or last, beside a longer text.
    fn split_question(&mut self) {
        if self.question.is_some() {
            return;
        }
        let trimmed = self.text.trim().to_owned();
        for line in [trimmed.lines().next(), trimmed.lines().next_back()].into_iter().flatten() {
            let lower = line.to_lowercase();
            let named = ["question:", "q:", "frage:"].iter().find(|it| lower.starts_with(**it));
            if let Some(name) = named.filter(|_| trimmed.lines().count() > 1)
                && let Some(question) = line.get(name.len()..)
            {
                self.question = Some(question.trim().to_owned());
                self.text = self.text.replacen(line, "", 1);
                return;
            }
        }
    }

    fn cut_to(&mut self, most: usize) {
        if self.text.len() > most {
            let mut end = most;
            while !self.text.is_char_boundary(end) {
                end -= 1;
            }
            self.cut = self.text.len() - end;
            self.text.truncate(end);
        }
    }
}

/// Short and ends with a question mark.
pub(super) fn is_question(text: &str) -> bool {
    let text = text.trim();
    text.ends_with(['?', '？', '؟']) && text.split_whitespace().count() <= 40 && text.lines().count() <= 2
}

fn is_blank(value: &Value) -> bool {
    value.as_str().is_some_and(|it| it.trim().is_empty()) || value.is_null()
}

fn is_long(value: &Value) -> bool {
    value.as_str().is_some_and(|it| it.len() > SHORT_IS_FIELD || it.contains('\n'))
}

fn label(value: &Value) -> Option<Label> {
    match value {
        Value::String(name) => Some(Label { name: name.clone(), ..Label::default() }),
        Value::Object(fields) => {
            let text =
                |names: &[&str]| names.iter().find_map(|it| fields.get(*it)?.as_str()).map(str::to_owned);
            let name = text(&["name", "label", "value", "id"])?;
            Some(Label { name, description: text(&["description"]).unwrap_or_default(), hints: Vec::new() })
        }
        _ => None,
    }
}

/// A JSON value as text a reader would write.
fn flat(value: &Value, depth: usize) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => String::new(),
        Value::Bool(_) | Value::Number(_) => value.to_string(),
        _ if depth > MAX_DEPTH => value.to_string(),
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(|it| flat(it, depth + 1)).collect();
            let between =
                if depth > 0 && parts.iter().all(|it| it.len() < SHORT_IS_FIELD) { ", " } else { "\n\n" };
            parts.join(between)
        }
        Value::Object(fields) => {
            if let (Some(role), Some(content)) = (fields.get("role"), fields.get("content")) {
                return format!("{}: {}", flat(role, depth + 1), flat(content, depth + 1));
            }
            let line = |(name, it): (&String, &Value)| {
                format!("{}: {}", name.replace('_', " "), flat(it, depth + 1))
            };
            fields.iter().map(line).collect::<Vec<_>>().join("\n")
        }
    }
}
