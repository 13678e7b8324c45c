//! Making, reading, changing and deleting schedules.

use reeve::access::Role;
use serde_json::{Value, json};

use super::Bench;

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_is_made_read_changed_and_deleted() {
    let bench = Bench::new().await;
    let made = bench
        .http
        .post("/api/schedules", bench.body("0 9 * * 1-5", json!({ "time_zone": "Europe/Berlin" })))
        .await;
    let tag = made.header("etag").expect("a tag").to_owned();
    let path = made.header("location").expect("a place").to_owned();
    let made = made.expect(201);
    assert_eq!(made["cron_words"], "Monday to Friday at 09:00");
    assert_eq!(
        (made["missed_runs"].as_str(), made["overlap"].as_str(), made["active"].as_bool()),
        (Some("once"), Some("skip"), Some(true))
    );
    // 2027-01-15 is a Friday, nine o'clock in Berlin at eight.
    let next: Vec<&str> = made["next_runs"]
        .as_array()
        .expect("runs")
        .iter()
        .map(|it| &it.as_str().expect("a time")[..16])
        .collect();
    assert_eq!(
        next,
        ["2027-01-18T08:00", "2027-01-19T08:00", "2027-01-20T08:00", "2027-01-21T08:00", "2027-01-22T08:00"]
    );

    let read = bench.http.get(&path).await;
    assert_eq!((read.header("etag"), read.expect(200)), (Some(tag.as_str()), made.clone()));
    let stale = bench.http.with("if-match", "\"r9\"");
    stale.put(&path, bench.body("@daily", json!({}))).await.expect_error(412, "PreconditionFailed");
    stale.delete(&path).await.expect_error(412, "PreconditionFailed");
    let fresh = bench.http.with("if-match", tag);
    let changed = fresh.put(&path, bench.body("@daily", json!({ "name": "Daily" }))).await.expect(200);
    assert_eq!((changed["name"].as_str(), changed["time_zone"].as_str()), (Some("Daily"), Some("UTC")));
    fresh.put(&path, bench.body("@daily", json!({}))).await.expect_error(412, "PreconditionFailed");

    let listed = bench.http.get("/api/schedules").await.expect(200);
    assert_eq!(listed["items"][0]["id"], made["id"]);
    bench.http.delete(&path).await.expect(204);
    bench.http.get(&path).await.expect_error(404, "NotFound");
    bench.pass(86_400);
    assert_eq!(bench.runs().await, 0);
    let audit = bench.http.get("/api/audit?resource=schedule").await.expect(200);
    let actions: Vec<&str> = audit["items"]
        .as_array()
        .expect("items")
        .iter()
        .map(|it| it["action"].as_str().expect("an action"))
        .collect();
    assert_eq!(actions, ["schedule.delete", "schedule.update", "schedule.create"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_wrong_is_said_at_its_field() {
    let bench = Bench::new().await;
    for (more, path, says) in [
        (json!({ "cron": "0 25 * * *" }), "/cron", "the hour field: 0 to 23, not “25”"),
        (
            json!({ "cron": "0 0 31 2 *" }),
            "/cron",
            "this line never fires: none of its months has such a day",
        ),
        (json!({ "time_zone": "Berlin" }), "/time_zone", "did you mean Europe/Berlin?"),
        (json!({ "name": " " }), "/name", "a name has 1 to 120 characters, in one line"),
        (json!({ "jitter_ms": 3_600_001 }), "/jitter_ms", "a jitter is at most 3600000 (an hour)"),
        (json!({ "catch_up_limit": 0 }), "/catch_up_limit", "a catch-up limit is 1 to 100"),
        (json!({ "overlap": "maybe" }), "/overlap", "it has to be one of allow, skip, queue"),
        (json!({ "colour": "red" }), "/colour", "is no field here"),
    ] {
        let error = bench
            .http
            .post("/api/schedules", bench.body("@daily", more))
            .await
            .expect_error(422, "ValidationFailed");
        let wrong = &error["error"]["details"]["validation_errors"][0];
        assert_eq!(wrong["path"], path, "{error}");
        assert!(wrong["message"].as_str().expect("says").contains(says), "{error}");
    }
    let error =
        bench.http.post("/api/schedules", bench.body("@daily", json!({ "input": { "n": "one" } }))).await;
    error.expect_error(422, "InvalidInput");
    let missing = json!({ "agent_id": "agt_00000000000000000000000009" });
    bench.http.post("/api/schedules", bench.body("@daily", missing)).await.expect_error(404, "AgentNotFound");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_cannot_be_scheduled_unless_the_schedule_is_off() {
    let bench = Bench::new().await;
    let config = json!({ "url": bench.peer.url("/work") });
    let draft = json!({ "name": "Draft", "agent_type": "webhook", "config": config });
    let draft = bench.http.post("/api/agents", draft).await.expect(201)["id"].clone();
    let body = |active: bool| bench.body("@daily", json!({ "agent_id": draft, "active": active }));
    bench.http.post("/api/schedules", body(true)).await.expect_error(409, "VersionConflict");
    let made = bench.http.post("/api/schedules", body(false)).await.expect(201);
    let path = format!("/api/schedules/{}", made["id"].as_str().expect("an id"));
    bench.http.post(&format!("{path}/enable"), json!({})).await.expect_error(409, "VersionConflict");
    let agent = draft.as_str().expect("an id");
    bench.http.post(&format!("/api/agents/{agent}/versions/1.0.0/publish"), json!({})).await.expect(200);
    assert_eq!(bench.http.post(&format!("{path}/enable"), json!({})).await.expect(200)["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn lists_are_filtered_and_come_in_pages() {
    let bench = Bench::new().await;
    for name in ["Alpha", "Beta", "Gamma"] {
        bench.pass(1);
        bench.schedule("@daily", json!({ "name": name, "active": name != "Beta" })).await;
    }
    let names = |page: &Value| -> Vec<String> {
        page["items"]
            .as_array()
            .expect("items")
            .iter()
            .map(|it| it["name"].as_str().expect("a name").to_owned())
            .collect()
    };
    let get = async |query: &str| bench.http.get(&format!("/api/schedules?{query}")).await.expect(200);
    assert_eq!(names(&get("active=true").await), ["Gamma", "Alpha"]);
    assert_eq!(names(&get("q=bet").await), ["Beta"]);
    assert_eq!(names(&get(&format!("agent_id={}&active=false", bench.agent)).await), ["Beta"]);
    let first = get("limit=2").await;
    assert_eq!(names(&first), ["Gamma", "Beta"]);
    let next = first["next_cursor"].as_str().expect("a cursor");
    assert_eq!(names(&get(&format!("limit=2&cursor={next}")).await), ["Alpha"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_can_be_looked_at_before_it_is_kept() {
    let bench = Bench::new().await;
    let preview = async |cron: &str, zone: &str| {
        bench.http.post("/api/schedules/preview", json!({ "cron": cron, "time_zone": zone })).await
    };
    let seen = preview("30 2 28 3 *", "Europe/Berlin").await.expect(200);
    assert_eq!(seen["cron_words"], "On the 28th of March at 02:30");
    let first = &seen["next_runs"][0];
    assert_eq!(
        (first["at"].as_str(), first["local"].as_str()),
        (Some("2027-03-28T01:00:00.000Z"), Some("2027-03-28T03:00:00+02:00"))
    );
    assert!(first["note"].as_str().expect("a note").contains("clocks go forward"), "{seen}");
    assert!(seen["next_runs"][1]["note"].is_null() && seen["next_runs"].as_array().map(Vec::len) == Some(5));
    let error = preview("0 9 * *", "Nowhere").await.expect_error(422, "ValidationFailed");
    assert_eq!(error["error"]["details"]["validation_errors"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_schedule_of_an_agent_that_one_may_not_see_is_not_there() {
    let bench = Bench::new().await;
    let schedule = bench.schedule("@daily", json!({})).await;
    let builder = bench.appliance.caller(Role::Builder).await;
    let missing = builder.get("/api/schedules/sch_00000000000000000000000009").await;
    let hidden = builder.get(&schedule).await;
    hidden.expect_error(404, "NotFound");
    let id = schedule.rsplit('/').next().expect("an id");
    let said = |it: &Value| it["error"]["message"].as_str().expect("a message").to_owned();
    assert_eq!(
        said(&hidden.json()).replace(id, "X"),
        said(&missing.json()).replace("sch_00000000000000000000000009", "X")
    );
    assert_eq!(builder.get("/api/schedules").await.expect(200)["items"], json!([]));
    builder.post(&format!("{schedule}/run"), json!({})).await.expect_error(404, "NotFound");
    // Seen, it may be looked at by those who only look, and not changed by them.
    bench
        .http
        .patch(&format!("/api/agents/{}", bench.agent), json!({ "visibility": "organization" }))
        .await
        .expect(200);
    let viewer = bench.appliance.caller(Role::Viewer).await;
    viewer.get(&schedule).await.expect(200);
    viewer.post(&format!("{schedule}/disable"), json!({})).await.expect_error(403, "InsufficientPermissions");
    viewer.post(&format!("{schedule}/run"), json!({})).await.expect_error(403, "InsufficientPermissions");
    let operator = bench.appliance.caller(Role::Operator).await;
    operator.post(&format!("{schedule}/run"), json!({})).await.expect(202);
}
