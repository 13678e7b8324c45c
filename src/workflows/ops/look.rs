//! Reading chains, and checking one that is not saved.

use super::super::check::checked;
use super::super::input::NewChain;
use super::super::optimize::{Optimization, Tally};
use super::super::rights::{self, Rights, visible};
use super::super::store;
use super::super::types::Workflow;
use super::super::valid::check_slug;
use super::super::view::{ChainView, Validation};
use crate::access::{Action, Cx};
use crate::base::{Error, Invalid, Page, PageRequest, Result, WorkflowId};
use crate::engine::entries_after;
use crate::executions::{self, ExecutionFilter};
use crate::infra::store::{Key, Order, PerOrg, Rows};

#[derive(Debug, Clone, Default)]
pub struct ChainFilter {
    /// A part of name, slug or description, whatever the case.
    pub q: Option<String>,
}

impl ChainFilter {
    fn keeps(&self, workflow: &Workflow) -> bool {
        let Some(q) = self.q.as_ref().map(|it| it.trim().to_lowercase()).filter(|it| !it.is_empty()) else {
            return true;
        };
        [&workflow.name, &workflow.slug, &workflow.description]
            .iter()
            .any(|it| it.to_lowercase().contains(&q))
    }
}

/// Errors: `NotFound`, byte for byte the same for a chain that is not there and for one that the caller may not
/// see.
pub fn find(cx: &Cx, id_or_slug: &str) -> Result<ChainView> {
    Ok(seen(cx, id_or_slug)?.0)
}

/// As `find`, with what the caller may do with it.
pub fn seen(cx: &Cx, id_or_slug: &str) -> Result<(ChainView, Rights)> {
    let rows = cx.read()?;
    let workflow = visible(cx, &rows, Action::WorkflowsRead, id_or_slug)?;
    let rights = rights::access(cx, &workflow);
    Ok((view(&rows, workflow)?, rights))
}

/// What lists of other things show of a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainName {
    pub name: String,
    pub deleted: bool,
}

/// Also of one that was deleted; `None` where the caller may not see it, or there never was one.
pub fn name_of(cx: &Cx, rows: &impl Rows<PerOrg>, id: WorkflowId) -> Result<Option<ChainName>> {
    let (found, deleted) = match rows.get::<Workflow>(id)? {
        Some(it) => (Some(it), false),
        None => (store::gone(rows, id)?, true),
    };
    Ok(found.filter(|it| rights::access(cx, it).read).map(|it| ChainName { name: it.name, deleted }))
}

pub(super) fn view(rows: &impl Rows<PerOrg>, workflow: Workflow) -> Result<ChainView> {
    let revision = store::revision(rows, workflow.id, workflow.revision)?;
    Ok(ChainView::of(workflow, revision.definition))
}

/// The chains that the caller may see and `filter` keeps, newest first.
pub fn list(cx: &Cx, filter: &ChainFilter, page: &PageRequest) -> Result<Page<ChainView>> {
    cx.require(Action::WorkflowsRead)?;
    let rows = cx.read()?;
    let keep = |it: &Workflow| filter.keeps(it) && rights::access(cx, it).read;
    let (found, next) = rows.page(0, Key::new(), Order::Newest, page, keep)?;
    let items = found.into_iter().map(|it| view(&rows, it)).collect::<Result<_>>()?;
    Ok(Page::new(items, next))
}

/// The whole check of a chain without saving it: fields, ids, expressions, agents, whether mappings fit.
///
/// Errors: those of the caller's rights; what is wrong with the chain is in the answer.
pub fn validate(cx: &Cx, new: NewChain) -> Result<Validation> {
    inspect(cx, new, None)
}

/// As `validate`, of a chain that would take the place of `own`.
pub(in crate::workflows) fn inspect(cx: &Cx, new: NewChain, own: Option<WorkflowId>) -> Result<Validation> {
    cx.require(Action::WorkflowsWrite)?;
    let (slug, update) = new.split();
    let (mut found, _) = checked(cx, &update)?;
    let slug = slug.map_or(Ok(()), |it| check_slug(&it));
    found.errors.extend(slug.err().as_ref().map(Error::invalid_list).unwrap_or_default().iter().cloned());
    if store::is_taken(&cx.read()?, &update.name, own)? {
        let message = "a chain of this organization has this name already: take another one".to_owned();
        found.warnings.push(Invalid { path: "/name".to_owned(), message });
    }
    Ok(Validation {
        valid: found.errors.is_empty(),
        validation_errors: found.errors,
        warnings: found.warnings,
    })
}

/// Runs that are looked at for what could be better.
const LOOKED_AT: usize = 50;
/// Journal entries of one of them.
const MAX_ENTRIES: usize = 2_000;

/// What the newest runs of the chain as it is now say about its steps, and what could be better.
///
/// Errors: as `find`.
pub fn optimize(cx: &Cx, id_or_slug: &str) -> Result<Optimization> {
    let rows = cx.read()?;
    let workflow = visible(cx, &rows, Action::WorkflowsRead, id_or_slug)?;
    let revision = store::revision(&rows, workflow.id, workflow.revision)?;
    let chain = revision.definition.chain();
    let mut tally = Tally::of(chain);
    let filter = ExecutionFilter { workflow: Some(workflow.id), ..ExecutionFilter::default() };
    let runs = match cx.may(Action::ExecutionsRead) {
        true => executions::list(cx, &filter, &PageRequest::first(LOOKED_AT))?.items,
        false => Vec::new(),
    };
    for run in runs.iter().filter(|it| it.workflow_revision == Some(workflow.revision)) {
        tally.add(&entries_after(&rows, run.id, 0, MAX_ENTRIES)?);
    }
    Ok(tally.told(chain))
}
