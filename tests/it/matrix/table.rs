//! Reads the reviewed table.

use reeve::access::Role;
use serde_json::{Value, json};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    Anyone,
    Machine,
    Member,
    Least(Role),
    Superadmin,
}

#[derive(Debug, Clone)]
pub struct Line {
    pub method: http::Method,
    pub path: String,
    pub who: Who,
    /// Scopes that a key needs, all of them.
    pub scopes: Vec<String>,
    pub object: Option<String>,
    pub body: Value,
}

/// An id that travels inside of a request.
pub struct Smuggled {
    pub method: http::Method,
    pub path: String,
    pub body: String,
}

pub struct Table {
    pub lines: Vec<Line>,
    pub smuggled: Vec<Smuggled>,
}

pub fn read() -> Table {
    let mut table = Table { lines: Vec::new(), smuggled: Vec::new() };
    for text in include_str!("routes.txt").lines().map(str::trim) {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        match text.strip_prefix('~') {
            Some(rest) => table.smuggled.push(smuggled(rest)),
            None => table.lines.push(line(text)),
        }
    }
    table
}

fn place(text: &str) -> (http::Method, String) {
    let (method, path) = text.trim().split_once(' ').unwrap_or_else(|| panic!("no method and path: {text}"));
    (method.parse().expect("a method"), path.trim().to_owned())
}

fn smuggled(text: &str) -> Smuggled {
    let (at, body) = text.split_once('|').expect("two columns");
    let (method, path) = place(at);
    Smuggled { method, path, body: body.trim().to_owned() }
}

fn line(text: &str) -> Line {
    let columns: Vec<&str> = text.splitn(5, '|').map(str::trim).collect();
    let [at, who, scope, object, body] = columns[..] else { panic!("a line has five columns: {text}") };
    let (method, path) = place(at);
    let given = |it: &str| (it != "-").then(|| it.to_owned());
    Line {
        method,
        path,
        who: who_of(who),
        scopes: scope.split_whitespace().filter(|it| *it != "-").map(str::to_owned).collect(),
        object: given(object),
        body: if body.is_empty() { json!({}) } else { serde_json::from_str(body).expect("JSON") },
    }
}

fn who_of(text: &str) -> Who {
    match text {
        "anyone" => Who::Anyone,
        "machine" => Who::Machine,
        "member" => Who::Member,
        "superadmin" => Who::Superadmin,
        role => Who::Least(serde_json::from_value(json!(role)).unwrap_or_else(|_| panic!("no role {role}"))),
    }
}
