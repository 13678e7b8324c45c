//! What the tests of this feature's parts are made of.

use serde_json::json;
use uuid::Uuid;

use super::*;
use crate::base::{Id, Json, Timestamp};

pub(super) fn id<T: Id>(number: u128) -> T {
    T::from_uuid(Uuid::from_u128(number))
}

pub(super) fn a_definition() -> Definition {
    Definition {
        agent_type: "webhook".to_owned(),
        config: Json::of(&json!({ "url": "https://agents.example.com/run" })),
        credential_ids: Vec::new(),
        persona: String::new(),
        skillset: Vec::new(),
        input_schema: Json::of(&json!({})),
        output_schema: Json::of(&json!({})),
        execution: Policy::default(),
    }
}

/// A private draft of user `owner`.
pub(super) fn an_agent(owner: u128) -> Agent {
    let version = VersionRef { id: id(9), number: Number::FIRST, revision: 0 };
    Agent {
        id: id(5),
        slug: "ticket-resolver".to_owned(),
        name: "Ticket resolver".to_owned(),
        description: String::new(),
        agent_type: "webhook".to_owned(),
        capabilities: vec!["ticket.resolve".to_owned()],
        tags: vec!["support".to_owned()],
        trigger_mode: TriggerMode::Manual,
        visibility: Visibility::Private,
        grants: Vec::new(),
        status: Status::Draft,
        enabled: true,
        health: Health::Unknown,
        owner_id: Some(id(owner)),
        metadata: Json::of(&json!({})),
        current: None,
        draft: Some(version),
        newest: Number::FIRST,
        revision: 0,
        created_at: Timestamp::from_millis(0),
        updated_at: Timestamp::from_millis(0),
    }
}
