//! Types and templates.

use reeve::access::Role;
use serde_json::json;

use crate::support::Appliance;

#[tokio::test]
async fn every_type_says_what_it_wants_to_know() {
    let appliance = Appliance::start().await;
    let viewer = appliance.caller(Role::Viewer).await;
    let types = viewer.get("/api/agent-types").await.expect(200);
    let types = types["items"].as_array().expect("items");
    assert!(types.iter().any(|it| it["agent_type"] == "native"));
    for it in types {
        let one = viewer.get(&format!("/api/agent-types/{}", it["agent_type"].as_str().expect("text"))).await;
        assert_eq!(&one.expect(200), it);
        assert!(jsonschema::draft202012::meta::is_valid(&it["config_schema"]), "{it}");
        assert!(it["abilities"]["streams"].is_boolean() && it["credential_kinds"].is_array());
    }
    viewer.get("/api/agent-types/magic").await.expect_error(404, "NotFound");
}

#[tokio::test]
async fn every_template_makes_an_agent() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let templates = builder.get("/api/agent-templates").await.expect(200);
    let templates = templates["items"].as_array().expect("items");
    let named = |name: &str| templates.iter().any(|it| it["template"] == name);
    assert!(named("native") && named("document-digest") && named("ticket-triage"), "{templates:?}");
    for it in templates {
        let name = it["template"].as_str().expect("text");
        assert_eq!(&builder.get(&format!("/api/agent-templates/{name}")).await.expect(200), it);
        let agent = builder.post("/api/agents/from-template", json!({ "template": name })).await.expect(201);
        assert_eq!(agent["config"], it["agent"]["config"], "{name}");
        if it["complete"] == true {
            let path = format!("/api/agents/{}", agent["id"].as_str().expect("an id"));
            builder.post(&format!("{path}/versions/draft/publish"), json!({})).await.expect(200);
            for sample in it["samples"].as_array().expect("samples") {
                let run = json!({ "input": sample["input"] });
                builder.post(&format!("{path}/execute"), run).await.expect(200);
            }
        }
    }
    builder.get("/api/agent-templates/magic").await.expect_error(404, "NotFound");
    let unknown = builder.post("/api/agents/from-template", json!({ "template": "magic" })).await;
    unknown.expect_error(404, "NotFound");
}

#[tokio::test]
async fn a_template_is_adapted_on_the_way() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let body = json!({
        "template": "native", "name": "Mine", "slug": "my-own", "description": "d",
        "config": { "task": null, "max_output_tokens": 7 }, "visibility": "team",
    });
    let agent = builder.post("/api/agents/from-template", body.clone()).await.expect(201);
    assert_eq!((&agent["name"], &agent["slug"]), (&json!("Mine"), &json!("my-own")));
    assert_eq!(agent["config"], json!({ "model": "builtin", "max_output_tokens": 7 }));
    assert_eq!(agent["visibility"], "team");
    builder.post("/api/agents/from-template", body).await.expect_error(409, "DuplicateAgentName");
    let wrong = json!({ "template": "native", "name": "Other", "config": { "task": 7 } });
    builder.post("/api/agents/from-template", wrong).await.expect_error(422, "InvalidAgentConfig");
}
