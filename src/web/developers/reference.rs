//! The OpenAPI document as a page shows it: calls by tag, tables of fields, an example for the shell.

use std::fmt::Write as _;

use serde_json::Value;

/// Everything the page says. Made once.
pub(crate) struct Reference {
    pub(crate) about: String,
    pub(crate) server: String,
    pub(crate) tags: Vec<Tag>,
    pub(crate) schemas: Vec<Schema>,
}

pub(crate) struct Tag {
    pub(crate) name: String,
    pub(crate) title: String,
    pub(crate) calls: Vec<Call>,
}

pub(crate) struct Call {
    pub(crate) id: String,
    pub(crate) method: String,
    pub(crate) path: String,
    pub(crate) summary: String,
    pub(crate) note: String,
    pub(crate) parameters: Vec<Field>,
    pub(crate) body: Vec<Field>,
    pub(crate) answers: Vec<Answer>,
    pub(crate) curl: String,
}

pub(crate) struct Field {
    pub(crate) name: String,
    /// `path`, `query`, `header`; empty for a field of a body.
    pub(crate) place: String,
    pub(crate) kind: Kind,
    pub(crate) required: bool,
    pub(crate) says: String,
}

pub(crate) struct Answer {
    pub(crate) status: String,
    pub(crate) says: String,
    pub(crate) kind: Kind,
}

pub(crate) struct Schema {
    pub(crate) name: String,
    pub(crate) says: String,
    pub(crate) kind: Kind,
    pub(crate) fields: Vec<Field>,
}

/// A type in words, and the schema it leads to, if any.
#[derive(Default)]
pub(crate) struct Kind {
    pub(crate) words: String,
    pub(crate) schema: String,
}

/// Text with its `code` told apart.
pub(crate) struct Pieces;

impl Pieces {
    pub(crate) fn of(text: &str) -> impl Iterator<Item = (bool, &str)> {
        text.split('`').enumerate().map(|(place, it)| (place % 2 == 1, it)).filter(|it| !it.1.is_empty())
    }
}

impl Reference {
    pub(crate) fn of(document: &Value) -> Self {
        let server = text(&document["servers"][0], "url");
        let mut tags: Vec<Tag> = Vec::new();
        for (path, methods) in document["paths"].as_object().into_iter().flatten() {
            for (method, operation) in methods.as_object().into_iter().flatten() {
                let name = operation["tags"][0].as_str().unwrap_or("system");
                let call = call(document, &server, path, method, operation);
                match tags.iter_mut().find(|it| it.name == name) {
                    Some(tag) => tag.calls.push(call),
                    None => tags.push(Tag { name: name.to_owned(), title: title(name), calls: vec![call] }),
                }
            }
        }
        tags.sort_by(|one, other| one.name.cmp(&other.name));
        let schemas = document["components"]["schemas"].as_object().into_iter().flatten();
        Self {
            about: text(&document["info"], "description"),
            server,
            tags,
            schemas: schemas.map(|(name, it)| schema(document, name, it)).collect(),
        }
    }
}

fn text(value: &Value, name: &str) -> String {
    value[name].as_str().unwrap_or_default().to_owned()
}

fn title(tag: &str) -> String {
    let mut letters = tag.replace('-', " ").chars().collect::<Vec<_>>();
    if let Some(first) = letters.first_mut() {
        *first = first.to_ascii_uppercase();
    }
    letters.into_iter().collect()
}

fn resolve<'a>(document: &'a Value, value: &'a Value) -> &'a Value {
    let target = value["$ref"].as_str().and_then(|it| document.pointer(it.strip_prefix('#')?));
    target.unwrap_or(value)
}

fn call(document: &Value, server: &str, path: &str, method: &str, operation: &Value) -> Call {
    let parameters = operation["parameters"].as_array().into_iter().flatten();
    let body = operation["requestBody"]["content"].as_object().and_then(|it| it.iter().next());
    let answers = operation["responses"].as_object().into_iter().flatten();
    Call {
        id: text(operation, "operationId"),
        method: method.to_ascii_uppercase(),
        path: path.to_owned(),
        summary: text(operation, "summary"),
        note: text(operation, "description"),
        parameters: parameters.map(|it| parameter(resolve(document, it))).collect(),
        body: body.map(|(_, it)| fields(document, resolve(document, &it["schema"]))).unwrap_or_default(),
        answers: answers
            .map(|(status, it)| Answer {
                status: status.clone(),
                says: text(it, "description"),
                kind: it["content"]
                    .as_object()
                    .and_then(|it| it.iter().next())
                    .map(
                        |(kind, it)| {
                            if it["schema"]["type"] == "string" {
                                plain(kind)
                            } else {
                                kind_of(&it["schema"])
                            }
                        },
                    )
                    .unwrap_or_default(),
            })
            .collect(),
        curl: curl(server, path, method, operation, body.map(|(kind, it)| (kind.as_str(), it))),
    }
}

fn plain(words: &str) -> Kind {
    Kind { words: words.to_owned(), schema: String::new() }
}

fn parameter(it: &Value) -> Field {
    let described = |it: &Value| it["description"].as_str().map(str::to_owned);
    Field {
        name: text(it, "name"),
        place: text(it, "in"),
        kind: kind_of(&it["schema"]),
        required: it["required"] == true,
        says: described(it).or_else(|| described(&it["schema"])).unwrap_or_default(),
    }
}

fn schema(document: &Value, name: &str, it: &Value) -> Schema {
    Schema {
        name: name.to_owned(),
        says: text(it, "description"),
        kind: kind_of(it),
        fields: fields(document, it),
    }
}

/// The fields of an object, also of one that is put together from several.
fn fields(document: &Value, schema: &Value) -> Vec<Field> {
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    let own = schema["properties"].as_object().into_iter().flatten().map(|(name, it)| Field {
        name: name.clone(),
        place: String::new(),
        kind: kind_of(it),
        required: required.contains(&name.as_str()),
        says: text(it, "description"),
    });
    let parts = schema["allOf"].as_array().into_iter().flatten();
    own.chain(parts.flat_map(|it| fields(document, resolve(document, it)))).collect()
}

fn kind_of(schema: &Value) -> Kind {
    if let Some(name) = schema["$ref"].as_str().and_then(|it| it.rsplit('/').next()) {
        return Kind { words: name.to_owned(), schema: name.to_owned() };
    }
    let options = schema["oneOf"].as_array().or_else(|| schema["anyOf"].as_array());
    if let Some(options) = options {
        let (nulls, real): (Vec<&Value>, Vec<&Value>) = options.iter().partition(|it| it["type"] == "null");
        let mut kind = match real.as_slice() {
            [one] => kind_of(one),
            several => plain(&several.iter().map(|it| kind_of(it).words).collect::<Vec<_>>().join(" or ")),
        };
        if !nulls.is_empty() {
            kind.words.push_str(" or null");
        }
        return kind;
    }
    if let Some(only) =
        schema["allOf"].as_array().and_then(|it| if it.len() == 1 { it.first() } else { None })
    {
        return kind_of(only);
    }
    if let Some(value) = schema.get("const") {
        return plain(&value.to_string());
    }
    if let Some(values) = schema["enum"].as_array() {
        return plain(&values.iter().map(ToString::to_string).collect::<Vec<_>>().join(" or "));
    }
    let names: Vec<&str> = match &schema["type"] {
        Value::String(one) => vec![one],
        Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
        _ => vec!["any JSON"],
    };
    let mut kind = if names.contains(&"array") {
        let item = kind_of(&schema["items"]);
        Kind { words: format!("list of {}", item.words), schema: item.schema }
    } else {
        plain(&names.join(" or "))
    };
    if let Some(format) = schema["format"].as_str() {
        let _ = write!(kind.words, " ({format})");
    }
    kind
}

fn curl(server: &str, path: &str, method: &str, operation: &Value, body: Option<(&str, &Value)>) -> String {
    let path: Vec<String> = path
        .split('/')
        .map(|it| match it.strip_prefix('{').and_then(|it| it.strip_suffix('}')) {
            Some(name) => format!("${}", name.to_ascii_uppercase()),
            None => it.to_owned(),
        })
        .collect();
    let mut line = "curl".to_owned();
    if method != "get" {
        let _ = write!(line, " -X {}", method.to_ascii_uppercase());
    }
    let _ = write!(line, " \"{server}{}\"", path.join("/"));
    if operation["security"].as_array().is_some_and(|it| !it.is_empty()) {
        line.push_str(" \\\n  -H \"Authorization: Bearer $REEVE_API_KEY\"");
    }
    if let Some((kind, content)) = body {
        let example = serde_json::to_string_pretty(&content["example"]).unwrap_or_default();
        let _ =
            write!(line, " \\\n  -H \"Content-Type: {kind}\" \\\n  -d '{}'", example.replace('\'', "'\\''"));
    }
    line
}
