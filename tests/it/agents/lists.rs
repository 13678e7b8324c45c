//! Lists: filters, order, pages.

use reeve::access::Role;
use serde_json::json;

use super::{made, native_with};
use crate::support::{Appliance, people::Caller};

async fn names(caller: &Caller, query: &str) -> Vec<String> {
    let page = caller.get(&format!("/api/agents{query}")).await.expect(200);
    let items = page["items"].as_array().expect("items");
    items.iter().map(|it| it["name"].as_str().expect("a name").to_owned()).collect()
}

async fn three(caller: &Caller) {
    for (name, change) in [
        ("Beta", json!({ "tags": ["red", "big"], "capabilities": ["a.b"], "description": "Reads LETTERS" })),
        ("Alpha", json!({ "tags": ["red"], "visibility": "organization" })),
        ("Gamma", json!({ "capabilities": ["a.b", "c"] })),
    ] {
        made(caller, native_with(name, &change)).await;
    }
}

#[tokio::test]
async fn filters_keep_what_they_say() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    three(&builder).await;
    builder.post("/api/agents/gamma/versions/draft/publish", json!({})).await.expect(200);
    builder.post("/api/agents/gamma/test", json!({})).await.expect(200);
    builder.post("/api/agents/beta/disable", json!({})).await.expect(200);
    for (query, expected) in [
        ("", &["Gamma", "Alpha", "Beta"][..]),
        ("?tag=red", &["Alpha", "Beta"]),
        ("?tag=red&tag_=", &[]),
        ("?capability=a.b", &["Gamma", "Beta"]),
        ("?capability=a", &[]),
        ("?agent_type=native", &["Gamma", "Alpha", "Beta"]),
        ("?agent_type=webhook", &[]),
        ("?status=published", &["Gamma"]),
        ("?status=draft&tag=big", &["Beta"]),
        ("?health=healthy", &["Gamma"]),
        ("?visibility=organization", &["Alpha"]),
        ("?enabled=false", &["Beta"]),
        ("?q=letters", &["Beta"]),
        ("?q=ALP", &["Alpha"]),
        ("?q=nothing", &[]),
    ] {
        if query.contains("tag_") {
            let refused = builder.get(&format!("/api/agents{query}")).await;
            refused.expect_error(422, "ValidationFailed");
            continue;
        }
        assert_eq!(names(&builder, query).await, expected, "{query}");
    }
}

#[tokio::test]
async fn lists_come_in_the_order_asked_for() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    three(&builder).await;
    builder.patch("/api/agents/beta", json!({ "description": "changed last" })).await.expect(200);
    for (sort, expected) in [
        ("-created_at", ["Gamma", "Alpha", "Beta"]),
        ("created_at", ["Beta", "Alpha", "Gamma"]),
        ("name", ["Alpha", "Beta", "Gamma"]),
        ("-name", ["Gamma", "Beta", "Alpha"]),
        ("-updated_at", ["Beta", "Gamma", "Alpha"]),
        ("updated_at", ["Alpha", "Gamma", "Beta"]),
    ] {
        assert_eq!(names(&builder, &format!("?sort={sort}")).await, expected, "{sort}");
        let paged = builder.list(&format!("/api/agents?sort={sort}&limit=1")).await;
        let paged: Vec<_> = paged.iter().map(|it| it["name"].clone()).collect();
        assert_eq!(paged, expected, "{sort} by pages");
    }
}

#[tokio::test]
async fn odd_queries_are_refused() {
    let appliance = Appliance::start().await;
    let viewer = appliance.caller(Role::Viewer).await;
    for query in ["limit=0", "limit=201", "limit=x", "cursor=%21", "status=odd", "sort=size", "colour=red"] {
        let refused = viewer.get(&format!("/api/agents?{query}")).await;
        refused.expect_error(422, "ValidationFailed");
    }
}
