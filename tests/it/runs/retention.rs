//! History goes when it is old enough, and never what goes on or is still shown; its room is written again.

use std::sync::Arc;
use std::time::{Duration, Instant};

use reeve::access::Role;
use reeve::base::ExecutionId;
use reeve::config::Config;
use reeve::engine::{entries_after, journal_stored};
use reeve::executions::Execution;
use reeve::infra::store::{OrgTx, Rows};
use reeve::retention;
use serde_json::{Value, json};

use crate::agents::{native, published};
use crate::support::Appliance;
use crate::support::clock::HeldClock;
use crate::support::peer::{Peer, answer, json as json_answer};
use crate::support::people::Caller;

const DAY_MS: u64 = 86_400_000;

fn full() -> bool {
    std::env::var_os("REEVE_FULL").is_some()
}

struct Keeper {
    appliance: Appliance,
    owner: Caller,
    clock: Arc<HeldClock>,
}

impl Keeper {
    async fn new() -> Self {
        Self::with(|_| {}).await
    }

    async fn with(change: impl FnOnce(&mut Config)) -> Self {
        let settings = |it: &mut Config| {
            it.auth.open_registration = true;
            change(it);
        };
        let (appliance, clock) = Appliance::start_held(settings, Vec::new()).await;
        let owner = appliance.owner().await;
        Self { appliance, owner, clock }
    }

    /// Lets days pass; nobody's log-in outlasts them.
    async fn days(&mut self, days: u64) {
        self.clock.advance_ms(days * DAY_MS);
        self.owner = self.appliance.log_in(&self.owner.email).await;
    }

    async fn run(&self, agent: &str, text: &str) -> String {
        let run = self.owner.post(&format!("{agent}/execute"), json!({ "input": text })).await;
        format!("/api/executions/{}", run.expect(200)["id"].as_str().expect("an id"))
    }

    /// Answers how many runs went.
    async fn sweep(&self) -> u64 {
        let services = &self.appliance.inner.services;
        retention::sweep(services, self.owner.org).await.expect("sweeps").runs
    }

    /// What the audit log says of sweeps, the newest first.
    async fn told(&self) -> Vec<Value> {
        let log = self.owner.get("/api/audit?limit=200").await.expect(200);
        let all = log["items"].as_array().expect("entries").clone();
        all.into_iter()
            .filter(|it| it["action"] == "history.expire")
            .map(|it| it["details"].clone())
            .collect()
    }

    async fn is_there(&self, run: &str) -> bool {
        self.owner.get(run).await.status == 200
    }

    async fn set(&self, policy: Value) -> Value {
        self.owner.put("/api/admin/retention", policy).await.expect(200)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn runs_go_after_the_days_of_the_appliance_the_organization_or_the_agent() {
    let mut keeper = Keeper::new().await;
    let brief = published(&keeper.owner, native("Brief")).await;
    let plain = published(&keeper.owner, native("Plain")).await;
    let long = published(&keeper.owner, native("Long")).await;
    let id = |path: &str| path.rsplit('/').next().expect("an id").to_owned();
    let first = [keeper.run(&brief, "a").await, keeper.run(&plain, "b").await, keeper.run(&long, "c").await];
    keeper.days(29).await;
    assert_eq!(keeper.sweep().await, 0, "30 days where nothing is set");
    let of_agents = json!([{ "agent_id": id(&brief), "days": 7 }, { "agent_id": id(&long), "days": 90 }]);
    let tried =
        keeper.owner.post("/api/admin/retention/preview", json!({ "days": null, "agents": of_agents })).await;
    let tried = tried.expect(200);
    assert_eq!((&tried["runs"], &tried["is_cut"]), (&json!(1), &json!(false)));
    assert!(tried["freed_bytes"].as_u64().is_some_and(|it| it > 100), "{tried}");
    assert!(keeper.is_there(&first[0]).await, "a dry run takes nothing");
    let set = keeper.set(json!({ "days": 60, "agents": of_agents })).await;
    assert_eq!((&set["days"], &set["default_days"]), (&json!(60), &json!(30)));
    assert_eq!(keeper.sweep().await, 1);
    assert!(!keeper.is_there(&first[0]).await);
    keeper.days(32).await;
    let fresh = keeper.run(&brief, "d").await;
    assert_eq!(keeper.sweep().await, 1);
    let there =
        [keeper.is_there(&first[1]).await, keeper.is_there(&first[2]).await, keeper.is_there(&fresh).await];
    assert_eq!(there, [false, true, true]);
    let rows = keeper.appliance.inner.services.store.org(keeper.owner.org).expect("readable");
    let gone = first[1].rsplit('/').next().expect("an id").parse().expect("an id");
    assert!(entries_after(&rows, gone, 0, 10).expect("readable").is_empty(), "the journal goes with it");
    assert_eq!(journal_stored(&rows, gone).expect("readable"), (0, 0));
    let list = keeper.owner.get(&format!("{plain}/executions")).await.expect(200);
    assert_eq!(list["items"], json!([]), "and so do its index entries");
    let told = keeper.told().await;
    assert_eq!(told.len(), 2, "one entry a sweep that took something: {told:?}");
    assert_eq!(told[0]["runs"], 1);
    assert!(told[0]["bytes"].as_u64().is_some_and(|it| it > 100), "{told:?}");
    let from = keeper.appliance.inner.services.env.now().minus_ms(90 * DAY_MS);
    let metrics = keeper.owner.get(&format!("/api/analytics/summary?from={from}")).await.expect(200);
    assert_eq!(metrics["total"]["executions"], 4, "what was counted stays: {metrics}");
}

#[tokio::test(flavor = "multi_thread")]
async fn dead_letters_wait_longer_and_a_chain_goes_whole() {
    let peer = Peer::start(|it, _| match it.line() {
        "POST /bad" => answer(400, &[], "no"),
        _ => json_answer(&json!({ "ok": true })),
    })
    .await;
    let allow = peer.address.to_string();
    let mut keeper = Keeper::with(|it| it.egress.allow = vec![allow]).await;
    let agent = |name: &str| {
        let url = peer.url(&format!("/{name}"));
        json!({ "name": name, "agent_type": "webhook", "config": { "url": url } })
    };
    published(&keeper.owner, agent("good")).await;
    let bad = published(&keeper.owner, agent("bad")).await;
    let chain = json!({ "name": "Chain", "steps": [{ "id": "one", "agent_id": "good" }] });
    let chain = keeper.owner.post("/api/chains", chain).await.expect(201);
    let chain = format!("/api/chains/{}/execute", chain["id"].as_str().expect("an id"));
    let run = keeper.owner.post(&chain, json!({ "input": {} })).await.expect(200);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    keeper
        .owner
        .post(&format!("{bad}/execute"), json!({ "input": {} }))
        .await
        .expect_error(502, "ExecutionFailed");
    let dead = keeper.owner.get("/api/executions?dead=true").await.expect(200);
    let dead = format!("/api/executions/{}", dead["items"][0]["id"].as_str().expect("a dead letter"));
    keeper.days(31).await;
    assert_eq!(keeper.sweep().await, 1);
    assert_eq!((keeper.is_there(&run).await, keeper.is_there(&dead).await), (false, true));
    keeper.days(60).await;
    assert_eq!(keeper.sweep().await, 1);
    assert!(!keeper.is_there(&dead).await);
    assert_eq!(keeper.sweep().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_stays_until_all_of_it_is_old_and_goes_with_the_last_of_its_runs() {
    let mut keeper = Keeper::new().await;
    let agent = published(&keeper.owner, native("A")).await;
    let services = keeper.appliance.inner.services.clone();
    let body = json!({ "inputs": ["a", "b", "c"] });
    let batch = keeper.owner.post(&format!("{agent}/execute/batch"), body).await.expect(202);
    let batch = format!("/api/batches/{}", batch["batch_id"].as_str().expect("an id"));
    while keeper.owner.get(&batch).await.expect(200)["status"] != "completed" {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    services.engine.close(keeper.owner.org, None);
    let body = json!({ "inputs": ["d"] });
    let open = keeper.owner.post(&format!("{agent}/execute/batch"), body).await.expect(202);
    let open = format!("/api/batches/{}", open["batch_id"].as_str().expect("an id"));
    keeper.days(31).await;
    assert_eq!(keeper.sweep().await, 3);
    keeper.owner.get(&batch).await.expect_error(404, "NotFound");
    keeper.owner.get(&open).await.expect(200);
    let list = keeper.owner.get("/api/batches").await.expect(200);
    assert_eq!(list["items"].as_array().map(Vec::len), Some(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_old_runs_go_while_others_write() {
    let count = if full() { 100_000 } else { 3_000 };
    let mut keeper = Keeper::new().await;
    let agent = published(&keeper.owner, native("A")).await;
    let run = keeper.run(&agent, "text").await;
    let services = keeper.appliance.inner.services.clone();
    let (org, id) = (keeper.owner.org, run.rsplit('/').next().expect("an id").parse::<ExecutionId>());
    let model: Execution =
        services.store.org(org).expect("readable").get(id.expect("an id")).expect("readable").expect("there");
    for part in 0..count / 1_000 {
        let (model, env) = (model.clone(), services.env.clone());
        let adding = move |tx: &mut OrgTx<'_, '_>| {
            (0..1_000).try_for_each(|_| tx.insert(&Execution { id: env.id(), ..model.clone() }))
        };
        services.store.write_org(org, adding).await.unwrap_or_else(|it| panic!("part {part}: {it:?}"));
    }
    keeper.days(31).await;
    let agent = published(&keeper.owner, native("B")).await;
    let sweeping = {
        let services = services.clone();
        tokio::spawn(async move { retention::sweep(&services, org).await.expect("sweeps") })
    };
    let (mut took, began) = (Vec::new(), Instant::now());
    while !sweeping.is_finished() {
        let began = Instant::now();
        keeper.run(&agent, "text").await;
        took.push(began.elapsed());
    }
    let swept = sweeping.await.expect("swept");
    assert_eq!(swept.runs, count + 1);
    took.sort();
    let at = |percent: usize| took.get((took.len() * percent / 100).min(took.len().saturating_sub(1)));
    println!(
        "{} runs went in {:?}; {} runs beside that: p50 {:?} p95 {:?} p99 {:?}",
        swept.runs,
        began.elapsed(),
        took.len(),
        at(50),
        at(95),
        at(99),
    );
    let told = keeper.told().await;
    assert_eq!((told.len(), &told[0]["runs"]), (1, &json!(count + 1)));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_has_not_ended_stays_however_old_it_is() {
    let mut keeper = Keeper::new().await;
    let agent = published(&keeper.owner, native("A")).await;
    let services = keeper.appliance.inner.services.clone();
    services.engine.close(keeper.owner.org, None);
    let body = json!({ "input": "text", "wait_ms": 0 });
    let run = keeper.owner.post(&format!("{agent}/execute"), body).await.expect(202);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    keeper.days(400).await;
    assert_eq!(keeper.sweep().await, 0);
    assert!(keeper.is_there(&run).await);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_has_a_floor_and_names_agents_that_are_there() {
    let keeper = Keeper::new().await;
    let put = |body: Value| keeper.owner.put("/api/admin/retention", body);
    for wrong in [
        json!({ "days": 0, "agents": [] }),
        json!({ "days": 40_000, "agents": [] }),
        json!({ "days": null, "agents": [{ "agent_id": "agt_00000000000000000000000009", "days": 5 }] }),
        json!({ "days": null, "agents": [{ "agent_id": "nobody", "days": 5 }] }),
    ] {
        put(wrong).await.expect_error(422, "ValidationFailed");
    }
    for (lacking, at) in [(json!({}), "/days"), (json!({ "days": 9 }), "/agents")] {
        let refused = put(lacking).await.expect_error(422, "ValidationFailed");
        let wrong = &refused["error"]["details"]["validation_errors"][0];
        assert_eq!((&wrong["path"], &wrong["message"]), (&json!(at), &json!("is missing")));
    }
    let brief = published(&keeper.owner, native("Brief")).await;
    let by_slug =
        put(json!({ "days": null, "agents": [{ "agent_id": "brief", "days": 5 }] })).await.expect(200);
    assert!(brief.ends_with(by_slug["agents"][0]["agent_id"].as_str().expect("an id")), "{by_slug}");
    let read = keeper.owner.get("/api/admin/retention").await;
    let tag = read.header("etag").expect("a tag").to_owned();
    put(json!({ "days": 9, "agents": [] })).await.expect(200);
    let late = json!({ "days": 8, "agents": [] });
    let late = keeper.owner.http.with("if-match", tag).put("/api/admin/retention", late).await;
    late.expect_error(412, "PreconditionFailed");
    let builder = keeper.appliance.caller(Role::Builder).await;
    builder.get("/api/admin/retention").await.expect_error(403, "InsufficientPermissions");
    let mut visitor = keeper.appliance.visitor_of(&keeper.owner.email).await;
    assert!(visitor.page("/organization/retention").await.contains("value=\"9\""));
    let looked = visitor.send("/organization/retention", &[("days", "5"), ("act", "look")]).await;
    assert_eq!(looked.status, 200, "{}", looked.text());
    visitor.through("/organization/retention", &[("days", "6")]).await;
    assert_eq!(keeper.owner.get("/api/admin/retention").await.expect(200)["days"], 6);
    let wrong = visitor.send("/organization/retention", &[("days", "some")]).await;
    assert_eq!(wrong.status, 422);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_does_not_grow_over_rounds_of_filling_and_expiry() {
    let mut keeper = Keeper::new().await;
    let agent = published(&keeper.owner, native("A")).await;
    let text = "One line of a longer story. ".repeat(2_000);
    let store = keeper.appliance.inner.services.store.clone();
    let mut sizes = Vec::new();
    for _ in 0..5 {
        // Far more than the log holds, so that the database takes it in.
        for _ in 0..100 {
            keeper.run(&agent, &text).await;
        }
        keeper.days(31).await;
        assert_eq!(keeper.sweep().await, 100);
        sizes.push(store.size_bytes());
    }
    println!("bytes after each round: {sizes:?}");
    assert!(sizes[4] <= sizes[1].max(16 << 20), "{sizes:?}");
}
