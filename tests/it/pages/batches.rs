//! Batches, paused runs, and many runs at once, without scripts.

use reeve::config::Config;
use serde_json::json;

use crate::agents::{native, published};
use crate::support::Appliance;
use crate::support::peer::{Peer, answer, json as answer_json};

#[actix_web::test]
async fn a_table_is_checked_then_started_and_comes_back_as_one() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    published(&owner, native("Reader")).await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/agents/reader/batch").await.contains("Many inputs at once"));
    assert!(visitor.page("/batches").await.contains("No batch yet"));

    let wrong =
        [("format", "jsonl"), ("inputs", "{\"text\": \"a\"}\n{oops"), ("act", "start"), ("name", "Mine")];
    let again = visitor.send("/agents/reader/batch", &wrong).await;
    assert_eq!(again.status, 422, "{}", again.text());
    let page = again.text();
    assert!(page.contains("ine 2: ") && page.contains("{oops") && page.contains("value=\"Mine\""), "{page}");

    let table = "text\nwalruses swim\nherons fly\n";
    let right = [("format", "csv"), ("inputs", table), ("act", "check"), ("name", "Animals")];
    let page = visitor.send("/agents/reader/batch", &right).await;
    assert_eq!(page.status, 200);
    assert!(
        page.text().contains("All lines fit") && page.text().contains("not known yet"),
        "{}",
        page.text()
    );
    let runs = owner.get("/api/executions").await.expect(200);
    assert!(runs["items"].as_array().expect("runs").is_empty(), "a check runs nothing");

    let right = [("format", "csv"), ("inputs", table), ("act", "start"), ("name", "Animals")];
    let (place, page) = visitor.through("/agents/reader/batch", &right).await;
    assert!(place.starts_with("/batches/bat_") && page.contains("2 runs are accepted"), "{page}");
    loop {
        let page = visitor.page(&place).await;
        if page.contains("2 of 2") {
            assert!(page.contains("herons fly") && !page.contains("Cancel the rest"), "{page}");
            break;
        }
        tokio::task::yield_now().await;
    }
    let file = visitor.open(&format!("{place}/results?format=csv")).await;
    assert_eq!(file.status, 200);
    assert!(file.header("content-disposition").expect("a name").contains(".csv"));
    assert!(file.text().contains("walruses swim"), "{}", file.text());
    assert!(visitor.page("/batches").await.contains("Animals"));
    let id = place.rsplit('/').next().expect("an id");
    assert!(visitor.page(&format!("/executions?batch={id}")).await.contains("Open the batch"));
    assert_eq!(visitor.open("/batches/bat_00000000000000000000000009").await.status, 404);
}

#[actix_web::test]
async fn what_failed_is_counted_and_tried_again_from_the_list() {
    let peer = Peer::start(|_, nth| match nth {
        0 | 1 => answer(500, &[], "broken"),
        _ => answer_json(&json!({"ok": "yes"})),
    })
    .await;
    let port = peer.port();
    let allow = move |it: &mut Config| it.egress.allow = vec![format!("127.0.0.1:{port}")];
    let appliance = Appliance::start_with(allow, Vec::new()).await;
    let owner = appliance.owner().await;
    let agent = json!({
        "name": "Fragile", "agent_type": "webhook", "config": { "url": peer.url("/x") },
        "execution": { "retry": { "max_attempts": 1 } },
    });
    let agent = published(&owner, agent).await;
    for _ in 0..2 {
        assert_eq!(owner.post(&format!("{agent}/execute"), json!({"input": {}})).await.status, 502);
    }
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let list = visitor.page("/executions?status=dead").await;
    assert!(list.contains("Retry all that fit") && !list.contains("Cancel all that fit"), "{list}");
    let page = visitor.page("/executions/bulk?action=retry&status=dead").await;
    assert!(page.contains("runs</strong> fit") && page.contains("not known"), "{page}");
    let fields = [("action", "retry"), ("status", "dead"), ("version", "same")];
    let (place, page) = visitor.through("/executions/bulk", &fields).await;
    assert!(place.starts_with("/executions?") && page.contains("2 runs begin once more"), "{place} {page}");
    let page = visitor.page("/executions/bulk?action=retry&status=dead").await;
    assert!(page.contains("Nothing is left to do"), "{page}");
    assert_eq!(visitor.open("/executions/bulk?action=explode").await.status, 422);
}

#[actix_web::test]
async fn a_run_that_waits_for_its_turn_can_be_paused_and_resumed() {
    let gate = std::sync::Arc::new(tokio::sync::Semaphore::new(0));
    let held = gate.clone();
    let script = move |_: &_, _| {
        let mut steps = vec![crate::support::peer::Step::Wait(held.clone())];
        steps.extend(answer_json(&json!({"ok": "yes"})));
        steps
    };
    let peer = Peer::start(script).await;
    let port = peer.port();
    let allow = move |it: &mut Config| it.egress.allow = vec![format!("127.0.0.1:{port}")];
    let appliance = Appliance::start_with(allow, Vec::new()).await;
    let owner = appliance.owner().await;
    let agent = json!({
        "name": "Slow", "agent_type": "webhook", "config": { "url": peer.url("/x") },
        "execution": { "max_concurrency": 1 },
    });
    let agent = published(&owner, agent).await;
    let begin = async || {
        let run =
            owner.post(&format!("{agent}/execute"), json!({"input": {}, "wait_ms": 0})).await.expect(202);
        run["id"].as_str().expect("an id").to_owned()
    };
    let (first, second) = (begin().await, begin().await);
    peer.has_received(1).await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    let path = format!("/executions/{second}");
    assert!(visitor.page(&path).await.contains("/pause"));
    let (_, page) = visitor.through(&format!("{path}/pause"), &[]).await;
    assert!(
        page.contains("The run is paused.") && page.contains("goes on when someone resumes it"),
        "{page}"
    );
    assert!(visitor.page("/executions?status=waiting").await.contains(&second));
    let (_, page) = visitor.through(&format!("{path}/resume"), &[]).await;
    assert!(page.contains("The run goes on."), "{page}");
    let (_, page) = visitor.through(&format!("/executions/{first}/pause"), &[]).await;
    assert!(page.contains("cannot be paused"), "{page}");
    gate.add_permits(2);
}
