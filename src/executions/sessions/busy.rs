//! What becomes of a message that comes while its session is at work.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::row::Session;
use crate::access::Cx;
use crate::base::{Code, Error, ExecutionId, Json, Result};
use crate::engine::{Failure, Lane};
use crate::executions::store::BY_SESSION_OPEN;
use crate::executions::types::{Execution, MAX_SESSION_CHARS, NewExecution};
use crate::infra::fault;
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows};

/// Runs of one session that may be open at once.
const MAX_OPEN: usize = 100;

/// What becomes of a second message while a run of its session has not ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnBusy {
    /// It is refused with `Conflict`.
    Reject,
    /// It waits until the runs before it have ended.
    #[default]
    Queue,
    /// The runs before it are cancelled; what was said in them stays part of the conversation.
    Interrupt,
    /// The runs before it are cancelled, and the conversation goes on as if they had not been.
    Rollback,
}

impl OnBusy {
    pub const ALL: [Self; 4] = [Self::Queue, Self::Interrupt, Self::Rollback, Self::Reject];

    pub const fn name(self) -> &'static str {
        match self {
            Self::Reject => "reject",
            Self::Queue => "queue",
            Self::Interrupt => "interrupt",
            Self::Rollback => "rollback",
        }
    }

    /// What it does, for the person who chooses.
    pub const fn words(self) -> &'static str {
        match self {
            Self::Reject => "refuse this message",
            Self::Queue => "wait until it is done",
            Self::Interrupt => "end it; what was said stays",
            Self::Rollback => "end it, as if it had not been said",
        }
    }
}

/// Errors: `ValidationFailed` for an id that cannot be one, and where the request has no session to be busy.
pub(in crate::executions) fn check(request: &NewExecution) -> Result<()> {
    if let Some(id) = &request.session_id {
        check_id("session_id", id)?;
    }
    if request.on_busy.is_some() && request.session_id.is_none() {
        return Err(Error::invalid_at(
            "on_busy",
            "says what to do while a session is busy, so it needs a session_id",
        ));
    }
    Ok(())
}

/// Dots alone would be lost from an address, and nobody sees a control character.
pub(super) fn check_id(field: &str, id: &str) -> Result<()> {
    let fits = !id.is_empty()
        && id.chars().count() <= MAX_SESSION_CHARS
        && !matches!(id, "." | "..")
        && !id.contains(char::is_control);
    if fits {
        return Ok(());
    }
    Err(Error::invalid_at(
        field,
        format!("has 1 to {MAX_SESSION_CHARS} characters in one line, and is more than a dot or two"),
    ))
}

/// The lane that has a session's runs one after the other.
pub(in crate::executions) fn lane_of(session: &str) -> Lane {
    let hash = Sha256::new().chain_update(b"session\0").chain_update(session).finalize();
    let mut id = [0; 16];
    id.copy_from_slice(&hash[..16]);
    Lane { id, limit: 1 }
}

/// Notes a new run in its session, which is made where it is new; in the transaction that accepts the run. Answers
/// the runs that it interrupts.
///
/// Errors: `Conflict` where the session is busy and the caller wants that refused; `ResourceExhausted` where as
/// many runs wait in it as may.
pub(in crate::executions) fn enter(
    cx: &Cx,
    tx: &mut OrgTx<'_, '_>,
    execution: &Execution,
    on_busy: OnBusy,
) -> Result<Vec<ExecutionId>> {
    let Some(id) = execution.session_id.clone() else { return Ok(Vec::new()) };
    fault!("sessions.enter"?);
    let open = open_runs(tx, &id)?;
    let mut interrupts = Vec::new();
    match on_busy {
        OnBusy::Reject if !open.is_empty() => return Err(busy(&id, &open)),
        OnBusy::Queue if open.len() >= MAX_OPEN => return Err(full(&id)),
        OnBusy::Reject | OnBusy::Queue => {}
        OnBusy::Interrupt | OnBusy::Rollback => {
            interrupts = open.iter().map(|it| it.id).collect();
            for mut run in open {
                // Where a crash keeps them from being cancelled, the next start sees that they are to be.
                run.interrupted_by = Some(execution.id);
                run.undone |= on_busy == OnBusy::Rollback;
                tx.put(&run)?;
            }
        }
    }
    let known = tx.get::<Session>(Key::new().text(&id))?;
    let session = known.unwrap_or_else(|| Session {
        id,
        agent_id: execution.agent_id,
        title: None,
        metadata: None,
        actor: cx.actor().to_string(),
        created_at: execution.created_at,
        used_at: execution.created_at,
    });
    tx.put(&Session { used_at: execution.created_at, ..session })?;
    Ok(interrupts)
}

/// What those are told who wait for a run that a later one of its session ends.
pub(in crate::executions) fn interruption(by: ExecutionId) -> Failure {
    let message =
        "this run was ended by a later message of its session, sent with on_busy interrupt or rollback";
    Failure {
        details: Json::of(&json!({ "interrupted_by": by.to_string() })),
        ..Failure::new(Code::ExecutionCancelled, message)
    }
}

/// Runs of a session that have not ended, oldest first.
pub(super) fn open_runs(rows: &impl Rows<PerOrg>, session: &str) -> Result<Vec<Execution>> {
    let mut open = Vec::new();
    rows.scan_index::<Execution>(BY_SESSION_OPEN, Key::new().text(session), Order::Oldest, |run| {
        open.push(run);
        Ok(true)
    })?;
    Ok(open)
}

fn busy(session: &str, open: &[Execution]) -> Error {
    let error = Error::conflict(format!(
        "session {session} is at work on an earlier message: wait until that has ended, or send this one with on_busy \
         queue, interrupt or rollback"
    ));
    open.iter().take(1).fold(error, |it, run| it.detail("execution_id", run.id.to_string()))
}

fn full(session: &str) -> Error {
    Error::new(
        Code::ResourceExhausted,
        format!(
            "session {session} has {MAX_OPEN} messages waiting, which is the most; send this one when some of them have been answered"
        ),
    )
}
