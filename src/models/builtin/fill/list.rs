//! Fills lists: of texts, of numbers, of labels, of objects (one per fact, per passage, or per part of the text).

use serde_json::{Value, json};

use super::super::digest::{Reading, distinct};
use super::super::find::NameKind;
use super::super::labels::pick as pick_label;
use super::super::quote::{self, Passage};
use super::super::text::{Kind as BlockKind, clip};
use super::role::{Role, Wanted};
use super::schema::{Kind, Schema};
use super::{Filler, Focus, is_bare};

/// Items of a list whose schema does not say how many.
const MAX_ITEMS: usize = 20;
/// Parts of a text tried as items.
const MAX_PARTS: usize = 200;

const ACTION: &[&str] = &[
    " will ",
    " must ",
    " should ",
    " needs to ",
    " need to ",
    " have to ",
    "please ",
    "todo",
    "to do:",
    "action:",
    "action item",
    "follow up",
    "make sure",
    " assigned to ",
    " soll ",
    " muss ",
    "bitte ",
];
const DECIDED: &[&str] = &[
    "decided",
    "agreed",
    "approved",
    "resolved to",
    "decision",
    "we will",
    "chosen",
    "beschlossen",
    "settled on",
    "accepted",
];

impl Filler<'_> {
    pub(super) fn list(&self, name: &str, schema: &Schema<'_>, depth: usize) -> Vec<Value> {
        let any = Value::Bool(true);
        let item_schema = schema.get("items").unwrap_or(&any);
        let item = schema.child(item_schema);
        let most = schema.size("maxItems").unwrap_or(MAX_ITEMS).min(1_000);
        let wanted = Wanted::of_list(name, schema);
        let mut items = if item.get("const").is_some() {
            Vec::new()
        } else if item.get("enum").is_some() {
            self.labels_of(&wanted, &item, most)
        } else {
            match item.kind() {
                Kind::Object => self.objects(&wanted, &item, most, depth),
                Kind::Number | Kind::Integer => self.numbers_of(&wanted, &item),
                Kind::String | Kind::Any => {
                    let texts = self.texts_of(&wanted, &item, most);
                    texts.into_iter().map(|it| json!(item.fit_text(it))).collect()
                }
                _ => Vec::new(),
            }
        };
        if schema.get("uniqueItems").is_some_and(|it| it == true) {
            let mut seen: Vec<Value> = Vec::new();
            items.retain(|it| {
                !seen.contains(it) && {
                    seen.push(it.clone());
                    true
                }
            });
        }
        items.truncate(most);
        let least = schema.size("minItems").unwrap_or(0).min(100);
        while items.len() < least {
            items.push(item.least(depth + 1));
        }
        items
    }

    fn texts_of(&self, wanted: &Wanted, item: &Schema<'_>, most: usize) -> Vec<String> {
        let reading = self.reading;
        let facts = &reading.facts;
        match wanted.role {
            Role::Keywords => reading.keywords(most.min(8)),
            Role::KeyPoints | Role::Actions | Role::Decisions | Role::Questions | Role::Passages => {
                let longest = item.size("maxLength").unwrap_or(420);
                self.sentences_of(wanted.role, most).into_iter().map(|it| clip(&it.quote, longest)).collect()
            }
            Role::Sections | Role::Section => reading.headings(),
            Role::Email => distinct(facts.emails.iter().map(|it| it.it.clone())),
            Role::Phone => distinct(facts.phones.iter().map(|it| it.it.clone())),
            Role::Url => distinct(facts.urls.iter().map(|it| it.it.clone())),
            Role::Date if matches!(item.text("format"), "date" | "date-time") => {
                distinct(facts.dates.iter().filter_map(|it| it.it.iso.clone()))
            }
            Role::Date => reading.dates(),
            Role::Time => distinct(facts.times.iter().map(|it| it.it.clone())),
            Role::Amount => reading.amounts(),
            Role::Currency => distinct(facts.amounts.iter().map(|it| it.it.currency.to_owned())),
            Role::Percent => distinct(facts.percentages.iter().map(|it| format!("{} %", it.it))),
            Role::Version => self.identifiers_of(&["version".to_owned()]),
            Role::Identifier => self.identifiers_of(&wanted.qualifiers),
            Role::Person => reading.names(NameKind::Person),
            Role::Organization => reading.names(NameKind::Organization),
            Role::Place => reading.names(NameKind::Place),
            _ => {
                let value = self.labelled(wanted).unwrap_or_default();
                distinct(value.split([',', ';']).map(|it| it.trim().to_owned()))
            }
        }
    }

    fn identifiers_of(&self, kinds: &[String]) -> Vec<String> {
        let of = |it: &Option<String>| kinds.is_empty() || it.as_ref().is_some_and(|of| kinds.contains(of));
        let list = &self.reading.facts.identifiers;
        distinct(list.iter().filter(|it| of(&it.it.of)).map(|it| it.it.value.clone()))
    }

    fn numbers_of(&self, wanted: &Wanted, item: &Schema<'_>) -> Vec<Value> {
        let facts = &self.reading.facts;
        let values: Vec<f64> = match wanted.role {
            Role::Amount => facts.amounts.iter().map(|it| it.it.value).collect(),
            Role::Percent => facts.percentages.iter().map(|it| it.it).collect(),
            Role::Identifier => {
                self.identifiers_of(&wanted.qualifiers).iter().filter_map(|it| it.parse().ok()).collect()
            }
            _ => facts.numbers.iter().map(|it| it.it).collect(),
        };
        values.into_iter().map(|it| item.fit_number(it)).collect()
    }

    /// Every label that the text clearly speaks for.
    fn labels_of(&self, wanted: &Wanted, item: &Schema<'_>, most: usize) -> Vec<Value> {
        let labels = self.labels_in(item);
        if labels.is_empty() {
            return Vec::new();
        }
        let verdict = pick_label(&self.features, &labels, &wanted.purpose);
        let top = verdict.scores.iter().copied().fold(0.0_f32, f32::max);
        let mut order: Vec<usize> =
            (0..labels.len()).filter(|it| verdict.scores[*it] >= (top * 0.45).max(0.9)).collect();
        order.sort_by(|a, b| verdict.scores[*b].total_cmp(&verdict.scores[*a]).then(a.cmp(b)));
        order.into_iter().take(most).map(|it| json!(labels[it].name)).collect()
    }

    /// Sentences that ask, order, decide, answer, or matter.
    pub(super) fn sentences_of(&self, role: Role, most: usize) -> Vec<Passage> {
        let doc = &self.reading.doc;
        let telling = |any: &[&str]| -> Vec<Passage> {
            let found = doc.sentences.iter().enumerate().filter(|(_, it)| {
                let lower = format!(" {} ", it.text.to_lowercase());
                !it.text.ends_with('?') && it.word_count > 2 && any.iter().any(|cue| lower.contains(cue))
            });
            found.take(most).map(|it| quote::passage(doc, it.0, 1.0)).collect()
        };
        match role {
            Role::Questions => {
                let asks =
                    doc.sentences.iter().enumerate().filter(|it| it.1.text.ends_with(['?', '？', '؟']));
                asks.take(most).map(|it| quote::passage(doc, it.0, 1.0)).collect()
            }
            Role::Actions => telling(ACTION),
            Role::Decisions => telling(DECIDED),
            Role::Passages => self.passages(most.min(5)),
            _ => {
                let fitting = match doc.sentences.len() {
                    0..=6 => 2,
                    7..=20 => 4,
                    21..=80 => 5,
                    _ => 7,
                };
                let summary = if doc.sentences.len() > 6 {
                    self.reading.summary(self.reading.fitting())
                } else {
                    Vec::new()
                };
                self.reading.key_points(self.points_asked().unwrap_or(fitting).min(most), &summary)
            }
        }
    }

    fn points_asked(&self) -> Option<usize> {
        self.length.filter(|it| it.of == super::super::task::Measure::Points).map(|it| it.count)
    }

    fn objects(&self, wanted: &Wanted, item: &Schema<'_>, most: usize, depth: usize) -> Vec<Value> {
        let facts = &self.reading.facts;
        let doc = &self.reading.doc;
        let quoted = matches!(
            wanted.role,
            Role::KeyPoints | Role::Passages | Role::Actions | Role::Decisions | Role::Questions
        );
        if quoted {
            let found = self.sentences_of(wanted.role, most).into_iter();
            return found
                .map(|it| self.part(&it.quote.clone(), None, Some(it)).object(item, depth + 1))
                .collect();
        }
        let focused: Vec<(usize, Focus)> = match wanted.role {
            Role::Date => facts.dates.iter().map(|it| (it.start, Focus::Date(it.it.clone()))).collect(),
            Role::Amount => facts.amounts.iter().map(|it| (it.start, Focus::Amount(it.it.clone()))).collect(),
            Role::Identifier => {
                let told = |it: &&super::super::find::At<super::super::find::Identifier>| {
                    wanted.qualifiers.is_empty()
                        || it.it.of.as_ref().is_some_and(|of| wanted.qualifiers.contains(of))
                };
                facts
                    .identifiers
                    .iter()
                    .filter(told)
                    .map(|it| (it.start, Focus::Identifier(it.it.clone())))
                    .collect()
            }
            Role::Person | Role::Organization | Role::Place => {
                let kind = match wanted.role {
                    Role::Person => NameKind::Person,
                    Role::Place => NameKind::Place,
                    _ => NameKind::Organization,
                };
                let mut seen: Vec<&str> = Vec::new();
                let fresh = facts.names.iter().filter(|it| {
                    it.it.kind == kind && !seen.contains(&it.it.text.as_str()) && {
                        seen.push(&it.it.text);
                        true
                    }
                });
                fresh.map(|it| (it.start, Focus::Name(it.it.text.clone()))).collect()
            }
            _ => Vec::new(),
        };
        let mut items: Vec<Value> = Vec::new();
        if !focused.is_empty() {
            for (start, focus) in focused.into_iter().take(most) {
                let (text, place) = self.around(start);
                let value = self.part(&text, Some(focus), place).object(item, depth + 1);
                if !items.contains(&value) {
                    items.push(value);
                }
            }
            return items;
        }
        let required = item.required();
        for block in doc
            .blocks
            .iter()
            .filter(|it| matches!(it.kind, BlockKind::Item | BlockKind::Row | BlockKind::Field))
            .take(MAX_PARTS)
        {
            let value = self.part(&block.text, None, None).object(item, depth + 1);
            let told = |name: &str| value.get(name).is_some_and(|it| !is_bare(it));
            let whole = required.iter().all(|it| told(it))
                && value.as_object().is_some_and(|it| it.values().any(|it| !is_bare(it)));
            if whole && items.len() < most {
                items.push(value);
            }
        }
        items
    }

    /// A filler that sees one part of the text.
    fn part(&self, text: &str, focus: Option<Focus>, place: Option<Passage>) -> super::Part {
        super::Part { reading: Reading::of(text, None), focus, place, definitions: self.definitions.clone() }
    }

    /// The sentence or line around a byte of the source.
    fn around(&self, start: usize) -> (String, Option<Passage>) {
        let doc = &self.reading.doc;
        let line = doc.source[..start].matches('\n').count() + 1;
        let from = doc.source[..start].rfind('\n').map_or(0, |it| it + 1);
        let to = doc.source[start..].find('\n').map_or(doc.source.len(), |it| start + it);
        let whole = doc.source.get(from..to).unwrap_or_default();
        let first = doc.sentences.partition_point(|it| it.last_line < line);
        let candidates = doc.sentences[first..].iter().enumerate().take_while(|it| it.1.line <= line);
        let word: String = doc.source[start..to].chars().take(12).collect();
        let found = candidates.into_iter().find(|it| it.1.text.contains(word.trim()));
        match found {
            Some((at, sentence)) => (sentence.text.clone(), Some(quote::passage(doc, first + at, 1.0))),
            None => (whole.trim().to_owned(), None),
        }
    }
}

impl super::Part {
    fn object(&self, item: &Schema<'_>, depth: usize) -> Value {
        let filler = Filler {
            reading: &self.reading,
            features: super::super::labels::Features::of(&self.reading.doc),
            question: None,
            length: None,
            definitions: self.definitions.clone(),
            focus: self.focus.clone(),
            place: self.place.clone(),
            is_part: true,
            confidence: std::cell::Cell::new(self.place.as_ref().map_or(0.0, |it| it.score)),
            reasons: std::cell::RefCell::new(Vec::new()),
        };
        filler.object(item, depth)
    }
}
