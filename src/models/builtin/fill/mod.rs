//! Fills an output schema from a text. What a property asks for is told by its type, its enum, its name, its format
//! and its description; what the text does not say is left out, `null`, or the least value the schema allows.

mod list;
mod pick;
mod role;
mod scalar;
mod schema;

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::digest::Reading;
use super::find::{Amount, Date, Identifier};
use super::labels::{Features, Label, is_fallback, pick as pick_label};
use super::quote::{self, Passage};
use super::subject::Subject;
use super::task::{self, Length};
use role::{Role, Wanted};
use schema::{Kind, MAX_DEPTH, Schema};

pub(super) use schema::write;

/// The one fact an item of a list is about.
#[derive(Clone)]
enum Focus {
    Date(Date),
    Amount(Amount),
    Identifier(Identifier),
    Name(String),
}

/// One part of the text, for an item of a list.
struct Part {
    reading: Reading,
    focus: Option<Focus>,
    place: Option<Passage>,
    definitions: Vec<(String, String)>,
}

struct Filler<'a> {
    reading: &'a Reading,
    features: Features,
    question: Option<&'a str>,
    length: Option<Length>,
    /// What the instructions say names mean.
    definitions: Vec<(String, String)>,
    focus: Option<Focus>,
    place: Option<Passage>,
    is_part: bool,
    /// Of the first label picked.
    confidence: Cell<f64>,
    /// Label and what spoke for it, in order of picking.
    reasons: RefCell<Vec<(String, Vec<String>)>>,
}

/// A value of `schema` filled from the text.
pub(super) fn fill(reading: &Reading, subject: &Subject, instructions: &str, schema: &Value) -> Value {
    let filler = Filler {
        reading,
        features: Features::of(&reading.doc),
        question: subject.question.as_deref(),
        length: task::length(instructions),
        definitions: task::definitions(instructions),
        focus: None,
        place: None,
        is_part: false,
        confidence: Cell::new(0.0),
        reasons: RefCell::new(Vec::new()),
    };
    let root = Schema::root(schema);
    filler.value("", &root, true, 0).unwrap_or_else(|| root.least(0))
}

/// Says nothing.
fn is_bare(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty() || text.starts_with("not stated"),
        Value::Array(items) => items.is_empty(),
        Value::Object(fields) => fields.values().all(is_bare),
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::Bool(it) => !it,
    }
}

impl Filler<'_> {
    /// `None` where the text does not tell and the value may be absent.
    fn value(&self, name: &str, schema: &Schema<'_>, required: bool, depth: usize) -> Option<Value> {
        if let Some(value) = schema.get("const") {
            return Some(value.clone());
        }
        let found = if schema.get("enum").is_some() {
            self.choice(name, schema, required)
        } else {
            let wanted = Wanted::of(name, schema);
            match schema.kind() {
                Kind::String => self.text(&wanted, schema, !required).map(|it| json!(schema.fit_text(it))),
                Kind::Number | Kind::Integer => self.number(&wanted, schema),
                Kind::Boolean => Some(self.yes_or_no(&wanted, schema)),
                Kind::Array if depth < MAX_DEPTH => Some(json!(self.list(name, schema, depth))),
                Kind::Object if depth < MAX_DEPTH => {
                    Some(self.object(schema, depth)).filter(|it| required || !is_bare(it))
                }
                Kind::Any => self.text(&wanted, schema, !required).map(Value::String),
                Kind::Array | Kind::Object | Kind::Null => None,
            }
        };
        found.or_else(|| (required || schema.nullable).then(|| schema.least(depth)))
    }

    fn object(&self, schema: &Schema<'_>, depth: usize) -> Value {
        let required = schema.required();
        let mut values: BTreeMap<&str, Value> = BTreeMap::new();
        // Labels first: confidence and reason speak of them.
        let mut order: Vec<(&str, Schema<'_>)> =
            schema.properties().into_iter().map(|(name, it)| (name, schema.child(it))).collect();
        order.sort_by_key(|(name, it)| match Wanted::of(name, it).role {
            _ if it.get("enum").is_some() => 0,
            Role::Answer | Role::Passages => 1,
            Role::Confidence | Role::Reason => 3,
            _ => 2,
        });
        for (name, property) in order {
            if let Some(value) = self.value(name, &property, required.contains(&name), depth + 1) {
                values.insert(name, value);
            }
        }
        for name in required {
            values.entry(name).or_insert(Value::Null);
        }
        let fields: Map<String, Value> =
            values.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        Value::Object(fields)
    }

    fn choice(&self, name: &str, schema: &Schema<'_>, required: bool) -> Option<Value> {
        let wanted = Wanted::of(name, schema);
        let labels = self.labels_in(schema);
        if labels.is_empty() {
            let numbers = schema.get("enum").and_then(Value::as_array)?;
            let aim = self.number(&wanted, schema).and_then(|it| it.as_f64())?;
            let distance = |it: &&Value| it.as_f64().map_or(f64::MAX, |it| (it - aim).abs());
            return numbers.iter().min_by(|a, b| distance(a).total_cmp(&distance(b))).cloned();
        }
        if wanted.role == Role::Language {
            let code = self.reading.doc.language.code().unwrap_or_default();
            let named = self.reading.doc.language.name().unwrap_or_default().to_lowercase();
            let fits = |it: &&Label| it.name.to_lowercase() == code || it.name.to_lowercase() == named;
            if let Some(label) = labels.iter().find(fits) {
                return Some(json!(label.name));
            }
        }
        let verdict = pick_label(&self.features, &labels, &wanted.purpose);
        let label = &labels[verdict.label];
        let nothing = verdict.confidence <= 0.0 && !is_fallback(&label.name);
        if nothing && (!required || schema.nullable) {
            return None;
        }
        if self.confidence.get() == 0.0 {
            self.confidence.set(verdict.confidence);
        }
        self.reasons.borrow_mut().push((label.name.clone(), verdict.because));
        Some(json!(label.name))
    }

    /// The texts of an enum as labels, with all that is said of them: `x-hints` and `x-labels` of the schema (an
    /// object by label: a description, or a list of words), and the instructions.
    fn labels_in(&self, schema: &Schema<'_>) -> Vec<Label> {
        let values = schema.get("enum").and_then(Value::as_array);
        let names = values.into_iter().flatten().filter_map(Value::as_str);
        let told =
            ["x-hints", "x-labels", "x-descriptions"].iter().filter_map(|it| schema.get(it)?.as_object());
        let told: Vec<&Map<String, Value>> = told.collect();
        let mut labels: Vec<Label> = Vec::new();
        for name in names {
            let mut label = Label { name: name.to_owned(), ..Label::default() };
            for entry in told.iter().filter_map(|it| it.get(name)) {
                match entry {
                    Value::String(text) => label.description = format!("{} {text}", label.description),
                    Value::Array(words) => {
                        label.hints.extend(words.iter().filter_map(Value::as_str).map(str::to_owned))
                    }
                    _ => {}
                }
            }
            let plain = super::labels::split_name(name).to_lowercase();
            let defined = self.definitions.iter().filter(|it| it.0 == name.to_lowercase() || it.0 == plain);
            for (_, meaning) in defined {
                label.description = format!("{} {meaning}", label.description);
            }
            labels.push(label);
        }
        let said = task::definitions(&schema.text("description").replace("; ", "\n"));
        for label in &mut labels {
            if let Some((_, meaning)) = said.iter().find(|it| it.0 == label.name.to_lowercase()) {
                label.description = format!("{} {meaning}", label.description);
            }
        }
        labels
    }

    /// What answers the question, or what matters most where none is asked.
    fn passages(&self, most: usize) -> Vec<Passage> {
        match self.question {
            Some(question) => {
                let found = quote::answer(&self.reading.doc, &self.reading.facts, question, most);
                self.confidence.set(found.first().map_or(0.0, |it| it.score));
                found
            }
            None => self.reading.key_points(most, &[]),
        }
    }

    fn answer_text(&self) -> String {
        let found = self.passages(2);
        if found.is_empty() {
            return NOTHING_ANSWERS.to_owned();
        }
        found.into_iter().map(|it| it.quote).collect::<Vec<_>>().join(" ")
    }

    /// Why the labels are what they are, in one sentence each.
    fn reason(&self) -> String {
        let reasons = self.reasons.borrow();
        let told = reasons.iter().filter(|it| !it.1.is_empty());
        let each: Vec<String> = told
            .map(|(label, because)| {
                let words: Vec<String> = because.iter().map(|it| format!("“{it}”")).collect();
                format!("{label}: {}", words.join(", "))
            })
            .collect();
        match (each.is_empty(), reasons.is_empty()) {
            (false, _) => format!("The text says so: {}.", each.join("; ")),
            (true, false) => "Nothing in the text speaks for a particular label.".to_owned(),
            (true, true) => self.passages(1).first().map(|it| it.place()).unwrap_or_default(),
        }
    }
}

pub(super) const NOTHING_ANSWERS: &str = "Nothing in the text answers this.";
