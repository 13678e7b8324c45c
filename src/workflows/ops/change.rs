//! Making and changing chains. Every change is a revision of its own.

use super::super::check::{checked, verdict};
use super::super::input::{ChainUpdate, NewChain};
use super::super::rights::{need_write, visible};
use super::super::store;
use super::super::types::{Chain, Definition, Revision, Workflow};
use super::super::valid::{RESERVED_SLUGS, check_slug};
use super::super::view::ChainView;
use crate::access::{Action, Cx};
use crate::agents;
use crate::audit::Note;
use crate::base::{Code, Error, Id, Result, WorkflowId, slug_of};
use crate::infra::store::{OrgTx, PerOrg, Rows};

const MAX_WORKFLOWS: u64 = 10_000;

/// Makes a chain, owned by the caller.
///
/// Errors: `ValidationFailed` with everything that is wrong; `Conflict` for a name or slug that is taken;
/// `OrganizationLimitExceeded`.
pub async fn create(cx: &Cx, new: NewChain) -> Result<ChainView> {
    cx.require(Action::WorkflowsWrite)?;
    let (slug, update) = new.split();
    slug.as_deref().map_or(Ok(()), check_slug)?;
    let (found, chain) = checked(cx, &update)?;
    let chain = verdict(found, chain)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        agents_are_there(tx, &chain)?;
        check_count(tx)?;
        let name = update.name.trim().to_owned();
        check_free(tx, &name, None)?;
        let id: WorkflowId = caller.id();
        let now = caller.now();
        let workflow = Workflow {
            id,
            slug: free_slug(tx, slug, &name, id)?,
            name,
            description: update.description,
            visibility: update.visibility,
            owner_id: caller.user_id(),
            revision: 1,
            agents: chain.agents(),
            created_at: now,
            updated_at: now,
        };
        tx.insert(&workflow)?;
        let definition = put_revision(&caller, tx, &workflow, chain)?;
        let note = Note::of("chain.create", "chain", id).with("name", workflow.name.as_str());
        caller.note(tx, note.with("steps", definition.chain().steps.len()))?;
        Ok(ChainView::of(workflow, definition))
    })
    .await
}

/// Replaces everything that can be changed. Runs that were accepted go on with what they began with. `expected`
/// is the revision that the caller has read.
///
/// Errors: as `create` and `find`; `InsufficientPermissions`; `PreconditionFailed`.
pub async fn update(
    cx: &Cx,
    id_or_slug: &str,
    update: ChainUpdate,
    expected: Option<u32>,
) -> Result<ChainView> {
    let before = visible(cx, &cx.read()?, Action::WorkflowsWrite, id_or_slug)?;
    need_write(cx, &before)?;
    let (found, chain) = checked(cx, &update)?;
    let chain = verdict(found, chain)?;
    let (caller, id) = (cx.clone(), before.id);
    cx.write(move |tx| {
        let mut workflow = found_again(&caller, tx, id, expected)?;
        agents_are_there(tx, &chain)?;
        check_free(tx, &update.name, Some(id))?;
        update.name.trim().clone_into(&mut workflow.name);
        workflow.description = update.description;
        workflow.visibility = update.visibility;
        workflow.agents = chain.agents();
        workflow.revision += 1;
        workflow.updated_at = caller.now();
        tx.put(&workflow)?;
        let definition = put_revision(&caller, tx, &workflow, chain)?;
        let note = Note::of("chain.update", "chain", id).with("name", workflow.name.as_str());
        caller.note(tx, note.with("revision", workflow.revision))?;
        Ok(ChainView::of(workflow, definition))
    })
    .await
}

/// The workflow that a change is about, as it is within the transaction.
///
/// Errors: as `find`; `InsufficientPermissions`; `PreconditionFailed` where `expected` is not its revision any
/// more.
pub(super) fn found_again(
    cx: &Cx,
    tx: &OrgTx<'_, '_>,
    id: WorkflowId,
    expected: Option<u32>,
) -> Result<Workflow> {
    let workflow = visible(cx, tx, Action::WorkflowsWrite, &id.to_string())?;
    need_write(cx, &workflow)?;
    if expected.is_some_and(|it| it != workflow.revision) {
        let message = "this was changed since you read it; read it again";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(workflow)
}

fn put_revision(cx: &Cx, tx: &mut OrgTx<'_, '_>, workflow: &Workflow, chain: Chain) -> Result<Definition> {
    let definition = Definition::Chain(chain);
    let revision = Revision {
        workflow_id: workflow.id,
        number: workflow.revision,
        definition,
        created_at: workflow.updated_at,
        created_by: cx.actor().to_string(),
    };
    tx.insert(&revision)?;
    Ok(revision.definition)
}

/// An agent may have been deleted since it was looked at, and none that a chain names is deleted later.
fn agents_are_there(tx: &OrgTx<'_, '_>, chain: &Chain) -> Result<()> {
    for (agent, _) in chain.calls() {
        if agents::by_id(tx, agent)?.is_none() {
            return Err(Error::invalid_at("steps", format!("the agent {agent} was deleted meanwhile")));
        }
    }
    Ok(())
}

fn check_count(tx: &mut OrgTx<'_, '_>) -> Result<()> {
    let workflows = store::count(tx, 1)?;
    if workflows <= MAX_WORKFLOWS {
        return Ok(());
    }
    let used = serde_json::json!({ "resource": "chains", "used": workflows - 1, "limit": MAX_WORKFLOWS });
    let message = format!("an organization has at most {MAX_WORKFLOWS} chains");
    Err(Error::new(Code::OrganizationLimitExceeded, message)
        .detail("resource_usage", used)
        .suggest("delete chains that nobody uses"))
}

fn check_free(rows: &impl Rows<PerOrg>, name: &str, own: Option<WorkflowId>) -> Result<()> {
    match store::is_taken(rows, name, own)? {
        false => Ok(()),
        true => Err(Error::conflict("a chain of this organization has this name already")
            .at("/name", "take another name")),
    }
}

/// The slug that was asked for, or one made of the name: as it is, then numbered, then with a part of the id,
/// which nobody else has.
fn free_slug(rows: &impl Rows<PerOrg>, asked: Option<String>, name: &str, id: WorkflowId) -> Result<String> {
    if let Some(slug) = asked {
        return match store::slug_is_free(rows, &slug)? {
            true => Ok(slug),
            false => Err(Error::conflict(format!("the slug {slug} is taken"))
                .at("/slug", "take another slug, or leave it out")),
        };
    }
    let base = slug_of(name);
    if !RESERVED_SLUGS.contains(&base.as_str()) && store::slug_is_free(rows, &base)? {
        return Ok(base);
    }
    for n in 2..10 {
        let slug = format!("{base}-{n}");
        if store::slug_is_free(rows, &slug)? {
            return Ok(slug);
        }
    }
    let tail: String = id.bytes()[10..].iter().map(|it| format!("{it:02x}")).collect();
    Ok(format!("{base}-{tail}"))
}
