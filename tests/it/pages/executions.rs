//! Runs: the list, one run, and what can be done with it.

use reeve::access::Role;
use serde_json::{Value, json};

use crate::agents::{native, published};
use crate::support::Appliance;
use crate::support::peer::{Peer, Step, json as answer_json};
use crate::support::people::Caller;

/// A published webhook agent that calls `url` once.
async fn webhook(owner: &Caller, name: &str, url: &str) -> String {
    let agent = json!({
        "name": name, "agent_type": "webhook", "config": { "url": url },
        "execution": { "retry": { "max_attempts": 1 } },
    });
    published(owner, agent).await
}

async fn with_peers(peer: &Peer) -> Appliance {
    let port = peer.port();
    Appliance::start_with(move |it| it.egress.allow = vec![format!("127.0.0.1:{port}")], Vec::new()).await
}

fn id_of(run: &Value) -> String {
    run["id"].as_str().expect("an id").to_owned()
}

#[actix_web::test]
async fn the_list_narrows_by_what_the_address_says() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/executions").await.contains("Nothing has run yet"));
    let first = published(&owner, native("First one")).await;
    let second = published(&owner, native("Second one")).await;
    let run = owner
        .post(&format!("{first}/execute"), json!({"input": {"text": "about walruses"}}))
        .await
        .expect(200);
    owner.post(&format!("{second}/execute"), json!({"input": {"text": "about herons"}})).await.expect(200);
    let page = visitor.page("/executions").await;
    assert!(
        page.contains("First one</a>") && page.contains("Second one</a>") && page.contains("hx-sse:connect")
    );
    for (query, is_there) in [
        ("?status=completed", true),
        ("?status=failed", false),
        ("?agent=first-one", true),
        ("?agent=second-one", false),
        ("?q=WALRUS", true),
        ("?q=pelican", false),
        ("?within=1h", true),
        ("?from=2999-01-01T00:00", false),
        ("?to=2000-01-01T00:00", false),
    ] {
        let page = visitor.page(&format!("/executions{query}")).await;
        assert_eq!(page.contains(&id_of(&run)), is_there, "{query}");
    }
    assert_eq!(visitor.open("/executions?status=odd").await.status, 422);
    assert_eq!(visitor.open("/executions?from=yesterday").await.status, 422);
}

#[actix_web::test]
async fn a_failed_run_says_why_and_can_be_tried_again() {
    let peer = Peer::start(|_, nth| match nth {
        0 => crate::support::peer::answer(500, &[], "<b>broken</b>"),
        _ => answer_json(&json!({"ok": "yes"})),
    })
    .await;
    let appliance = with_peers(&peer).await;
    let owner = appliance.owner().await;
    let path = webhook(&owner, "Fragile", &peer.url("/x")).await;
    let failed = owner.post(&format!("{path}/execute"), json!({"input": {"it's": "<i>me</i>"}})).await;
    assert_eq!(failed.status, 502, "{}", failed.text());
    let id = failed.json()["error"]["details"]["execution_id"].as_str().expect("an id").to_owned();

    let mut visitor = appliance.visitor_of(&owner.email).await;
    let page = visitor.page(&format!("/executions/{id}")).await;
    for words in
        ["This run failed", "Attempt 1", "&#60;i&#62;me&#60;/i&#62;", "curl -X POST", "&#39;\\&#39;&#39;s"]
    {
        assert!(page.contains(words), "{words}: {page}");
    }
    assert!(
        !page.contains("<i>me</i>") && !page.contains("<b>broken</b>") && !page.contains("hx-sse:connect")
    );
    let none = visitor.page(&format!("/executions/{id}?level=error")).await;
    assert!(none.contains("log-error") && !none.contains("log-info"));

    let answer = visitor.send(&format!("/executions/{id}/retry"), &[("version", "same")]).await;
    let next = answer.header("location").expect("the new run").to_owned();
    assert_ne!(next, format!("/executions/{id}"));
    let run = next.replace("/executions/", "/api/executions/");
    loop {
        let run = owner.get(&run).await.expect(200);
        if run["completed_at"].is_string() {
            assert_eq!(run["status"], "completed");
            break;
        }
        tokio::task::yield_now().await;
    }
    let page = visitor.page(&next).await;
    assert!(page.contains("Retry of another run") && page.contains(&format!("/executions/{id}")), "{page}");
    assert_eq!(visitor.send(&format!("/executions/{id}/retry"), &[("version", "odd")]).await.status, 422);
    assert!(visitor.page("/").await.contains("failed today"));
}

#[actix_web::test]
async fn a_run_that_goes_on_is_followed_and_cancelled() {
    let peer = Peer::answering(vec![Step::Hang]).await;
    let appliance = with_peers(&peer).await;
    let owner = appliance.owner().await;
    let path = webhook(&owner, "Slow", &peer.url("/x")).await;
    let run = owner.post(&format!("{path}/execute"), json!({"input": {}, "wait_ms": 0})).await.expect(202);
    let place = format!("/executions/{}", id_of(&run));

    let mut visitor = appliance.visitor_of(&owner.email).await;
    let page = visitor.page(&place).await;
    assert!(page.contains("Cancel this run") && page.contains(&format!("hx-sse:connect=\"{place}/stream\"")));
    // The stream ends with the run, so that its whole text can be read.
    let (mut follower, stream) = (appliance.visitor_of(&owner.email).await, format!("{place}/stream"));
    let follow = actix_web::rt::spawn(async move { follower.open(&stream).await.text() });
    let answer = visitor.send(&format!("{place}/cancel"), &[]).await;
    assert_eq!((answer.status, answer.header("location")), (303, Some(place.as_str())));
    let page = visitor.page(&place).await;
    assert!(page.contains("This run was cancelled") && !page.contains("Cancel this run"), "{page}");
    assert!(page.contains("class=\"alert tone-idle\"") && !page.contains("tone-bad"), "{page}");
    let heard = follow.await.expect("ends");
    assert!(
        heard.contains("This run was cancelled") && heard.ends_with("event: ended\ndata: {}\n\n"),
        "{heard}"
    );
    // What has ended cannot be cancelled, and says so.
    visitor.send(&format!("{place}/cancel"), &[]).await;
}

#[actix_web::test]
async fn a_list_shows_what_begins_while_it_is_looked_at() {
    use http_body_util::BodyExt;
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let path = published(&owner, native("Seen live")).await;
    let visitor = appliance.visitor_of(&owner.email).await;
    let mut body = visitor.stream("/executions/stream").await.into_body();
    let mut heard = String::new();
    let mut read = async |words: &str| {
        while !heard.contains(words) {
            let frame = body.frame().await.expect("goes on").expect("a frame");
            heard.push_str(&String::from_utf8_lossy(frame.data_ref().expect("data")));
        }
    };
    read("Nothing has run yet").await;
    let run = owner.post(&format!("{path}/execute"), json!({"input": {"text": "x"}})).await.expect(200);
    read(&id_of(&run)).await;
}

#[actix_web::test]
async fn nobody_sees_or_touches_runs_that_are_not_theirs() {
    let appliance = Appliance::start_with(|it| it.auth.open_registration = true, Vec::new()).await;
    let owner = appliance.owner().await;
    let path = published(&owner, native("Ours")).await;
    let run = owner.post(&format!("{path}/execute"), json!({"input": {"text": "x"}})).await.expect(200);
    let place = format!("/executions/{}", id_of(&run));
    let stranger = appliance.stranger().await;
    let mut stranger = appliance.visitor_of(&stranger.email).await;
    for path in [place.clone(), format!("{place}/stream")] {
        assert_eq!(stranger.open(&path).await.status, 404, "{path}");
    }
    assert_eq!(stranger.send(&format!("{place}/cancel"), &[]).await.status, 404);
    assert_eq!(stranger.send(&format!("{place}/retry"), &[]).await.status, 404);
    let viewer = appliance.caller(Role::Viewer).await;
    let mut viewer = appliance.visitor_of(&viewer.email).await;
    assert_eq!(viewer.send(&format!("{place}/cancel"), &[]).await.status, 403);
    assert_eq!(viewer.send(&format!("{place}/retry"), &[]).await.status, 403);
}
