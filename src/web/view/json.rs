//! A JSON value as a tree that opens and closes without a script.

use askama::Template;
use askama::filters::HtmlSafe;
use serde_json::Value;

const MAX_NODES: usize = 2_000;
const MAX_STRING_CHARS: usize = 4_000;
const OPEN_LEVELS: usize = 2;
const MANY_CHILDREN: usize = 40;

#[derive(Template)]
#[template(path = "parts/json.html")]
pub struct JsonView {
    label: String,
    root: Node,
    text: String,
    cut: bool,
}

impl HtmlSafe for JsonView {}

#[derive(Template)]
#[template(path = "parts/json_node.html")]
struct Node {
    key: Option<String>,
    /// `string`, `number`, `bool`, `null`, `object`, `array`.
    kind: &'static str,
    text: String,
    children: Vec<Node>,
    open: bool,
}

impl HtmlSafe for Node {}

impl JsonView {
    /// `label` names the value for those who listen: `Input`, `Output`.
    pub fn new(label: impl std::fmt::Display, value: &Value) -> Self {
        let mut left = MAX_NODES;
        let root = Node::of(None, value, 0, &mut left);
        let text = serde_json::to_string_pretty(value).unwrap_or_default();
        Self { label: label.to_string(), root, text, cut: left == 0 }
    }
}

impl Node {
    fn of(key: Option<String>, value: &Value, depth: usize, left: &mut usize) -> Self {
        *left = left.saturating_sub(1);
        let leaf = |kind, text| Self { key: key.clone(), kind, text, children: Vec::new(), open: false };
        let (kind, children): (_, Vec<(String, &Value)>) = match value {
            Value::Null => return leaf("null", "null".to_owned()),
            Value::Bool(it) => return leaf("bool", it.to_string()),
            Value::Number(it) => return leaf("number", it.to_string()),
            Value::String(it) => return leaf("string", clipped(it)),
            Value::Array(items) => {
                ("array", items.iter().enumerate().map(|(at, it)| (at.to_string(), it)).collect())
            }
            Value::Object(members) => ("object", members.iter().map(|(key, it)| (key.clone(), it)).collect()),
        };
        let open = depth < OPEN_LEVELS && children.len() <= MANY_CHILDREN;
        let mut nodes = Vec::new();
        for (key, child) in &children {
            if *left == 0 {
                break;
            }
            nodes.push(Self::of(Some(key.clone()), child, depth + 1, left));
        }
        Self { key, kind, text: size(kind, children.len()), children: nodes, open }
    }
}

fn size(kind: &str, n: usize) -> String {
    match (kind, n) {
        ("array", 0) => "[ ]".to_owned(),
        ("array", 1) => "[ 1 item ]".to_owned(),
        ("array", n) => format!("[ {n} items ]"),
        (_, 0) => "{ }".to_owned(),
        (_, 1) => "{ 1 key }".to_owned(),
        (_, n) => format!("{{ {n} keys }}"),
    }
}

fn clipped(text: &str) -> String {
    match text.char_indices().nth(MAX_STRING_CHARS) {
        Some((at, _)) => format!("{}… {} more characters", &text[..at], text[at..].chars().count()),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn values_are_shown_with_their_kind_and_never_as_markup() {
        let html = JsonView::new("Output", &json!({"a": "<img>", "n": 1.5, "list": [true, null], "o": {}}))
            .to_string();
        assert!(!html.contains("<img>"), "{html}");
        for kind in ["json-string", "json-number", "json-bool", "json-null"] {
            assert!(html.contains(kind), "{kind}");
        }
        assert!(html.contains("[ 2 items ]") && html.contains("{ }"), "{html}");
    }

    #[test]
    fn large_values_are_cut_and_say_so() {
        let view = JsonView::new("Output", &json!((0..5_000).collect::<Vec<_>>()));
        assert!(view.cut);
        assert_eq!(view.root.children.len(), MAX_NODES - 1);
        assert!(clipped(&"é".repeat(5_000)).ends_with("… 1000 more characters"));
    }
}
