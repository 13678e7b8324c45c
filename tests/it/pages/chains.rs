//! The pages of chains, used as a browser without scripts does.

use serde_json::json;

use crate::agents::published;
use crate::support::Appliance;
use crate::support::peer::{Peer, Received, json as answer_json};
use crate::support::visitor::{Visitor, value_of};

async fn scene() -> (Appliance, Peer, Visitor, Vec<String>) {
    let peer = Peer::start(|it: &Received, _| answer_json(&json!({ "said": it.json() }))).await;
    let allow = peer.address.to_string();
    let appliance = Appliance::start_with(|it| it.egress.allow = vec![allow], Vec::new()).await;
    let owner = appliance.owner().await;
    let mut agents = Vec::new();
    for name in ["Fetcher", "Writer"] {
        let agent = json!({ "name": name, "agent_type": "webhook", "config": { "url": peer.url("/work") } });
        let path = published(&owner, agent).await;
        agents.push(path.rsplit('/').next().expect("an id").to_owned());
    }
    let visitor = appliance.visitor_of(&owner.email).await;
    (appliance, peer, visitor, agents)
}

/// The run's page, once it cannot be cancelled any more.
async fn ended(visitor: &mut Visitor, run: &str) -> String {
    loop {
        let page = visitor.page(run).await;
        if !page.contains("Cancel this run") {
            return page;
        }
    }
}

#[actix_web::test]
async fn a_chain_is_built_step_by_step_checked_saved_run_and_deleted() {
    let (_appliance, _peer, mut visitor, agents) = scene().await;
    assert!(visitor.page("/chains").await.contains("No chain yet"));
    let page = visitor.page("/chains/new").await;
    assert!(page.contains("Fetcher") && page.contains("How mappings are written"), "{page}");
    assert_eq!(value_of(&page, "steps/0/id").as_deref(), Some("first"));

    // Every button sends the whole form, and what was typed stays.
    let one = [("name", "Relay"), ("steps/0/id", "fetch"), ("steps/0/agent_id", agents[0].as_str())];
    let two = [one.as_slice(), &[("act", "add")]].concat();
    let page = visitor.send("/chains/new", &two).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert_eq!(value_of(&page.text(), "steps/0/id").as_deref(), Some("fetch"));
    assert_eq!(value_of(&page.text(), "steps/1/id").as_deref(), Some("first"));
    assert_eq!(value_of(&page.text(), "name").as_deref(), Some("Relay"));

    let write = [
        ("steps/1/id", "write"),
        ("steps/1/agent_id", agents[1].as_str()),
        ("steps/1/input_mapping", "{\"text\": \"{{ steps.fech.output }}\"}"),
        ("steps/1/on_error/kind", "continue"),
        ("visibility", "private"),
        ("error_handling", "fail"),
        ("timeout_ms", "5000"),
        ("input_schema", "{\"type\": \"object\", \"properties\": {\"topic\": {\"type\": \"string\"}}}"),
    ];
    let mut whole = [one.as_slice(), &write].concat();
    let moved = visitor.send("/chains/new", &[whole.as_slice(), &[("act", "up/1")]].concat()).await.text();
    assert_eq!(value_of(&moved, "steps/0/id").as_deref(), Some("write"));
    let removed =
        visitor.send("/chains/new", &[whole.as_slice(), &[("act", "remove/0")]].concat()).await.text();
    assert_eq!(value_of(&removed, "steps/0/id").as_deref(), Some("write"));
    assert_eq!(value_of(&removed, "steps/1/id"), None);

    let wrong = visitor.send("/chains/new", &[whole.as_slice(), &[("act", "check")]].concat()).await;
    assert_eq!(wrong.status, 422);
    assert!(wrong.text().contains("There is no step “fech”"), "{}", wrong.text());
    assert!(wrong.text().contains("href=\"#field-steps-1-input-mapping\""), "the fault leads to its field");
    assert_eq!(visitor.send("/chains/new", &whole).await.status, 422, "nor can it be saved");
    let mapping = whole.iter_mut().find(|it| it.0 == "steps/1/input_mapping").expect("there");
    mapping.1 = "{\"text\": \"{{ steps.fetch.output.said }}\"}";
    let right = visitor.send("/chains/new", &[whole.as_slice(), &[("act", "check")]].concat()).await;
    assert!(right.text().contains("can be saved as it is"), "{}", right.text());
    let (place, page) = visitor.through("/chains/new", &whole).await;
    assert_eq!(place, "/chains/relay");
    for part in ["Fetcher", "Writer", "steps.fetch.output.said", "the run goes on without it"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    assert!(visitor.page("/chains").await.contains("fetch → write"));
    assert!(visitor.page("/chains?q=nothing").await.contains("No chain fits"));

    // Run by a form made of the schema; the run's page names its steps and whom they asked.
    assert!(visitor.page("/chains/relay/console").await.contains("name=\"input/topic\""));
    let (run, _) = visitor.through("/chains/relay/console", &[("input/topic", "otters")]).await;
    let page = ended(&mut visitor, &run).await;
    for part in ["Run of Relay", "fetch", "write", "Writer", "otters", "/chains/wfl_"] {
        assert!(page.contains(part), "{part}: {page}");
    }
    let id = run.rsplit('/').next().expect("an id");
    assert!(visitor.page("/chains/relay/executions").await.contains(id));
    assert!(visitor.page("/executions").await.contains("Relay"));
    let (again, _) = visitor.through(&format!("{run}/retry"), &[("version", "same")]).await;
    assert_ne!(again, run);

    // Changed, and deleted by its name.
    let page = visitor.page("/chains/relay/edit").await;
    assert_eq!(value_of(&page, "steps/1/id").as_deref(), Some("write"));
    assert_eq!(value_of(&page, "revision").as_deref(), Some("1"));
    let changed = [whole.as_slice(), &[("revision", "1"), ("description", "Says what it found")]].concat();
    let (_, page) = visitor.through("/chains/relay/edit", &changed).await;
    assert!(page.contains("Says what it found"), "{page}");
    assert_eq!(visitor.send("/chains/relay/edit", &changed).await.status, 422, "somebody else was first");
    ended(&mut visitor, &again).await;
    assert_eq!(visitor.send("/chains/relay/delete", &[("confirm", "relay?")]).await.status, 422);
    let (to, _) = visitor.through("/chains/relay/delete", &[("confirm", "Relay")]).await;
    assert_eq!(to, "/chains");
    assert_eq!(visitor.open("/chains/relay").await.status, 404);
    assert!(visitor.page(&run).await.contains("Relay"));
}

#[actix_web::test]
async fn what_cannot_be_read_comes_back_as_it_was_typed() {
    let (_appliance, _peer, mut visitor, agents) = scene().await;
    visitor.page("/chains/new").await;
    let odd = [
        ("name", "<b>Odd</b>"),
        ("timeout_ms", "soon"),
        ("input_schema", "{"),
        ("steps/0/id", "one"),
        ("steps/0/agent_id", agents[0].as_str()),
        ("steps/0/on_error/kind", "fallback"),
        ("steps/0/input_mapping", "{\"a\": <script>"),
    ];
    let answer = visitor.send("/chains/new", &odd).await;
    let page = answer.text();
    assert_eq!(answer.status, 422);
    for part in ["a whole number, 0 or more", "This is not JSON", "Choose the agent", "soon"] {
        assert!(page.to_lowercase().contains(&part.to_lowercase()), "{part}: {page}");
    }
    assert!(!page.contains("<b>Odd") && !page.contains("<script>"), "{page}");
    assert_eq!(visitor.send("/chains/new", &[("name", "Empty")]).await.status, 422, "a chain has steps");
}

#[actix_web::test]
async fn those_who_may_only_look_see_no_buttons() {
    let (appliance, _peer, mut visitor, agents) = scene().await;
    let form = [
        ("name", "Shared"),
        ("visibility", "organization"),
        ("error_handling", "fail"),
        ("steps/0/id", "one"),
        ("steps/0/agent_id", agents[0].as_str()),
    ];
    visitor.page("/chains/new").await;
    visitor.through("/chains/new", &form).await;
    let viewer = appliance.caller(reeve::access::Role::Viewer).await;
    let mut viewer = appliance.visitor_of(&viewer.email).await;
    let page = viewer.page("/chains/shared").await;
    assert!(!page.contains("/chains/shared/edit") && !page.contains("/chains/shared/console"), "{page}");
    assert!(!viewer.page("/chains").await.contains("/chains/new"));
    assert_eq!(viewer.open("/chains/shared/edit").await.status, 403);
}
