//! What a person says to make or change a schedule.

use schemars::JsonSchema;
use serde::Deserialize;

use super::timetable::Timetable;
use super::types::{MAX_CATCH_UP, MAX_DESCRIPTION_CHARS, MAX_JITTER_MS, MAX_NAME_CHARS, MissedRuns, Overlap};
use crate::base::{Code, Error, Invalid, Json, Result};
use crate::targets::Named;

/// A change replaces everything: what is left out takes its default.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSchedule {
    #[schemars(length(min = 1, max = 120))]
    pub name: String,
    #[serde(default)]
    #[schemars(length(max = 2000))]
    pub description: String,
    /// Id or slug of the agent that is run. Either this or `workflow_id`.
    #[serde(default)]
    pub agent_id: Option<String>,
    /// Id or slug of the chain that is run.
    #[serde(default)]
    pub workflow_id: Option<String>,
    /// Must fit the input schema of what is run.
    #[serde(default = "no_input")]
    pub input: Json,
    /// Five fields as in Unix (minute hour day month weekday), six with seconds first, or `@hourly`, `@daily`,
    /// `@weekly`, `@monthly`, `@yearly`. Weekdays count from Monday (1); 0 and 7 are Sunday.
    #[schemars(length(min = 1, max = 200))]
    pub cron: String,
    /// A name of the IANA database.
    #[serde(default = "utc")]
    #[schemars(length(min = 1, max = 64))]
    pub time_zone: String,
    #[serde(default = "yes")]
    pub active: bool,
    #[serde(default)]
    pub missed_runs: MissedRuns,
    /// With `missed_runs` `all`: how many are made up for.
    #[serde(default = "ten")]
    #[schemars(range(min = 1, max = 100))]
    pub catch_up_limit: u32,
    #[serde(default)]
    pub overlap: Overlap,
    /// Each run begins up to so much later than its tick, so that many do not begin at once.
    #[serde(default)]
    #[schemars(range(min = 0, max = 3_600_000))]
    pub jitter_ms: u64,
}

fn no_input() -> Json {
    Json::of(&serde_json::json!({}))
}

fn utc() -> String {
    "UTC".to_owned()
}

const fn yes() -> bool {
    true
}

const fn ten() -> u32 {
    10
}

impl NewSchedule {
    /// Errors: `ValidationFailed` unless it names one agent or one chain.
    pub(super) fn target(&self) -> Result<Named> {
        Named::one(self.agent_id.as_deref(), self.workflow_id.as_deref())
    }

    /// Without blanks around the words, and with the timetable that they say.
    ///
    /// Errors: `ValidationFailed` with every wrong field.
    pub(super) fn checked(mut self) -> Result<(Self, Timetable)> {
        let mut wrong = Vec::new();
        let mut say = |path: &str, message: String| wrong.push(Invalid { path: path.to_owned(), message });
        self.name = self.name.trim().to_owned();
        let chars = self.name.chars().count();
        if chars == 0 || chars > MAX_NAME_CHARS || self.name.chars().any(char::is_control) {
            say("/name", format!("a name has 1 to {MAX_NAME_CHARS} characters, in one line"));
        }
        if self.description.chars().count() > MAX_DESCRIPTION_CHARS {
            say("/description", format!("a description has at most {MAX_DESCRIPTION_CHARS} characters"));
        }
        if !(1..=MAX_CATCH_UP).contains(&self.catch_up_limit) {
            say("/catch_up_limit", format!("a catch-up limit is 1 to {MAX_CATCH_UP}"));
        }
        if self.jitter_ms > MAX_JITTER_MS {
            say("/jitter_ms", format!("a jitter is at most {MAX_JITTER_MS} (an hour)"));
        }
        if let Err(error) = self.target() {
            wrong.extend(error.invalid_list().to_vec());
        }
        match Timetable::parse(&self.cron, &self.time_zone) {
            Ok(table) if wrong.is_empty() => {
                self.cron = self.cron.trim().to_owned();
                self.time_zone = table.zone_name().to_owned();
                Ok((self, table))
            }
            table => {
                wrong.extend(table.err().iter().flat_map(|it| it.invalid_list().to_vec()));
                Err(Error::invalid_fields(Code::ValidationFailed, wrong))
            }
        }
    }
}
