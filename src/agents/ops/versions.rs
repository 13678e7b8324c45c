//! Versions: list, name, publish, roll back, compare.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::super::check::{adapter_of, check_credentials, check_fallback, refuse, wrong_by_itself};
use super::super::compare::{self, Comparison};
use super::super::number::{Number, Spec};
use super::super::valid::check_changelog;
use super::super::view::{AgentView, VersionSummary, VersionView};
use super::{
    Agent, PUBLISH, Verb, Version, VersionStatus, WRITE, changing, new_version, resolve, save, step, store,
};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::{Code, Error, Page, PageRequest, Result};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows};

/// Names the draft, or opens one.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct NewVersion {
    /// Higher than every published number; the next patch number where absent.
    pub version: Option<Number>,
    #[schemars(length(max = 4_000))]
    pub changelog: Option<String>,
}

/// All versions, the highest number first. Errors: as `find`.
pub fn versions(cx: &Cx, id_or_slug: &str, page: &PageRequest) -> Result<Page<VersionSummary>> {
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    let (versions, next) = rows.page(0, Key::of(agent.id), Order::Newest, page, |_: &Version| true)?;
    let items = versions.iter().map(|it| VersionSummary::of(it, &agent)).collect();
    Ok(Page::new(items, next))
}

/// Errors: as `find`; `NotFound` for a version that is not there.
pub fn version(cx: &Cx, id_or_slug: &str, spec: Spec) -> Result<VersionView> {
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    Ok(VersionView::of(pick(&rows, &agent, spec)?, &agent))
}

/// What changed between two versions. Errors: as `version`.
pub fn compare(cx: &Cx, id_or_slug: &str, from: Spec, to: Spec) -> Result<Comparison> {
    let rows = cx.read()?;
    let agent = resolve::visible(cx, &rows, Action::AgentsRead, id_or_slug)?;
    let (from, to) = (pick(&rows, &agent, from)?, pick(&rows, &agent, to)?);
    compare::compare((from.number, &from.definition), (to.number, &to.definition))
}

fn pick(rows: &impl Rows<PerOrg>, agent: &Agent, spec: Spec) -> Result<Version> {
    let number = match spec {
        Spec::Exactly(number) => Some(number),
        Spec::Current => agent.current.map(|it| it.number),
        Spec::Draft => agent.draft.map(|it| it.number),
    };
    let found = match number {
        Some(number) => store::version(rows, agent.id, number)?,
        None => None,
    };
    found.ok_or_else(|| Error::not_found("version", format!("{spec} of agent {}", agent.slug)))
}

/// Gives the draft its number and what to say of it; opens a draft out of the current version where there is
/// none.
///
/// Errors: as `find`; `VersionConflict` for a number that is not above all published ones, or an archived
/// agent.
pub async fn create_version(cx: &Cx, id_or_slug: &str, new: NewVersion) -> Result<VersionView> {
    cx.require(WRITE.0)?;
    check_changelog(new.changelog.as_deref().unwrap_or_default())?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let mut agent = changing(&caller, tx, &given, WRITE, None)?;
        step(agent.status, Verb::Edit)?;
        let mut version = match agent.draft {
            Some(draft) => {
                let old = store::referred(tx, agent.id, draft)?;
                // Its key has the number in it.
                tx.delete::<Version>(store::version_key(agent.id, old.number))?;
                Version { revision: old.revision + 1, ..old }
            }
            None => {
                let current = pick(tx, &agent, Spec::Current)?;
                new_version(&caller, agent.id, agent.newest.next(), current.definition)
            }
        };
        version.number = free_number(tx, &agent, new.version.unwrap_or(version.number))?;
        version.changelog = new.changelog.unwrap_or(version.changelog);
        tx.put(&version)?;
        agent.newest = version.number;
        agent.draft = Some(version.reference());
        save(&caller, tx, &mut agent)?;
        let note = Note::of("agent.version", "agent", agent.id);
        caller.note(tx, note.with("version", version.number.to_string()))?;
        Ok(VersionView::of(version, &agent))
    })
    .await
}

fn free_number(rows: &impl Rows<PerOrg>, agent: &Agent, wanted: Number) -> Result<Number> {
    let mut highest = None;
    rows.scan::<Version>(Key::of(agent.id), Order::Newest, |it| {
        highest = (it.status == VersionStatus::Published).then_some(it.number);
        Ok(highest.is_none())
    })?;
    match highest {
        Some(highest) if wanted <= highest => Err(Error::new(
            Code::VersionConflict,
            format!("a new version is higher than {highest}, the highest that is published"),
        )
        .at("/version", format!("above {highest}"))),
        _ => Ok(wanted),
    }
}

/// The version runs from now on, and never changes again.
///
/// Errors: as `find`; `NotFound`; `VersionConflict` for one that is published already, or an archived agent;
/// `InvalidAgentConfig`, `CredentialInvalid`, `VisibilityViolation` for one that would not work.
pub async fn publish(cx: &Cx, id_or_slug: &str, spec: Spec, changelog: Option<String>) -> Result<AgentView> {
    cx.require(PUBLISH.0)?;
    check_changelog(changelog.as_deref().unwrap_or_default())?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let mut agent = changing(&caller, tx, &given, PUBLISH, None)?;
        let mut version = pick(tx, &agent, spec)?;
        agent.status = step(agent.status, Verb::Publish)?;
        if version.status == VersionStatus::Published {
            return Err(Error::new(
                Code::VersionConflict,
                format!("version {} is published already, and never changes", version.number),
            )
            .suggest("change the agent: that opens its next draft"));
        }
        check_again(&caller, tx, &agent, &version)?;
        version.status = VersionStatus::Published;
        version.published_at = Some(caller.now());
        version.published_by = Some(caller.actor().to_string());
        version.changelog = changelog.unwrap_or(version.changelog);
        tx.put(&version)?;
        agent.current = Some(version.reference());
        agent.draft = None;
        save(&caller, tx, &mut agent)?;
        let note = Note::of("agent.publish", "agent", agent.id);
        caller.note(tx, note.with("version", version.number.to_string()))?;
        AgentView::of(tx, agent, version.definition, caller.now())
    })
    .await
}

/// What was right when the draft was saved may be wrong by now: a credential deleted, a fallback gone.
fn check_again(cx: &Cx, tx: &OrgTx<'_, '_>, agent: &Agent, version: &Version) -> Result<()> {
    let adapter = adapter_of(&agent.agent_type)?;
    refuse(Vec::new(), wrong_by_itself(adapter, &version.definition)?)?;
    check_credentials(tx, adapter, &version.definition.credential_ids)?;
    check_fallback(cx, tx, Some(agent.id), &version.definition)
}

/// A version that ran before runs again. The draft, where there is one, stays.
///
/// Errors: as `find`; `NotFound`; `VersionConflict` for a draft, or an archived agent.
pub async fn rollback(cx: &Cx, id_or_slug: &str, spec: Spec) -> Result<AgentView> {
    cx.require(PUBLISH.0)?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let before = changing(&caller, tx, &given, PUBLISH, None)?;
        let version = pick(tx, &before, spec)?;
        let mut agent = before.clone();
        agent.status = step(agent.status, Verb::Rollback)?;
        if version.status == VersionStatus::Draft {
            return Err(Error::new(
                Code::VersionConflict,
                format!("version {} was never published", version.number),
            )
            .suggest("publish it instead"));
        }
        agent.current = Some(version.reference());
        if agent != before {
            save(&caller, tx, &mut agent)?;
            let note = Note::of("agent.rollback", "agent", agent.id);
            let note = note.with("from", before.current_number().to_string());
            caller.note(tx, note.with("version", version.number.to_string()))?;
        }
        AgentView::read(tx, agent, caller.now())
    })
    .await
}
