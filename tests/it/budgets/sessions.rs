//! Sessions: each with a cap of its own, and with what was said in it among what a call may use.

use std::sync::Arc;

use serde_json::{Value, json};
use tokio::sync::Semaphore;

use super::{Bench, DOLLAR, completion, figures, id_of, model};
use crate::agents::published;
use crate::support::http::Answer;
use crate::support::peer::Step;
use crate::support::until;

impl Bench {
    async fn say(&self, agent: &str, session: Option<&str>, text: &str) -> Answer {
        // Runs stand in the order of their milliseconds.
        self.clock.advance_ms(1);
        let body = json!({ "input": text, "session_id": session, "wait_ms": 20_000 });
        self.owner.post(&format!("{agent}/execute"), body).await
    }

    /// An agent whose input costs a cent a token, too: three hundred letters are a dollar.
    async fn listener(&self) -> String {
        let mut new = model(&self.peer, "Listener");
        new["config"]["input_price"] = json!(10_000);
        published(&self.owner, new).await
    }
}

#[tokio::test]
async fn each_session_has_a_cap_of_its_own() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let new = json!({ "name": "Talks", "scope": "session", "window": "total", "limit_micros": 2_500_000 });
    let budget = bench.budget(new).await;
    for _ in 0..2 {
        bench.say(&agent, Some("a"), "hello").await.expect(200);
    }
    let refused = bench.say(&agent, Some("a"), "hello").await.expect_error(429, "ResourceExhausted");
    let details = &refused["error"]["details"];
    assert_eq!(
        (&details["session_id"], &details["budget_scope"]),
        (&json!("a"), &json!("session")),
        "{refused}"
    );
    assert!(details["suggested_actions"].to_string().contains("a new session"), "{refused}");
    bench.say(&agent, Some("b"), "hello").await.expect(200);
    bench.say(&agent, None, "hello").await.expect(200);
    let path = format!("/api/budgets/{}", budget["id"].as_str().expect("an id"));
    let shown = bench.owner.get(&path).await.expect(200);
    let of = |place: usize| {
        let it = &shown["standings"][place];
        (it["subject_id"].as_str().expect("a session").to_owned(), figures(it).0)
    };
    assert_eq!((of(0), of(1)), (("a".to_owned(), 2 * DOLLAR), ("b".to_owned(), DOLLAR)));
    assert_eq!(shown["standing"]["subject_id"], "a", "the nearest to its limit");
}

#[tokio::test]
async fn a_cap_may_count_one_agents_calls_in_each_session() {
    let bench = Bench::new().await;
    let (agent, other) = (bench.agent("Model").await, bench.agent("Other").await);
    let new = json!({
        "name": "Talks", "scope": "session", "window": "day", "limit_micros": DOLLAR, "subject_id": id_of(&agent),
    });
    let budget = bench.budget(new).await;
    assert_eq!(budget["subject_id"], id_of(&agent));
    bench.say(&agent, Some("a"), "hello").await.expect(200);
    bench.say(&other, Some("a"), "hello").await.expect(200);
    bench.say(&agent, Some("a"), "hello").await.expect_error(429, "ResourceExhausted");
    bench.clock.advance_ms(24 * 3_600_000);
    bench.say(&agent, Some("a"), "hello").await.expect(200);
    let wrong = json!({ "name": "x", "scope": "session", "window": "run", "limit_tokens": 1 });
    let error = bench.owner.post("/api/budgets", wrong).await.expect_error(422, "ValidationFailed");
    assert_eq!(error["error"]["details"]["validation_errors"][0]["path"], "/window", "{error}");
    let wrong =
        json!({ "name": "x", "scope": "session", "window": "day", "limit_tokens": 1, "subject_id": "a" });
    bench.owner.post("/api/budgets", wrong).await.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn steps_of_a_chain_count_in_its_session() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let steps =
        json!([{ "id": "one", "agent_id": id_of(&agent) }, { "id": "two", "agent_id": id_of(&agent) }]);
    let chain = json!({ "name": "Pair", "steps": steps });
    let chain = bench.owner.post("/api/chains", chain).await.expect(201);
    let chain = format!("/api/chains/{}", chain["id"].as_str().expect("an id"));
    let new = json!({ "name": "Talks", "scope": "session", "window": "total", "limit_micros": 3 * DOLLAR });
    let budget = bench.budget(new).await;
    bench.say(&chain, Some("a"), "hello").await.expect(200);
    assert_eq!(figures(&bench.standing(&budget).await), (2 * DOLLAR, 0, 2));
    let failed = bench.say(&chain, Some("a"), "hello").await;
    assert_eq!(failed.status, 502, "its second step does not fit: {}", failed.text());
    bench.say(&chain, Some("b"), "hello").await.expect(200);
}

#[tokio::test]
async fn what_was_said_before_is_among_what_a_call_may_use() {
    let bench = Bench::new().await;
    let agent = bench.listener().await;
    bench.budget(json!({ "limit_micros": 5 * DOLLAR })).await;
    // Three dollars of input and one of output, of which the far end counts the output only.
    bench.say(&agent, Some("a"), &"x".repeat(900)).await.expect(200);
    let refused = bench.say(&agent, Some("a"), "and now?").await.expect_error(429, "ResourceExhausted");
    let needed = refused["error"]["details"]["resource_usage"]["needed"].as_i64().expect("a sum");
    assert!(needed > 4 * DOLLAR, "the session is told, too: {needed}");
    bench.say(&agent, None, "and now?").await.expect(200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_said_while_a_message_waits_is_held_back_when_it_begins() {
    let gate = Arc::new(Semaphore::new(0));
    let closed = gate.clone();
    let bench = Bench::with(move |_, _| [vec![Step::Wait(closed.clone())], completion(100)].concat()).await;
    let agent = bench.listener().await;
    let budget = bench.budget(json!({})).await;
    let post = async |text: &str| {
        bench.clock.advance_ms(1);
        let body = json!({ "input": text, "session_id": "a", "wait_ms": 0 });
        bench.owner.post(&format!("{agent}/execute"), body).await.expect(202)
    };
    post(&"x".repeat(900)).await;
    let reserved = async || figures(&bench.standing(&budget).await).1;
    let first = reserved().await;
    assert!((4 * DOLLAR..5 * DOLLAR).contains(&first), "{first}");
    post("and now?").await;
    assert!(reserved().await < first + 2 * DOLLAR, "nothing was answered yet");
    gate.add_permits(1);
    until("the second call", async || bench.peer.received_count() == 2).await;
    let second = reserved().await;
    assert!(second > 4 * DOLLAR, "what the first one said is held back for the second: {second}");
    gate.add_permits(1);
    until("both are counted", async || figures(&bench.standing(&budget).await).2 == 2).await;
    assert_eq!(figures(&bench.standing(&budget).await), (2 * DOLLAR, 0, 2), "D10");
}

#[tokio::test]
async fn the_pages_name_sessions() {
    let bench = Bench::new().await;
    let agent = bench.agent("Model").await;
    let mut visitor = bench.appliance.visitor_of(&bench.owner.email).await;
    assert!(visitor.page("/budgets/new").await.contains("Each session with: Model"));
    let fields =
        [("name", "Talks"), ("covers", "session"), ("window", "total"), ("money", "2"), ("action", "stop")];
    let enabled = [&fields[..], &[("enabled", "true")]].concat();
    let (place, page) = visitor.through("/budgets", &enabled).await;
    assert!(page.contains("Each session for itself"), "{page}");
    bench.say(&agent, Some("talk 1"), "hello").await.expect(200);
    let page = visitor.page(&place).await;
    assert!(page.contains("href=\"/sessions/talk%201\"") && page.contains("talk 1"), "{page}");
    let page = visitor.page("/budgets").await;
    assert!(page.contains("talk 1"), "{page}");
    let all: Value = bench.owner.get("/api/budgets").await.expect(200);
    assert_eq!(all["items"][0]["scope"], "session");
}
