//! What the mappings and conditions of a run see: `input`, `previous`, and `steps` by their ids.

use super::plan::{Mapping, Plan};
use super::progress::{Outcome, Progress};
use crate::adapters::mapping::{self, MappingError, Scope, Seen};
use crate::base::Json;

/// A run's input, and what came of its steps so far.
pub(super) struct Values<'a> {
    pub plan: &'a Plan,
    pub progress: &'a Progress,
    pub input: &'a Json,
}

impl Values<'_> {
    pub(super) async fn map(&self, mapping: &Mapping) -> Result<Json, MappingError> {
        mapping::apply(&mapping.shape, &self.scope(mapping)).await
    }

    /// As `map`, with the answer of the step at hand.
    pub(super) async fn map_answer(&self, mapping: &Mapping, output: &Json) -> Result<Json, MappingError> {
        let scope = self.scope(mapping).with_seen("output", Seen::Json(output.clone()));
        mapping::apply(&mapping.shape, &scope).await
    }

    pub(super) async fn holds(&self, condition: &Mapping) -> Result<bool, MappingError> {
        let expression = condition.shape.as_str().unwrap_or_default();
        mapping::holds_for(expression, &self.scope(condition)).await
    }

    /// The output of the step that completed last; before the first one, the input.
    pub(super) fn previous(&self) -> &Json {
        let outcome = self.progress.previous.and_then(|it| self.progress.outcomes.get(it));
        match outcome {
            Some(Some(Outcome::Completed(output))) => output,
            _ => self.input,
        }
    }

    fn scope(&self, mapping: &Mapping) -> Scope {
        let mut scope = Scope::default();
        if mapping.reads_input {
            scope = scope.with_seen("input", Seen::Json(self.input.clone()));
        }
        if mapping.reads_previous {
            scope = scope.with_seen("previous", Seen::Json(self.previous().clone()));
        }
        if mapping.reads_steps {
            scope = scope.with_seen("steps", self.steps());
        }
        scope
    }

    fn steps(&self) -> Seen {
        let reached = self.plan.nodes.iter().zip(&self.progress.outcomes);
        let steps = reached.map(|(node, outcome)| (node.id.to_string(), step(outcome.as_ref())));
        Seen::Object(steps.collect())
    }
}

/// A step that a jump left out looks like one that was skipped.
fn step(outcome: Option<&Outcome>) -> Seen {
    let (output, error) = match outcome {
        Some(Outcome::Completed(output)) => (Seen::Json(output.clone()), Seen::Null),
        Some(Outcome::Failed(error)) => {
            let fields = [("code", error.code.name().to_owned()), ("message", error.message.clone())];
            let fields = fields.into_iter().map(|(name, text)| (name.to_owned(), Seen::Text(text)));
            (Seen::Null, Seen::Object(fields.collect()))
        }
        Some(Outcome::Skipped) | None => (Seen::Null, Seen::Null),
    };
    let status = outcome.map_or("skipped", Outcome::word).to_owned();
    let fields = [("output", output), ("status", Seen::Text(status)), ("error", error)];
    Seen::Object(fields.into_iter().map(|(name, it)| (name.to_owned(), it)).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::base::Code;
    use crate::workflows::facts::StepError;
    use crate::workflows::tests::a_chain;
    use crate::workflows::types::Definition;

    /// The third of four steps, after one that completed and one that failed.
    async fn mapped(mapping: Value) -> Value {
        let steps =
            json!([{ "id": "a" }, { "id": "b" }, { "id": "c", "input_mapping": mapping }, { "id": "d" }]);
        let plan = Plan::of(&Definition::Chain(a_chain(json!({ "steps": steps }))));
        let mut progress = Progress::new(&plan);
        progress.outcomes[0] = Some(Outcome::Completed(Json::of(&json!({ "text": "hello" }))));
        let error = StepError { code: Code::ExecutionFailed, message: "no".to_owned() };
        progress.outcomes[1] = Some(Outcome::Failed(error));
        progress.previous = Some(0);
        let input = Json::of(&json!({ "n": 3 }));
        let values = Values { plan: &plan, progress: &progress, input: &input };
        let mapping = plan.nodes[2].input.as_ref().expect("a mapping");
        values.map(mapping).await.expect("maps").to_value()
    }

    #[tokio::test]
    async fn a_mapping_sees_input_previous_and_steps() {
        for (mapping, expected) in [
            (json!("previous"), json!({ "text": "hello" })),
            (json!("input.n"), json!(3)),
            (
                json!({ "t": "{{ previous.text|upper }}", "n": "{{ input.n }}" }),
                json!({ "t": "HELLO", "n": 3 }),
            ),
            (json!("steps.a.output.text"), json!("hello")),
            (
                json!("[steps.a.status, steps.b.status, steps.d.status]"),
                json!(["completed", "failed", "skipped"]),
            ),
            (json!("[steps.b.output, steps.b.error.code]"), json!([null, "ExecutionFailed"])),
        ] {
            assert_eq!(mapped(mapping.clone()).await, expected, "{mapping}");
        }
    }
}
