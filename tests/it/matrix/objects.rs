//! One thing of each kind that a path can name, of one organization.

use std::collections::BTreeMap;

use reeve::access::{self, Credential, Cx};
use reeve::agents;
use reeve::base::Origin;
use serde_json::json;

use crate::support::Appliance;
use crate::support::people::Caller;

/// Ids by kind.
pub type Objects = BTreeMap<&'static str, String>;

/// Ids that nobody has.
pub fn missing() -> Objects {
    let id = |prefix: &str| format!("{prefix}00000000000000000000000009");
    BTreeMap::from([
        ("org", id("org_")),
        ("member", id("usr_")),
        ("invitation", id("inv_")),
        ("key", id("key_")),
        ("session", id("ses_")),
        ("agent", id("agt_")),
        ("execution", id("exe_")),
        ("batch", id("bat_")),
        ("conversation", "nobody-talks-here".to_owned()),
        ("credential", id("cre_")),
        ("trigger", id("trg_")),
        ("budget", id("bud_")),
        ("webhook", id("whk_")),
        ("delivery", id("dlv_")),
        ("schedule", id("sch_")),
        ("chain", id("wfl_")),
        ("chain_run", id("exe_")),
    ])
}

/// Makes one of each kind that this server has. `canary` stands in their names.
pub async fn of(appliance: &Appliance, caller: &Caller, canary: &str) -> Objects {
    let text = |it: &serde_json::Value| it.as_str().expect("an id").to_owned();
    let mut made = BTreeMap::from([("org", caller.org.to_string()), ("member", caller.id.to_string())]);
    let asked = json!({"email": format!("{canary}@example.test"), "role": "viewer"});
    made.insert("invitation", text(&caller.post("/api/org/invitations", asked).await.expect(201)["id"]));
    let key = json!({"name": canary, "scopes": ["org:read"]});
    made.insert("key", text(&caller.post("/api/api-keys", key).await.expect(201)["id"]));
    let sessions = caller.get("/api/users/me/sessions").await.expect(200);
    made.insert("session", text(&sessions["items"][0]["id"]));

    let webhook = webhook(caller, canary).await;
    let agent = agent(&cx(appliance, caller).await, canary).await;
    let conversation = json!({"agent_id": agent, "id": format!("{canary}-talks")});
    caller.post("/api/sessions", conversation).await.expect(201);
    made.insert("conversation", format!("{canary}-talks"));
    let told = format!("http://{}/told", super::NOBODY);
    let run = json!({"input": format!("{canary} wrote a line."), "callback_url": told});
    let run = caller.post(&format!("/api/agents/{agent}/execute"), run).await;
    made.insert("execution", text(&run.expect(200)["id"]));
    let schedule = json!({"name": canary, "agent_id": agent, "cron": "@yearly"});
    let schedule = caller.post("/api/schedules", schedule).await;
    made.insert("schedule", text(&schedule.expect(201)["id"]));
    let chain = json!({"name": canary, "steps": [{"id": "one", "agent_id": agent}]});
    let chain = text(&caller.post("/api/chains", chain).await.expect(201)["id"]);
    let run = json!({"input": format!("{canary} wrote a line.")});
    let run = caller.post(&format!("/api/chains/{chain}/execute"), run).await;
    made.insert("chain_run", text(&run.expect(200)["id"]));
    made.insert("chain", chain);
    let budget = json!({
        "name": canary, "scope": "organization", "window": "month", "limit_tokens": 1_000_000_000,
    });
    made.insert("budget", text(&caller.post("/api/budgets", budget).await.expect(201)["id"]));
    let trigger = json!({"name": canary, "agent_id": agent, "signature": {"scheme": "github"}});
    made.insert("trigger", text(&caller.post("/api/triggers", trigger).await.expect(201)["id"]));
    let batch = json!({"inputs": [format!("{canary} wrote a batch.")]});
    let batch = caller.post(&format!("/api/agents/{agent}/execute/batch"), batch).await.expect(202);
    made.insert("batch", text(&batch["batch_id"]));
    made.insert("agent", agent);
    made.insert("delivery", delivery(caller, &webhook).await);
    made.insert("webhook", webhook);

    let credential = json!({"name": canary, "kind": "api_key", "value": {"key": canary}});
    let answer = caller.post("/api/credentials", credential).await;
    if answer.status != 404 {
        made.insert("credential", text(&answer.expect(201)["id"]));
    }
    made
}

/// Told of the run above, at a port where nobody listens.
async fn webhook(caller: &Caller, name: &str) -> String {
    let new = json!({
        "name": name, "url": format!("http://{}/hook", super::NOBODY), "events": ["execution.completed"],
    });
    let made = caller.post("/api/webhooks", new).await.expect(201);
    made["id"].as_str().expect("an id").to_owned()
}

/// One thing that it was to be told, once everything was tried: later attempts would change what lists show.
async fn delivery(caller: &Caller, webhook: &str) -> String {
    let path = format!("/api/webhooks/{webhook}/deliveries");
    loop {
        let found = caller.get(&path).await.expect(200);
        let items = found["items"].as_array().expect("items");
        if let Some(first) = items.first().filter(|_| items.iter().all(|it| it["attempts"] == 1)) {
            return first["id"].as_str().expect("an id").to_owned();
        }
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

async fn cx(appliance: &Appliance, caller: &Caller) -> Cx {
    let credential = Credential::Token(&caller.access_token);
    access::authenticate(&appliance.inner.services, credential, Origin::default()).await.expect("is in")
}

async fn agent(cx: &Cx, name: &str) -> String {
    let new = json!({"name": name, "agent_type": "native", "config": {"model": "builtin", "task": "auto"}});
    let made = agents::create(cx, serde_json::from_value(new).expect("an agent")).await.expect("creates");
    let id = serde_json::to_value(&made).expect("json")["id"].as_str().expect("an id").to_owned();
    agents::publish(cx, &id, "1.0.0".parse().expect("a version"), None).await.expect("publishes");
    id
}
