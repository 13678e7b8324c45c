//! Stopping, lifting, asking.

use std::sync::Arc;
use std::time::Duration;

use super::store::key_of;
use super::switch;
use super::types::{NewStop, OrgStop, Queued, Stop, StopReport};
use crate::access::{self, Action, Cx, Services};
use crate::audit::Note;
use crate::base::{AgentId, Doing, Id, OrgId, Result};
use crate::infra::store::{Key, Order, OrgTx, PerOrg, Rows, WriteOptions};

/// How long a stop waits for the runs that it cancels; they end also where it does not wait.
const PATIENCE: Duration = Duration::from_secs(10);

/// Stops and lifts one after the other, so that the engine hears of them in the order of their commits.
#[derive(Default)]
struct Turn(tokio::sync::Mutex<()>);

/// To be asked in the transaction that accepts a run: so none slips in beside a stop.
///
/// Errors: `Stopped` where the whole organization is, or this agent.
pub fn refuse(rows: &impl Rows<PerOrg>, agent: Option<AgentId>) -> Result<()> {
    refuse_by(rows, None)?;
    agent.map_or(Ok(()), |it| refuse_agent(rows, it))
}

/// Errors: `Stopped` where this agent is on its own.
pub fn refuse_agent(rows: &impl Rows<PerOrg>, agent: AgentId) -> Result<()> {
    refuse_by(rows, Some(agent))
}

fn refuse_by(rows: &impl Rows<PerOrg>, place: Option<AgentId>) -> Result<()> {
    match rows.get::<Stop>(key_of(place))? {
        Some(stop) => Err(stop.refusal()),
        None => Ok(()),
    }
}

/// The stop that holds for this agent alone.
pub fn agent_stop(rows: &impl Rows<PerOrg>, agent: AgentId) -> Result<Option<Stop>> {
    rows.get(key_of(Some(agent)))
}

/// The stop that holds for everything.
pub fn of_org(rows: &impl Rows<PerOrg>) -> Result<Option<Stop>> {
    rows.get(key_of(None))
}

/// What held for an agent that is deleted.
pub fn forget(tx: &mut OrgTx<'_, '_>, agent: AgentId) -> Result<()> {
    tx.delete::<Stop>(key_of(Some(agent))).map(drop)
}

/// The stops that hold; of agents those that `sees` lets through.
pub fn org_stop(cx: &Cx, sees: impl Fn(AgentId) -> Result<bool>) -> Result<OrgStop> {
    cx.require(Action::OrgRead)?;
    let mut found = OrgStop { stopped: None, agents: Vec::new() };
    for stop in cx.read()?.all::<Stop>(Key::new(), Order::Oldest)? {
        match stop.agent_id {
            None => found.stopped = Some(stop),
            Some(agent) if sees(agent)? => found.agents.push(stop),
            Some(_) => {}
        }
    }
    Ok(found)
}

/// Stops the whole organization. When this returns, no run begins, and what ran has been told to end. A stop that
/// held already is renewed: who, when and why are this one's from now on, those of the one before are in the audit.
///
/// Errors: `InsufficientPermissions` below admin; `ValidationFailed` without a reason.
pub async fn stop_org(cx: &Cx, new: NewStop) -> Result<StopReport> {
    cx.require(Action::OrgWrite)?;
    stop(cx, None, new).await
}

/// Lifts it; nothing happens where nothing was stopped.
pub async fn resume_org(cx: &Cx) -> Result<()> {
    cx.require(Action::OrgWrite)?;
    lift(cx, None).await
}

/// As `stop_org`, for an agent; whether the caller may is decided by those who know agents.
pub async fn stop_agent(cx: &Cx, agent: AgentId, new: NewStop) -> Result<StopReport> {
    stop(cx, Some(agent), new).await
}

/// As `resume_org`, for an agent; whether the caller may is decided by those who know agents.
pub async fn lift_agent(cx: &Cx, agent: AgentId) -> Result<()> {
    lift(cx, Some(agent)).await
}

async fn stop(cx: &Cx, agent: Option<AgentId>, new: NewStop) -> Result<StopReport> {
    let new = new.checked()?;
    let by = cx.actor().to_string();
    let by_name = access::called(cx, &by)?;
    let stop = Stop { agent_id: agent, by, by_name, at: cx.now(), reason: new.reason, queued: new.queued };
    let cx = cx.clone();
    // On its own: a caller who leaves must not leave a stop that the engine has not heard of.
    let acting = tokio::spawn(async move {
        let turn = cx.services().kept.get::<Turn>();
        let _turn = turn.0.lock().await;
        let stopped = stop.clone();
        write(&cx, move |cx, tx| {
            tx.put(&stop)?;
            cx.note(tx, note(cx, "stop", agent).with("reason", stop.reason.as_str()))
        })
        .await?;
        let engine = &cx.services().engine;
        engine.close(cx.org(), agent.map(|it| it.bytes()));
        if let Some(agent) = agent {
            switch::throw(cx.services(), cx.org(), agent);
        }
        let queued = new.queued == Queued::Cancel;
        let lane = agent.map(|it| it.bytes());
        let cancelled = engine.cancel_all(cx.org(), lane, queued, &stopped.end(), PATIENCE).await;
        Ok(StopReport { stopped, cancelled })
    });
    acting.await.doing("stop")?
}

async fn lift(cx: &Cx, agent: Option<AgentId>) -> Result<()> {
    let cx = cx.clone();
    let acting = tokio::spawn(async move {
        let turn = cx.services().kept.get::<Turn>();
        let _turn = turn.0.lock().await;
        write(&cx, move |cx, tx| {
            if tx.delete::<Stop>(key_of(agent))?.is_some() {
                cx.note(tx, note(cx, "resume", agent))?;
            }
            Ok(())
        })
        .await?;
        cx.services().engine.open(cx.org(), agent.map(|it| it.bytes()));
        Ok(())
    });
    acting.await.doing("lift a stop")?
}

fn note(cx: &Cx, verb: &str, agent: Option<AgentId>) -> Note {
    match agent {
        Some(agent) if verb == "stop" => Note::of("agent.stop", "agent", agent),
        Some(agent) => Note::of("agent.resume", "agent", agent),
        None if verb == "stop" => Note::of("org.stop", "org", cx.org()),
        None => Note::of("org.resume", "org", cx.org()),
    }
}

/// Also on a full disk: that is when somebody may want it most.
async fn write<T: Send + 'static>(
    cx: &Cx,
    change: impl FnOnce(&Cx, &mut OrgTx<'_, '_>) -> Result<T> + Send + 'static,
) -> Result<T> {
    let caller = cx.clone();
    let whole = move |tx: &mut crate::infra::store::WriteTx<'_>| {
        let mut tx = tx.org(caller.org());
        let done = change(&caller, &mut tx)?;
        caller.claim(&mut tx)?;
        Ok(done)
    };
    cx.services().store.write_with(WriteOptions { essential: true }, whole).await
}

/// Tells the engine, before it takes up the runs of an earlier process, what is stopped; answers what is to be done
/// when it has: what a crash kept a stop from cancelling is cancelled.
pub fn take_up(services: &Arc<Services>, orgs: &[OrgId]) -> Result<impl Future<Output = ()> + use<>> {
    let mut stops = Vec::new();
    for org in orgs {
        for stop in services.store.org(*org)?.all::<Stop>(Key::new(), Order::Oldest)? {
            let lane = stop.agent_id.map(|it| it.bytes());
            services.engine.close(*org, lane);
            stops.push((*org, lane, stop.queued == Queued::Cancel, stop.end()));
        }
    }
    let services = services.clone();
    Ok(async move {
        for (org, lane, queued, why) in stops {
            services.engine.cancel_all(org, lane, queued, &why, Duration::ZERO).await;
        }
    })
}
