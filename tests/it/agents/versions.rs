//! Versions: numbers, publishing, going back, comparing.

use reeve::access::Role;
use serde_json::{Value, json};

use super::{made, native, published};
use crate::support::Appliance;

#[tokio::test]
async fn a_published_version_never_changes() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    let first = builder.get(&format!("{path}/versions/1.0.0")).await.expect(200);
    assert_eq!((&first["status"], &first["current"]), (&json!("published"), &json!(true)));

    let change = json!({ "name": "A", "config": { "model": "builtin" }, "persona": "be brief" });
    let agent = builder.put(&path, change.clone()).await.expect(200);
    assert_eq!((&agent["current_version"], &agent["draft_version"]), (&json!("1.0.0"), &json!("1.0.1")));
    assert_eq!(agent["persona"], "be brief", "answers show what is being worked on");
    assert_eq!(builder.get(&format!("{path}/versions/1.0.0")).await.expect(200), first);
    assert_eq!(builder.get(&format!("{path}/versions/current")).await.expect(200), first);
    let draft = builder.get(&format!("{path}/versions/draft")).await.expect(200);
    assert_eq!((&draft["version"], &draft["persona"]), (&json!("1.0.1"), &json!("be brief")));

    let again = builder.put(&path, change).await.expect(200);
    assert_eq!(again["draft_version"], "1.0.1", "one draft at a time");
    builder
        .post(&format!("{path}/versions/1.0.1/publish"), json!({ "changelog": "brief" }))
        .await
        .expect(200);
    let agent = builder.patch(&path, json!({ "tags": ["x"] })).await.expect(200);
    assert_eq!(agent["draft_version"], Value::Null, "labels are no part of a version");
    assert_eq!(agent["current_version"], "1.0.1");
}

#[tokio::test]
async fn versions_are_listed_highest_first() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    let versions = format!("{path}/versions");
    for number in ["1.9.0", "1.10.0", "2.0.0"] {
        let body = json!({ "version": number, "changelog": format!("to {number}") });
        let answer = builder.post(&versions, body).await;
        answer.expect(201);
        assert!(answer.header("location").is_some_and(|it| it.ends_with(&format!("/versions/{number}"))));
        builder.post(&format!("{versions}/{number}/publish"), json!({})).await.expect(200);
    }
    let page = builder.get(&format!("{versions}?limit=2")).await.expect(200);
    let rest = format!("{versions}?limit=2&cursor={}", page["next_cursor"].as_str().expect("a cursor"));
    let rest = builder.get(&rest).await.expect(200);
    let numbers: Vec<_> = [page["items"].as_array(), rest["items"].as_array()]
        .into_iter()
        .flatten()
        .flatten()
        .map(|it| it["version"].as_str().expect("a number"))
        .collect();
    assert_eq!(numbers, ["2.0.0", "1.10.0", "1.9.0", "1.0.0"]);
    assert_eq!(page["items"][0]["changelog"], "to 2.0.0");
    assert_eq!(page["items"][0]["current"], true);
    assert_eq!(page["items"][1]["current"], false);
}

#[tokio::test]
async fn a_draft_is_named_above_what_is_published() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = made(&builder, native("A")).await;
    let versions = format!("{path}/versions");
    let named = builder.post(&versions, json!({ "version": "0.1.0" })).await.expect(201);
    assert_eq!(named["version"], "0.1.0", "nothing is published yet, so any number will do");
    builder.get(&format!("{versions}/1.0.0")).await.expect_error(404, "NotFound");
    builder.post(&format!("{versions}/0.1.0/publish"), json!({})).await.expect(200);
    for number in ["0.1.0", "0.0.9"] {
        let refused = builder.post(&versions, json!({ "version": number })).await;
        refused.expect_error(409, "VersionConflict");
    }
    for number in ["1", "1.0.0-rc1", "01.0.0"] {
        builder.post(&versions, json!({ "version": number })).await.expect_error(422, "ValidationFailed");
    }
    let next = builder.post(&versions, json!({})).await.expect(201);
    assert_eq!(next["version"], "0.1.1");
    let renamed = builder.post(&versions, json!({ "version": "1.0.0" })).await.expect(201);
    assert_eq!((&renamed["id"], &renamed["version"]), (&next["id"], &json!("1.0.0")));
    builder.get(&format!("{versions}/0.1.1")).await.expect_error(404, "NotFound");
    let long = json!({ "changelog": "x".repeat(4_001) });
    builder.post(&versions, long).await.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn going_back_makes_an_older_version_run() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    builder.patch(&path, json!({ "persona": "two" })).await.expect(200);
    builder.post(&format!("{path}/versions/draft/publish"), json!({})).await.expect(200);
    builder.patch(&path, json!({ "persona": "three" })).await.expect(200);
    let agent = builder.post(&format!("{path}/versions/1.0.0/rollback"), json!({})).await.expect(200);
    assert_eq!((&agent["current_version"], &agent["draft_version"]), (&json!("1.0.0"), &json!("1.0.2")));
    let draft = builder.post(&format!("{path}/versions/draft/rollback"), json!({})).await;
    draft.expect_error(409, "VersionConflict");
    let missing = builder.post(&format!("{path}/versions/7.0.0/rollback"), json!({})).await;
    missing.expect_error(404, "NotFound");
    let odd = builder.post(&format!("{path}/versions/seven/rollback"), json!({})).await;
    odd.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn two_versions_are_compared() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    let compare = format!("{path}/versions/compare");
    builder.get(&compare).await.expect_error(404, "NotFound");
    builder.patch(&path, json!({ "persona": "be brief" })).await.expect(200);
    let found = builder.get(&compare).await.expect(200);
    assert_eq!((&found["from"], &found["to"]), (&json!("1.0.0"), &json!("1.0.1")));
    let patch = json!([{ "op": "replace", "path": "/persona", "value": "be brief" }]);
    assert_eq!(found["patch"], patch);
    let diff = found["diff"].as_str().expect("text");
    assert!(diff.contains("-  \"persona\": \"\"") && diff.contains("+  \"persona\": \"be brief\""), "{diff}");
    let back = builder.get(&format!("{compare}?from=1.0.1&to=1.0.0")).await.expect(200);
    assert_eq!(back["patch"][0]["value"], "");
    let same = builder.get(&format!("{compare}?from=1.0.0&to=current")).await.expect(200);
    assert_eq!((&same["patch"], &same["diff"]), (&json!([]), &json!("")));
    builder.get(&format!("{compare}?from=x")).await.expect_error(422, "ValidationFailed");
}

#[tokio::test]
async fn versions_survive_a_restart() {
    let appliance = Appliance::start().await;
    let builder = appliance.caller(Role::Builder).await;
    let path = published(&builder, native("A")).await;
    builder.patch(&path, json!({ "persona": "two" })).await.expect(200);
    let before = builder.get(&path).await.expect(200);
    let appliance = appliance.restart().await;
    let builder = appliance.log_in(&builder.email).await;
    assert_eq!(builder.get(&path).await.expect(200), before);
}
