//! Agents, through the front door.

mod catalog;
mod changes;
mod checks;
mod discover;
mod life;
mod lists;
mod rights;
mod versions;

use serde_json::{Value, json};

use crate::support::http::Http;
use crate::support::people::Caller;

/// An agent that works anywhere.
pub fn native(name: &str) -> Value {
    json!({ "name": name, "agent_type": "native", "config": { "model": "builtin", "task": "auto" } })
}

/// As `native`, with `change` laid over it.
pub fn native_with(name: &str, change: &Value) -> Value {
    let mut agent = native(name);
    json_patch::merge(&mut agent, change);
    agent
}

/// Makes an agent and answers its path.
pub async fn made(caller: &Http, agent: Value) -> String {
    let agent = caller.post("/api/agents", agent).await.expect(201);
    format!("/api/agents/{}", agent["id"].as_str().expect("an id"))
}

/// Makes an agent whose first version runs.
pub async fn published(caller: &Caller, agent: Value) -> String {
    let path = made(caller, agent).await;
    caller.post(&format!("{path}/versions/1.0.0/publish"), json!({})).await.expect(200);
    path
}
