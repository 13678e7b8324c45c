//! Failures at the points that load does not meet: setting up, migrating, letting history age out, writing the
//! database anew.

use std::collections::HashSet;
use std::fs;
use std::time::{Duration, Instant};

use reeve::base::{Env, OrgId, Timestamp};
use reeve::infra::store::{Key, OpenOptions, PerAppliance, Row, Rows, Store, Table};
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::expiry::{YOUNG, age, agent, count, log_in, text, told};
use super::load::far_end;
use super::points::{Shot, shots, was_aborted};
use super::server::{Server, Site};

const PATIENCE: Duration = Duration::from_secs(60);
/// Old runs that make it worth while to write the database anew.
const MANY: usize = 4_000;

#[tokio::test(flavor = "multi_thread")]
async fn a_setup_that_fails_at_any_point_can_be_done_again() {
    let shots = shots(|it| ["access.", "vault.", "store.stamped"].iter().any(|own| it.starts_with(own)));
    let peer = far_end().await;
    for shot in &shots {
        let mut site = Site::bare(&peer);
        site.arm(Some(shot));
        let status = site.set_up().wait().expect("ends");
        assert!(site.was_hit(shot), "{shot}: it is never reached");
        assert_eq!(status.success(), shot.action == "delay", "{shot}: {status}");
        site.arm(None);
        // It may have been done before it failed; then it says so.
        let _ = site.set_up().wait().expect("ends");
        site.serve().api_key().await;
    }
    eprintln!("C5 setup: shots={}; covers D1 D18", shots.len());
}

/// The store's own row about itself.
#[derive(Serialize, Deserialize)]
struct About {
    schema_version: u32,
    created_at: Timestamp,
}

impl Row for About {
    type Scope = PerAppliance;
    const TABLE: Table = Table::new(2, "about");

    fn key(&self) -> Key {
        Key::new().byte(0)
    }
}

fn open(site: &Site) -> Store {
    let options = OpenOptions { min_free_bytes: 0, ..OpenOptions::default() };
    Store::open(&site.data, options, &Env::system()).expect("opens")
}

/// Makes the folder one of the version before.
fn make_older(site: &Site, version: u32) {
    let store = open(site);
    let about = store.appliance().expect("readable").get::<About>(Key::new().byte(0)).expect("readable");
    let older = About { schema_version: version, ..about.expect("a row") };
    store.write_blocking(move |tx| tx.appliance().put(&older)).expect("writes");
    drop(store);
    fs::write(site.data.join("VERSION"), format!("reeve data format {version}\n")).expect("writes");
    let _ = fs::remove_dir_all(site.data.join(format!("before-migration-from-{version}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_migration_that_fails_at_any_point_is_gone_on_with() {
    let shots = shots(|it| it.starts_with("store.migration.") || it == "store.stamped");
    let peer = far_end().await;
    let mut site = Site::new(&peer);
    let server = site.serve();
    let agent = agent(&log_in(&server).await).await;
    drop(server);
    let version = fs::read_to_string(site.data.join("VERSION")).expect("stamped");
    for shot in &shots {
        make_older(&site, 2);
        site.arm(Some(shot));
        let started = site.serve_under(&[]);
        assert!(site.was_hit(shot), "{shot}: it is never reached");
        assert_eq!(started.is_ok(), shot.action == "delay", "{shot}");
        drop(started);
        site.arm(None);
        let server = site.serve();
        log_in(&server).await.get(&format!("/api/agents/{agent}")).await.expect(200);
        assert_eq!(fs::read_to_string(site.data.join("VERSION")).expect("stamped"), version, "{shot}");
        assert!(site.data.join("before-migration-from-2/reeve.redb").exists(), "{shot}");
    }
    eprintln!("C5 migration: shots={}; covers D1 D20", shots.len());
}

#[tokio::test(flavor = "multi_thread")]
async fn history_ages_out_and_room_comes_back_whatever_fails_on_the_way() {
    let peer = far_end().await;
    let mut site = Site::new(&peer).set("REEVE_RETENTION_ROUND_MS", 100);
    let server = site.serve();
    let http = log_in(&server).await;
    let agent = agent(&http).await;
    let mut young = HashSet::new();
    for _ in 0..YOUNG {
        let run = http.post(&format!("/api/agents/{agent}/execute"), json!({ "input": "text" })).await;
        young.insert(text(&run.expect(200)["id"]));
    }
    let org: OrgId = text(&http.get("/api/org").await.expect(200)["id"]).parse().expect("an id");
    drop(server);
    let model = young.iter().next().expect("a run").parse().expect("an id");
    let shots = shots(|it| it.starts_with("retention.") || it.starts_with("store.compaction."));
    let mut old = 0;
    for shot in &shots {
        // An earlier process may have given the room of all before back.
        let more = if shot.name.starts_with("retention.") { 1_000 } else { MANY };
        age(&site, org, model, more);
        old += more;
        site.arm(Some(shot));
        let server = site.serve();
        sees_it_through(&site, server, &agent, shot, &mut young).await;
    }
    site.arm(None);
    let mut server = site.serve();
    let http = log_in(&server).await;
    let deadline = Instant::now() + PATIENCE;
    while told(&http).await < old as u64 {
        assert!(Instant::now() < deadline, "{} of {old} are told of", told(&http).await);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    assert_eq!(told(&http).await, old as u64, "each run is counted once");
    server.kill();
    assert_eq!(count(&site, org), young.len());
    eprintln!("C5 history: shots={} old={old} left={}; covers D1 D21", shots.len(), young.len());
}

/// Until what follows the failure has been seen; then the process is gone.
async fn sees_it_through(
    site: &Site,
    mut server: Server,
    agent: &str,
    shot: &Shot,
    young: &mut HashSet<String>,
) {
    let deadline = Instant::now() + PATIENCE;
    while !site.was_hit(shot) {
        assert!(Instant::now() < deadline, "{shot}: it is never reached");
        tokio::time::sleep(Duration::from_millis(3)).await;
    }
    if shot.action == "abort" {
        let status = server.ended(PATIENCE).await.expect("it ends");
        assert!(was_aborted(status), "{shot}: {status}");
        return;
    }
    let http = log_in(&server).await;
    let run = http.post(&format!("/api/agents/{agent}/execute"), json!({ "input": "text" })).await;
    young.insert(text(&run.expect(200)["id"]));
    server.kill();
}
