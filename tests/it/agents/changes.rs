//! Making and changing agents: what is kept, what is refused, and how two editors do not meet.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{made, native, native_with, published};
use crate::support::Appliance;

fn paths(error: &Value) -> Vec<&str> {
    let list = error["error"]["details"]["validation_errors"].as_array().expect("a list");
    list.iter().map(|it| it["path"].as_str().expect("a path")).collect()
}

#[tokio::test]
async fn what_is_wrong_is_refused_with_its_path() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    for (change, code, path) in [
        (json!({ "name": "" }), "ValidationFailed", "/name"),
        (json!({ "tags": ["x", "x"] }), "ValidationFailed", "/tags/1"),
        (json!({ "slug": "No Slug" }), "ValidationFailed", "/slug"),
        (json!({ "slug": "validate" }), "ValidationFailed", "/slug"),
        (json!({ "metadata": [] }), "ValidationFailed", "/metadata"),
        (json!({ "colour": "red" }), "ValidationFailed", "/colour"),
        (json!({ "execution": { "colour": 1 } }), "ValidationFailed", "/execution/colour"),
        (json!({ "credential_ids": ["x"] }), "ValidationFailed", "/credential_ids/0"),
        (json!({ "visibility": "secret" }), "ValidationFailed", "/visibility"),
        (json!({ "agent_type": "magic" }), "InvalidAgentConfig", "/agent_type"),
        (json!({ "config": [] }), "InvalidAgentConfig", "/config"),
        (json!({ "config": { "model": 7 } }), "InvalidAgentConfig", "/config/model"),
        (json!({ "config": { "colour": 1 } }), "InvalidAgentConfig", "/config"),
        (json!({ "execution": { "timeout_ms": 0 } }), "InvalidAgentConfig", "/execution/timeout_ms"),
        (json!({ "input_schema": { "type": "strnig" } }), "InvalidAgentConfig", "/input_schema"),
        (
            json!({ "output_schema": { "$ref": "http://127.0.0.1:1/x" } }),
            "InvalidAgentConfig",
            "/output_schema",
        ),
    ] {
        let error = builder.post("/api/agents", native_with("A", &change)).await.expect_error(422, code);
        assert!(paths(&error).contains(&path), "{change}: {error}");
    }
    assert_eq!(builder.get("/api/agents").await.expect(200)["items"], json!([]));
}

#[tokio::test]
async fn a_type_without_credentials_takes_none() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let credential = "cre_00000000000000000000000001";
    let agent = native_with("A", &json!({ "credential_ids": [credential] }));
    let error = builder.post("/api/agents", agent).await.expect_error(422, "CredentialInvalid");
    assert_eq!(paths(&error), ["/credential_ids/0"]);
}

#[tokio::test]
async fn names_are_unique_whatever_their_case() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    made(&builder, native("Ticket Resolver")).await;
    let second = made(&builder, native("Ticket-Resolver")).await;
    let slug = builder.get(&second).await.expect(200)["slug"].clone();
    assert_eq!(slug, "ticket-resolver-2", "another name may make the same slug");
    builder.post("/api/agents", native(" ticket RESOLVER ")).await.expect_error(409, "DuplicateAgentName");
    let rename = json!({ "name": "ticket resolver" });
    builder.patch(&second, rename).await.expect_error(409, "DuplicateAgentName");
    builder.patch(&second, json!({ "name": "TICKET-resolver" })).await.expect(200);
    let taken = native_with("Other", &json!({ "slug": "ticket-resolver" }));
    builder.post("/api/agents", taken).await.expect_error(409, "AgentCreationFailed");
    let reserved = made(&builder, native("Validate")).await;
    assert_eq!(builder.get(&reserved).await.expect(200)["slug"], "validate-2");
}

#[tokio::test]
async fn put_replaces_the_whole_and_patch_what_it_names() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let first =
        native_with("A", &json!({ "tags": ["x"], "persona": "kind", "execution": { "timeout_ms": 5 } }));
    let path = made(&builder, first).await;
    let patched = builder.patch(&path, json!({ "description": "d", "tags": null })).await.expect(200);
    assert_eq!((&patched["description"], &patched["tags"]), (&json!("d"), &json!([])));
    assert_eq!((&patched["persona"], &patched["execution"]["timeout_ms"]), (&json!("kind"), &json!(5)));
    let config = json!({ "model": "builtin" });
    let put = builder.put(&path, json!({ "name": "B", "config": config })).await.expect(200);
    assert_eq!((&put["name"], &put["persona"], &put["description"]), (&json!("B"), &json!(""), &json!("")));
    assert_eq!((&put["slug"], &put["config"]), (&json!("a"), &config));
    assert_eq!(builder.get(&path).await.expect(200), put);
    builder.put(&path, json!({ "config": {} })).await.expect_error(422, "ValidationFailed");
    let other = json!({ "name": "B", "config": config, "agent_type": "webhook" });
    builder.put(&path, other).await.expect_error(422, "InvalidAgentConfig");
    builder.patch(&path, json!({ "status": "published" })).await.expect_error(422, "ValidationFailed");
    builder.patch(&path, json!({ "id": "x" })).await.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn a_change_of_what_was_changed_meanwhile_is_refused() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = made(&builder, native("A")).await;
    let tag = builder.get(&path).await.header("etag").expect("a tag").to_owned();
    let mine = builder.with("if-match", &tag);
    let changed = mine.patch(&path, json!({ "description": "1" })).await;
    changed.expect(200);
    mine.patch(&path, json!({ "description": "2" })).await.expect_error(412, "PreconditionFailed");
    mine.put(&path, native("A")).await.expect_error(412, "PreconditionFailed");
    mine.delete(&path).await.expect_error(412, "PreconditionFailed");
    let permissions = format!("{path}/permissions");
    mine.put(&permissions, json!({ "permissions": [] })).await.expect_error(412, "PreconditionFailed");
    let fresh = builder.with("if-match", changed.header("etag").expect("the answer's own tag"));
    fresh.delete(&path).await.expect(204);
}

#[tokio::test]
async fn of_two_editors_at_once_one_is_refused() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = made(&builder, native("A")).await;
    let tag = builder.get(&path).await.header("etag").expect("a tag").to_owned();
    let edits = (0..8).map(|n| {
        let (client, path) = (builder.with("if-match", &tag), path.clone());
        async move { client.patch(&path, json!({ "description": n.to_string() })).await.status }
    });
    let mut statuses = futures_util::future::join_all(edits).await;
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412, 412, 412, 412, 412, 412, 412]);
}

#[tokio::test]
async fn a_fallback_is_an_agent_that_the_caller_may_run() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let other = appliance.caller(Role::Builder).await;
    let hidden = made(&other, native("Hidden")).await.replace("/api/agents/", "");
    let with = |id: &str| native_with("A", &json!({ "execution": { "fallback_agent_id": id } }));
    let missing = "agt_00000000000000000000000001";
    let refused = async |id: &str| {
        let mut error = builder.post("/api/agents", with(id)).await.expect_error(404, "VisibilityViolation");
        for field in ["timestamp", "request_id"] {
            error["error"][field] = Value::Null;
        }
        error
    };
    assert_eq!(refused(&hidden).await, refused(missing).await, "hidden and missing look the same");
    let own = published(&builder, native("Own")).await.replace("/api/agents/", "");
    let path = made(&builder, with(&own)).await;
    let id = path.replace("/api/agents/", "");
    let itself = json!({ "execution": { "fallback_agent_id": id } });
    builder.patch(&path, itself).await.expect_error(422, "InvalidAgentConfig");
    builder.delete(&format!("/api/agents/{own}")).await.expect(204);
    let publish = builder.post(&format!("{path}/versions/draft/publish"), json!({})).await;
    publish.expect_error(404, "VisibilityViolation");
}
