//! The bugs that `tests/planted.sh` plants: each can still be planted, at one place, and names tests that exist.

use std::fs;
use std::path::Path;

/// What a patch takes out of one file, hunk by hunk, with the lines around it.
fn hunks(patch: &str) -> (&str, Vec<String>) {
    let file = patch.lines().find_map(|it| it.strip_prefix("+++ b/")).expect("a file");
    let mut hunks: Vec<String> = Vec::new();
    for line in patch.lines().skip_while(|it| !it.starts_with("@@")) {
        match line.split_at_checked(1) {
            Some(("@", _)) => hunks.push(String::new()),
            Some((" " | "-", kept)) => {
                let hunk = hunks.last_mut().expect("a hunk");
                hunk.push_str(kept);
                hunk.push('\n');
            }
            _ => {}
        }
    }
    (file, hunks)
}

#[test]
fn every_planted_bug_still_has_its_place_and_its_tests() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut count = 0;
    for patch in fs::read_dir(root.join("tests/planted")).expect("a folder") {
        let path = patch.expect("an entry").path();
        let name = path.file_stem().expect("a name").display().to_string();
        let patch = fs::read_to_string(&path).expect("a file");
        let (file, hunks) = hunks(&patch);
        let text = fs::read_to_string(root.join(file)).expect("the file that it changes");
        assert!(!hunks.is_empty(), "{name} changes nothing");
        for hunk in hunks {
            assert_eq!(text.matches(&hunk).count(), 1, "{name}: not once in {file}:\n{hunk}");
        }
        let tests = patch.lines().find_map(|it| it.strip_prefix("tests: ")).expect("tests");
        for test in tests.split(" or ") {
            let test = test.strip_prefix("test(=").and_then(|it| it.strip_suffix(')')).expect("test(=…)");
            let (module, function) = test.rsplit_once("::").expect("a path");
            let own = root.join("tests/it").join(module.replace("::", "/"));
            let files = [own.with_extension("rs"), own.join("mod.rs")];
            let source = files.iter().find_map(|it| fs::read_to_string(it).ok()).expect("the tests' file");
            assert!(source.contains(&format!("fn {function}(")), "{name}: there is no {test}");
        }
        count += 1;
    }
    assert_eq!(count, 10);
}
