//! A6: looking changes nothing. Every GET of the route table is asked by an owner who runs the appliance too, and
//! every row of the store is the same afterwards.

use std::collections::{BTreeMap, BTreeSet};

use reeve::infra::store::{Backend, LoggedBackend, Order};
use reeve::metering;
use reeve::web::{Kind, Route};
use serde_json::json;

use super::objects::{self, Objects};
use super::table::Line;
use super::{filled, listed, open, whole};
use crate::support::Appliance;
use crate::support::http::Answer;
use crate::support::people::Caller;

/// The only table in which looking leaves a trace: when a session was last used, a few times a day.
const SESSIONS: u16 = 31;

type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

/// Every row and index entry on disk.
async fn rows_of(appliance: &Appliance) -> Pairs {
    let services = &appliance.inner.services;
    // What runs have called is counted in memory for a moment.
    metering::flush(services).await;
    let folder = tempfile::tempdir().expect("a folder");
    for file in ["reeve.redb", "reeve.log", "reeve.log2"] {
        std::fs::copy(services.config.data.dir.join(file), folder.path().join(file)).expect("copies");
    }
    let backend = LoggedBackend::file(&folder.path().join("reeve.redb"), 1 << 20).expect("opens");
    let snapshot = backend.snapshot().expect("reads");
    let pairs = snapshot.range(&[], &[0xff; 64], Order::Oldest).expect("reads");
    pairs.collect::<Result<_, _>>().expect("reads")
}

/// As `rows_of`, once what became due has been done.
async fn settled(appliance: &Appliance) -> Pairs {
    let mut last = rows_of(appliance).await;
    loop {
        tokio::time::sleep(std::time::Duration::from_millis(300)).await;
        let now = rows_of(appliance).await;
        if now == last {
            return now;
        }
        last = now;
    }
}

/// What is to be told is due once more within the hour, and then not for longer than this takes.
async fn delivered_again(looks: &Looks) {
    let path = format!("/api/webhooks/{}/deliveries", looks.objects["webhook"]);
    loop {
        let found = looks.owner.get(&path).await.expect(200);
        if found["items"].as_array().expect("items").iter().all(|it| it["attempts"] != 1) {
            return;
        }
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Tables in which two states differ: their number stands behind the organization's 16 bytes.
fn changed(before: &Pairs, after: &Pairs) -> BTreeSet<u16> {
    let keys = before.keys().chain(after.keys()).filter(|it| before.get(*it) != after.get(*it));
    keys.map(|it| u16::from_be_bytes([it[16], it[17]])).collect()
}

/// What the paths of the table name, all of it there.
async fn everything(appliance: &Appliance, owner: &Caller) -> Objects {
    let mut made = objects::of(appliance, owner, "looked-at").await;
    let text = |it: &serde_json::Value| it.as_str().expect("text").to_owned();
    made.insert("agent_type", "native".to_owned());
    let templates = owner.get("/api/agent-templates").await.expect(200);
    made.insert("template", text(&templates["items"][0]["template"]));
    let audit = owner.get("/api/audit").await.expect(200);
    made.insert("entry", audit["items"][0]["sequence"].to_string());
    let home = appliance.anonymous().get("/login").await.text();
    let (_, asset) = home.split_once("/static/").expect("a style sheet");
    let (hash, path) = asset.split('"').next().and_then(|it| it.split_once('/')).expect("a hash");
    made.insert("hash", hash.to_owned());
    made.insert("path:.*", path.to_owned());
    made
}

struct Looks {
    appliance: Appliance,
    owner: Caller,
    cookie: (String, String),
    objects: Objects,
    invitation: String,
    reset: String,
}

impl Looks {
    async fn at(&self, route: &Route, line: &Line) -> Answer {
        let mut objects = self.objects.clone();
        let token = if line.path.starts_with("/reset") { &self.reset } else { &self.invitation };
        objects.insert("token", token.clone());
        let path = filled(&line.path, &objects, &objects);
        let http = match route.kind {
            Kind::Page => {
                let http = self.appliance.anonymous().with("accept", "text/html");
                http.with("cookie", format!("reeve_session={}", self.cookie.0))
            }
            _ => self.owner.http.clone(),
        };
        whole(&http, line, &path, None, bytes::Bytes::new()).await
    }
}

#[actix_web::test]
async fn looking_changes_nothing() {
    let (appliance, clock) = Appliance::start_held(open, Vec::new()).await;
    let owner = appliance.owner().await;
    let objects = everything(&appliance, &owner).await;
    // A second version, for the comparison.
    let agent = format!("/api/agents/{}", objects["agent"]);
    owner.patch(&agent, json!({ "persona": "be brief" })).await.expect(200);
    let asked = json!({ "email": "new@mill.test", "role": "viewer" });
    let invitation = owner.post("/api/org/invitations", asked).await.expect(201);
    let viewer = appliance.caller(reeve::access::Role::Viewer).await;
    let reset = owner.post(&format!("/api/org/members/{}/password-reset", viewer.id), json!({})).await;
    let token = |it: &serde_json::Value| it["token"].as_str().expect("a token").to_owned();
    let cookie = crate::access::browser(&appliance, &owner.email).await;
    let (invitation, reset) = (token(&invitation), token(&reset.expect(201)));
    let mut looks = Looks { appliance, owner, cookie, objects, invitation, reset };

    let routes = listed();
    let reads = || routes.iter().filter(|it| it.1.method == http::Method::GET);
    let before = rows_of(&looks.appliance).await;
    let (mut seen, mut wrote, mut unseen) = (0, Vec::new(), Vec::new());
    for (route, line) in reads() {
        let stats = looks.appliance.inner.services.store.stats();
        let commits = || stats.commits.load(std::sync::atomic::Ordering::Relaxed);
        let earlier = commits();
        let answer = looks.at(route, line).await;
        // Pages for those who are not in lead the others on.
        if ![200, 303].contains(&answer.status) {
            unseen.push(format!("{}: {}", line.path, answer.status));
        }
        seen += 1;
        if commits() != earlier {
            wrote.push(line.path.clone());
        }
    }
    let after = rows_of(&looks.appliance).await;
    assert!(unseen.is_empty(), "looked at nothing: {unseen:#?}");
    println!("reads={seen} rows={} changed={}", before.len(), changed(&before, &after).len());
    assert_eq!(changed(&before, &after), BTreeSet::new(), "tables that {wrote:?} wrote to");
    assert_eq!(wrote, Vec::<String>::new());

    // An hour later sessions are noted as used, and nothing else.
    clock.advance_ms(3_600_000);
    looks.owner = looks.appliance.log_in(&looks.owner.email).await;
    delivered_again(&looks).await;
    let before = settled(&looks.appliance).await;
    for (route, line) in reads() {
        looks.at(route, line).await;
    }
    assert_eq!(changed(&before, &rows_of(&looks.appliance).await), BTreeSet::from([SESSIONS]));
}
