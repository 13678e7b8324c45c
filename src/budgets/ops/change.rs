//! Changing budgets: made, changed, deleted, or all replaced at once. Every change is in the audit log.

use std::collections::HashSet;

use super::look::view;
use crate::access::{self, Action, Cx};
use crate::agents::{self, Agent};
use crate::audit::Note;
use crate::base::{AgentId, BudgetId, Code, Error, Id, KeyId, Result, UserId};
use crate::budgets::register::Register;
use crate::budgets::types::{Budget, BudgetUpdate, EVERYONE, MAX_BUDGETS, NewBudget, Scope};
use crate::budgets::view::BudgetView;
use crate::budgets::{notice, store};
use crate::infra::store::{OrgTx, Rows};

/// From the commit on, runs that begin are held to it.
///
/// Errors: `ValidationFailed`, `Conflict` for a name that is taken, `OrganizationLimitExceeded`.
pub async fn create(cx: &Cx, new: NewBudget) -> Result<BudgetView> {
    cx.require(Action::BudgetsWrite)?;
    let new = by_id(cx, new)?;
    let subject = new.checked()?;
    let caller = cx.clone();
    let made = cx.write(move |tx| {
        check_room(store::all(tx)?.len() + 1)?;
        let row = insert(&caller, tx, new, subject)?;
        view(&caller, tx, row)
    });
    let made = made.await?;
    read_again(cx)?;
    Ok(made)
}

/// Replaces all but whose calls count and when counting begins anew. What was used stays counted.
///
/// Errors: as `create`; `NotFound`; `PreconditionFailed`.
pub async fn update(
    cx: &Cx,
    id: BudgetId,
    update: BudgetUpdate,
    expected: Option<u64>,
) -> Result<BudgetView> {
    cx.require(Action::BudgetsWrite)?;
    update.check()?;
    let caller = cx.clone();
    let changed = cx.write(move |tx| {
        let row = found(tx, id, expected)?;
        let row = change(&caller, tx, row, update)?;
        view(&caller, tx, row)
    });
    let changed = changed.await?;
    read_again(cx)?;
    Ok(changed)
}

/// The budget and its counts are gone; what is held back for it binds nobody any more.
///
/// Errors: `NotFound`, `PreconditionFailed`.
pub async fn delete(cx: &Cx, id: BudgetId, expected: Option<u64>) -> Result<()> {
    cx.require(Action::BudgetsWrite)?;
    let caller = cx.clone();
    cx.write(move |tx| {
        let row = found(tx, id, expected)?;
        remove(&caller, tx, &row)
    })
    .await?;
    read_again(cx)
}

/// Makes the organization's budgets be these, told apart by their names: one that is there is changed and keeps its
/// counts, one that is not is made, any other is deleted.
///
/// Errors: as `create`; `ValidationFailed` also for a name that comes twice.
pub async fn replace_all(cx: &Cx, wanted: Vec<NewBudget>) -> Result<Vec<BudgetView>> {
    cx.require(Action::BudgetsWrite)?;
    check_room(wanted.len())?;
    let mut names = HashSet::new();
    let mut all = Vec::with_capacity(wanted.len());
    for (at, new) in wanted.into_iter().enumerate() {
        let new = by_id(cx, new)?;
        let subject = new.checked().map_err(|it| below(&it, at))?;
        if !names.insert(new.name.trim().to_lowercase()) {
            return Err(Error::invalid_at(&format!("/items/{at}/name"), "each name comes once"));
        }
        all.push((new, subject));
    }
    let caller = cx.clone();
    let replaced = cx.write(move |tx| {
        let mut present = store::all(tx)?;
        for row in &present {
            let is_wanted = all.iter().any(|(new, subject)| is_same(row, new, *subject));
            if !is_wanted {
                remove(&caller, tx, row)?;
            }
        }
        let mut rows = Vec::with_capacity(all.len());
        for (new, subject) in all {
            let known = present.iter().position(|it| is_same(it, &new, subject));
            rows.push(match known {
                Some(at) => change(&caller, tx, present.swap_remove(at), of_new(new))?,
                None => insert(&caller, tx, new, subject)?,
            });
        }
        rows.into_iter().map(|it| view(&caller, tx, it)).collect::<Result<Vec<_>>>()
    });
    let replaced = replaced.await?;
    read_again(cx)?;
    Ok(replaced)
}

/// An agent may be named by its slug.
fn by_id(cx: &Cx, new: NewBudget) -> Result<NewBudget> {
    let slug = match (new.scope, &new.subject_id) {
        (Scope::Agent | Scope::Run | Scope::Session, Some(it)) if it.parse::<AgentId>().is_err() => it,
        _ => return Ok(new),
    };
    let found = agents::id_of(&cx.read()?, slug)?.map(|it| it.to_string());
    let shown: String = slug.chars().take(80).collect();
    let missing =
        || Error::invalid_at("/subject_id", format!("there is no agent {shown} in this organization"));
    Ok(NewBudget { subject_id: Some(found.ok_or_else(missing)?), ..new })
}

/// Whether `new` is this budget with other limits. A name that now counts other calls is another budget.
fn is_same(row: &Budget, new: &NewBudget, subject: u128) -> bool {
    row.name.to_lowercase() == new.name.trim().to_lowercase()
        && (row.scope, row.subject, row.window) == (new.scope, subject, new.window)
}

fn of_new(new: NewBudget) -> BudgetUpdate {
    let NewBudget { name, limit_micros, limit_tokens, action, enabled, .. } = new;
    BudgetUpdate { name, limit_micros, limit_tokens, action, enabled }
}

/// The same faults, at a place in a list.
fn below(error: &Error, at: usize) -> Error {
    let mut wrong = error.invalid_list().to_vec();
    wrong.iter_mut().for_each(|it| it.path = format!("/items/{at}{}", it.path));
    Error::invalid_fields(Code::ValidationFailed, wrong)
}

fn insert(cx: &Cx, tx: &mut OrgTx<'_, '_>, new: NewBudget, subject: u128) -> Result<Budget> {
    store::check_free(tx, new.name.trim(), None)?;
    check_subject(tx, new.scope, subject)?;
    let now = cx.now();
    let row = Budget {
        id: cx.id(),
        name: new.name.trim().to_owned(),
        scope: new.scope,
        subject,
        window: new.window,
        limit_micros: new.limit_micros,
        limit_tokens: new.limit_tokens,
        action: new.action,
        enabled: new.enabled,
        revision: 1,
        created_at: now,
        created_by: cx.actor().to_string(),
        updated_at: now,
    };
    cx.services().kept.get::<Register>().mark(cx.org());
    tx.insert(&row)?;
    cx.note(tx, note_of("budget.create", &row))?;
    Ok(row)
}

/// Errors: `ValidationFailed` where the organization has nothing of this id.
fn check_subject(tx: &OrgTx<'_, '_>, scope: Scope, subject: u128) -> Result<()> {
    let bytes = subject.to_be_bytes();
    let is_there = match scope {
        _ if subject == EVERYONE => true,
        Scope::Organization => true,
        Scope::Agent | Scope::Run | Scope::Session => tx.exists::<Agent>(AgentId::from_bytes(bytes))?,
        Scope::User => access::is_member(tx, UserId::from_bytes(bytes))?,
        Scope::ApiKey => access::is_key(tx, KeyId::from_bytes(bytes))?,
    };
    if is_there {
        return Ok(());
    }
    let id = scope.id_of(subject).unwrap_or_default();
    Err(Error::invalid_at("/subject_id", format!("there is no {id} in this organization")))
}

fn change(cx: &Cx, tx: &mut OrgTx<'_, '_>, row: Budget, update: BudgetUpdate) -> Result<Budget> {
    let name = update.name.trim().to_owned();
    store::check_free(tx, &name, Some(row.id))?;
    let changed = Budget {
        name,
        limit_micros: update.limit_micros,
        limit_tokens: update.limit_tokens,
        action: update.action,
        enabled: update.enabled,
        ..row.clone()
    };
    if changed == row {
        return Ok(row);
    }
    let changed = Budget { revision: row.revision + 1, updated_at: cx.now(), ..changed };
    tx.put(&changed)?;
    notice::after_change(tx, &changed)?;
    cx.note(tx, note_of("budget.update", &changed))?;
    Ok(changed)
}

fn remove(cx: &Cx, tx: &mut OrgTx<'_, '_>, row: &Budget) -> Result<()> {
    tx.delete::<Budget>(row.id)?;
    store::forget(tx, row.id)?;
    cx.note(tx, Note::of("budget.delete", "budget", row.id).with("name", row.name.as_str()))
}

fn found(tx: &OrgTx<'_, '_>, id: BudgetId, expected: Option<u64>) -> Result<Budget> {
    let row = store::find(tx, id)?;
    if expected.is_some_and(|it| it != row.revision) {
        let message = "this was changed since you read it; read it again";
        return Err(Error::new(Code::PreconditionFailed, message));
    }
    Ok(row)
}

fn check_room(count: usize) -> Result<()> {
    if count <= MAX_BUDGETS {
        return Ok(());
    }
    let message = format!("an organization has at most {MAX_BUDGETS} budgets");
    Err(Error::new(Code::OrganizationLimitExceeded, message).suggest("delete one that is no longer used"))
}

fn note_of(action: &'static str, row: &Budget) -> Note {
    Note::of(action, "budget", row.id)
        .with("name", row.name.as_str())
        .with("scope", row.scope.name())
        .with("subject_id", row.scope.id_of(row.subject))
        .with("window", row.window.name())
        .with("limit_micros", row.limit_micros)
        .with("limit_tokens", row.limit_tokens)
        .with("action", row.action.name())
        .with("enabled", row.enabled)
}

fn read_again(cx: &Cx) -> Result<()> {
    cx.services().kept.get::<Register>().read(cx.services(), cx.org())
}
