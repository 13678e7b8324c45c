//! Reading, setting and trying out a policy.

use super::store::policy;
use super::types::{NewPolicy, Policy, PolicyView, Preview};
use crate::access::{Action, Cx};
use crate::agents;
use crate::audit::Note;
use crate::base::{Code, Error, Result};
use crate::executions::{next_owner, old_runs};
use crate::infra::store::{PerOrg, Rows};

/// Looks of a dry run at most: some hundred thousand runs.
const MOST_LOOKS: usize = 300;

/// Errors: `InsufficientPermissions` below admin.
pub fn find(cx: &Cx) -> Result<PolicyView> {
    cx.require(Action::OrgWrite)?;
    Ok(PolicyView::of(policy(&cx.read()?)?, &cx.services().config.retention))
}

/// Replaces the policy. `expected` is the revision that the caller has read.
///
/// Errors: `InsufficientPermissions` below admin; `ValidationFailed` for days outside of the bounds, and for an agent
/// that is not there; `PreconditionFailed`.
pub async fn set(cx: &Cx, new: NewPolicy, expected: Option<u64>) -> Result<PolicyView> {
    cx.require(Action::OrgWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let before = policy(tx)?;
        if expected.is_some_and(|it| it != before.revision) {
            let changed = "this was changed since you read it; read it again";
            return Err(Error::new(Code::PreconditionFailed, changed));
        }
        let config = &caller.services().config.retention;
        let after = checked(tx, &new, config, &before)?;
        if (before.days, &before.agents) == (after.days, &after.agents) {
            return Ok(PolicyView::of(before, config));
        }
        tx.put(&after)?;
        let note = Note::of("retention.update", "org", caller.org());
        let note = match after.days {
            Some(days) => note.with("days", days),
            None => note,
        };
        caller.note(tx, note.with("agents", after.agents.len()))?;
        Ok(PolicyView::of(after, config))
    })
    .await
}

fn checked(
    rows: &impl Rows<PerOrg>,
    new: &NewPolicy,
    config: &crate::config::Retention,
    before: &Policy,
) -> Result<Policy> {
    Policy::of(new, config, before.revision + 1, |text| {
        // One that was deleted since may stay: its history is still there.
        let former = text.parse().ok().filter(|it| before.agents.contains_key(it));
        Ok(former.or(agents::id_of(rows, text)?))
    })
}

/// What `new`, or where it is left out the policy that holds, would take away now. Changes nothing.
///
/// Errors: as `set`.
pub fn preview(cx: &Cx, new: Option<&NewPolicy>) -> Result<Preview> {
    cx.require(Action::OrgWrite)?;
    let (rows, now, config) = (cx.read()?, cx.now(), &cx.services().config.retention);
    let holds = policy(&rows)?;
    let policy = match new {
        Some(new) => checked(&rows, new, config, &holds)?,
        None => holds,
    };
    let (mut preview, mut looks, mut owner) = (Preview::default(), 0, None);
    while let Some(next) = next_owner(&rows, owner)? {
        let mut from = None;
        loop {
            if looks == MOST_LOOKS {
                return Ok(Preview { is_cut: true, ..preview });
            }
            looks += 1;
            let old = old_runs(&rows, next, from, policy.cutoff(config, next, now))?;
            preview.runs += old.runs.len() as u64;
            preview.freed_bytes += old.runs.iter().map(|it| it.2).sum::<u64>();
            from = old.next;
            if from.is_none() {
                break;
            }
        }
        owner = Some(next);
    }
    Ok(preview)
}
