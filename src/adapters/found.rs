//! What answers at an address, before there is an agent of it.

use serde_json::Value;

/// Something of which an agent can be made.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// What it is called there: the path of a runnable, the name of an assistant, of a workflow, of a tool.
    pub name: String,
    /// A sentence for the person who chooses, where the far end has one.
    pub description: Option<String>,
    /// An agent's `config` for it, which passes the schema of its kind.
    pub config: Value,
    /// JSON Schema of what it takes, where the far end tells it.
    pub input_schema: Option<Value>,
    /// JSON Schema of what it answers, where the far end tells it.
    pub output_schema: Option<Value>,
}
