//! A revision of a workflow, ready to run: compiled once, shared by all its runs.

use std::sync::Arc;

use jsonschema::Validator;

use super::plan::Plan;
use super::store;
use super::types::Definition;
use crate::access::Services;
use crate::agents::{self, Number};
use crate::base::{AgentId, Code, Doing, Json, Result, WorkflowId};
use crate::infra::Cache;
use crate::infra::store::{PerOrg, Rows};

pub(super) struct Prepared {
    pub plan: Plan,
    /// Who may be asked, in the order of `Chain::calls`.
    pub calls: Vec<(AgentId, Option<Number>)>,
    pub timeout_ms: u64,
    input: Option<Arc<Validator>>,
}

impl Prepared {
    fn of(definition: &Definition) -> Result<Self> {
        let chain = definition.chain();
        let input = agents::compiled_schema(&chain.input_schema, "/input_schema")
            .map_err(|it| it.message)
            .doing("compile the input schema of a chain")?;
        Ok(Self {
            plan: Plan::of(definition),
            calls: chain.calls().collect(),
            timeout_ms: chain.timeout_ms,
            input,
        })
    }

    /// Errors: `InvalidInput` with all that does not fit the input schema.
    pub(super) fn check_input(&self, input: &Json) -> Result<()> {
        match &self.input {
            Some(schema) => agents::check_schema(schema, &input.to_value(), Code::InvalidInput, "/input"),
            None => Ok(()),
        }
    }
}

type Revisions = Cache<(WorkflowId, u32), Prepared>;

pub(super) fn prepared(
    services: &Services,
    rows: &impl Rows<PerOrg>,
    id: WorkflowId,
    revision: u32,
) -> Result<Arc<Prepared>> {
    services
        .kept
        .get::<Revisions>()
        .get_or((id, revision), || Prepared::of(&store::revision(rows, id, revision)?.definition))
}
