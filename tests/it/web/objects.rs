//! What has to be an object is no list, however well its entries would fit the fields.

use http::Method;
use serde_json::{Value, json};

use crate::agents::published;
use crate::support::Appliance;

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_no_object() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let agent = json!({ "name": "A", "agent_type": "webhook", "config": { "url": "https://a.example/" } });
    let path = published(&owner, agent.clone()).await;
    let id = path.rsplit('/').next().expect("an id");
    let with = |execution: Value| {
        let mut agent = agent.clone();
        agent["execution"] = execution;
        agent
    };
    let chain = |step: Value| json!({ "name": "C", "steps": [step] });
    for (method, path, body, at, says) in [
        (Method::POST, "/api/agents".to_owned(), json!([]), "", "is a list; it has to be an object"),
        (Method::POST, "/api/agents".to_owned(), json!(["x"]), "", "is a list"),
        (Method::POST, "/api/agents".to_owned(), with(json!([])), "/execution", "is a list"),
        (
            Method::POST,
            "/api/agents".to_owned(),
            with(json!({ "retry": [3, 1, 1] })),
            "/execution/retry",
            "is a list",
        ),
        (Method::POST, format!("{path}/execute"), json!([{ "text": "x" }]), "", "is a list"),
        (Method::POST, "/api/chains".to_owned(), chain(json!(["one", id])), "/steps/0", "is a list"),
        (Method::POST, "/api/api-keys".to_owned(), json!(["k", ["agents:read"]]), "", "is a list"),
        (Method::POST, "/api/schedules".to_owned(), json!(["S"]), "", "is a list"),
        (Method::POST, "/api/budgets".to_owned(), json!(["B", "organization"]), "", "is a list"),
        (Method::POST, "/api/webhooks".to_owned(), json!(["W"]), "", "is a list"),
    ] {
        let answer = owner.json(method, &path, body.clone()).await.expect_error(422, "ValidationFailed");
        let found = &answer["error"]["details"]["validation_errors"][0];
        assert_eq!(found["path"], at, "{path} {body}: {answer}");
        assert!(found["message"].as_str().is_some_and(|it| it.starts_with(says)), "{path} {body}: {answer}");
    }
}
