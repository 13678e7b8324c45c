//! A run as a command line that does the same.

use crate::executions::types::ExecutionView;

/// Runs the same input on the same agent or workflow, which is shown at `path` where it is still there.
pub(super) fn curl(public_url: &str, run: &ExecutionView, path: Option<String>) -> String {
    let body = format!("{{\"input\":{}}}", run.input.as_str());
    let id = run.agent_id.map(|it| it.to_string()).or_else(|| run.workflow_id.map(|it| it.to_string()));
    let path = path.unwrap_or_else(|| format!("/agents/{}", id.unwrap_or_default()));
    format!(
        "curl -X POST {} \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\" \\\n  -H 'Content-Type: application/json' \\\n  -d {}",
        quoted(&format!("{public_url}/api{path}/execute")),
        quoted(&body)
    )
}

/// As one word of a POSIX shell, whatever it holds.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::quoted;

    #[test]
    fn no_input_ends_the_word_it_stands_in() {
        assert_eq!(quoted("it's $(rm) `x`"), "'it'\\''s $(rm) `x`'");
    }
}
