//! From draft to archive, and what each state allows.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{made, native, published};
use crate::support::Appliance;
use crate::support::peer::{Peer, Step};

#[tokio::test]
async fn a_new_agent_is_a_private_draft_of_its_maker() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let answer = builder.post("/api/agents", native("Ticket resolver")).await;
    let agent = answer.expect(201);
    let id = agent["id"].as_str().expect("an id");
    assert_eq!(answer.header("location"), Some(format!("/api/agents/{id}").as_str()));
    for (field, value) in [
        ("slug", json!("ticket-resolver")),
        ("status", json!("draft")),
        ("visibility", json!("private")),
        ("enabled", json!(true)),
        ("health", json!("unknown")),
        ("current_version", json!("1.0.0")),
        ("draft_version", json!("1.0.0")),
        ("owner_id", json!(builder.id.to_string())),
        ("input_schema", json!({})),
        ("trigger_mode", json!("manual")),
        ("metadata", json!({})),
        (
            "execution",
            json!({
                "timeout_ms": 30000, "retry": { "max_attempts": 3, "backoff_ms": 500, "max_backoff_ms": 30000 },
                "max_concurrency": null, "rate_limit_per_minute": null, "budget_micros_per_day": null,
                "attempt_timeout_ms": null, "queue_timeout_ms": null,
                "fallback_agent_id": null, "delivery": "at_least_once"
            }),
        ),
    ] {
        assert_eq!(agent[field], value, "{field}");
    }
    assert_eq!(builder.get(&format!("/api/agents/{id}")).await.expect(200), agent);
    assert_eq!(builder.get("/api/agents/ticket-resolver").await.expect(200), agent);
}

#[tokio::test]
async fn an_agent_goes_from_draft_to_archive() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = made(&builder, native("A")).await;
    let verb = async |it: &str| builder.post(&format!("{path}/{it}"), json!({})).await;

    verb("deprecate").await.expect_error(409, "VersionConflict");
    verb("versions/1.0.0/rollback").await.expect_error(409, "VersionConflict");
    let agent = verb("versions/draft/publish").await.expect(200);
    assert_eq!((&agent["status"], &agent["draft_version"]), (&json!("published"), &Value::Null));
    verb("versions/1.0.0/publish").await.expect_error(409, "VersionConflict");
    assert_eq!(verb("deprecate").await.expect(200)["status"], "deprecated");
    let again = verb("deprecate").await.expect(200);
    assert_eq!(again["status"], "deprecated", "doing it again changes nothing");
    assert_eq!(again["updated_at"], builder.get(&path).await.expect(200)["updated_at"]);
    assert_eq!(verb("versions/1.0.0/rollback").await.expect(200)["status"], "published");
    assert_eq!(verb("archive").await.expect(200)["status"], "archived");
    for verb_of_the_living in ["deprecate", "enable", "disable", "versions/1.0.0/rollback", "versions"] {
        let error = verb(verb_of_the_living).await.expect_error(409, "VersionConflict");
        assert_eq!(error["error"]["details"]["status"], "archived");
    }
    builder.put(&path, json!({ "name": "B" })).await.expect_error(409, "VersionConflict");
    assert_eq!(verb("clone").await.expect(201)["status"], "draft");
}

#[tokio::test]
async fn an_agent_is_disabled_and_enabled() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    assert_eq!(builder.post(&format!("{path}/disable"), json!({})).await.expect(200)["enabled"], false);
    let run = builder.post(&format!("{path}/execute"), json!({ "input": "x" })).await;
    run.expect_error(409, "VersionConflict");
    assert_eq!(builder.post(&format!("{path}/enable"), json!({})).await.expect(200)["enabled"], true);
}

#[tokio::test]
async fn a_deleted_agent_is_gone_and_its_name_is_free() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    builder.delete(&path).await.expect(204);
    builder.get(&path).await.expect_error(404, "AgentNotFound");
    builder.get("/api/agents/a").await.expect_error(404, "AgentNotFound");
    builder.delete(&path).await.expect_error(404, "AgentNotFound");
    builder.get(&format!("{path}/versions/1.0.0")).await.expect_error(404, "AgentNotFound");
    let again = builder.post("/api/agents", native("A")).await.expect(201);
    assert_eq!(again["slug"], "a");
}

#[tokio::test]
async fn a_copy_is_a_draft_of_its_own() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let agent = super::native_with("A", &json!({ "tags": ["x"], "visibility": "organization" }));
    let path = published(&builder, agent).await;
    let clone = format!("{path}/clone");
    let copy = builder.post(&clone, json!({})).await.expect(201);
    assert_eq!((&copy["name"], &copy["status"]), (&json!("A (copy)"), &json!("draft")));
    assert_eq!((&copy["tags"], &copy["visibility"]), (&json!(["x"]), &json!("private")));
    let second = builder.post(&clone, json!({})).await.expect(201);
    assert_eq!(second["name"], "A (copy 2)");
    builder.post(&clone, json!({ "name": "a" })).await.expect_error(409, "DuplicateAgentName");
    builder.post(&clone, json!({ "name": "" })).await.expect_error(422, "ValidationFailed");
    assert_eq!(builder.post(&clone, json!({ "name": "C" })).await.expect(201)["name"], "C");
}

#[tokio::test]
async fn an_organization_has_room_for_so_many_agents() {
    let appliance = Appliance::start_with(|it| it.limits.agents_per_org = 2, Vec::new()).await;
    let builder = appliance.caller(Role::Builder).await;
    let first = made(&builder, native("A")).await;
    made(&builder, native("B")).await;
    let refused = builder.post("/api/agents", native("C")).await;
    let error = refused.expect_error(409, "OrganizationLimitExceeded");
    let usage = json!({ "resource": "agents", "used": 2, "limit": 2 });
    assert_eq!(error["error"]["details"]["resource_usage"], usage);
    builder.post(&format!("{first}/clone"), json!({})).await.expect_error(409, "OrganizationLimitExceeded");
    builder.delete(&first).await.expect(204);
    made(&builder, native("C")).await;
}

#[tokio::test]
async fn every_change_is_in_the_audit_log() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let path = made(&owner, native("A")).await;
    for verb in
        ["versions", "versions/draft/publish", "disable", "enable", "test", "deprecate", "archive", "clone"]
    {
        let answer = owner.post(&format!("{path}/{verb}"), json!({})).await;
        assert!(answer.status < 300, "{verb}: {}", answer.text());
    }
    owner.put(&format!("{path}/permissions"), json!({ "permissions": [] })).await.expect(200);
    owner.delete(&path).await.expect(204);
    let rows = appliance.inner.services.store.org(owner.org).expect("reads");
    let page = reeve::base::PageRequest::first(200);
    let entries =
        reeve::audit::list(&rows, &reeve::audit::AuditFilter::default(), &page).expect("lists").items;
    let mut actions: Vec<_> =
        entries.iter().map(|it| it.action.as_str()).filter(|it| it.starts_with("agent.")).collect();
    actions.reverse();
    let expected = [
        "create",
        "version",
        "publish",
        "disable",
        "enable",
        "test",
        "deprecate",
        "archive",
        "clone",
        "share",
        "delete",
    ];
    assert_eq!(actions, expected.map(|it| format!("agent.{it}")));
    assert!(reeve::audit::verify(&rows).expect("reads").ok);
}

#[tokio::test]
async fn an_agent_at_work_is_not_deleted() {
    let far = Peer::answering(vec![Step::Hang]).await;
    let allow = vec![far.address.to_string()];
    let appliance = Appliance::start_with(|it| it.egress.allow = allow, Vec::new()).await;
    let owner = appliance.owner().await;
    let agent = json!({ "name": "A", "agent_type": "webhook", "config": { "url": far.url("/") } });
    let path = published(&owner, agent).await;
    let run = json!({ "input": {}, "wait_ms": 0 });
    let run = owner.post(&format!("{path}/execute"), run).await.expect(202);
    let error = owner.delete(&path).await.expect_error(409, "Conflict");
    assert_eq!(error["error"]["details"]["execution_id"], run["id"]);
    let run = format!("/api/executions/{}", run["id"].as_str().expect("an id"));
    owner.post(&format!("{run}/cancel"), json!({})).await.expect(200);
    owner.delete(&path).await.expect(204);
    assert_eq!(owner.get(&run).await.expect(200)["status"], "cancelled", "its history stays");
}
