//! Looking at triggers and at what called them.

use super::super::hit::{Counts, Hit};
use super::super::store;
use super::super::types::{Kind, Trigger};
use super::super::view::{HitView, TriggerView};
use crate::access::{Action, Cx};
use crate::base::{Page, PageRequest, Result, TriggerId};
use crate::infra::store::{Key, Order, PerOrg, Rows};
use crate::targets::{self, Target};

#[derive(Debug, Clone, Default)]
pub struct TriggerFilter {
    pub kind: Option<Kind>,
    pub target: Option<Target>,
    /// A part of the name.
    pub q: Option<String>,
}

impl TriggerFilter {
    fn keeps(&self, it: &Trigger) -> bool {
        self.kind.is_none_or(|kind| kind == it.kind())
            && self.target.is_none_or(|target| Target::of(it.agent_id, it.workflow_id) == Some(target))
            && self.q.as_ref().is_none_or(|q| it.name.to_lowercase().contains(&q.to_lowercase()))
    }
}

/// Those of agents and chains that the caller may see, newest first.
pub fn list(cx: &Cx, filter: &TriggerFilter, page: &PageRequest) -> Result<Page<TriggerView>> {
    cx.require(Action::TriggersRead)?;
    let rows = cx.read()?;
    let mut failed = None;
    let (found, next) = rows.page::<Trigger>(0, Key::new(), Order::Newest, page, |it| {
        let seen = it.target().and_then(|target| targets::sees(cx, &rows, target));
        filter.keeps(it) && seen.unwrap_or_else(|error| failed.replace(error).is_some())
    })?;
    if let Some(error) = failed {
        return Err(error);
    }
    let views = found.into_iter().map(|it| view(cx, &rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(views, next))
}

/// Errors: `NotFound`, also for one of something that the caller may not see.
pub fn find(cx: &Cx, id: TriggerId) -> Result<TriggerView> {
    cx.require(Action::TriggersRead)?;
    let rows = cx.read()?;
    view(cx, &rows, store::find(cx, &rows, id)?)
}

pub(super) fn view(cx: &Cx, rows: &impl Rows<PerOrg>, trigger: Trigger) -> Result<TriggerView> {
    let counts = rows.get::<Counts>(trigger.id)?;
    Ok(TriggerView::of(trigger, counts, cx.now()))
}

/// What became of the latest calls, newest first.
///
/// Errors: `NotFound`.
pub fn hits(cx: &Cx, id: TriggerId, page: &PageRequest) -> Result<Page<HitView>> {
    cx.require(Action::TriggersRead)?;
    let rows = cx.read()?;
    store::find(cx, &rows, id)?;
    let (found, next) = rows.page::<Hit>(0, Key::of(id), Order::Newest, page, |_| true)?;
    Ok(Page::new(found.into_iter().map(HitView::of).collect(), next))
}
