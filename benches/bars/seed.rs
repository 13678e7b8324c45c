//! A data folder with many executions, written through the store itself.

use std::net::SocketAddr;
use std::sync::Arc;

use reeve::access::{self, Cx, Services, SetupRequest};
use reeve::adapters::Usage;
use reeve::agents::{self, NewAgent, Spec};
use reeve::app::{Appliance, Parts};
use reeve::base::{AgentId, Env, ExecutionId, Id, Json, OrgId, Origin, Timestamp, VersionId};
use reeve::config::Config;
use reeve::engine::Status;
use reeve::executions::{self, Execution, NewExecution, Trigger, TriggerKind};
use reeve::infra::Secret;
use reeve::metering::{self, Counted};
use serde_json::json;
use tempfile::TempDir;

pub struct Seeded {
    pub email: String,
    pub password: String,
    pub agent: String,
    pub execution: String,
    pub from: String,
    pub to: String,
}

const AT_ONCE: u64 = 2_000;
const WEEK_MS: u64 = 7 * 86_400_000;

/// What is made; the executions are spread evenly over all agents of all organizations.
pub struct Size {
    pub organizations: u64,
    /// Of each organization.
    pub agents: u64,
    pub executions: u64,
}

/// Answers what belongs to the first organization.
pub fn fill(folder: &TempDir, size: &Size) -> Seeded {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut config = Config::default();
        config.data.dir = folder.path().join("data");
        config.data.cache_bytes = 512 << 20;
        let appliance = Appliance::open(config, Parts::default()).await.expect("opens");
        let services = &appliance.services;
        let (email, password) = ("owner@mill.test".to_owned(), "seven quiet otters".to_owned());
        let request = SetupRequest {
            token: Secret::new(""),
            org_name: "Mill".to_owned(),
            email: email.clone(),
            password: Secret::from(password.clone()),
            name: None,
        };
        access::setup(services, &Origin::default(), request, false).await.expect("sets up");
        let first = access::every_org(services).expect("reads")[0];
        let mut seeded = None;
        for nth in 0..size.organizations {
            // Those after the first are nobody's: their rows are there, and nobody logs in.
            let org = if nth == 0 { first } else { services.env.id() };
            let (of_agent, execution) = organization(services, org, size).await;
            seeded.get_or_insert((of_agent, execution));
        }
        let (agent, execution) = seeded.expect("an organization");
        let now = Env::system().now();
        Seeded {
            email,
            password,
            agent: agent.to_string(),
            execution: execution.to_string(),
            from: now.minus_ms(WEEK_MS).to_string(),
            to: now.to_string(),
        }
    })
}

/// Agents and executions of one organization; its first agent and its newest execution.
async fn organization(services: &Arc<Services>, org: OrgId, size: &Size) -> (AgentId, ExecutionId) {
    let count = size.executions / size.organizations;
    let at_once = AT_ONCE.min(count);
    let cx = Cx::system(services, org, "benchmark");
    let mut ids = Vec::new();
    for number in 0..size.agents {
        let new: NewAgent = serde_json::from_value(json!({
            "name": format!("Agent {number}"), "agent_type": "native", "config": {"model": "builtin"},
            "visibility": "organization",
        }))
        .expect("an agent");
        ids.push(agents::create(&cx, new).await.expect("makes").id);
    }
    let ids = Arc::new(ids);
    let now = Env::system().now();
    let mut last = None;
    for batch in 0..count / at_once {
        let ids = ids.clone();
        let written = services.store.write_org(org, move |tx| {
            let mut last = None;
            for number in batch * at_once..(batch + 1) * at_once {
                let at = now.minus_ms(WEEK_MS).plus_ms(number * WEEK_MS / count);
                let agent = ids[number as usize % ids.len()];
                let execution = execution(number, at, agent);
                metering::record(tx, &counted(&execution, agent))?;
                tx.insert(&execution)?;
                last = Some(execution.id);
            }
            Ok(last)
        });
        last = written.await.expect("writes").or(last);
    }
    (ids[0], last.expect("some"))
}

/// Syncs that one synchronous run of a webhook agent costs, with `clients` at once, counted by the store.
pub fn syncs_per_run(upstream: SocketAddr, clients: usize) -> f64 {
    const RUNS_EACH: usize = 200;
    let folder = tempfile::tempdir().expect("a folder");
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let mut config = Config::default();
        config.data.dir = folder.path().join("data");
        config.egress.allow = vec![upstream.to_string()];
        let appliance = Appliance::open(config, Parts::default()).await.expect("opens");
        let cx = Cx::system(&appliance.services, Env::system().id(), "benchmark");
        let new: NewAgent = serde_json::from_value(json!({
            "name": "Echo", "agent_type": "webhook", "config": {"url": format!("http://{upstream}/")},
        }))
        .expect("an agent");
        let agent = agents::create(&cx, new).await.expect("makes").id.to_string();
        agents::publish(&cx, &agent, Spec::Draft, None).await.expect("publishes");
        let before = appliance.services.store.syncs();
        let mut callers = tokio::task::JoinSet::new();
        for _ in 0..clients {
            let (cx, agent) = (cx.clone(), agent.clone());
            callers.spawn(async move {
                for _ in 0..RUNS_EACH {
                    let request = NewExecution::of(Json::of(&json!({ "text": "hello" })));
                    let started =
                        executions::start(&cx, &agent, TriggerKind::Api, request).await.expect("starts");
                    assert_eq!(started.wait().await.expect("ends").status, Status::Completed);
                }
            });
        }
        while let Some(done) = callers.join_next().await {
            done.expect("a caller");
        }
        (appliance.services.store.syncs() - before) as f64 / (clients * RUNS_EACH) as f64
    })
}

fn execution(number: u64, at: Timestamp, agent: AgentId) -> Execution {
    let mut bytes = [0; 16];
    bytes[..6].copy_from_slice(&at.millis().to_be_bytes()[2..]);
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    Execution {
        id: ExecutionId::from_bytes(bytes),
        agent_id: Some(agent),
        version_id: Some(VersionId::from_bytes([1; 16])),
        agent_version: Some("1.0.0".to_owned()),
        workflow_id: None,
        workflow_revision: None,
        parent_id: None,
        batch: None,
        paused_at: None,
        undone: false,
        retried_by: None,
        callback_url: None,
        interrupted_by: None,
        upstream: None,
        status: if number.is_multiple_of(50) { Status::Failed } else { Status::Completed },
        input: Json::of(&json!({ "text": format!("question {number}") })),
        output: Some(Json::of(&json!({ "answer": format!("answer {number}") }))),
        failure: None,
        session_id: None,
        attempts: 1,
        trigger: Trigger {
            kind: TriggerKind::Api,
            actor: "key_benchmark".to_owned(),
            retry_of: None,
            source: None,
        },
        metadata: None,
        traceparent: None,
        usage: Usage { api_calls: 1, input_tokens: 20, output_tokens: 30, ..Usage::default() },
        timeout_ms: 30_000,
        priority: 0,
        created_at: at,
        started_at: Some(at),
        completed_at: Some(at.plus_ms(number % 900)),
    }
}

fn counted(execution: &Execution, agent: AgentId) -> Counted {
    Counted {
        agent,
        status: execution.status,
        ended_at: execution.completed_at.unwrap_or(execution.created_at),
        duration_ms: 10,
        usage: execution.usage,
    }
}
