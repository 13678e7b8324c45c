//! Credentials, the vault behind them, and the ledger of what leaves; through the front door.

mod calls;
mod ledger;
mod sealed;
mod swaps;
mod verbs;

use serde_json::{Value, json};

use crate::support::Appliance;
use crate::support::peer::Peer;
use crate::support::people::Caller;

/// An appliance that may call `peers`.
async fn reaching(peers: &[&Peer]) -> Appliance {
    let allow: Vec<String> = peers.iter().map(|it| it.address.to_string()).collect();
    Appliance::start_with(|it| it.egress.allow = allow, Vec::new()).await
}

/// Makes a credential and answers its id.
async fn made(caller: &Caller, name: &str, kind: &str, value: Value) -> String {
    let new = json!({"name": name, "kind": kind, "value": value});
    id_of(&caller.post("/api/credentials", new).await.expect(201))
}

fn id_of(resource: &Value) -> String {
    resource["id"].as_str().expect("an id").to_owned()
}

/// A published webhook agent that uses `credentials`; answers its id.
async fn webhook_agent(caller: &Caller, name: &str, url: &str, credentials: &[&str]) -> String {
    let new = json!({
        "name": name, "agent_type": "webhook", "config": {"url": url}, "credential_ids": credentials,
        "execution": {"retry": {"max_attempts": 1}},
    });
    let id = id_of(&caller.post("/api/agents", new).await.expect(201));
    caller.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), json!({})).await.expect(200);
    id
}

async fn run(caller: &Caller, agent: &str) -> crate::support::http::Answer {
    caller.post(&format!("/api/agents/{agent}/execute"), json!({"input": {"q": 1}})).await
}

async fn audit(caller: &Caller, action: &str) -> Vec<Value> {
    let log = caller.get(&format!("/api/audit?action={action}&limit=200")).await.expect(200);
    log["items"].as_array().expect("items").clone()
}
