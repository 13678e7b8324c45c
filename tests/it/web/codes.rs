//! Every error that the interface documents is provoked by a test that goes through the front door.

use std::fs;
use std::path::Path;

use reeve::base::Code;

/// Codes of agents and runs: provoked beside the features themselves, or by their own tests of this folder as
/// those come. An entry may go as soon as a test here expects the code.
const ELSEWHERE: &[Code] = &[
    Code::AgentNotFound,
    Code::InvalidAgentConfig,
    Code::AgentCreationFailed,
    Code::VersionConflict,
    Code::DuplicateAgentName,
    Code::ExecutionFailed,
    Code::ExecutionTimeout,
    Code::Interrupted,
    Code::ExecutionCancelled,
    Code::InvalidInput,
    Code::InvalidOutput,
    Code::ResourceExhausted,
    Code::OrganizationLimitExceeded,
    Code::VisibilityViolation,
    Code::CredentialInvalid,
    Code::EgressDenied,
];

fn sources(folder: &Path, found: &mut Vec<String>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|it| it == "rs") {
            found.push(fs::read_to_string(&path).expect("UTF-8"));
        }
    }
}

#[test]
fn every_code_is_provoked() {
    let mut tests = Vec::new();
    sources(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it"), &mut tests);
    let missing: Vec<&str> = Code::ALL
        .iter()
        .filter(|it| !ELSEWHERE.contains(it))
        .map(|it| it.name())
        .filter(|name| {
            let expected = format!(", \"{name}\")");
            !tests.iter().any(|it| it.contains("expect_error(") && it.contains(&expected))
        })
        .collect();
    assert!(missing.is_empty(), "no test expects {missing:?}");
}
