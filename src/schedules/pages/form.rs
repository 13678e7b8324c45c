//! The form of a schedule: its fields, what was typed into them, and what the line would do.

use askama::Template;
use askama::filters::HtmlSafe;

use super::clock;
use crate::access::Cx;
use crate::base::{Error, Json, Result, zone};
use crate::schedules::input::NewSchedule;
use crate::schedules::timetable::Timetable;
use crate::schedules::types::{MissedRuns, Overlap};
use crate::schedules::view::{Preview as Told, ScheduleView};
use crate::targets::{self, Named};
use crate::web::Faults;
use crate::web::view::{Ago, Choice, Field};

/// What was sent, as text.
#[derive(Debug, Clone)]
pub(super) struct Typed {
    pub name: String,
    pub description: String,
    /// Id of an agent or a chain.
    pub target: String,
    pub input: String,
    pub cron: String,
    pub time_zone: String,
    pub active: bool,
    pub missed_runs: String,
    pub catch_up_limit: String,
    pub overlap: String,
    /// In seconds.
    pub jitter: String,
    /// What the pressed button asks for: `preview`, or nothing.
    pub act: String,
}

impl Typed {
    /// A new one's.
    pub(super) fn empty() -> Self {
        Self {
            name: String::new(),
            description: String::new(),
            target: String::new(),
            input: "{}".to_owned(),
            cron: "0 9 * * 1-5".to_owned(),
            time_zone: "UTC".to_owned(),
            active: true,
            missed_runs: "once".to_owned(),
            catch_up_limit: "10".to_owned(),
            overlap: "skip".to_owned(),
            jitter: "0".to_owned(),
            act: String::new(),
        }
    }

    pub(super) fn of(it: &ScheduleView) -> Self {
        Self {
            name: it.name.clone(),
            description: it.description.clone(),
            target: it.target.id(),
            input: serde_json::to_string_pretty(&it.input.to_value()).unwrap_or_default(),
            cron: it.cron.clone(),
            time_zone: it.time_zone.clone(),
            active: it.active,
            missed_runs: word_of(&it.missed_runs),
            catch_up_limit: it.catch_up_limit.to_string(),
            overlap: word_of(&it.overlap),
            jitter: seconds(it.jitter_ms),
            act: String::new(),
        }
    }

    /// What a form does not send is empty, and a box that is not ticked is not sent.
    pub(super) fn read(pairs: Vec<(String, String)>) -> Self {
        let mut typed = Self { active: false, input: String::new(), ..Self::empty() };
        for (name, text) in pairs {
            match name.as_str() {
                "name" => typed.name = text,
                "description" => typed.description = text,
                "target" => typed.target = text,
                "input" => typed.input = text,
                "cron" => typed.cron = text,
                "time_zone" => typed.time_zone = text,
                "active" => typed.active = text == "true",
                "missed_runs" => typed.missed_runs = text,
                "catch_up_limit" => typed.catch_up_limit = text,
                "overlap" => typed.overlap = text,
                "jitter" => typed.jitter = text,
                "act" => typed.act = text,
                _ => {}
            }
        }
        typed
    }

    /// Errors: `ValidationFailed` for what cannot be read.
    pub(super) fn schedule(&self) -> Result<NewSchedule> {
        if self.target.is_empty() {
            return Err(Error::invalid_at("target", "choose what is run"));
        }
        let (agent_id, workflow_id) = Named::chosen(&self.target).fields();
        let input = if self.input.trim().is_empty() { "{}" } else { &self.input };
        let input = Json::parse(input).map_err(|it| Error::invalid_at("input", it.message()))?;
        let limit = self.catch_up_limit.trim().parse();
        let jitter = self.jitter.trim().parse::<f64>().ok().filter(|it| (0.0..=3_600.0).contains(it));
        Ok(NewSchedule {
            name: self.name.clone(),
            description: self.description.trim().to_owned(),
            agent_id,
            workflow_id,
            input,
            cron: self.cron.clone(),
            time_zone: self.time_zone.clone(),
            active: self.active,
            missed_runs: choice("missed_runs", &self.missed_runs)?,
            catch_up_limit: limit
                .map_err(|_| Error::invalid_at("catch_up_limit", "a catch-up limit is 1 to 100"))?,
            overlap: choice("overlap", &self.overlap)?,
            jitter_ms: jitter
                .map(|it| (it * 1_000.0) as u64)
                .ok_or_else(|| Error::invalid_at("jitter", "a jitter is 0 to 3600 seconds"))?,
        })
    }
}

fn choice<T: serde::de::DeserializeOwned>(field: &str, word: &str) -> Result<T> {
    serde_json::from_value(word.into()).map_err(|_| Error::invalid_at(field, "choose one of these"))
}

fn word_of(it: &impl serde::Serialize) -> String {
    serde_json::to_value(it).ok().and_then(|it| it.as_str().map(str::to_owned)).unwrap_or_default()
}

fn seconds(ms: u64) -> String {
    if ms.is_multiple_of(1_000) { (ms / 1_000).to_string() } else { (ms as f64 / 1_000.0).to_string() }
}

/// The form's fields, in three groups.
pub(super) struct Fields {
    pub what: Vec<Field>,
    pub when: Vec<Field>,
    pub how: Vec<Field>,
    pub faults: Vec<(String, String)>,
}

impl Fields {
    /// Errors: only ours.
    pub(super) fn of(cx: &Cx, typed: &Typed, faults: &Faults) -> Result<Self> {
        let (what, when, how) = (what(cx, typed, faults)?, when(typed, faults), how(typed, faults));
        let names = what.iter().chain(&when).chain(&how).map(|it| it.name.as_str());
        let faults = faults.summary(names);
        Ok(Self { what, when, how, faults })
    }
}

fn what(cx: &Cx, typed: &Typed, faults: &Faults) -> Result<Vec<Field>> {
    Ok(vec![
        Field::text("name", "Name")
            .placeholder("Morning report")
            .value(&typed.name)
            .error(faults.on("name"))
            .required(),
        Field::select("target", "Agent or chain", runnable(cx, &typed.target)?)
            .value(&typed.target)
            .error(faults.on("target"))
            .required(),
        Field::code("input", "Input")
            .help("JSON that every run gets. It must fit the input schema of what runs.")
            .value(&typed.input)
            .error(faults.on("input"))
            .rows(5_u16)
            .required(),
        Field::area("description", "Description")
            .value(&typed.description)
            .error(faults.on("description"))
            .rows(2_u16),
    ])
}

fn runnable(cx: &Cx, chosen: &str) -> Result<Vec<Choice>> {
    let mut choices = vec![Choice::new("", "Choose an agent or a chain")];
    choices.extend(targets::choices(cx, chosen)?.into_iter().map(|it| Choice::new(it.id, it.label)));
    Ok(choices)
}

const LINES: &[(&str, &str)] = &[
    ("@hourly", "Every hour"),
    ("*/15 * * * *", "Every 15 minutes"),
    ("0 9 * * *", "Every day at 09:00"),
    ("0 9 * * 1-5", "Monday to Friday at 09:00"),
    ("0 9 * * 1", "Every Monday at 09:00"),
    ("0 6 1 * *", "On the 1st of every month at 06:00"),
];

fn when(typed: &Typed, faults: &Faults) -> Vec<Field> {
    vec![
        Field::text("cron", "Cron line")
            .placeholder("0 9 * * 1-5")
            .help("Minute, hour, day, month, weekday (Monday is 1); six fields begin with seconds. Or @hourly, @daily, @weekly, @monthly, @yearly.")
            .suggestions(LINES.iter().map(|it| Choice::new(it.0, it.1)).collect())
            .value(&typed.cron)
            .error(faults.on("cron"))
            .mono()
            .required(),
        Field::text("time_zone", "Time zone")
            .placeholder("Europe/Berlin")
            .help("Where clocks change, a named hour still runs once a day.")
            .suggestions(zone::names().map(|it| Choice::new(it, "")).collect())
            .value(&typed.time_zone)
            .error(faults.on("time_zone"))
            .autocomplete("off")
            .required(),
        Field::checkbox("active", "Active", typed.active).help("Switched off, it keeps everything and runs nothing."),
    ]
}

fn how(typed: &Typed, faults: &Faults) -> Vec<Field> {
    let missed = vec![
        Choice::new("once", "Run once").help("The newest missed run is made up for as soon as possible."),
        Choice::new("skip", "Skip").help("Missed runs are recorded, and not made up for."),
        Choice::new("all", "Run all").help("Every missed run is made up for, up to the limit below."),
    ];
    let overlap = vec![
        Choice::new("skip", "Skip").help("Never two at once: the tick is recorded as skipped."),
        Choice::new("queue", "Wait").help("Never two at once: the tick runs after the other has ended."),
        Choice::new("allow", "Run beside it").help("Runs may overlap."),
    ];
    vec![
        Field::cards("missed_runs", "If the server was not there at the time", missed)
            .value(&typed.missed_runs)
            .error(faults.on("missed_runs"))
            .required(),
        Field::cards("overlap", "If the run before it is still under way", overlap)
            .value(&typed.overlap)
            .error(faults.on("overlap"))
            .required(),
        Field::number("catch_up_limit", "Missed runs that are made up for, at most")
            .range(1, 100)
            .whole()
            .value(&typed.catch_up_limit)
            .error(faults.on("catch_up_limit"))
            .required(),
        Field::number("jitter", "Spread")
            .help("Each run begins up to so much later than its time, so that many do not begin at once.")
            .range(0, 3_600)
            .unit("s")
            .value(&typed.jitter)
            .error(faults.on("jitter"))
            .required(),
    ]
}

/// What the typed line would do; or what is wrong with it.
#[derive(Template)]
#[template(path = "schedules/_preview.html")]
pub(super) struct Preview {
    words: String,
    zone: String,
    runs: Vec<Run>,
    wrong: Vec<String>,
}

impl HtmlSafe for Preview {}

/// One of the next runs.
pub(super) struct Run {
    pub clock: String,
    pub ago: Ago,
    pub note: &'static str,
}

impl Preview {
    pub(super) fn of(cx: &Cx, typed: &Typed) -> Self {
        match Timetable::parse(&typed.cron, &typed.time_zone) {
            Ok(table) => {
                let told = Told::of(&table, cx.now());
                let run = |it: crate::schedules::view::NextRun| Run {
                    clock: clock(&table.local(it.at)),
                    ago: Ago::new(it.at, cx.now()),
                    note: it.note.unwrap_or_default(),
                };
                Self {
                    words: told.cron_words,
                    zone: told.time_zone,
                    runs: told.next_runs.into_iter().map(run).collect(),
                    wrong: Vec::new(),
                }
            }
            Err(error) => Self {
                words: String::new(),
                zone: String::new(),
                runs: Vec::new(),
                wrong: error.invalid_list().iter().map(|it| it.message.clone()).collect(),
            },
        }
    }
}

/// Of the list for people, by its word.
pub(super) const fn missed_words(it: MissedRuns) -> &'static str {
    match it {
        MissedRuns::Skip => "are recorded, and not made up for",
        MissedRuns::Once => "the newest is made up for as soon as possible",
        MissedRuns::All => "are all made up for",
    }
}

pub(super) const fn overlap_words(it: Overlap) -> &'static str {
    match it {
        Overlap::Allow => "run beside each other",
        Overlap::Skip => "never; a tick beside a run is skipped",
        Overlap::Queue => "never; a tick beside a run waits for its end",
    }
}
