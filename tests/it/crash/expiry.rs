//! `kill -9` while history ages out and the database is written anew: what is old goes in the end, each run is counted
//! once, the rest stays, and the room comes back.

use std::collections::HashSet;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

use reeve::base::{Env, ExecutionId, Id, Json, OrgId};
use reeve::executions::Execution;
use reeve::infra::store::{Key, OpenOptions, Order, OrgTx, Rows, Store};
use serde_json::{Value, json};

use super::load::far_end;
use super::server::{EMAIL, Server, Site};
use super::{Dice, full};
use crate::agents::native;
use crate::support::PASSWORD;
use crate::support::http::Http;

const PATIENCE: Duration = Duration::from_secs(60);
const HUNDRED_DAYS_MS: u64 = 100 * 86_400_000;
/// From a start to a copy of the database, where there is something to gain.
const A_WHILE: Duration = Duration::from_secs(4);
pub const YOUNG: usize = 20;
/// Old runs take several times as much.
const ROOM_AGAIN: u64 = 16 << 20;

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_that_is_killed_goes_on_and_counts_each_run_once() {
    let (kills, old) = if full() { (100, 40_000) } else { (8, 4_000) };
    let mut dice = Dice::new("C3 expiry");
    let peer = far_end().await;
    let site = Site::new(&peer).set("REEVE_RETENTION_ROUND_MS", 100);
    let mut server = site.serve();
    let http = log_in(&server).await;
    let agent = agent(&http).await;
    let mut young = HashSet::new();
    for _ in 0..YOUNG {
        let run =
            http.post(&format!("/api/agents/{agent}/execute"), json!({ "input": "text" })).await.expect(200);
        young.insert(run["id"].as_str().expect("an id").to_owned());
    }
    let org: OrgId = text(&http.get("/api/org").await.expect(200)["id"]).parse().expect("an id");
    server.kill();
    let model = young.iter().next().expect("a run").parse().expect("an id");
    age(&site, org, model, old);

    let (mut killed_inside, mut killed_in_copy) = (0, 0);
    let copy = site.data.join("reeve.next");
    for kill in 0..kills {
        server = site.serve();
        if kill % 2 == 0 {
            tokio::time::sleep(Duration::from_millis(100 + dice.below(400))).await;
        } else {
            let deadline = Instant::now() + A_WHILE;
            while !copy.exists() && Instant::now() < deadline {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            tokio::time::sleep(Duration::from_micros(dice.below(30_000))).await;
        }
        server.kill();
        let left = count(&site, org);
        killed_inside += usize::from(left > YOUNG && left < old + YOUNG);
        killed_in_copy += usize::from(copy.exists());
    }
    server = site.serve();
    let http = log_in(&server).await;
    let deadline = Instant::now() + PATIENCE;
    let told = loop {
        let told = told(&http).await;
        if told >= old as u64 {
            break told;
        }
        assert!(Instant::now() < deadline, "{told} of {old} are told of");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let list = http.get("/api/executions?limit=200").await.expect(200);
    let left: HashSet<String> =
        list["items"].as_array().expect("items").iter().map(|it| text(&it["id"])).collect();
    assert_eq!(left, young);
    assert_eq!(told, old as u64, "each run is counted once");
    let database = site.data.join("reeve.redb");
    let bytes = || std::fs::metadata(&database).expect("the database").blocks() * 512;
    while bytes() > ROOM_AGAIN {
        assert!(Instant::now() < deadline, "{} KiB are still taken", bytes() >> 10);
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    server.kill();
    assert_eq!(count(&site, org), YOUNG);
    eprintln!(
        "C3 expiry: kills={kills} in_a_sweep={killed_inside} in_a_copy={killed_in_copy} old={old} left={}",
        left.len()
    );
}

pub fn text(value: &Value) -> String {
    value.as_str().expect("text").to_owned()
}

pub async fn log_in(server: &Server) -> Http {
    let login = json!({ "email": EMAIL, "password": PASSWORD });
    let tokens = server.http().post("/api/auth/login", login).await.expect(200);
    server.http().bearer(tokens["access_token"].as_str().expect("a token"))
}

pub async fn agent(http: &Http) -> String {
    let made = http.post("/api/agents", native("Brief")).await.expect(201);
    let id = text(&made["id"]);
    http.post(&format!("/api/agents/{id}/versions/1.0.0/publish"), json!({})).await.expect(200);
    id
}

fn open(folder: &Path) -> Store {
    let options = OpenOptions { min_free_bytes: 0, ..OpenOptions::default() };
    Store::open(folder, options, &Env::system()).expect("opens")
}

/// Copies of a run that ended long ago.
pub fn age(site: &Site, org: OrgId, model: ExecutionId, count: usize) {
    let store = open(&site.data);
    let model: Execution = store.org(org).expect("readable").get(model).expect("readable").expect("there");
    let past = model.created_at.minus_ms(HUNDRED_DAYS_MS);
    let input = Json::of(&json!("long ago ".repeat(800)));
    let model = Execution { created_at: past, completed_at: Some(past), input, ..model };
    for _ in 0..count / 1_000 {
        let model = model.clone();
        let add = move |tx: &mut OrgTx<'_, '_>| {
            (0..1_000).try_for_each(|_| {
                // Ids grow with time.
                let mut id = Env::system().bytes();
                id[..6].fill(0);
                let id = ExecutionId::from_bytes(id);
                tx.insert(&Execution { id, ..model.clone() })
            })
        };
        store.write_blocking(move |tx| add(&mut tx.org(org))).expect("writes");
    }
}

/// Runs in a copy of the folder, so that the program itself finds what the kill has left.
pub fn count(site: &Site, org: OrgId) -> usize {
    let copy = tempfile::tempdir().expect("a folder");
    for file in std::fs::read_dir(&site.data).expect("a folder").flatten() {
        if file.file_type().is_ok_and(|it| it.is_file()) {
            std::fs::copy(file.path(), copy.path().join(file.file_name())).expect("copies");
        }
    }
    let mut count = 0;
    let visit = |_: Execution| {
        count += 1;
        Ok(true)
    };
    let rows = open(copy.path()).org(org).expect("readable");
    rows.scan(Key::new(), Order::Oldest, visit).expect("readable");
    count
}

/// Runs that the audit log says were taken away.
pub async fn told(http: &Http) -> u64 {
    let log = http.get("/api/audit?limit=200").await.expect(200);
    let entries = log["items"].as_array().expect("entries").iter();
    entries
        .filter(|it| it["action"] == "history.expire")
        .map(|it| it["details"]["runs"].as_u64().expect("a count"))
        .sum()
}
