//! What no template may contain: each of these would be refused by the content security policy or would let
//! text become markup.

use std::fs;
use std::path::{Path, PathBuf};

const FORBIDDEN: [(&str, &str); 9] = [
    ("|safe", "text must stay text"),
    ("| safe", "text must stay text"),
    ("|escape(\"none\")", "text must stay text"),
    (" style=", "the policy forbids inline style"),
    ("<style", "the policy forbids inline style"),
    ("javascript:", "the policy forbids inline script"),
    ("hx-on", "the policy forbids inline script"),
    ("js:{", "the policy forbids inline script"),
    ("autoescape", "text must stay text"),
];

fn templates(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder").flatten() {
        let path = entry.path();
        if path.is_dir() {
            templates(&path, found);
        } else if path.extension().is_some_and(|it| it == "html") {
            found.push(path);
        }
    }
}

/// What is wrong with a template, if anything.
fn fault(text: &str) -> Option<String> {
    let lower = text.to_lowercase();
    if let Some((word, why)) = FORBIDDEN.iter().find(|(word, _)| lower.contains(word)) {
        return Some(format!("{word}: {why}"));
    }
    if lower.split("<script").skip(1).any(|it| !it.split('>').next().unwrap_or("").contains("src=")) {
        return Some("a script without src: the policy forbids inline script".to_owned());
    }
    let handler = lower.split_whitespace().find(|it| {
        it.strip_prefix("on")
            .and_then(|it| it.split_once("=\""))
            .is_some_and(|it| it.0.chars().all(|it| it.is_ascii_lowercase()))
    });
    handler.map(|it| format!("{it}: the policy forbids inline handlers"))
}

#[test]
fn no_template_asks_for_what_the_policy_forbids() {
    let mut found = Vec::new();
    templates(&Path::new(env!("CARGO_MANIFEST_DIR")).join("templates"), &mut found);
    assert!(found.len() >= 16, "only {} templates found", found.len());
    for path in found {
        let text = fs::read_to_string(&path).expect("UTF-8");
        assert_eq!(fault(&text), None, "{}", path.display());
    }
}

#[test]
fn faults_are_seen() {
    for text in [
        "{{ name|safe }}",
        "<p style=\"color:red\">",
        "<script>1</script>",
        "<script type=\"module\">1</script><script src=\"a.js\"></script>",
        "<a onclick=\"go()\">",
        "<div hx-on:click=\"go()\">",
        "<a href=\"javascript:go()\">",
    ] {
        assert!(fault(text).is_some(), "{text}");
    }
    assert_eq!(fault("<script src=\"a.js\" defer></script><p class=\"once\" data-one=\"1\">"), None);
}
