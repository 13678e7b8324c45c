//! Fills one text, number or yes/no.

use serde_json::{Value, json};

use super::super::find::{At, NameKind, amounts, dates, numbers};
use super::super::labels::{Label, affinity, sentiment, urgency};
use super::super::quote;
use super::super::text::{clip, stem, words};
use super::pick;
use super::role::{Role, Wanted};
use super::schema::Schema;
use super::{Filler, Focus};

impl Filler<'_> {
    pub(super) fn text(&self, wanted: &Wanted, schema: &Schema<'_>, sure: bool) -> Option<String> {
        if let Some(found) = self.by_pattern(schema) {
            return Some(found);
        }
        let most = schema.size("maxLength").unwrap_or(usize::MAX);
        let source = self.reading.doc.source.as_str();
        let facts = &self.reading.facts;
        let names =
            |kind| facts.names.iter().filter(move |it| it.it.kind == kind).cloned().collect::<Vec<_>>();
        let strings = |list: &[At<String>]| {
            pick::best(source, list, &wanted.qualifiers, sure).map(|it| list[it].it.clone())
        };
        match wanted.role {
            Role::Title => Some(clip(&self.reading.title(), most)).filter(|it| !it.is_empty()),
            Role::Summary => Some(self.summary(wanted, most)).filter(|it| !it.is_empty()),
            Role::Answer => Some(self.answer_text()),
            Role::KeyPoints | Role::Decisions | Role::Actions | Role::Questions => {
                let found =
                    self.sentences_of(wanted.role, 3).into_iter().map(|it| it.quote).collect::<Vec<_>>();
                (!found.is_empty()).then(|| clip(&found.join(" "), most))
            }
            Role::Keywords => {
                let found = self.reading.keywords(6);
                (!found.is_empty()).then(|| found.join(", "))
            }
            Role::Sections | Role::Section => self.section().or_else(|| self.labelled(wanted)),
            Role::Passages => self.passages(1).first().map(|it| it.quote.clone()),
            Role::Language => self.language(schema),
            Role::Reason => Some(self.reason()),
            Role::Context => self.context(most).or_else(|| self.labelled(wanted)),
            Role::Email => strings(&facts.emails),
            Role::Phone if self.name_has(wanted, &["fax"]) => {
                let fax = ["fax".to_owned()];
                let found = facts.phones.iter().find(|it| pick::near(source, it.start, it.end, &fax) > 0.0);
                found.map(|it| it.it.clone())
            }
            Role::Phone => strings(&facts.phones),
            Role::Url => strings(&facts.urls),
            Role::Date => self.date(wanted, schema, sure),
            Role::Time => facts.times.first().map(|it| it.it.clone()),
            Role::Currency => self.amount(wanted, false).map(|it| it.1.to_owned()),
            Role::Amount => self.amount(wanted, sure).map(|it| it.2),
            Role::Percent => facts.percentages.first().map(|it| format!("{} %", it.it)),
            Role::Version => {
                let of = |it: &&At<_>| matches_kind(it, "version");
                facts.identifiers.iter().find(of).map(|it| it.it.value.clone())
            }
            Role::Identifier => self.identifier(wanted),
            Role::Person => self.person(wanted, &names(NameKind::Person), sure),
            Role::Organization => {
                let list = names(NameKind::Organization);
                self.labelled(wanted)
                    .filter(|it| it.split_whitespace().count() <= 6)
                    .or_else(|| pick::best(source, &list, &[], sure).map(|it| list[it].it.text.clone()))
            }
            Role::Place => self.labelled(wanted).or_else(|| {
                let list = names(NameKind::Place);
                pick::best(source, &list, &wanted.qualifiers, false).map(|it| list[it].it.text.clone())
            }),
            Role::Words | Role::Sentences | Role::Minutes | Role::Line | Role::Confidence | Role::Found => {
                self.number(wanted, schema).map(|it| it.to_string())
            }
            Role::Named => self
                .labelled(wanted)
                .or_else(|| self.by_question(wanted, schema, sure))
                .map(|it| clip(&it, most)),
        }
    }

    /// A schema's `pattern` is the best description of what is wanted.
    fn by_pattern(&self, schema: &Schema<'_>) -> Option<String> {
        let pattern = schema.text("pattern");
        if pattern.is_empty() || pattern.len() > 400 {
            return None;
        }
        let bare = pattern.strip_prefix('^').unwrap_or(pattern);
        let bare = bare.strip_suffix('$').unwrap_or(bare);
        let search =
            regex::RegexBuilder::new(&format!(r"\b(?:{bare})\b")).size_limit(1 << 20).build().ok()?;
        let found = search.find_iter(&self.reading.doc.source).find(|it| !it.is_empty())?;
        Some(found.as_str().to_owned())
    }

    fn summary(&self, wanted: &Wanted, most: usize) -> String {
        let asked = super::super::task::length(&wanted.purpose).or(self.length);
        let mut count = match asked {
            Some(it) if it.of == super::super::task::Measure::Sentences => it.count,
            _ if wanted.purpose.to_lowercase().contains("one line") => 1,
            _ => self.reading.fitting(),
        };
        loop {
            let text = self.reading.summary_text(count);
            if text.chars().count() <= most || count <= 1 {
                return clip(&text, most);
            }
            count -= 1;
        }
    }

    fn language(&self, schema: &Schema<'_>) -> Option<String> {
        let language = self.reading.doc.language;
        let short = schema.size("maxLength").is_some_and(|it| it < 6);
        let named = schema.text("description").to_lowercase().contains("name");
        if named && !short { language.name() } else { language.code() }.map(str::to_owned)
    }

    fn context(&self, most: usize) -> Option<String> {
        if !self.is_part && self.focus.is_none() {
            return None;
        }
        let text = self.reading.doc.source.trim();
        (!text.is_empty()).then(|| clip(text, most.min(400)))
    }

    fn section(&self) -> Option<String> {
        self.place.as_ref().and_then(|it| it.section.last().cloned())
    }

    fn date(&self, wanted: &Wanted, schema: &Schema<'_>, sure: bool) -> Option<String> {
        let facts = &self.reading.facts;
        let iso_only = matches!(schema.text("format"), "date" | "date-time");
        if let Some(Focus::Date(date)) = &self.focus {
            return date.iso.clone().or_else(|| (!iso_only).then(|| date.written.clone()));
        }
        let usable: Vec<_> =
            facts.dates.iter().filter(|it| !iso_only || it.it.iso.is_some()).cloned().collect();
        let named = self.labelled(wanted).and_then(|it| dates(&it).into_iter().next()).map(|it| it.it);
        let date = named.filter(|it| !iso_only || it.iso.is_some()).or_else(|| {
            pick::best(&self.reading.doc.source, &usable, &wanted.qualifiers, sure)
                .map(|it| usable[it].it.clone())
        })?;
        let day = date.iso.clone().unwrap_or(date.written);
        if schema.text("format") == "date-time" {
            let time = date.time.unwrap_or_else(|| "00:00:00".to_owned());
            let zone = if time.len() > 8 { "" } else { "Z" };
            return Some(format!("{day}T{time}{zone}"));
        }
        Some(day)
    }

    /// Value, currency, and as written.
    fn amount(&self, wanted: &Wanted, sure: bool) -> Option<(f64, &'static str, String)> {
        let whole = |it: &super::super::find::Amount| (it.value, it.currency, it.written.clone());
        if let Some(Focus::Amount(amount)) = &self.focus {
            return Some(whole(amount));
        }
        if let Some(found) = self.labelled(wanted).and_then(|it| amounts(&it).into_iter().next()) {
            return Some(whole(&found.it));
        }
        let list = &self.reading.facts.amounts;
        let source = self.reading.doc.source.as_str();
        let told: Vec<String> = wanted
            .qualifiers
            .iter()
            .filter(|it| !matches!(it.as_str(), "price" | "cost" | "fee" | "budget"))
            .cloned()
            .collect();
        if told.iter().any(|it| it == "total")
            && !list.iter().any(|it| pick::near(source, it.start, it.end, &told) > 0.0)
        {
            return list.iter().max_by(|a, b| a.it.value.total_cmp(&b.it.value)).map(|it| whole(&it.it));
        }
        pick::best(source, list, &told, sure).map(|it| whole(&list[it].it))
    }

    fn identifier(&self, wanted: &Wanted) -> Option<String> {
        if let Some(Focus::Identifier(it)) = &self.focus {
            return Some(it.value.clone());
        }
        let list = &self.reading.facts.identifiers;
        let kind = |it: &&At<super::super::find::Identifier>| {
            it.it.of.as_ref().is_some_and(|of| wanted.name.contains(of) || wanted.qualifiers.contains(of))
        };
        if let Some(found) = list.iter().find(kind) {
            return Some(found.it.value.clone());
        }
        let code =
            |it: &String| it.len() <= 40 && it.contains(|c: char| c.is_ascii_digit()) && !it.contains(' ');
        if let Some(found) = self.labelled(wanted).filter(code) {
            return Some(found.trim_start_matches('#').to_owned());
        }
        if wanted.qualifiers.is_empty() {
            return list.iter().find(|it| !matches_kind(it, "version")).map(|it| it.it.value.clone());
        }
        let source = self.reading.doc.source.as_str();
        let loose: Vec<_> = list.iter().filter(|it| it.it.of.is_none()).cloned().collect();
        let scores = loose.iter().map(|it| pick::near(source, it.start, it.end, &wanted.qualifiers));
        let best = scores.enumerate().max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
        (best.1 > 0.0).then(|| loose[best.0].it.value.clone())
    }

    fn person(&self, wanted: &Wanted, list: &[At<super::super::find::Name>], sure: bool) -> Option<String> {
        if let Some(Focus::Name(name)) = &self.focus {
            return Some(name.clone());
        }
        let writer =
            ["customer", "sender", "author", "contact", "from", "requester", "user", "name", "client"]
                .iter()
                .any(|it| wanted.name.contains(&stem(it)));
        if let Some(found) = list.iter().find(|it| writer && it.it.writes) {
            return Some(found.it.text.clone());
        }
        let named = |it: &String| {
            it.split_whitespace().count() <= 4 && it.starts_with(char::is_uppercase) && !it.contains('@')
        };
        if let Some(found) = self.labelled(wanted).filter(named) {
            return Some(found);
        }
        let source = self.reading.doc.source.as_str();
        if writer && !self.is_part {
            let greeted = |it: &&At<_>| !pick::greeted(source, it.start);
            let others: Vec<At<super::super::find::Name>> = list.iter().filter(greeted).cloned().collect();
            return pick::best(source, &others, &wanted.qualifiers, true)
                .map(|it| others[it].it.text.clone());
        }
        pick::best(source, list, &wanted.qualifiers, sure).map(|it| list[it].it.text.clone())
    }

    /// The value that stands beside the property's name.
    pub(super) fn labelled(&self, wanted: &Wanted) -> Option<String> {
        let all = &self.reading.facts.labelled;
        let exact = all.iter().find(|it| it.stems == wanted.name);
        let every = || {
            all.iter().find(|it| {
                wanted.name.iter().all(|stem| it.stems.contains(stem))
                    && it.stems.len() <= wanted.name.len() + 2
            })
        };
        let told = || {
            let last = wanted.qualifiers.last()?;
            all.iter().find(|it| it.stems.len() <= 2 && it.stems.contains(last))
        };
        exact.or_else(every).or_else(told).map(|it| it.value.clone())
    }

    /// What is only described is looked up as if it were asked for.
    fn by_question(&self, wanted: &Wanted, schema: &Schema<'_>, sure: bool) -> Option<String> {
        if schema.text("description").is_empty() || self.is_part {
            return None;
        }
        let found = quote::answer(&self.reading.doc, &self.reading.facts, &wanted.purpose, 1);
        let _ = sure;
        found.into_iter().next().map(|it| it.quote)
    }

    pub(super) fn number(&self, wanted: &Wanted, schema: &Schema<'_>) -> Option<Value> {
        let reading = self.reading;
        let fit = |value: f64| Some(schema.fit_number(value));
        match wanted.role {
            Role::Words => fit(reading.doc.word_count as f64),
            Role::Sentences => fit(reading.sentence_count() as f64),
            Role::Minutes => fit(reading.reading_minutes() as f64),
            Role::Line => fit(self.place.as_ref().map_or(1.0, |it| it.line as f64)),
            Role::Confidence => {
                let scale = if schema.number("maximum").is_some_and(|it| it > 1.0) { 100.0 } else { 1.0 };
                fit((self.confidence.get() * scale * 100.0).round() / 100.0)
            }
            Role::Percent => reading.facts.percentages.first().and_then(|it| fit(it.it)),
            Role::Amount => self.amount(wanted, true).and_then(|it| fit(it.0)),
            Role::Identifier => self.identifier(wanted).and_then(|it| it.parse::<f64>().ok()).and_then(fit),
            _ => self.named_number(wanted).and_then(fit),
        }
    }

    fn named_number(&self, wanted: &Wanted) -> Option<f64> {
        if self.name_has(wanted, &["urgency", "priority", "severity"]) {
            let (sum, _) = urgency(&self.features);
            return Some(f64::from((3.0 + sum / 2.5).clamp(1.0, 5.0)).round());
        }
        if self.name_has(wanted, &["sentiment", "mood"]) {
            return Some(f64::from((sentiment(&self.features).0 * 100.0).round()) / 100.0);
        }
        if let Some(found) =
            self.labelled(wanted).and_then(|it| numbers(&format!(" {it}"), &[]).into_iter().next())
        {
            return Some(found.it);
        }
        let list = &self.reading.facts.numbers;
        let source = self.reading.doc.source.as_str();
        let idle = ["count", "number", "of", "total", "amount", "quantiti"];
        let told: Vec<String> =
            wanted.name.iter().filter(|it| !idle.contains(&it.as_str())).cloned().collect();
        let told = if told.is_empty() {
            words(&wanted.purpose).into_iter().map(|it| it.stem).collect()
        } else {
            told
        };
        let scored = list.iter().take(400).map(|it| pick::near(source, it.start, it.end, &told)).enumerate();
        let best = scored.max_by(|a, b| a.1.total_cmp(&b.1).then(b.0.cmp(&a.0)))?;
        (best.1 >= 0.3).then(|| list[best.0].it)
    }

    pub(super) fn yes_or_no(&self, wanted: &Wanted, schema: &Schema<'_>) -> Value {
        let facts = &self.reading.facts;
        let idle = [
            "is", "ha", "has", "need", "requir", "contain", "mention", "should", "be", "includ", "ask",
            "want", "was", "are",
        ];
        let about: Vec<String> =
            wanted.name.iter().filter(|it| !idle.contains(&it.as_str())).cloned().collect();
        let any = |list: &[&str]| list.iter().any(|it| about.contains(&stem(it)));
        let (urgent, _) = urgency(&self.features);
        let (mood, said, _) = sentiment(&self.features);
        if wanted.role == Role::Found || any(&["answered", "found"]) {
            return json!(!self.passages(1).is_empty());
        }
        let by_fact = if any(&["human", "escalate", "escalation", "attention"]) {
            urgent >= 5.5
                || (mood < -0.7 && said >= 5.0)
                || self.speaks_for("legal") >= 3.0
                || self.speaks_for("security") >= 3.0
        } else if any(&["urgent", "critical", "emergency"]) {
            urgent >= 2.8
        } else if any(&["email"]) {
            !facts.emails.is_empty()
        } else if any(&["phone"]) {
            !facts.phones.is_empty()
        } else if any(&["date", "deadline"]) {
            !facts.dates.is_empty()
        } else if any(&["amount", "price", "money"]) {
            !facts.amounts.is_empty()
        } else if any(&["url", "link"]) {
            !facts.urls.is_empty()
        } else if any(&["positive", "happy", "satisfied"]) {
            mood > 0.25
        } else if any(&["negative", "angry", "unhappy", "upset"]) {
            mood < -0.25
        } else if any(&["question"]) {
            self.reading.doc.source.contains(['?', '？', '؟'])
        } else {
            let label = Label {
                name: about.join(" "),
                description: schema.text("description").to_owned(),
                hints: schema.hints(),
            };
            affinity(&self.features, &label).0 >= 2.4
        };
        json!(by_fact)
    }

    fn speaks_for(&self, subject: &str) -> f32 {
        affinity(&self.features, &Label { name: subject.to_owned(), ..Label::default() }).0
    }

    fn name_has(&self, wanted: &Wanted, list: &[&str]) -> bool {
        list.iter().any(|it| wanted.name.contains(&stem(it)))
    }
}

pub(super) fn matches_kind(it: &At<super::super::find::Identifier>, kind: &str) -> bool {
    it.it.of.as_deref() == Some(kind)
}
