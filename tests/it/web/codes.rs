//! Every error that the interface documents, provoked over real HTTP.

use std::sync::atomic::Ordering::Relaxed;

use bytes::Bytes;
use http::Method;
use reeve::access::Role;
use reeve::base::Code;
use reeve::config::Config;
use serde_json::{Value, json};

use super::probe;
use crate::agents::{made, native, native_with, published};
use crate::crash::Site;
use crate::support::Appliance;
use crate::support::http::{Answer, Http};
use crate::support::peer::{Peer, Received, Step, answer, json as json_answer};
use crate::support::people::Caller;

/// An organization with one agent, and a far end that behaves as its paths say.
struct Scene {
    appliance: Appliance,
    owner: Caller,
    peer: Peer,
    agent: String,
}

impl Scene {
    async fn new(change: impl FnOnce(&mut Config)) -> Self {
        let peer = Peer::start(far_end).await;
        let allow = peer.address.to_string();
        let settings = |it: &mut Config| {
            it.egress.allow = vec![allow];
            it.limits.body_bytes = 50_000;
            change(it);
        };
        let appliance = Appliance::start_with(settings, probe::routes()).await;
        let owner = appliance.owner().await;
        let agent = published(&owner, native("A")).await;
        Self { appliance, owner, peer, agent }
    }

    /// Runs a new agent whose far end is `path`.
    async fn run(&self, path: &str, change: &Value) -> Answer {
        let agent = self.webhook(path, change).await;
        self.owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await
    }

    async fn webhook(&self, path: &str, change: &Value) -> String {
        let config = json!({ "url": self.peer.url(path) });
        let name = format!("{path} {change}").chars().take(60).collect::<String>();
        let mut agent = json!({ "name": name, "agent_type": "webhook", "config": config });
        json_patch::merge(&mut agent, change);
        published(&self.owner, agent).await
    }

    /// A run that goes on until it is cancelled; answers its path.
    async fn endless(&self, change: &Value) -> String {
        let agent = self.webhook("/hangs", change).await;
        let body = json!({ "input": {}, "wait_ms": 0 });
        let begun = self.owner.post(&format!("{agent}/execute"), body).await;
        begun.expect(202);
        begun.header("location").expect("a place").to_owned()
    }
}

fn far_end(request: &Received, _: usize) -> Vec<Step> {
    match request.line().split(' ').nth(1).unwrap_or_default() {
        "/hangs" => vec![Step::Hang],
        "/fails" => answer(400, &[], "no"),
        _ => json_answer(&json!({ "text": "done" })),
    }
}

fn number() -> Value {
    json!({ "type": "object", "required": ["n"], "properties": { "n": { "type": "integer" } } })
}

/// The answer that shows the code, and the status that is documented for it. There is no arm for the rest: a new
/// code compiles when it is provoked.
async fn provoked(scene: &Scene, code: Code) -> (u16, Answer) {
    let Scene { appliance, owner, agent, .. } = scene;
    match code {
        Code::AgentNotFound => (404, owner.get("/api/agents/nobody").await),
        Code::InvalidAgentConfig => {
            (422, owner.post("/api/agents", native_with("B", &json!({ "config": { "model": 7 } }))).await)
        }
        Code::AgentCreationFailed => {
            owner.post("/api/agents", native_with("C", &json!({ "slug": "taken" }))).await.expect(201);
            (409, owner.post("/api/agents", native_with("D", &json!({ "slug": "taken" }))).await)
        }
        Code::VersionConflict => {
            (409, owner.post(&format!("{agent}/versions/1.0.0/publish"), json!({})).await)
        }
        Code::DuplicateAgentName => (409, owner.post("/api/agents", native("A")).await),
        Code::ExecutionFailed => (502, scene.run("/fails", &json!({})).await),
        Code::ExecutionTimeout => {
            (504, scene.run("/hangs", &json!({ "execution": { "timeout_ms": 100 } })).await)
        }
        Code::ChainExecutionFailed => (502, failing_chain(scene).await),
        Code::Interrupted => (502, interrupted().await),
        Code::ExecutionCancelled => (409, cancelled(scene).await),
        Code::Stopped => {
            let agent = scene.webhook("/works", &json!({ "name": "is stopped" })).await;
            owner.post(&format!("{agent}/stop"), json!({ "reason": "a test" })).await.expect(200);
            (409, owner.post(&format!("{agent}/execute"), json!({ "input": {} })).await)
        }
        Code::InvalidInput => (422, scene.run("/works", &json!({ "input_schema": number() })).await),
        Code::InvalidOutput => (502, scene.run("/works", &json!({ "output_schema": number() })).await),
        Code::ResourceExhausted => {
            let scene = Scene::new(|it| it.engine.max_queued_per_org = 0).await;
            (429, scene.run("/works", &json!({})).await)
        }
        Code::InsufficientPermissions => {
            (403, appliance.caller(Role::Viewer).await.post("/api/agents", native("E")).await)
        }
        Code::AgentAccessDenied => (403, owner.key(&["org:read"]).await.get("/api/agents").await),
        Code::OrganizationLimitExceeded => {
            let scene = Scene::new(|it| it.limits.agents_per_org = 1).await;
            (409, scene.owner.post("/api/agents", native("B")).await)
        }
        Code::VisibilityViolation => {
            let fallback = json!({ "fallback_agent_id": "agt_00000000000000000000000009" });
            (404, owner.post("/api/agents", native_with("F", &json!({ "execution": fallback }))).await)
        }
        Code::CredentialInvalid => {
            let ids = json!({ "credential_ids": ["cre_00000000000000000000000009"] });
            (422, owner.post("/api/agents", native_with("G", &ids)).await)
        }
        Code::EgressDenied => {
            (403, scene.run("/works", &json!({ "config": { "url": "http://127.0.0.1:9/" } })).await)
        }
        Code::Unauthenticated => (401, appliance.anonymous().get("/api/org").await),
        Code::ValidationFailed => (422, owner.post("/api/agents", json!({ "name": 7 })).await),
        Code::NotFound => (404, owner.get("/api/nothing").await),
        Code::MethodNotAllowed => (405, owner.patch("/api/org", json!({})).await),
        Code::UnsupportedMediaType => {
            let text = Bytes::from_static(b"{}");
            (415, owner.send(Method::POST, "/api/agents", Some("text/plain"), text).await)
        }
        Code::Conflict => {
            let run = scene.endless(&json!({ "name": "goes on" })).await;
            (409, owner.post(&format!("{run}/retry"), json!({})).await)
        }
        Code::IdempotencyKeyReused => {
            let once = owner.with("idempotency-key", "used");
            once.post("/api/agents", native("H")).await.expect(201);
            (409, once.post("/api/agents", native("I")).await)
        }
        Code::PreconditionFailed => {
            let stale = owner.with("if-match", "\"another\"");
            (412, stale.patch(agent, json!({ "description": "changed" })).await)
        }
        Code::PayloadTooLarge => (413, owner.post("/api/agents", native(&"x".repeat(60_000))).await),
        Code::RateLimited => {
            let policy = json!({ "rate_limit_per_minute": 1 });
            let agent = published(owner, native_with("J", &json!({ "execution": policy }))).await;
            let (execute, body) = (format!("{agent}/execute"), json!({ "input": "A line." }));
            owner.post(&execute, body.clone()).await.expect(200);
            (429, owner.post(&execute, body).await)
        }
        Code::Unavailable => {
            let draining = &appliance.inner.services.draining;
            draining.store(true, Relaxed);
            let answer = appliance.anonymous().get("/readyz").await;
            draining.store(false, Relaxed);
            (503, answer)
        }
        Code::Internal => (500, appliance.anonymous().put("/api/probe", json!({})).await),
    }
}

async fn failing_chain(scene: &Scene) -> Answer {
    let agent = scene.webhook("/fails", &json!({ "name": "a step" })).await;
    let agent = agent.rsplit('/').next().expect("an id");
    let chain = json!({ "name": "Fails", "steps": [{ "id": "one", "agent_id": agent }] });
    scene.owner.post("/api/chains", chain).await.expect(201);
    scene.owner.post("/api/chains/fails/execute", json!({ "input": {} })).await
}

/// Someone waits for a run that someone else ends.
async fn cancelled(scene: &Scene) -> Answer {
    let agent = scene.webhook("/hangs", &json!({ "name": "is cancelled" })).await;
    let (owner, execute) = (scene.owner.http.clone(), format!("{agent}/execute"));
    let waiting = tokio::spawn(async move { owner.post(&execute, json!({ "input": {} })).await });
    let run = loop {
        let page = scene.owner.get(&format!("{agent}/executions")).await.expect(200);
        match page["items"][0]["id"].as_str() {
            Some(id) => break id.to_owned(),
            None => tokio::time::sleep(std::time::Duration::from_millis(2)).await,
        }
    };
    scene.owner.post(&format!("/api/executions/{run}/cancel"), json!({})).await.expect(200);
    waiting.await.expect("answers")
}

/// The process dies while it calls for a run that may be attempted once; the caller asks again.
async fn interrupted() -> Answer {
    let peer = Peer::start(far_end).await;
    let site = Site::new(&peer);
    let mut server = site.serve();
    let key = server.api_key().await;
    let caller = |base: &str| Http::new(base).bearer(&key).with("idempotency-key", "asked twice");
    let http = Http::new(&server.base).bearer(&key);
    let agent = json!({
        "name": "once", "agent_type": "webhook", "config": { "url": peer.url("/hangs") },
        "execution": { "delivery": "at_most_once" },
    });
    let agent = made(&http, agent).await;
    http.post(&format!("{agent}/versions/1.0.0/publish"), json!({})).await.expect(200);
    let (execute, body) = (format!("{agent}/execute"), json!({ "input": {} }));
    let waiting = {
        let (caller, execute, body) = (caller(&server.base), execute.clone(), body.clone());
        tokio::spawn(async move { caller.try_post(&execute, &body).await })
    };
    peer.has_received(1).await;
    server.kill();
    assert!(waiting.await.expect("ends").is_none(), "there was no answer");
    let server = site.serve();
    caller(&server.base).post(&execute, body).await
}

#[tokio::test(flavor = "multi_thread")]
async fn every_code_is_provoked() {
    let scene = Scene::new(|_| {}).await;
    for code in Code::ALL {
        let (status, answer) = Box::pin(provoked(&scene, *code)).await;
        answer.expect_error(status, code.name());
    }
    println!("codes={}", Code::ALL.len());
}
