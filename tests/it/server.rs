//! The server itself: starting, refusing, stopping.

use crate::crash::server::Site;
use crate::support::Appliance;
use crate::support::peer::{self, Peer};

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_there_gets_the_envelope() {
    let appliance = Appliance::start().await;
    let answer = appliance.anonymous().with("x-request-id", "my-id").get("/api/nothing").await;
    let body = answer.expect_error(404, "NotFound");
    assert_eq!(body["error"]["request_id"], "my-id");
    assert_eq!(answer.header("x-request-id"), Some("my-id"));
}

#[tokio::test(flavor = "multi_thread")]
async fn it_starts_again_on_its_data() {
    let appliance = Appliance::start().await.restart().await;
    appliance.anonymous().get("/api/nothing").await.expect_error(404, "NotFound");
}

/// Login shells and service managers give out 1,024 files at first, which a server has used up in a minute.
#[tokio::test(flavor = "multi_thread")]
async fn it_takes_as_many_files_as_the_system_allows() {
    let site = Site::new(&Peer::start(|_, _| peer::json(&serde_json::json!({}))).await);
    let server = site.serve_under(&["prlimit", "--nofile=256:2000"]).expect("starts");
    let limits = std::fs::read_to_string(format!("/proc/{}/limits", server.child.id())).expect("a process");
    let line = limits.lines().find(|it| it.starts_with("Max open files")).expect("a line");
    let numbers: Vec<&str> = line.split_whitespace().filter(|it| it.parse::<u64>().is_ok()).collect();
    assert_eq!(numbers, ["2000", "2000"]);
}
