//! A run as a command line that does the same.

use crate::executions::types::ExecutionView;
use crate::web::view::shell_word;

/// Runs the same input on the same agent or workflow, which is shown at `path`.
pub(super) fn curl(public_url: &str, run: &ExecutionView, path: &str) -> String {
    let body = format!("{{\"input\":{}}}", run.input.as_str());
    format!(
        "curl -X POST {} \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
        shell_word(&format!("{public_url}/api{path}/execute")),
        shell_word(&body)
    )
}
