//! Credentials and the egress ledger, as pages.

use serde_json::json;

use crate::agents::published;
use crate::support::Appliance;
use crate::support::peer::{Peer, json as answer_json};

const SECRET: &str = "walrus-token-4711";

#[actix_web::test]
async fn a_credential_is_kept_replaced_and_deleted_and_no_page_shows_it() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/credentials").await.contains("No credentials yet"));
    assert!(visitor.page("/credentials/new").await.contains("kind=basic_auth"));
    assert!(visitor.page("/credentials/new?kind=basic_auth").await.contains("name=\"value/password\""));
    let wrong =
        [("kind", "bearer"), ("name", ""), ("value/token", SECRET), ("allowed_hosts", "api.example.com")];
    let wrong = visitor.send("/credentials", &wrong).await;
    assert_eq!(wrong.status, 422);
    assert!(
        !wrong.text().contains(SECRET) && wrong.text().contains("api.example.com"),
        "what was typed, and no secret"
    );
    let right =
        [("kind", "bearer"), ("name", "n8n"), ("value/token", SECRET), ("allowed_hosts", "api.example.com")];
    let (place, page) = visitor.through("/credentials", &right).await;
    assert!(page.contains("n8n") && !page.contains(SECRET), "{page}");
    let taken = visitor.send("/credentials", &right).await;
    assert_eq!(taken.status, 422, "{}", taken.text());
    assert!(!visitor.page("/credentials?q=N8&kind=bearer").await.contains(SECRET));
    assert!(visitor.page("/credentials?kind=custom").await.contains("No credential fits"));

    let check = visitor.send(&format!("{place}/validate"), &[]).await;
    assert!(check.status == 200 && check.text().contains("The stored value opens"), "{}", check.text());
    let rename = [
        ("name", "n8n production"),
        ("allowed_hosts", "api.example.com"),
        ("expires_at", "2999-01-01T00:00"),
    ];
    let (_, page) = visitor.through(&place, &rename).await;
    assert!(page.contains("n8n production") && page.contains("2999-01-01T00:00"), "{page}");
    let wider = [("name", "n8n"), ("allowed_hosts", "")];
    assert_eq!(visitor.send(&place, &wider).await.status, 422, "more hosts need the value again");
    assert_eq!(visitor.send(&format!("{place}/value"), &[("value/token", "")]).await.status, 422);
    let (_, page) = visitor.through(&format!("{place}/value"), &[("value/token", "another-token")]).await;
    assert!(page.contains("(version 2)") && !page.contains("another-token"), "{page}");
    assert_eq!(visitor.send(&format!("{place}/delete"), &[("confirm", "n8n")]).await.status, 422);
    let (to, _) = visitor.through(&format!("{place}/delete"), &[("confirm", "n8n production")]).await;
    assert_eq!(to, "/credentials");
    assert_eq!(visitor.open(&place).await.status, 404);
    assert_eq!(visitor.send("/credentials", &[("kind", "odd"), ("name", "x")]).await.status, 422);
    let own = [("kind", "custom"), ("name", "mine"), ("value", "no colon walrus")];
    let own = visitor.send("/credentials", &own).await;
    assert!(own.status == 422 && !own.text().contains("walrus"), "{}", own.text());
    visitor
        .through(
            "/credentials",
            &[("kind", "custom"), ("name", "mine"), ("value", "client_id: 1\r\nsecret: 2")],
        )
        .await;
}

#[actix_web::test]
async fn what_left_is_listed_with_who_sent_it() {
    let peer = Peer::start(|_, _| answer_json(&json!({"ok": true}))).await;
    let port = peer.port();
    let appliance =
        Appliance::start_with(move |it| it.egress.allow = vec![format!("127.0.0.1:{port}")], Vec::new())
            .await;
    let owner = appliance.owner().await;
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/egress").await.contains("Nothing has left this machine"));
    for (name, url) in [("Allowed", peer.url("/x")), ("Refused", "http://127.0.0.1:1/x".to_owned())] {
        let agent = json!({
            "name": name, "agent_type": "webhook", "config": { "url": url },
            "execution": { "retry": { "max_attempts": 1 } },
        });
        let path = published(&owner, agent).await;
        owner.post(&format!("{path}/execute"), json!({"input": {}})).await;
    }
    let page = visitor.page("/egress").await;
    assert!(
        page.contains("Allowed</a>") && page.contains("Refused</a>") && page.contains("1 refused"),
        "{page}"
    );
    let page = visitor.page("/egress?refused=yes").await;
    assert!(page.contains("Refused</a>") && !page.contains("Allowed</a>"), "{page}");
    assert!(visitor.page("/egress?q=elsewhere.example").await.contains("No place fits"));
    assert_eq!(visitor.open("/egress?agent=none").await.status, 404);
}
