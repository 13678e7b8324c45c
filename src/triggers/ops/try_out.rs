//! Trying a trigger out: what a call would come to, without a signature, and where asked for with a run.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use super::super::incoming::{Headers, Incoming};
use super::super::mapped;
use super::super::scheme::{Preset, Scheme};
use super::super::store;
use super::super::view::Trial;
use crate::access::{Action, Cx};
use crate::adapters::mapping::Scope;
use crate::base::{Invalid, Json, Result, TriggerId};
use crate::executions::{self, NewExecution, TriggerKind};
use crate::targets;

/// A call as it might come.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "TriggerSample")]
pub struct Sample {
    /// The body, or the data of an event.
    pub body: Json,
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// As it stands behind the question mark.
    #[serde(default)]
    pub query: String,
    /// Also start the run.
    #[serde(default)]
    pub run: bool,
}

/// Errors: `NotFound`; with `run` those of `targets::start`.
pub async fn try_out(cx: &Cx, id: TriggerId, sample: Sample) -> Result<Trial> {
    cx.require(Action::TriggersWrite)?;
    let trigger = store::find(cx, &cx.read()?, id)?;
    let scope = scope_of(trigger.event.as_deref(), &sample);
    let mut trial = Trial { wanted: false, input: None, problems: Vec::new(), execution_id: None };
    match mapped::wanted(&trigger.rules, &scope) {
        Ok(wanted) => trial.wanted = wanted,
        Err(error) => trial.problems = error.invalid_list().to_vec(),
    }
    if !trial.wanted {
        return Ok(trial);
    }
    let input = match mapped::input(&trigger.rules, &scope, &sample.body).await {
        Ok(input) => input,
        Err(error) => {
            trial.problems = error.invalid_list().to_vec();
            return Ok(trial);
        }
    };
    let target = trigger.target()?;
    // Whoever may only write triggers still sees what the run would get.
    if let Err(error) = targets::ready(cx, &cx.read()?, &target.into(), &input) {
        let whole = || vec![Invalid { path: "/input".to_owned(), message: error.message().to_owned() }];
        trial.problems =
            if error.invalid_list().is_empty() { whole() } else { error.invalid_list().to_vec() };
    }
    if sample.run && trial.problems.is_empty() {
        let request = NewExecution { wait_ms: Some(0), ..NewExecution::of(input.clone()) };
        let by = executions::Trigger::of(TriggerKind::Api, cx);
        trial.execution_id = Some(targets::start(cx, target, by, request, |_, _| Ok(())).await?.id);
    }
    trial.input = Some(input);
    Ok(trial)
}

fn scope_of(event: Option<&str>, sample: &Sample) -> Scope {
    if let Some(name) = event {
        let seen = serde_json::json!({ "name": name, "id": "evt_sample", "data": sample.body.to_value() });
        return Scope::default()
            .with_json("event", &seen.to_string())
            .with_json("body", sample.body.as_str());
    }
    let headers = Headers::of(sample.headers.clone().into_iter().collect());
    let incoming =
        Incoming { headers, query: sample.query.clone(), body: bytes::Bytes::new(), address: None };
    incoming.scope(&Scheme::of(Preset::None), &sample.body)
}
