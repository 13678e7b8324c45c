//! Who sees, runs, changes and shares which agent.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{made, native, native_with, published};
use crate::support::{Appliance, http::Answer};

/// An error without what differs from request to request.
fn bare(answer: &Answer, id: &str) -> String {
    let mut body = answer.json();
    for field in ["timestamp", "request_id"] {
        body["error"][field] = Value::Null;
    }
    body.to_string().replace(id, "ID")
}

#[tokio::test]
async fn what_the_caller_may_not_see_looks_like_what_is_not_there() {
    let appliance = Appliance::start_with(|it| it.auth.open_registration = true, Vec::new()).await;
    let maker = appliance.caller(Role::Builder).await;
    let colleague = appliance.caller(Role::Builder).await;
    let stranger = appliance.stranger().await;
    let path = published(&maker, native("Hidden")).await;
    let id = path.replace("/api/agents/", "");
    let missing = "agt_00000000000000000000000001";
    for caller in [&colleague, &stranger] {
        for (verb, body) in [
            ("", None),
            ("/versions", None),
            ("/versions/1.0.0", None),
            ("/versions/compare", None),
            ("/health", None),
            ("/permissions", None),
            ("/clone", Some(json!({}))),
            ("/enable", Some(json!({}))),
            ("/disable", Some(json!({}))),
            ("/deprecate", Some(json!({}))),
            ("/archive", Some(json!({}))),
            ("/test", Some(json!({}))),
            ("/versions", Some(json!({}))),
            ("/versions/1.0.0/publish", Some(json!({}))),
            ("/versions/1.0.0/rollback", Some(json!({}))),
            ("/execute", Some(json!({ "input": "x" }))),
        ] {
            let ask = async |agent: &str| {
                let path = format!("/api/agents/{agent}{verb}");
                match &body {
                    Some(body) => caller.post(&path, body.clone()).await,
                    None => caller.get(&path).await,
                }
            };
            let (hidden, absent) = (ask(&id).await, ask(missing).await);
            hidden.expect_error(404, "AgentNotFound");
            assert_eq!(bare(&hidden, &id), bare(&absent, missing), "{verb}");
        }
        for change in [json!({ "name": "x" }), json!({ "name": "Hidden", "agent_type": "odd" })] {
            caller.put(&path, change.clone()).await.expect_error(404, "AgentNotFound");
            caller.patch(&path, change).await.expect_error(404, "AgentNotFound");
        }
        caller.delete(&path).await.expect_error(404, "AgentNotFound");
        caller.get("/api/agents/hidden").await.expect_error(404, "AgentNotFound");
        assert_eq!(caller.get("/api/agents").await.expect(200)["items"], json!([]));
    }
    appliance.owner().await.get(&path).await.expect(200);
}

#[tokio::test]
async fn a_visible_agent_is_run_by_operators_and_changed_by_its_owner() {
    let appliance = Appliance::start().await;
    let maker = appliance.caller(Role::Builder).await;
    let path = published(&maker, native_with("A", &json!({ "visibility": "organization" }))).await;
    let viewer = appliance.caller(Role::Viewer).await;
    let operator = appliance.caller(Role::Operator).await;
    let builder = appliance.caller(Role::Builder).await;
    for caller in [&viewer, &operator, &builder] {
        caller.get(&path).await.expect(200);
        caller.put(&path, native("A")).await.expect_error(403, "InsufficientPermissions");
        caller.delete(&path).await.expect_error(403, "InsufficientPermissions");
    }
    let run = json!({ "input": "hello" });
    let execute = format!("{path}/execute");
    viewer.post(&execute, run.clone()).await.expect_error(403, "InsufficientPermissions");
    operator.post(&execute, run).await.expect(200);
    let refused = builder.patch(&path, json!({ "tags": ["x"] })).await;
    let error = refused.expect_error(403, "InsufficientPermissions");
    assert_eq!(error["error"]["details"]["needed_right"], "write");
}

#[tokio::test]
async fn an_agent_is_shared_with_people_and_roles() {
    let appliance = Appliance::start().await;
    let maker = appliance.caller(Role::Builder).await;
    let friend = appliance.caller(Role::Builder).await;
    let operator = appliance.caller(Role::Operator).await;
    let viewer = appliance.caller(Role::Viewer).await;
    let path = published(&maker, native("A")).await;
    let permissions = format!("{path}/permissions");
    let grants = json!({ "permissions": [
        { "user_id": friend.id.to_string(), "role": null, "rights": ["write"] },
        { "user_id": null, "role": "operator", "rights": ["execute"] },
    ]});
    assert_eq!(maker.put(&permissions, grants.clone()).await.expect(200), grants);
    assert_eq!(maker.get(&permissions).await.expect(200), grants);

    friend.patch(&path, json!({ "tags": ["x"] })).await.expect(200);
    friend.get(&permissions).await.expect_error(403, "InsufficientPermissions");
    let show = json!({ "visibility": "public" });
    friend.patch(&path, show).await.expect_error(403, "InsufficientPermissions");
    friend.delete(&path).await.expect_error(403, "InsufficientPermissions");
    operator.post(&format!("{path}/execute"), json!({ "input": "x" })).await.expect(200);
    viewer.get(&path).await.expect_error(404, "AgentNotFound");

    maker.put(&permissions, json!({ "permissions": [] })).await.expect(200);
    friend.get(&path).await.expect_error(404, "AgentNotFound");
    operator
        .post(&format!("{path}/execute"), json!({ "input": "x" }))
        .await
        .expect_error(404, "AgentNotFound");
}

#[tokio::test]
async fn grants_that_make_no_sense_are_refused() {
    let appliance = Appliance::start().await;
    let maker = appliance.caller(Role::Builder).await;
    let path = format!("{}/permissions", made(&maker, native("A")).await);
    for grant in [
        json!({ "rights": ["read"] }),
        json!({ "role": "viewer", "rights": [] }),
        json!({ "role": "viewer", "rights": ["own"] }),
        json!({ "role": "king", "rights": ["read"] }),
        json!({ "user_id": "usr_00000000000000000000000001", "rights": ["read"] }),
        json!({ "user_id": maker.id.to_string(), "role": "viewer", "rights": ["read"] }),
    ] {
        let body = json!({ "permissions": [grant] });
        maker.put(&path, body.clone()).await.expect_error(422, "ValidationFailed");
    }
}

#[tokio::test]
async fn a_key_reaches_as_far_as_its_scopes() {
    let appliance = Appliance::start().await;
    let maker = appliance.caller(Role::Builder).await;
    let first = published(&maker, native("A")).await;
    let second = published(&maker, native("B")).await;
    let id = first.replace("/api/agents/", "");

    let reader = maker.key(&["agents:read"]).await;
    reader.get(&second).await.expect(200);
    reader.post("/api/agents", native("C")).await.expect_error(403, "AgentAccessDenied");

    let bound = maker.key(&[id.as_str()]).await;
    bound.get(&first).await.expect(200);
    bound.get("/api/agents/a").await.expect(200);
    bound.post(&format!("{first}/execute"), json!({ "input": "x" })).await.expect(200);
    bound.patch(&first, json!({ "tags": [] })).await.expect_error(403, "AgentAccessDenied");
    for other in
        [second.as_str(), "/api/agents/b", "/api/agents/agt_00000000000000000000000001", "/api/agents/none"]
    {
        bound.get(other).await.expect_error(403, "AgentAccessDenied");
    }
    let listed = bound.get("/api/agents").await.expect(200);
    let names: Vec<_> = listed["items"].as_array().expect("items").iter().map(|it| &it["name"]).collect();
    assert_eq!(names, ["A"]);
}

#[tokio::test]
async fn only_those_who_build_make_agents() {
    let appliance = Appliance::start().await;
    for role in [Role::Viewer, Role::Operator] {
        let caller = appliance.caller(role).await;
        caller.post("/api/agents", native("A")).await.expect_error(403, "InsufficientPermissions");
        caller.post("/api/agents/validate", native("A")).await.expect_error(403, "InsufficientPermissions");
        let template = json!({ "template": "native" });
        caller.post("/api/agents/from-template", template).await.expect_error(403, "InsufficientPermissions");
    }
    appliance.anonymous().get("/api/agents").await.expect_error(401, "Unauthenticated");
}
