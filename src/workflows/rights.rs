//! Who may do what with one workflow. A run asks agents beside that, to which its caller needs the right too.

use super::store;
use super::types::Workflow;
use crate::access::{Action, Cx, Role};
use crate::agents::Visibility;
use crate::base::{Error, Result};
use crate::infra::store::{PerOrg, Rows};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rights {
    pub read: bool,
    pub execute: bool,
    pub write: bool,
}

/// What the caller may do with `workflow`: admins and its owner everything, others run what is visible to them,
/// as far as role and token reach.
pub fn access(cx: &Cx, workflow: &Workflow) -> Rights {
    let own = workflow.owner_id.is_some() && workflow.owner_id == cx.user_id();
    let all = own || cx.role() >= Role::Admin;
    let sees = all || workflow.visibility != Visibility::Private;
    Rights {
        read: sees && cx.may(Action::WorkflowsRead),
        execute: sees && cx.may(Action::WorkflowsExecute),
        write: all && cx.may(Action::WorkflowsWrite),
    }
}

/// The workflow, if the caller may see it.
///
/// Errors: `NotFound`, the same whether it is not there or not for the caller.
pub(super) fn visible(
    cx: &Cx,
    rows: &impl Rows<PerOrg>,
    action: Action,
    id_or_slug: &str,
) -> Result<Workflow> {
    cx.require(action)?;
    let found = store::get(rows, id_or_slug)?;
    found.filter(|it| access(cx, it).read).ok_or_else(|| store::missing(id_or_slug))
}

/// Errors: `InsufficientPermissions` for one that the caller sees and may not change.
pub(super) fn need_write(cx: &Cx, workflow: &Workflow) -> Result<()> {
    if access(cx, workflow).write {
        return Ok(());
    }
    cx.require(Action::WorkflowsWrite)?;
    Err(Error::forbidden("only its owner and admins may change this chain")
        .suggest("make a chain of your own with the same steps"))
}
