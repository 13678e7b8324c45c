//! What a run follows: calls of agents, and where each leads. A chain is written into it; whatever else can be
//! drawn as a graph of calls can be too.

use std::sync::Arc;

use serde_json::Value;

use super::types::{Chain, Definition, ErrorHandling, OnError, Step, StepRetry};
use crate::adapters::mapping;

#[derive(Debug, PartialEq)]
pub(super) struct Plan {
    pub nodes: Vec<Node>,
    /// What the run answers; `None`: the output of the last node that completed.
    pub output: Option<Mapping>,
}

/// One step: an agent is asked, perhaps another one after it, and the run goes on elsewhere.
#[derive(Debug, PartialEq)]
pub(super) struct Node {
    pub id: Arc<str>,
    /// Who is asked: the agent, then the one that stands in for it. Numbers are places in `Accepted::agents`.
    pub calls: Vec<usize>,
    pub condition: Option<Mapping>,
    /// `None`: what came before.
    pub input: Option<Mapping>,
    /// `None`: what was answered.
    pub output: Option<Mapping>,
    /// `None`: the agent's own.
    pub timeout_ms: Option<u64>,
    pub retry: Option<StepRetry>,
    /// The number of nodes is the end.
    pub next: usize,
    /// Where the run goes on after a failure; `None`: it fails.
    pub on_error: Option<usize>,
}

/// A mapping, and which names it reads, so that nothing is taken apart for it that it does not look at.
#[derive(Debug, PartialEq)]
pub(super) struct Mapping {
    pub shape: Value,
    pub reads_input: bool,
    pub reads_previous: bool,
    pub reads_steps: bool,
}

impl Plan {
    pub(super) fn of(definition: &Definition) -> Self {
        let chain = definition.chain();
        let mut calls = 0;
        let nodes = chain.steps.iter().enumerate().map(|(place, step)| node(chain, place, step, &mut calls));
        Self {
            nodes: nodes.collect(),
            output: chain.output_mapping.as_ref().map(|it| Mapping::of(it.to_value())),
        }
    }

    pub(super) fn end(&self) -> usize {
        self.nodes.len()
    }

    pub(super) fn place(&self, id: &str) -> Option<usize> {
        self.nodes.iter().position(|it| &*it.id == id)
    }
}

fn node(chain: &Chain, place: usize, step: &Step, calls: &mut usize) -> Node {
    let own = *calls;
    let next = place + 1;
    let usual = match chain.error_handling {
        ErrorHandling::Fail => None,
        ErrorHandling::Continue => Some(next),
    };
    let (stand_ins, on_error) = match &step.on_error {
        None => (0, usual),
        Some(OnError::Fail) => (0, None),
        Some(OnError::Continue) => (0, Some(next)),
        // A target that is not there was refused when the chain was written.
        Some(OnError::Goto(id)) => (0, chain.steps.iter().position(|it| it.id == *id)),
        Some(OnError::Fallback(_)) => (1, usual),
    };
    *calls += 1 + stand_ins;
    Node {
        id: step.id.as_str().into(),
        calls: (own..*calls).collect(),
        condition: step.condition.as_ref().map(|it| Mapping::of(Value::from(it.as_str()))),
        input: step.input_mapping.as_ref().map(|it| Mapping::of(it.to_value())),
        output: step.output_mapping.as_ref().map(|it| Mapping::of(it.to_value())),
        timeout_ms: step.timeout_ms,
        retry: step.retry.clone().or_else(|| chain.retry_policy.clone()),
        next,
        on_error,
    }
}

impl Mapping {
    fn of(shape: Value) -> Self {
        let (mut reads_input, mut reads_previous, mut reads_steps) = (false, false, false);
        for name in mapping::look(&shape).into_iter().filter_map(|it| it.reads.ok()).flatten() {
            match name.split('.').next() {
                Some("input") => reads_input = true,
                Some("previous") => reads_previous = true,
                Some("steps") => reads_steps = true,
                _ => {}
            }
        }
        Self { shape, reads_input, reads_previous, reads_steps }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::workflows::tests::a_chain;

    #[test]
    fn a_chain_becomes_a_line_with_ways_around_failures() {
        let chain = a_chain(json!({
            "error_handling": "continue", "retry_policy": { "max_attempts": 2 },
            "steps": [
                { "id": "a", "on_error": { "goto": "c" } },
                { "id": "b", "on_error": { "fallback": { "agent_id": "agt_00000000000000000000000007" } } },
                { "id": "c", "on_error": "fail", "retry": { "max_attempts": 5 }, "condition": "steps.a.output" },
                { "id": "d", "input_mapping": { "x": "{{ input.x }}", "y": "{{ previous }}" } },
            ],
        }));
        let plan = Plan::of(&Definition::Chain(chain));
        let ways: Vec<_> = plan.nodes.iter().map(|it| (it.calls.clone(), it.next, it.on_error)).collect();
        assert_eq!(
            ways,
            [(vec![0], 1, Some(2)), (vec![1, 2], 2, Some(2)), (vec![3], 3, None), (vec![4], 4, Some(4)),]
        );
        let attempts: Vec<_> =
            plan.nodes.iter().filter_map(|it| it.retry.as_ref()).map(|it| it.max_attempts).collect();
        assert_eq!(attempts, [2, 2, 5, 2]);
        let reads = |it: &Option<Mapping>| {
            it.as_ref().map(|it| (it.reads_input, it.reads_previous, it.reads_steps)).expect("a mapping")
        };
        assert_eq!(reads(&plan.nodes[2].condition), (false, false, true));
        assert_eq!(reads(&plan.nodes[3].input), (true, true, false));
        assert_eq!((plan.end(), plan.place("c"), plan.place("x")), (4, Some(2), None));
    }
}
