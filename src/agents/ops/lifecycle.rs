//! Changes of an agent's state: enable, disable, deprecate, archive.

use super::super::status::{Verb, step};
use super::super::types::Agent;
use super::super::view::AgentView;
use super::{PUBLISH, Right, WRITE, changing, save};
use crate::access::{Action, Cx};
use crate::audit::Note;
use crate::base::Result;

/// It may be run again. Errors: as `find`; `InsufficientPermissions`; `VersionConflict` where archived.
pub async fn enable(cx: &Cx, id_or_slug: &str) -> Result<AgentView> {
    change(cx, id_or_slug, WRITE, (Verb::Enable, "agent.enable"), |it| it.enabled = true).await
}

/// No new run of it begins. Errors: as `enable`.
pub async fn disable(cx: &Cx, id_or_slug: &str) -> Result<AgentView> {
    change(cx, id_or_slug, WRITE, (Verb::Disable, "agent.disable"), |it| it.enabled = false).await
}

/// It runs on, and every answer says that it should no longer be used. Errors: as `enable`; `VersionConflict`
/// where nothing is published.
pub async fn deprecate(cx: &Cx, id_or_slug: &str) -> Result<AgentView> {
    change(cx, id_or_slug, PUBLISH, (Verb::Deprecate, "agent.deprecate"), |_| {}).await
}

/// It never runs or changes again; its history stays. Errors: as `enable`.
pub async fn archive(cx: &Cx, id_or_slug: &str) -> Result<AgentView> {
    change(cx, id_or_slug, PUBLISH, (Verb::Archive, "agent.archive"), |_| {}).await
}

/// Writes and notes only what differs from before.
async fn change(
    cx: &Cx,
    id_or_slug: &str,
    needs: (Action, Right),
    (verb, action): (Verb, &'static str),
    alter: fn(&mut Agent),
) -> Result<AgentView> {
    cx.require(needs.0)?;
    let (caller, given) = (cx.clone(), id_or_slug.to_owned());
    cx.write(move |tx| {
        let before = changing(&caller, tx, &given, needs, None)?;
        let mut agent = before.clone();
        agent.status = step(agent.status, verb)?;
        alter(&mut agent);
        if agent != before {
            save(&caller, tx, &mut agent)?;
            caller.note(tx, Note::of(action, "agent", agent.id))?;
        }
        AgentView::read(tx, agent, caller.now())
    })
    .await
}
