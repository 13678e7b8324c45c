//! Conversations, without scripts.

use crate::agents::{native, published};
use crate::support::Appliance;

#[actix_web::test]
async fn one_talks_with_an_agent_on_a_page() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let agent = published(&owner, native("Reader")).await;
    let agent = agent.rsplit('/').next().expect("an id");
    let mut visitor = appliance.visitor_of(&owner.email).await;
    assert!(visitor.page("/sessions").await.contains("No conversation yet"));
    assert!(visitor.page("/agents/reader/console").await.contains("Begin a conversation"));

    let (place, page) = visitor.through("/sessions/begin", &[("agent_id", agent)]).await;
    assert!(place.starts_with("/sessions/ses_") && page.contains("Nothing has been said yet"), "{page}");
    let say = format!("{place}/say");
    let nothing = visitor.send(&say, &[("text", "  "), ("on_busy", "interrupt")]).await;
    assert_eq!(nothing.status, 422);
    let again = nothing.text();
    assert!(again.contains("Write something first") && again.contains("aria-invalid"), "{again}");
    assert!(again.contains("value=\"interrupt\" selected"), "what was chosen stays: {again}");
    visitor.through(&say, &[("text", "Walruses <swim>."), ("on_busy", "queue")]).await;
    loop {
        let page = visitor.page(&place).await;
        assert!(page.contains("Walruses &#60;swim&#62;."), "{page}");
        if page.contains("Agent ·") {
            break;
        }
        tokio::task::yield_now().await;
    }
    let list = visitor.page("/sessions").await;
    assert!(list.contains(&place) && list.contains("Walruses &#60;swim&#62;.</a>"), "{list}");
    assert_eq!(visitor.open("/sessions/nobody").await.status, 404);
}
