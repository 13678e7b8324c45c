//! The server itself: starting, refusing, stopping.

use crate::support::Appliance;

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
