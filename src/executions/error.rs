//! How a failed run is told to the one who waited for it.

use super::types::ExecutionView;
use crate::base::{Code, Error};
use crate::engine::Status;
use crate::stops;

/// The error that a caller of `execute` gets where the run did not complete; `None` where it did, or goes on.
pub fn error_of(execution: &ExecutionView) -> Option<Error> {
    let plain = match (execution.status, &execution.error) {
        (Status::Cancelled, None) => {
            Error::new(Code::ExecutionCancelled, "this run was cancelled before it ended")
        }
        (Status::Failed | Status::Timeout | Status::Cancelled, Some(error)) => {
            let details = error.details.to_value();
            let details = details.as_object().cloned().unwrap_or_default();
            details.into_iter().fold(Error::new(error.code, error.message.clone()), |it, (name, value)| {
                it.detail(&name, value)
            })
        }
        (Status::Failed, None) => Error::new(Code::ExecutionFailed, "this run failed"),
        (Status::Timeout, None) => Error::new(Code::ExecutionTimeout, "this run did not end in time"),
        _ => return None,
    };
    let retry = format!("POST /api/executions/{}/retry runs it once more with the same input", execution.id);
    let plain = plain.detail("execution_id", execution.id.to_string()).detail("attempts", execution.attempts);
    if !plain.is(Code::Stopped) {
        return Some(plain.suggest(retry));
    }
    let agent = plain.details()["stopped_agent_id"].as_str().and_then(|it| it.parse().ok());
    Some(plain.suggest(stops::lifted_by(agent)).suggest(format!("once it is lifted, {retry}")))
}
