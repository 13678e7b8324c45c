//! Every verb, right and wrong; and that nothing answers a value.

use http::Method;
use reeve::access::Role;
use serde_json::json;

use super::{audit, id_of, made};
use crate::support::Appliance;

const VALUE: &str = "opal-lantern-4711-quiet";

fn kinds() -> Vec<(&'static str, serde_json::Value)> {
    vec![
        ("api_key", json!({"key": VALUE})),
        ("bearer", json!({"token": VALUE})),
        ("basic_auth", json!({"username": "ada", "password": VALUE})),
        ("webhook", json!({"secret": VALUE})),
        ("header", json!({"name": "X-Key", "value": VALUE})),
        ("custom", json!({"dsn": VALUE, "region": "north"})),
    ]
}

#[actix_web::test]
async fn every_kind_is_made_read_changed_rotated_and_deleted_without_ever_answering_its_value() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    for (kind, value) in kinds() {
        let new = json!({"name": format!("My {kind}"), "kind": kind, "value": value, "allowed_hosts": ["API.Example.com"]});
        let answer = owner.post("/api/credentials", new).await;
        let first = answer.expect(201);
        let path = format!("/api/credentials/{}", id_of(&first));
        assert_eq!(answer.header("location"), Some(path.as_str()));
        assert_eq!(first["kind"], kind);
        assert_eq!(first["allowed_hosts"], json!(["api.example.com"]));
        assert_eq!((first["version"].as_u64(), first["uses"].as_u64()), (Some(1), Some(0)));
        assert_eq!(owner.get(&path).await.expect(200), first);

        let put = json!({"name": format!("Your {kind}"), "allowed_hosts": ["api.example.com"]});
        let changed = owner.put(&path, put).await.expect(200);
        assert_eq!((&changed["name"], &changed["hint"]), (&json!(format!("Your {kind}")), &first["hint"]));

        let looked = owner.post(&format!("{path}/validate"), json!({})).await.expect(200);
        assert_eq!(looked["ok"], true, "{looked}");

        let mut next = value.clone();
        for field in next.as_object_mut().expect("fields").values_mut() {
            *field = json!(format!("{}-next", field.as_str().expect("text")));
        }
        let rotated = owner.post(&format!("{path}/rotate"), json!({"value": next})).await.expect(200);
        assert_eq!((&rotated["id"], &rotated["version"]), (&first["id"], &json!(2)));
        assert_ne!(rotated["hint"], first["hint"]);

        let all = owner.get("/api/credentials?limit=200").await.expect(200);
        for answer in [&first, &changed, &looked, &rotated, &all] {
            assert!(!answer.to_string().contains(VALUE), "{answer}");
        }
        owner.delete(&path).await.expect(204);
        owner.get(&path).await.expect_error(404, "NotFound");
        owner.delete(&path).await.expect_error(404, "NotFound");
    }
    for action in ["create", "update", "validate", "rotate", "delete"] {
        assert_eq!(audit(&owner, &format!("credential.{action}")).await.len(), kinds().len(), "{action}");
    }
    assert_eq!(owner.get("/api/audit/verify").await.expect(200)["ok"], true);
}

#[actix_web::test]
async fn what_is_wrong_is_named_and_never_repeated() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let good = json!({"name": "A", "kind": "api_key", "value": {"key": VALUE}});
    let wrong = [
        (json!({"value": VALUE}), "/value"),
        (json!({"value": {"key": 471147114711_u64}}), "/value/key"),
        (json!({"value": 471147114711_u64}), "/value"),
        (json!({"value": [VALUE]}), "/value"),
        (json!({"value": {}}), "/value/key"),
        (json!({"value": {"key": format!("{VALUE}\n")}}), "/value/key"),
        (json!({"value": {"key": ""}}), "/value/key"),
        (json!({"value": {"key": VALUE, VALUE: VALUE}}), "/value"),
        (json!({"name": ""}), "/name"),
        (json!({"name": "two\nlines"}), "/name"),
        (json!({"expires_at": "2001-01-01T00:00:00Z"}), "/expires_at"),
        (json!({"allowed_hosts": ["https://a.b/c"]}), "/allowed_hosts/0"),
        (json!({"kind": "oauth"}), "/kind"),
    ];
    for (change, path) in wrong {
        let mut body = good.clone();
        body.as_object_mut().expect("fields").extend(change.as_object().expect("fields").clone());
        let answer = owner.post("/api/credentials", body).await;
        assert_eq!(answer.status, 422, "{change}: {}", answer.text());
        let fields = answer.json()["error"]["details"]["validation_errors"].clone();
        assert_eq!(fields[0]["path"], path, "{change}: {fields}");
        assert!(!answer.text().contains("lantern") && !answer.text().contains("4711"), "{}", answer.text());
    }
    let unknown = json!({"name": "A", "kind": "api_key", "value": {"key": VALUE}, "secret": 1});
    owner.post("/api/credentials", unknown).await.expect_error(422, "ValidationFailed");
    let none: Vec<serde_json::Value> = Vec::new();
    assert_eq!(owner.get("/api/credentials").await.expect(200)["items"], json!(none));

    let id = made(&owner, "Taken", "bearer", json!({"token": VALUE})).await;
    let twin = json!({"name": " tAKEN ", "kind": "bearer", "value": {"token": VALUE}});
    owner.post("/api/credentials", twin).await.expect_error(409, "Conflict");
    let rotation = json!({"value": {"key": VALUE}});
    let path = format!("/api/credentials/{id}");
    owner.post(&format!("{path}/rotate"), rotation).await.expect_error(422, "CredentialInvalid");
    assert_eq!(owner.get(&path).await.expect(200)["version"], 1);
    owner.get("/api/credentials/nonsense").await.expect_error(404, "NotFound");
    owner.get("/api/credentials?kind=oauth").await.expect_error(422, "ValidationFailed");
}

#[actix_web::test]
async fn what_cannot_be_read_cannot_be_led_elsewhere() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let new = json!({"name": "A", "kind": "bearer", "value": {"token": VALUE}, "allowed_hosts": ["a.example.com", "b.example.com"]});
    let path = format!("/api/credentials/{}", id_of(&owner.post("/api/credentials", new).await.expect(201)));
    let put = |hosts: serde_json::Value, value: serde_json::Value| {
        owner.json(Method::PUT, &path, json!({"name": "A", "allowed_hosts": hosts, "value": value}))
    };
    put(json!(["a.example.com"]), json!(null)).await.expect(200);
    put(json!(["a.example.com", "evil.example"]), json!(null)).await.expect_error(422, "ValidationFailed");
    put(json!([]), json!(null)).await.expect_error(422, "ValidationFailed");
    put(json!(["*.example.com"]), json!(null)).await.expect_error(422, "ValidationFailed");
    let widened = put(json!(["*.example.com"]), json!({"token": "another-value"})).await.expect(200);
    assert_eq!(widened["version"], 2);
}

#[actix_web::test]
async fn a_change_by_someone_else_is_not_overwritten() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    let path = format!("/api/credentials/{}", made(&owner, "A", "bearer", json!({"token": VALUE})).await);
    let tag = owner.get(&path).await.header("etag").expect("a tag").to_owned();
    let matching = owner.http.with("if-match", &tag);
    matching.put(&path, json!({"name": "B"})).await.expect(200);
    matching.put(&path, json!({"name": "C"})).await.expect_error(412, "PreconditionFailed");
    matching.delete(&path).await.expect_error(412, "PreconditionFailed");
    assert_eq!(owner.get(&path).await.expect(200)["name"], "B");
    let tag = owner.get(&path).await.header("etag").expect("a tag").to_owned();
    owner.http.with("if-match", tag).delete(&path).await.expect(204);
}

#[actix_web::test]
async fn only_builders_and_those_above_and_only_of_this_organization() {
    let appliance = Appliance::start_with(|it| it.auth.open_registration = true, Vec::new()).await;
    let owner = appliance.owner().await;
    let path = format!("/api/credentials/{}", made(&owner, "A", "bearer", json!({"token": VALUE})).await);
    let new = json!({"name": "B", "kind": "bearer", "value": {"token": VALUE}});
    for role in [Role::Viewer, Role::Operator] {
        let caller = appliance.caller(role).await;
        caller.get("/api/credentials").await.expect_error(403, "InsufficientPermissions");
        caller.get(&path).await.expect_error(403, "InsufficientPermissions");
        caller.post("/api/credentials", new.clone()).await.expect_error(403, "InsufficientPermissions");
        caller.delete(&path).await.expect_error(403, "InsufficientPermissions");
    }
    appliance.caller(Role::Builder).await.get(&path).await.expect(200);
    appliance.anonymous().get(&path).await.expect_error(401, "Unauthenticated");
    let stranger = appliance.stranger().await;
    stranger.get(&path).await.expect_error(404, "NotFound");
    stranger.put(&path, json!({"name": "Mine"})).await.expect_error(404, "NotFound");
    stranger
        .post(&format!("{path}/rotate"), json!({"value": {"token": VALUE}}))
        .await
        .expect_error(404, "NotFound");
    stranger.post(&format!("{path}/validate"), json!({})).await.expect_error(404, "NotFound");
    stranger.delete(&path).await.expect_error(404, "NotFound");
    assert_eq!(stranger.get("/api/credentials").await.expect(200)["items"], json!([]));
}

#[actix_web::test]
async fn lists_are_paged_and_filtered() {
    let appliance = Appliance::start().await;
    let owner = appliance.owner().await;
    for n in 0..5 {
        made(&owner, &format!("Key {n}"), "api_key", json!({"key": format!("{VALUE}{n}")})).await;
    }
    made(&owner, "Other", "bearer", json!({"token": VALUE})).await;
    let first = owner.get("/api/credentials?kind=api_key&limit=3").await.expect(200);
    assert_eq!(first["items"].as_array().map(Vec::len), Some(3));
    assert_eq!(first["items"][0]["name"], "Key 4");
    let cursor = first["next_cursor"].as_str().expect("more");
    let rest = owner.get(&format!("/api/credentials?kind=api_key&limit=3&cursor={cursor}")).await.expect(200);
    assert_eq!(rest["items"].as_array().map(Vec::len), Some(2));
    let found = owner.get("/api/credentials?q=oth").await.expect(200);
    assert_eq!(found["items"].as_array().map(Vec::len), Some(1));
}
