//! What can be done with agents. Each op checks the caller and owns its transaction.

mod create;
mod delete;
mod discover;
mod edit;
mod lifecycle;
mod list;
mod permissions;
mod probe;
mod stop;
mod versions;

pub use create::{clone_agent, create};
pub use delete::{DeleteGuards, delete};
pub(super) use discover::{Discovery, Place, discover};
pub use edit::{patch, update};
pub use lifecycle::{archive, deprecate, disable, enable};
pub use list::{AgentName, by_id, find, id_of, list, may_see_runs, name_of, seen, view};
pub use permissions::{permissions, set_permissions};
pub use probe::{Validation, health, test, validate};
pub use stop::{resume, stop};
pub use versions::{NewVersion, compare, create_version, publish, rollback, version, versions};

use super::rights::{Right, need};
use super::status::{Verb, step};
use super::types::{Agent, Definition, Version, VersionRef, VersionStatus};
use super::{resolve, store};
use crate::access::{Action, Cx};
use crate::base::{AgentId, Code, Error, Result};
use crate::infra::store::{OrgTx, PerOrg, Rows};

/// The agent that a change is about, if the caller may make it.
///
/// Errors: as `find`, `InsufficientPermissions` without `right`, `PreconditionFailed` where `expected` is not
/// the agent's revision any more.
fn changing(
    cx: &Cx,
    rows: &impl Rows<PerOrg>,
    id_or_slug: &str,
    (action, right): (Action, Right),
    expected: Option<u64>,
) -> Result<Agent> {
    cx.require(action)?;
    let agent = resolve::visible(cx, rows, Action::AgentsRead, id_or_slug)?;
    need(cx, &agent, right)?;
    if expected.is_some_and(|it| it != agent.revision) {
        return Err(Error::new(
            Code::PreconditionFailed,
            "this was changed since you read it; read it again",
        ));
    }
    Ok(agent)
}

const WRITE: (Action, Right) = (Action::AgentsWrite, Right::Write);
const PUBLISH: (Action, Right) = (Action::AgentsPublish, Right::Write);
const SHARE: (Action, Right) = (Action::AgentsShare, Right::Admin);
const DELETE: (Action, Right) = (Action::AgentsWrite, Right::Admin);

/// Writes the agent as changed now.
fn save(cx: &Cx, tx: &mut OrgTx<'_, '_>, agent: &mut Agent) -> Result<()> {
    agent.revision += 1;
    agent.updated_at = cx.now();
    tx.put(agent)
}

/// Makes `definition` the agent's draft: changes the one there is, or opens the next number.
fn put_draft(
    cx: &Cx,
    tx: &mut OrgTx<'_, '_>,
    agent: &mut Agent,
    definition: Definition,
) -> Result<VersionRef> {
    let version = match agent.draft {
        Some(draft) => {
            let old = store::referred(tx, agent.id, draft)?;
            Version { revision: old.revision + 1, definition, ..old }
        }
        None => {
            agent.newest = agent.newest.next();
            new_version(cx, agent.id, agent.newest, definition)
        }
    };
    tx.put(&version)?;
    agent.draft = Some(version.reference());
    Ok(version.reference())
}

fn new_version(cx: &Cx, agent_id: AgentId, number: super::Number, definition: Definition) -> Version {
    Version {
        id: cx.id(),
        agent_id,
        number,
        revision: 0,
        status: VersionStatus::Draft,
        changelog: String::new(),
        definition,
        created_at: cx.now(),
        created_by: cx.actor().to_string(),
        published_at: None,
        published_by: None,
    }
}
