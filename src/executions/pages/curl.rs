//! A run as a command line that does the same.

use crate::executions::types::ExecutionView;
use crate::web::view::shell_word;

/// Runs the same input on the same agent or workflow, which is shown at `path` where it is still there.
pub(super) fn curl(public_url: &str, run: &ExecutionView, path: Option<String>) -> String {
    let body = format!("{{\"input\":{}}}", run.input.as_str());
    let id = run.agent_id.map(|it| it.to_string()).or_else(|| run.workflow_id.map(|it| it.to_string()));
    let path = path.unwrap_or_else(|| format!("/agents/{}", id.unwrap_or_default()));
    format!(
        "curl -X POST {} \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
        shell_word(&format!("{public_url}/api{path}/execute")),
        shell_word(&body)
    )
}
