//! What a schema means for a form: which fields, in which order.

use serde_json::{Map, Value};

use super::choices;
use crate::web::view::Field;

pub(super) const ADVANCED: &str = "Advanced";
/// A text that may be longer gets more than a line.
const LONG_CHARS: u64 = 4_001;

pub(super) enum Plan {
    Fields(Vec<Property>),
    /// One field for the whole value.
    Json(Box<Property>),
}

/// How a value is typed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Kind {
    Line,
    Area,
    Code,
    /// Never shown again.
    Secret,
    Number {
        whole: bool,
    },
    Switch,
    /// The texts of the values to choose from, and the values.
    Choice(Vec<String>, Vec<Value>),
    /// A list of strings, one a line.
    Lines,
    /// An object of strings, one pair a line.
    Pairs,
    Json,
    /// A string, or JSON where it is written as such.
    TextOrJson,
}

#[derive(Debug, Clone)]
pub(super) struct Property {
    /// Keys from the value's root.
    pub path: Vec<String>,
    pub kind: Kind,
    pub title: String,
    pub help: String,
    pub group: String,
    pub unit: String,
    pub required: bool,
    /// Of an object around it, which is left out where all of it is empty.
    pub parent_required: bool,
    pub default: Option<Value>,
    pub examples: Vec<Value>,
    pub least: String,
    pub most: String,
}

impl Plan {
    pub(super) fn of(schema: &Value) -> Self {
        match schema.get("properties").and_then(Value::as_object) {
            Some(properties) if !properties.is_empty() => {
                let mut found = Vec::new();
                add(&mut found, &[], schema, properties, true);
                Self::Fields(found)
            }
            _ => Self::Json(Box::new(Property::of(&[], schema, true, true))),
        }
    }
}

/// Required ones first, then as `x-order` of the schema or of the properties says, then by name.
fn ordered<'a>(schema: &Value, properties: &'a Map<String, Value>) -> Vec<(&'a str, &'a Value)> {
    let place = |list: &str, key: &str| {
        let list = schema.get(list).and_then(Value::as_array);
        list.and_then(|it| it.iter().position(|it| it == key)).unwrap_or(usize::MAX)
    };
    let mut all: Vec<(&str, &Value)> = properties.iter().map(|(key, inner)| (key.as_str(), inner)).collect();
    all.sort_by_key(|(key, inner)| {
        let own = inner.get("x-order").and_then(Value::as_u64).unwrap_or(u64::MAX);
        (place("required", key), place("x-order", key), own)
    });
    all
}

/// Objects that go deeper are written as JSON.
const MAX_KEYS: usize = 3;

fn add(
    found: &mut Vec<Property>,
    path: &[&str],
    schema: &Value,
    properties: &Map<String, Value>,
    required: bool,
) {
    for (key, inner) in ordered(schema, properties) {
        let path = [path, &[key]].concat();
        let own = Property::of(&path, inner, required && is_required(schema, key), required);
        let nested = inner.get("properties").and_then(Value::as_object).filter(|it| !it.is_empty());
        match nested
            .filter(|_| own.kind == Kind::Json && path.len() < MAX_KEYS && inner.get("x-widget").is_none())
        {
            None => found.push(own),
            Some(nested) => {
                let begin = found.len();
                add(found, &path, inner, nested, own.required);
                let group = if own.group.is_empty() { &own.title } else { &own.group };
                for property in &mut found[begin..] {
                    if property.group.is_empty() || path.len() == 1 {
                        group.clone_into(&mut property.group);
                    }
                }
            }
        }
    }
}

fn is_required(schema: &Value, key: &str) -> bool {
    schema.get("required").and_then(Value::as_array).is_some_and(|it| it.iter().any(|it| it == key))
}

impl Property {
    fn of(path: &[&str], schema: &Value, required: bool, parent_required: bool) -> Self {
        let text = |name: &str| schema.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let number = |name: &str| schema.get(name).filter(|it| it.is_number()).map(Value::to_string);
        let key = path.last().copied().unwrap_or_default();
        let title = text("title");
        Self {
            path: path.iter().map(|it| (*it).to_owned()).collect(),
            kind: kind_of(schema),
            title: if title.is_empty() || path.is_empty() { spoken(key) } else { title },
            help: if path.is_empty() { String::new() } else { text("description") },
            group: text("x-group"),
            unit: text("x-unit"),
            required,
            parent_required,
            default: schema.get("default").filter(|it| !it.is_null()).cloned(),
            examples: schema.get("examples").and_then(Value::as_array).cloned().unwrap_or_default(),
            least: number("minimum").unwrap_or_default(),
            most: number("maximum").unwrap_or_default(),
        }
    }

    /// `config/url`.
    pub(super) fn name(&self, place: &str) -> String {
        let keys = self.path.iter().map(|it| it.replace('~', "~0").replace('/', "~1"));
        let place = Some(place.to_owned()).filter(|it| !it.is_empty());
        place.into_iter().chain(keys).collect::<Vec<_>>().join("/")
    }

    pub(super) fn is_switch(&self) -> bool {
        self.kind == Kind::Switch
    }

    pub(super) fn takes_placeholder(&self) -> bool {
        !matches!(self.kind, Kind::Switch | Kind::Choice(..))
    }

    pub(super) fn default_text(&self) -> String {
        self.default.as_ref().map(|it| super::write::text(&self.kind, it)).unwrap_or_default()
    }

    pub(super) fn example(&self) -> String {
        self.examples.first().map(|it| super::write::text(&self.kind, it)).unwrap_or_default()
    }

    /// The field, holding `text`.
    pub(super) fn field(&self, name: &str, text: &str) -> Field {
        let title = self.title.as_str();
        let lines = u16::try_from(text.lines().count()).unwrap_or(u16::MAX);
        let field = match &self.kind {
            Kind::Line => Field::text(name, title),
            Kind::Area => Field::area(name, title).rows(lines.clamp(4, 16)),
            Kind::Code | Kind::TextOrJson => Field::code(name, title).rows(lines.clamp(2, 16)),
            Kind::Json => Field::code(name, title).rows(lines.clamp(4, 20)),
            Kind::Secret => Field::secret(name, title, ""),
            Kind::Number { whole } => {
                let field = Field::number(name, title).range(&self.least, &self.most);
                if *whole { field.whole() } else { field }
            }
            Kind::Switch => Field::checkbox(name, title, text == "true"),
            Kind::Choice(texts, _) => {
                let empty = !self.required && self.default.is_none();
                Field::select(name, title, choices(texts, empty))
            }
            Kind::Lines => Field::area(name, title).rows(lines.clamp(2, 12)).mono(),
            Kind::Pairs => Field::pairs(name, title).rows(lines.clamp(2, 12)),
        };
        let shown = match &self.kind {
            Kind::Choice(..) if text.is_empty() => self.default_text(),
            _ => text.to_owned(),
        };
        let form = match self.kind {
            Kind::Lines => "One a line.",
            Kind::Pairs => "One “name: value” a line.",
            _ => "",
        };
        let help =
            [self.help.as_str(), form].into_iter().filter(|it| !it.is_empty()).collect::<Vec<_>>().join(" ");
        let field = field.value(shown).help(help).unit(&self.unit);
        // A list without an empty choice always has a value.
        let is_chosen = matches!(self.kind, Kind::Choice(..)) && self.default.is_some();
        if (self.required || is_chosen) && !matches!(self.kind, Kind::Switch | Kind::Lines | Kind::Pairs) {
            field.required()
        } else {
            field
        }
    }
}

/// `max_tokens` as a label: `Max tokens`.
fn spoken(key: &str) -> String {
    let words = key.replace(['_', '-'], " ");
    let mut chars = words.chars();
    let first = chars.next().map(|it| it.to_uppercase().collect::<String>()).unwrap_or_default();
    if key.is_empty() { "Input as JSON".to_owned() } else { first + chars.as_str() }
}

/// The types that a schema allows, without `null`.
fn types(schema: &Value) -> Vec<&str> {
    match schema.get("type") {
        Some(Value::String(one)) => vec![one],
        Some(Value::Array(all)) => all.iter().filter_map(Value::as_str).filter(|it| *it != "null").collect(),
        _ => Vec::new(),
    }
}

fn kind_of(schema: &Value) -> Kind {
    if let Some(values) = schema.get("enum").and_then(Value::as_array) {
        let values: Vec<Value> = values.iter().filter(|it| !it.is_null()).cloned().collect();
        let texts =
            values.iter().map(|it| it.as_str().map_or_else(|| it.to_string(), str::to_owned)).collect();
        return Kind::Choice(texts, values);
    }
    let widget = schema.get("x-widget").and_then(Value::as_str).unwrap_or_default();
    match types(schema).as_slice() {
        ["string"] => match widget {
            "textarea" => Kind::Area,
            "code" => Kind::Code,
            _ if is_secret(schema) => Kind::Secret,
            _ if schema.get("maxLength").and_then(Value::as_u64).is_some_and(|it| it >= LONG_CHARS) => {
                Kind::Area
            }
            _ => Kind::Line,
        },
        ["integer"] => Kind::Number { whole: true },
        ["number"] => Kind::Number { whole: false },
        ["boolean"] => Kind::Switch,
        ["array"] if is_plain_text(schema.get("items")) => Kind::Lines,
        ["object"] if widget != "code" && is_plain_text(schema.get("additionalProperties")) => Kind::Pairs,
        several if several.len() > 1 && several.contains(&"string") => Kind::TextOrJson,
        _ => Kind::Json,
    }
}

fn is_secret(schema: &Value) -> bool {
    schema.get("writeOnly") == Some(&Value::Bool(true))
        || schema.get("format").is_some_and(|it| it == "password")
}

fn is_plain_text(schema: Option<&Value>) -> bool {
    schema.is_some_and(|it| types(it) == ["string"] && it.get("enum").is_none())
}
