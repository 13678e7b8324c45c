//! Expressions and templates that people write into a config: pure, bounded, compiled once.
//!
//! The language is that of Jinja expressions with a list of filters of our own choosing. There are no statements,
//! no assignments and no way to multiply text, so that an evaluation costs at most the length of the expression
//! times the size of what it looks at. Data that looks like an expression stays data: what an evaluation yields
//! is never evaluated again.

mod look;

use std::collections::HashMap;
use std::fmt;
use std::io;
use std::sync::{Arc, LazyLock};

use minijinja::value::{Kwargs, ValueKind};
use minijinja::{
    Environment, Error as JinjaError, ErrorKind, Expression, UndefinedBehavior, Value as Jinja, filters,
};
use parking_lot::Mutex;
use serde_json::Value;

pub use self::look::{Look, look};
use crate::base::Json;

pub const MAX_EXPRESSION_BYTES: usize = 4_096;
/// What one mapping may yield.
pub const MAX_RESULT_BYTES: usize = 4 << 20;
/// Above this size an evaluation moves off the thread that serves requests.
const LARGE_BYTES: usize = 64 << 10;
const MAX_CACHED: usize = 2_048;
const FUEL: u64 = 20_000;

/// Why a mapping cannot be used, or did not work on this data. A sentence for the person who wrote it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MappingError(pub String);

impl fmt::Display for MappingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for MappingError {}

type Result<T, E = MappingError> = std::result::Result<T, E>;

/// The names that an expression sees. Cheap to clone.
#[derive(Clone, Default)]
pub struct Scope {
    names: Vec<(&'static str, Named)>,
    bytes: usize,
}

#[derive(Clone)]
enum Named {
    Value(Jinja),
    Seen(Seen),
}

impl Scope {
    /// `text` is JSON; anything else is seen as text.
    pub fn with_json(mut self, name: &'static str, text: &str) -> Self {
        let value = serde_json::from_str(text).unwrap_or_else(|_| Jinja::from(text));
        self.bytes += text.len();
        self.names.push((name, Named::Value(value)));
        self
    }

    pub fn with(mut self, name: &'static str, value: impl Into<Jinja>) -> Self {
        self.names.push((name, Named::Value(value.into())));
        self
    }

    pub fn with_seen(mut self, name: &'static str, seen: Seen) -> Self {
        self.bytes += seen.bytes();
        self.names.push((name, Named::Seen(seen)));
        self
    }

    fn root(&self) -> Jinja {
        Jinja::from_pairs(self.names.iter().map(|(name, it)| match it {
            Named::Value(value) => (*name, value.clone()),
            Named::Seen(seen) => (*name, seen.value()),
        }))
    }
}

/// Data for a scope that is taken apart where the evaluation happens, which is elsewhere when there is much of it.
#[derive(Debug, Clone)]
pub enum Seen {
    Json(Json),
    Text(String),
    Object(Vec<(String, Seen)>),
    Null,
}

impl Seen {
    fn bytes(&self) -> usize {
        match self {
            Self::Json(json) => json.len(),
            Self::Text(text) => text.len(),
            Self::Object(fields) => fields.iter().map(|it| it.0.len() + it.1.bytes()).sum(),
            Self::Null => 0,
        }
    }

    fn value(&self) -> Jinja {
        match self {
            Self::Json(json) => serde_json::from_str(json.as_str()).unwrap_or_default(),
            Self::Text(text) => Jinja::from(text.as_str()),
            Self::Object(fields) => Jinja::from_pairs(fields.iter().map(|it| (it.0.as_str(), it.1.value()))),
            Self::Null => Jinja::from(()),
        }
    }
}

/// How a value is written into the text around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    Text,
    /// Part of a URL: everything but letters, digits and `-._~` is percent-encoded; a path segment cannot
    /// become `.` or `..`.
    Url,
}

/// Whether `text` holds `{{ … }}`.
pub fn is_template(text: &str) -> bool {
    text.contains("{{")
}

/// Checks a mapping without data: a string is an expression, or a template where it holds `{{ … }}`; in an object
/// or array every string that holds `{{ … }}` is one.
pub fn check(mapping: &Value) -> Result<()> {
    match mapping {
        Value::String(text) if !is_template(text) => compiled(text).map(|_| ()),
        other => check_inside(other),
    }
}

fn check_inside(mapping: &Value) -> Result<()> {
    match mapping {
        Value::String(text) => check_template(text),
        Value::Array(items) => items.iter().try_for_each(check_inside),
        Value::Object(fields) => fields.values().try_for_each(check_inside),
        _ => Ok(()),
    }
}

pub fn check_template(text: &str) -> Result<()> {
    parts(text)?.into_iter().try_for_each(|part| match part {
        Part::Literal(_) => Ok(()),
        Part::Expression(it) => compiled(it).map(|_| ()),
    })
}

/// Applies a mapping (see `check`). Large data is mapped on a thread of its own.
pub async fn apply(mapping: &Value, scope: &Scope) -> Result<Json> {
    if scope.bytes <= LARGE_BYTES {
        return apply_now(mapping, scope);
    }
    let (mapping, scope) = (mapping.clone(), scope.clone());
    aside(move || apply_now(&mapping, &scope)).await
}

/// As `holds`; large data is looked at on a thread of its own.
pub async fn holds_for(expression: &str, scope: &Scope) -> Result<bool> {
    if scope.bytes <= LARGE_BYTES {
        return holds(expression, scope);
    }
    let (expression, scope) = (expression.to_owned(), scope.clone());
    aside(move || holds(&expression, &scope)).await
}

async fn aside<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work)
        .await
        .unwrap_or_else(|_| Err(MappingError("the mapping could not be evaluated".to_owned())))
}

fn apply_now(mapping: &Value, scope: &Scope) -> Result<Json> {
    let root = scope.root();
    let value = match mapping {
        Value::String(text) if !is_template(text) => evaluate(text, &root)?,
        other => shape(other, &root)?,
    };
    to_json(&value)
}

/// The first place in a mapping whose expression names something that is not there, as a JSON Pointer; an expression
/// with a default names nothing that is missing.
pub fn missing(mapping: &Value, scope: &Scope) -> Result<Option<String>> {
    let root = scope.root();
    match mapping {
        Value::String(text) if !is_template(text) => {
            Ok(evaluate(text, &root)?.is_undefined().then(String::new))
        }
        other => missing_inside(other, &root, String::new()),
    }
}

fn missing_inside(mapping: &Value, root: &Jinja, path: String) -> Result<Option<String>> {
    let inside = |it: &Value, name: &str| {
        missing_inside(it, root, format!("{path}/{}", name.replace('~', "~0").replace('/', "~1")))
    };
    match mapping {
        Value::String(text) if is_template(text) => Ok(finds_nothing(text, root)?.then_some(path)),
        Value::Array(items) => first_of(items.iter().enumerate().map(|(at, it)| inside(it, &at.to_string()))),
        Value::Object(fields) => first_of(fields.iter().map(|(name, it)| inside(it, name))),
        _ => Ok(None),
    }
}

/// Whether none of its expressions names something that is there.
fn finds_nothing(text: &str, root: &Jinja) -> Result<bool> {
    for part in parts(text)? {
        if let Part::Expression(it) = part
            && !evaluate(it, root)?.is_undefined()
        {
            return Ok(false);
        }
    }
    Ok(true)
}

fn first_of(mut found: impl Iterator<Item = Result<Option<String>>>) -> Result<Option<String>> {
    found.find_map(Result::transpose).transpose()
}

/// Whether an expression holds: everything but null, false, 0 and empty.
pub fn holds(expression: &str, scope: &Scope) -> Result<bool> {
    evaluate(expression, &scope.root()).map(|it| it.is_true())
}

/// What an expression yields as text; `None` for null.
pub fn text_of(expression: &str, scope: &Scope) -> Result<Option<String>> {
    let value = evaluate(expression, &scope.root())?;
    Ok((!value.is_undefined() && !value.is_none()).then(|| plain(&value)))
}

/// Fills in a template.
///
/// Errors: a value that is missing, or that cannot stand at its place.
pub fn render(template: &str, scope: &Scope, place: Place) -> Result<String> {
    if !is_template(template) {
        return Ok(template.to_owned());
    }
    let root = scope.root();
    let mut text = String::new();
    for part in parts(template)? {
        match part {
            Part::Literal(it) => text.push_str(it),
            Part::Expression(it) => {
                let value = evaluate(it, &root)?;
                if value.is_undefined() || value.is_none() {
                    return Err(MappingError(format!("{it} has no value in this input")));
                }
                write_value(&mut text, &plain(&value), place, it)?;
            }
        }
        if text.len() > MAX_RESULT_BYTES {
            return Err(too_large());
        }
    }
    Ok(text)
}

fn write_value(text: &mut String, value: &str, place: Place, expression: &str) -> Result<()> {
    if place == Place::Text {
        text.push_str(value);
        return Ok(());
    }
    if matches!(value, "." | "..") {
        return Err(MappingError(format!("{expression} is \"{value}\", which cannot be part of an address")));
    }
    for byte in value.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            text.push(char::from(byte));
        } else {
            text.push_str(&format!("%{byte:02X}"));
        }
    }
    Ok(())
}

/// Text as it is; everything else as JSON.
fn plain(value: &Jinja) -> String {
    match value.as_str() {
        Some(text) => text.to_owned(),
        None => serde_json::to_string(value).unwrap_or_default(),
    }
}

fn shape(mapping: &Value, root: &Jinja) -> Result<Jinja> {
    Ok(match mapping {
        Value::String(text) if is_template(text) => fill(text, root)?,
        Value::Array(items) => {
            Jinja::from(items.iter().map(|it| shape(it, root)).collect::<Result<Vec<_>>>()?)
        }
        Value::Object(fields) => {
            let pairs = fields.iter().map(|(name, it)| Ok((name.clone(), shape(it, root)?)));
            Jinja::from_pairs(pairs.collect::<Result<Vec<_>>>()?)
        }
        Value::Null => Jinja::from(()),
        Value::Bool(it) => Jinja::from(*it),
        Value::Number(it) => serde_json::from_str(&it.to_string()).unwrap_or_default(),
        Value::String(it) => Jinja::from(it.as_str()),
    })
}

/// A string that is one expression from end to end keeps the expression's type.
fn fill(text: &str, root: &Jinja) -> Result<Jinja> {
    let parts = parts(text)?;
    if let [Part::Expression(only)] = parts.as_slice() {
        return evaluate(only, root);
    }
    let mut filled = String::new();
    for part in parts {
        match part {
            Part::Literal(it) => filled.push_str(it),
            Part::Expression(it) => {
                let value = evaluate(it, root)?;
                if !value.is_undefined() && !value.is_none() {
                    filled.push_str(&plain(&value));
                }
            }
        }
    }
    Ok(Jinja::from(filled))
}

#[derive(Debug, PartialEq, Eq)]
enum Part<'t> {
    Literal(&'t str),
    Expression(&'t str),
}

/// Cuts a template at its `{{ … }}`, minding quotes and the braces of objects inside.
fn parts(template: &str) -> Result<Vec<Part<'_>>> {
    let (mut parts, mut rest) = (Vec::new(), template);
    while let Some(start) = rest.find("{{") {
        if start > 0 {
            parts.push(Part::Literal(&rest[..start]));
        }
        let inside = &rest[start + 2..];
        let end = end_of_expression(inside).ok_or_else(|| {
            MappingError(format!("\"{}\" opens {{{{ and does not close it", short(template)))
        })?;
        parts.push(Part::Expression(inside[..end].trim()));
        rest = &inside[end + 2..];
    }
    if !rest.is_empty() {
        parts.push(Part::Literal(rest));
    }
    Ok(parts)
}

fn end_of_expression(text: &str) -> Option<usize> {
    let (mut depth, mut quote, mut escaped) = (0_usize, None, false);
    for (at, byte) in text.bytes().enumerate() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (Some(_), _) => {}
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'{') => depth += 1,
            (None, b'}') if depth > 0 => depth -= 1,
            (None, b'}') if text[at..].starts_with("}}") => return Some(at),
            (None, _) => {}
        }
    }
    None
}

type Compiled = Arc<Expression<'static, 'static>>;

static LANGUAGE: LazyLock<Environment<'static>> = LazyLock::new(language);
static CACHE: LazyLock<Mutex<HashMap<Box<str>, Compiled>>> = LazyLock::new(Mutex::default);

fn compiled(text: &str) -> Result<Compiled> {
    if let Some(known) = CACHE.lock().get(text) {
        return Ok(known.clone());
    }
    if text.trim().is_empty() {
        return Err(MappingError("an expression is not empty".to_owned()));
    }
    if text.len() > MAX_EXPRESSION_BYTES {
        return Err(MappingError(format!("an expression has at most {MAX_EXPRESSION_BYTES} bytes")));
    }
    if multiplies(text) {
        return Err(MappingError("* is not part of the language; mul(a, b) multiplies numbers".to_owned()));
    }
    let expression = LANGUAGE.compile_expression_owned(text.to_owned()).map_err(|it| explain(text, &it))?;
    let expression = Arc::new(expression);
    let mut cache = CACHE.lock();
    if cache.len() >= MAX_CACHED {
        cache.clear();
    }
    cache.insert(text.into(), expression.clone());
    Ok(expression)
}

/// Whether there is a `*` outside of quotes: it would repeat text as well.
fn multiplies(text: &str) -> bool {
    let (mut quote, mut escaped) = (None, false);
    for byte in text.bytes() {
        match (quote, byte) {
            (Some(_), _) if escaped => escaped = false,
            (Some(_), b'\\') => escaped = true,
            (Some(open), _) if open == byte => quote = None,
            (None, b'"' | b'\'') => quote = Some(byte),
            (None, b'*') => return true,
            _ => {}
        }
    }
    false
}

fn evaluate(text: &str, root: &Jinja) -> Result<Jinja> {
    compiled(text)?.eval(root.clone()).map_err(|it| explain(text, &it))
}

fn explain(text: &str, error: &JinjaError) -> MappingError {
    let what = match (error.detail(), error.kind()) {
        (_, ErrorKind::OutOfFuel) => "it takes too many steps".to_owned(),
        (Some(detail), _) => detail.to_owned(),
        (None, kind) => kind.to_string(),
    };
    MappingError(format!("the expression \"{}\" does not work: {what}", short(text)))
}

fn short(text: &str) -> String {
    let mut start: String = text.chars().take(80).collect();
    if start.len() < text.len() {
        start.push('…');
    }
    start
}

fn too_large() -> MappingError {
    MappingError(format!("the result of a mapping has at most {MAX_RESULT_BYTES} bytes"))
}

fn to_json(value: &Jinja) -> Result<Json> {
    let mut capped = Capped(Vec::new());
    serde_json::to_writer(&mut capped, value).map_err(|_| too_large())?;
    let text = String::from_utf8(capped.0).map_err(|_| too_large())?;
    Json::parse(&text).map_err(|it| MappingError(it.message().to_owned()))
}

/// Stops taking at `MAX_RESULT_BYTES`.
struct Capped(Vec<u8>);

impl io::Write for Capped {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_RESULT_BYTES {
            return Err(io::ErrorKind::FileTooLarge.into());
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Everything in it looks at each byte of its operands a bounded number of times and yields no more than it was
/// given, or counts what it yields.
fn language() -> Environment<'static> {
    let mut it = Environment::empty();
    it.set_fuel(Some(FUEL));
    it.set_undefined_behavior(UndefinedBehavior::Chainable);
    it.add_filter("lower", filters::lower);
    it.add_filter("upper", filters::upper);
    it.add_filter("trim", filters::trim);
    it.add_filter("replace", replace);
    it.add_filter("split", filters::split);
    it.add_filter("join", join);
    it.add_filter("length", filters::length);
    it.add_filter("default", filters::default);
    it.add_filter("first", filters::first);
    it.add_filter("last", filters::last);
    it.add_filter("int", filters::int);
    it.add_filter("float", filters::float);
    it.add_filter("round", filters::round);
    it.add_filter("abs", filters::abs);
    it.add_filter("string", filters::string);
    it.add_filter("bool", filters::bool);
    it.add_filter("list", filters::list);
    it.add_filter("items", filters::items);
    it.add_filter("reverse", filters::reverse);
    it.add_filter("sort", filters::sort);
    it.add_filter("unique", filters::unique);
    it.add_filter("min", filters::min);
    it.add_filter("max", filters::max);
    it.add_filter("sum", filters::sum);
    it.add_filter("map", pluck);
    it.add_filter("tojson", |value: &Jinja| serde_json::to_string(value).unwrap_or_default());
    it.add_filter("fromjson", from_json);
    it.add_function("mul", mul);
    it.add_test("defined", minijinja::tests::is_defined);
    it.add_test("undefined", minijinja::tests::is_undefined);
    it.add_test("none", minijinja::tests::is_none);
    it.add_test("string", minijinja::tests::is_string);
    it.add_test("number", minijinja::tests::is_number);
    it.add_test("mapping", minijinja::tests::is_mapping);
    it.add_test("sequence", minijinja::tests::is_sequence);
    it
}

fn refuse(why: &str) -> JinjaError {
    JinjaError::new(ErrorKind::InvalidOperation, why.to_owned())
}

fn replace(value: &str, from: &str, to: &str) -> Result<String, JinjaError> {
    if from.is_empty() {
        return Err(refuse("replace takes a text that is not empty"));
    }
    if value.len() + value.matches(from).count().saturating_mul(to.len()) > MAX_RESULT_BYTES {
        return Err(refuse("replace yields too much text"));
    }
    Ok(value.replace(from, to))
}

fn join(value: &Jinja, separator: Option<&str>) -> Result<String, JinjaError> {
    let mut joined = String::new();
    for (at, item) in value.try_iter()?.enumerate() {
        if at > 0 {
            joined.push_str(separator.unwrap_or_default());
        }
        match item.as_str() {
            Some(text) => joined.push_str(text),
            None => joined.push_str(&plain(&item)),
        }
        if joined.len() > MAX_RESULT_BYTES {
            return Err(refuse("join yields too much text"));
        }
    }
    Ok(joined)
}

/// `items|map(attribute="name")`: the one form that does not run a filter per item.
fn pluck(value: &Jinja, options: Kwargs) -> Result<Vec<Jinja>, JinjaError> {
    let name: String = options.get("attribute")?;
    options.assert_all_used()?;
    value.try_iter()?.map(|it| it.get_attr(&name)).collect()
}

fn from_json(value: &str) -> Result<Jinja, JinjaError> {
    serde_json::from_str(value).map_err(|_| refuse("this text is not JSON"))
}

fn mul(left: &Jinja, right: &Jinja) -> Result<Jinja, JinjaError> {
    if left.kind() != ValueKind::Number || right.kind() != ValueKind::Number {
        return Err(refuse("mul takes two numbers"));
    }
    if let (Some(left), Some(right)) = (left.as_i64(), right.as_i64()) {
        return left.checked_mul(right).map(Jinja::from).ok_or_else(|| refuse("the product is too large"));
    }
    Ok(Jinja::from(f64::try_from(left.clone())? * f64::try_from(right.clone())?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use serde_json::json;

    use super::*;

    fn scope(input: &Value) -> Scope {
        Scope::default().with_json("input", &input.to_string())
    }

    fn mapped(mapping: Value, input: Value) -> Result<Value> {
        check(&mapping)?;
        apply_now(&mapping, &scope(&input)).map(|it| it.to_value())
    }

    #[test]
    fn expressions_and_shapes_yield_what_they_say() {
        let input = json!({"text": "Hi", "n": 3, "deep": {"list": [{"id": 1}, {"id": 2}]}, "{{ odd }}": 1});
        for (mapping, expected) in [
            (json!("input.text"), json!("Hi")),
            (json!("{\"q\": input.text|upper, \"n\": mul(input.n, 2) + 1}"), json!({"q": "HI", "n": 7})),
            (json!("input.deep.list|map(attribute='id')"), json!([1, 2])),
            (json!("input.deep.list[1].id"), json!(2)),
            (json!("input.missing.further"), json!(null)),
            (json!("input.missing|default('x')"), json!("x")),
            (json!("'a' if input.n > 2 else 'b'"), json!("a")),
            (
                json!({"a": "{{ input.n }}", "b": "n={{ input.n }}", "c": ["{{ input.deep }}", true, null, "plain"]}),
                json!({"a": 3, "b": "n=3", "c": [{"list": [{"id": 1}, {"id": 2}]}, true, null, "plain"]}),
            ),
            (json!("{{ {'a': {'b': '}}'}} }}"), json!({"a": {"b": "}}"}})),
            (json!("Hello {{ input.text }}!"), json!("Hello Hi!")),
            (json!("input.deep.list|tojson|fromjson|length"), json!(2)),
        ] {
            assert_eq!(mapped(mapping.clone(), input.clone()), Ok(expected), "{mapping}");
        }
    }

    #[test]
    fn data_that_looks_like_an_expression_stays_data() {
        let input = json!({"text": "{{ input.secret }} {% for %} ${7}", "secret": "canary"});
        assert_eq!(mapped(json!("input.text"), input.clone()), Ok(input["text"].clone()));
        assert_eq!(mapped(json!({"a": "{{ input.text }}"}), input.clone()), Ok(json!({"a": input["text"]})));
    }

    #[test]
    fn what_is_not_in_the_language_is_refused_with_a_reason() {
        for (mapping, part) in [
            ("", "not empty"),
            ("input.", "does not work"),
            ("'x' * 100000000", "mul(a, b)"),
            ("mul('x', 3)", "two numbers"),
            ("input|pprint", "pprint"),
            ("range(10)", "does not work"),
            ("debug()", "does not work"),
            ("{{ input", "does not close"),
            ("input.text.__class__.mro()", "does not work"),
            ("[1]|map('upper')", "does not work"),
            ("('x'|replace('', 'y'))", "not empty"),
        ] {
            let error = mapped(json!(mapping), json!({"text": "x"})).expect_err(mapping);
            assert!(error.0.contains(part), "{mapping}: {error}");
        }
        assert!(check(&json!(format!("input{}", " ".repeat(5_000)))).is_err());
    }

    #[test]
    fn costs_are_bounded() {
        let big = json!({"a": "x".repeat(1 << 20), "b": "y".repeat(1 << 20)});
        for mapping in [
            "input.a|replace('x', input.b)".to_owned(),
            format!("[{}]|join", "input.a,".repeat(400)),
            format!("[{}]", "input.a,".repeat(400)),
            "input.a|list|join(input.b)".to_owned(),
        ] {
            assert!(mapped(json!(mapping), big.clone()).is_err(), "{mapping:.40}");
        }
        let nested = format!("{}1{}", "(".repeat(1_500), ")".repeat(1_500));
        assert!(mapped(json!(nested), json!(1)).is_err());
    }

    #[test]
    fn values_in_an_address_cannot_leave_their_place() {
        for (value, expected) in [
            (json!("a b"), Ok("http://h/x/a%20b/y")),
            (json!("../../admin"), Ok("http://h/x/..%2F..%2Fadmin/y")),
            (json!("?a=b#c"), Ok("http://h/x/%3Fa%3Db%23c/y")),
            (json!("ä"), Ok("http://h/x/%C3%A4/y")),
            (json!(7), Ok("http://h/x/7/y")),
            (json!(".."), Err(())),
            (json!("."), Err(())),
            (json!(null), Err(())),
        ] {
            let found = render("http://h/x/{{ input.id }}/y", &scope(&json!({"id": value})), Place::Url);
            assert_eq!(found.as_deref().map_err(|_| ()), expected, "{value}");
        }
    }

    proptest! {
        #[test]
        fn nothing_that_can_be_written_panics(text in "[ -~]{0,60}", input in "[ -~]{0,30}") {
            let _ = mapped(json!(text.clone()), json!({"a": input}));
            let _ = mapped(json!({"x": format!("{{{{{text}}}}}")}), json!({"a": 1}));
        }

        #[test]
        fn a_value_in_an_address_adds_no_structure(value in "\\PC{0,20}") {
            prop_assume!(value != "." && value != "..");
            let text = render("http://h/{{ input }}/end", &scope(&json!(value)), Place::Url).expect("renders");
            let url = url::Url::parse(&text).expect("parses");
            prop_assert_eq!(url.path_segments().map(Iterator::count), Some(2));
            prop_assert_eq!(url.query(), None);
            prop_assert_eq!(url.fragment(), None);
        }
    }

    #[test]
    fn what_an_expression_misses_is_found_at_its_place() {
        let scope = Scope::default().with_json("body", r#"{"a":{"b":null},"list":[1]}"#);
        for (mapping, expected) in [
            (serde_json::json!("body.a"), None),
            (serde_json::json!("body.a.b"), None),
            (serde_json::json!("body.c.d"), Some("")),
            (
                serde_json::json!({ "x": "{{ body.a.b }}", "y": ["{{ body.list[0] }}", "{{ body.list[1] }}"] }),
                Some("/y/1"),
            ),
            (serde_json::json!({ "x/y": "{{ body.c }}" }), Some("/x~1y")),
            (serde_json::json!({ "x": "{{ body.c | default(1) }}", "z": "text {{ body.c }}" }), Some("/z")),
            (serde_json::json!({ "z": "{{ body.a }} and {{ body.c }}" }), None),
        ] {
            assert_eq!(missing(&mapping, &scope).expect("evaluates").as_deref(), expected, "{mapping}");
        }
    }
}
