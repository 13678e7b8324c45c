//! Whether a chain would work here: its agents, and whether what is mapped can be what they take.

use super::fit::Findings;
use super::input::{ChainUpdate, NewStep};
use super::types::{Chain, Fallback, OnError, Step};
use super::valid::wrong_by_itself;
use crate::access::Cx;
use crate::agents::{self, Delivery, Number, Right, Spec, VersionView};
use crate::base::{Code, Error, Result};
use serde_json::Value;

/// What is known of an agent that a step asks.
struct Asked {
    agent: agents::Agent,
    version: VersionView,
    input: Value,
    output: Value,
}

/// The whole check. The chain is there where nothing is wrong.
///
/// Errors: only ours; what is wrong with the chain is in the findings.
pub(super) fn checked(cx: &Cx, update: &ChainUpdate) -> Result<(Findings, Option<Chain>)> {
    let mut found = Findings { errors: wrong_by_itself(update), warnings: Vec::new() };
    if let Err(wrong) = agents::compiled_schema(&update.input_schema, "/input_schema") {
        found.errors.push(wrong);
    }
    if found.errors.iter().any(|it| it.path == "/steps") {
        return Ok((found, None));
    }
    let mut asked = Vec::new();
    for (place, step) in update.steps.iter().enumerate() {
        asked.push(ask(cx, &mut found, &format!("/steps/{place}"), &step.agent_id, step.version)?);
        if let Some(OnError::Fallback(it)) = &step.on_error {
            let at = format!("/steps/{place}/on_error/fallback");
            stands_in(cx, &mut found, &at, step, it)?;
        }
    }
    fits(update, &asked, &mut found);
    let steps: Option<Vec<Step>> =
        update.steps.iter().zip(&asked).map(|(step, asked)| Some(stored(step, asked.as_ref()?))).collect();
    let chain = steps.filter(|_| found.errors.is_empty()).map(|steps| Chain {
        input_schema: update.input_schema.clone(),
        steps,
        output_mapping: update.output_mapping.clone(),
        error_handling: update.error_handling,
        retry_policy: update.retry_policy.clone(),
        timeout_ms: update.timeout_ms,
    });
    Ok((found, chain))
}

fn stored(step: &NewStep, asked: &Asked) -> Step {
    Step {
        id: step.id.clone(),
        agent_id: asked.agent.id,
        version: step.version,
        input_mapping: step.input_mapping.clone(),
        output_mapping: step.output_mapping.clone(),
        condition: step.condition.clone(),
        timeout_ms: step.timeout_ms,
        on_error: step.on_error.clone(),
        retry: step.retry.clone(),
    }
}

/// The agent of a step, where the caller may run it.
fn ask(
    cx: &Cx,
    found: &mut Findings,
    at: &str,
    given: &str,
    version: Option<Number>,
) -> Result<Option<Asked>> {
    let at_agent = format!("{at}/agent_id");
    if given.trim().is_empty() {
        return Ok(None);
    }
    let agent = match agents::find(cx, given.trim()) {
        Ok(agent) if agents::access(cx, &agent).has(Right::Execute) => agent,
        Ok(_) => {
            found.error(at_agent, "you may see this agent, not run it: ask its owner to share it with you");
            return Ok(None);
        }
        Err(error) if error.is(Code::Internal) => return Err(error),
        Err(_) => {
            found.error(
                at_agent,
                "there is no such agent that you may run: choose one from the list of agents",
            );
            return Ok(None);
        }
    };
    if !agent.enabled {
        found.warning(at_agent.clone(), "this agent is disabled: enable it before a run");
    }
    if agent.status == agents::Status::Archived {
        found.error(at_agent, "this agent is archived and runs no more: choose another one");
        return Ok(None);
    }
    let spec = match (version, agent.current) {
        (Some(number), _) => Spec::Exactly(number),
        (None, Some(_)) => Spec::Current,
        (None, None) => {
            found.warning(at_agent, "nothing of this agent is published yet: publish it before a run");
            Spec::Draft
        }
    };
    match agents::version(cx, &agent.id.to_string(), spec) {
        Ok(version) => {
            let (input, output) = (version.input_schema.to_value(), version.output_schema.to_value());
            Ok(Some(Asked { agent, version, input, output }))
        }
        Err(error) if error.is(Code::Internal) => Err(error),
        Err(_) => {
            found.error(
                format!("{at}/version"),
                "the agent has no such version: leave it out for the published one",
            );
            Ok(None)
        }
    }
}

/// Holds the agent that stands in against the same mapping.
fn stands_in(cx: &Cx, found: &mut Findings, at: &str, step: &NewStep, fallback: &Fallback) -> Result<()> {
    let Some(asked) = ask(cx, found, at, &fallback.agent_id.to_string(), fallback.version)? else {
        return Ok(());
    };
    if let Some(mapping) = &step.input_mapping {
        let mut own = Findings::default();
        own.mapped(&mapping.to_value(), &asked.input, "");
        for wrong in own.errors {
            let field = wrong.path.trim_start_matches('/').to_owned();
            let of = if field.is_empty() { String::new() } else { format!(" (field “{field}”)") };
            found.error(
                format!("{at}/agent_id"),
                format!("it cannot take the step's input{of}: {}", wrong.message),
            );
        }
    }
    Ok(())
}

fn fits(update: &ChainUpdate, asked: &[Option<Asked>], found: &mut Findings) {
    for (place, (step, own)) in update.steps.iter().zip(asked).enumerate() {
        let Some(own) = own else { continue };
        let at = format!("/steps/{place}/input_mapping");
        match (&step.input_mapping, place.checked_sub(1)) {
            (Some(mapping), _) => found.mapped(&mapping.to_value(), &own.input, &at),
            (None, None) => {
                found.handed_on(&update.input_schema.to_value(), "the chain's input", &own.input, &at)
            }
            (None, Some(before)) => {
                let plain = &update.steps[before];
                if let (Some(source), None) = (&asked[before], &plain.output_mapping) {
                    found.handed_on(
                        &source.output,
                        &format!("the output of “{}”", plain.id),
                        &own.input,
                        &at,
                    );
                }
            }
        }
        let once = own.version.execution.delivery == Delivery::AtMostOnce;
        let many = step.retry.as_ref().is_some_and(|it| it.max_attempts > 1);
        if once && many {
            let says =
                "this agent may run only once, so that it is not tried again: its delivery is at_most_once";
            found.warning(format!("/steps/{place}/retry"), says);
        }
    }
}

/// Errors: `ValidationFailed` with everything that is wrong.
pub(super) fn verdict(found: Findings, chain: Option<Chain>) -> Result<Chain> {
    match chain {
        Some(chain) if found.errors.is_empty() => Ok(chain),
        _ => Err(Error::invalid_fields(Code::ValidationFailed, found.errors)),
    }
}
