//! A request that is sent twice is carried out once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use reeve::access::{Cx, sweep_idempotency};
use reeve::audit::Note;
use reeve::base::Error;
use reeve::web::{Body, Created, Reply, Route};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::support::Appliance;
use crate::support::http::{Answer, Http};

#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Work {
    name: String,
    #[serde(default)]
    fails: bool,
    #[serde(default)]
    waits: bool,
}

#[derive(Debug, Serialize, JsonSchema)]
struct Done {
    name: String,
    number: usize,
}

struct Bench {
    appliance: Appliance,
    done: Arc<AtomicUsize>,
}

/// `work` writes one audit entry and counts; `secret` too, and shows something once.
async fn bench() -> Bench {
    let done = Arc::new(AtomicUsize::new(0));
    let work = |done: Arc<AtomicUsize>| {
        move |cx: Cx, body: Body<Work>| {
            let done = done.clone();
            async move { carry_out(cx, body.0, &done).await }
        }
    };
    let routes = vec![
        Route::post("/api/work", work(done.clone()))
            .member()
            .says("Works")
            .takes::<Work>()
            .answers::<Done>(201, "Done"),
        Route::post("/api/secret", work(done.clone()))
            .member()
            .says("Works")
            .takes::<Work>()
            .answers::<Done>(201, "Done")
            .shows_secret_once(),
    ];
    let mut routes = routes;
    for (path, kind) in [("/api/lost-run", "execution"), ("/api/lost-thing", "thing")] {
        let done = done.clone();
        let lose = move |cx: Cx| {
            let done = done.clone();
            async move { lose_answer(cx, kind, &done).await }
        };
        routes.push(Route::post(path, lose).member().says("Never answers").answers::<Done>(201, "Done"));
    }
    Bench { appliance: Appliance::start_with(|_| {}, routes).await, done }
}

async fn carry_out(cx: Cx, work: Work, done: &AtomicUsize) -> Reply<Created<Done>> {
    if work.name.is_empty() {
        return Err(Error::invalid_at("name", "has a letter at least"));
    }
    if work.waits {
        tokio::task::yield_now().await;
    }
    let noting = cx.clone();
    cx.write(move |tx| noting.note(tx, Note::of("work.done", "work", "1"))).await?;
    let number = done.fetch_add(1, Relaxed) + 1;
    if work.fails {
        return Err(Error::conflict("it went wrong behind the write"));
    }
    Ok(Created { location: format!("/api/work/{number}"), body: Done { name: work.name, number } })
}

/// Does the work and never answers, as if the program had died between the two; goes on with a run that an
/// earlier request started.
async fn lose_answer(cx: Cx, kind: &'static str, done: &AtomicUsize) -> Reply<Created<Done>> {
    if let Some(name) = cx.idempotent_twin(kind)? {
        return Ok(Created { location: name.clone(), body: Done { name, number: 0 } });
    }
    cx.idempotent_resource(kind, "the_first");
    let noting = cx.clone();
    cx.write(move |tx| noting.note(tx, Note::of("work.done", "work", "1"))).await?;
    done.fetch_add(1, Relaxed);
    std::future::pending().await
}

async fn send(client: &Http, key: &str, body: Value) -> Answer {
    client.with("idempotency-key", key).post("/api/work", body).await
}

fn is_replay(answer: &Answer) -> bool {
    answer.header("idempotent-replay") == Some("true")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_first_answer_is_given_again() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await;
    let first = send(&owner, "k1", json!({"name": "a"})).await;
    assert_eq!(first.expect(201)["number"], 1);
    assert!(!is_replay(&first));
    for _ in 0..3 {
        let again = send(&owner, "k1", json!({"name": "a"})).await;
        assert!(is_replay(&again));
        assert_eq!((again.status, &again.body), (first.status, &first.body));
        for name in ["location", "etag", "content-type"] {
            assert_eq!(again.header(name), first.header(name), "{name}");
        }
    }
    assert_eq!(bench.done.load(Relaxed), 1);
    assert_eq!(send(&owner, "k2", json!({"name": "a"})).await.expect(201)["number"], 2);
    assert_eq!(owner.post("/api/work", json!({"name": "a"})).await.expect(201)["number"], 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_stands_for_one_request_of_one_caller() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await;
    send(&owner, "k1", json!({"name": "a"})).await.expect(201);
    send(&owner, "k1", json!({"name": "b"})).await.expect_error(409, "IdempotencyKeyReused");
    let other = bench.appliance.caller(reeve::access::Role::Viewer).await;
    let of_other = send(&other, "k1", json!({"name": "a"})).await;
    assert!(!is_replay(&of_other));
    of_other.expect(201);
    for bad in ["", "a b\u{e4}", &"k".repeat(256)] {
        if let Ok(value) = http::HeaderValue::from_bytes(bad.as_bytes()) {
            let answer =
                owner.with("idempotency-key", value.to_str().unwrap_or("\u{1}")).http_or_none().await;
            assert!(answer.is_none_or(|it| it == 422), "{bad}");
        }
    }
}

impl Http {
    /// The status, where the header can be sent at all.
    async fn http_or_none(&self) -> Option<u16> {
        let sendable = self.headers.iter().all(|it| http::HeaderValue::from_str(&it.1).is_ok());
        if sendable { Some(self.post("/api/work", json!({"name": "a"})).await.status) } else { None }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_refused_can_be_corrected_and_what_was_done_can_not() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await;
    send(&owner, "k1", json!({"name": ""})).await.expect_error(422, "ValidationFailed");
    send(&owner, "k1", json!({"name": "a"})).await.expect(201);
    let failed = send(&owner, "k2", json!({"name": "a", "fails": true})).await;
    failed.expect_error(409, "Conflict");
    let again = send(&owner, "k2", json!({"name": "a", "fails": true})).await;
    assert!(is_replay(&again));
    assert_eq!(again.body, failed.body);
    assert_eq!(bench.done.load(Relaxed), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn twins_that_race_do_the_work_once() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await;
    for round in 0..20 {
        let key = format!("race-{round}");
        let twins = (0..8).map(|_| {
            let (owner, key) = (owner.http.clone(), key.clone());
            async move { send(&owner, &key, json!({"name": "a", "waits": true})).await }
        });
        let answers = futures_util::future::join_all(twins).await;
        assert!(answers.iter().all(|it| [201, 409].contains(&it.status)), "{answers:?}");
        assert!(answers.iter().any(|it| it.status == 201));
        assert_eq!(bench.done.load(Relaxed), round + 1);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_secret_is_not_shown_twice() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await;
    let ask = || async { owner.with("idempotency-key", "k").post("/api/secret", json!({"name": "a"})).await };
    ask().await.expect(201);
    let again = ask().await;
    let body = again.expect_error(409, "Conflict");
    assert!(body["error"]["message"].as_str().is_some_and(|it| it.contains("shown once")), "{body}");
    assert_eq!(bench.done.load(Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn keys_are_swept_after_a_day() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await;
    send(&owner, "k1", json!({"name": "a"})).await.expect(201);
    let services = &bench.appliance.inner.services;
    let now = services.env.now();
    let sweep = |now| services.store.write_org(owner.org, move |tx| sweep_idempotency(tx, now));
    assert_eq!(sweep(now.plus_ms(23 * 3_600_000)).await.expect("sweeps"), 0);
    assert!(is_replay(&send(&owner, "k1", json!({"name": "a"})).await));
    assert_eq!(sweep(now.plus_ms(25 * 3_600_000)).await.expect("sweeps"), 1);
    assert!(!is_replay(&send(&owner, "k1", json!({"name": "a"})).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repetition_after_a_lost_answer_is_led_to_what_was_made() {
    let bench = bench().await;
    let owner = bench.appliance.owner().await.http.with("idempotency-key", "k");
    for (round, path) in ["/api/lost-run", "/api/lost-thing"].into_iter().enumerate() {
        let first = tokio::spawn({
            let owner = owner.clone();
            async move { owner.post(path, json!({})).await }
        });
        while bench.done.load(Relaxed) == round {
            tokio::task::yield_now().await;
        }
        first.abort();
    }
    let run = owner.post("/api/lost-run", json!({})).await;
    assert!(is_replay(&run));
    assert_eq!(run.expect(201)["name"], "the_first");
    let thing = owner.post("/api/lost-thing", json!({})).await.expect_error(409, "Conflict");
    assert_eq!(thing["error"]["details"]["resource_id"], "the_first", "{thing}");
    assert_eq!(bench.done.load(Relaxed), 2);
}
