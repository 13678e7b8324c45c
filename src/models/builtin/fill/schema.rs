//! Reading an output schema: local references, alternatives, what a value of it must look like at least.

use serde_json::{Map, Value, json};

/// Nesting that is filled; a schema that refers to itself ends here.
pub(super) const MAX_DEPTH: usize = 12;

static NOTHING: std::sync::LazyLock<Map<String, Value>> = std::sync::LazyLock::new(Map::new);

/// One schema, its references followed.
#[derive(Clone, Copy)]
pub(super) struct Schema<'a> {
    root: &'a Value,
    fields: &'a Map<String, Value>,
    /// `null` is a value of it.
    pub(super) nullable: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    String,
    Number,
    Integer,
    Boolean,
    Array,
    Object,
    Null,
    Any,
}

impl<'a> Schema<'a> {
    pub(super) fn root(root: &'a Value) -> Self {
        Self::at(root, root)
    }

    fn at(root: &'a Value, schema: &'a Value) -> Self {
        let mut current = schema;
        let mut nullable = false;
        for _ in 0..MAX_DEPTH {
            let Some(fields) = current.as_object() else { break };
            if let Some(target) = fields.get("$ref").and_then(Value::as_str) {
                match target.strip_prefix('#').and_then(|it| root.pointer(it)) {
                    Some(found) => current = found,
                    None => break,
                }
                continue;
            }
            let branches = ["anyOf", "oneOf", "allOf"].iter().find_map(|it| fields.get(*it)?.as_array());
            let plain = fields.contains_key("type")
                || fields.contains_key("properties")
                || fields.contains_key("enum");
            match branches {
                Some(branches) if !plain => {
                    nullable |= branches.iter().any(|it| it.get("type").is_some_and(|it| it == "null"));
                    match branches.iter().find(|it| it.get("type").is_none_or(|it| it != "null")) {
                        Some(branch) => current = branch,
                        None => break,
                    }
                }
                _ => break,
            }
        }
        let fields = current.as_object().unwrap_or(&NOTHING);
        nullable |= match fields.get("type") {
            Some(Value::String(name)) => name == "null",
            Some(Value::Array(names)) => names.iter().any(|it| it == "null"),
            _ => false,
        };
        nullable |= fields.get("enum").and_then(Value::as_array).is_some_and(|it| it.contains(&Value::Null));
        if fields.get("enum").and_then(Value::as_array).is_some_and(|it| !it.contains(&Value::Null)) {
            nullable = false;
        }
        Self { root, fields, nullable }
    }

    pub(super) fn child(&self, schema: &'a Value) -> Self {
        Self::at(self.root, schema)
    }

    pub(super) fn get(&self, name: &str) -> Option<&'a Value> {
        self.fields.get(name)
    }

    pub(super) fn text(&self, name: &str) -> &'a str {
        self.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    pub(super) fn size(&self, name: &str) -> Option<usize> {
        self.get(name).and_then(Value::as_u64).map(|it| usize::try_from(it).unwrap_or(usize::MAX))
    }

    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.get(name).and_then(Value::as_f64)
    }

    /// Words that speak for it: `x-hints`, `examples`.
    pub(super) fn hints(&self) -> Vec<String> {
        let lists = ["x-hints", "examples"].iter().filter_map(|it| self.get(it)?.as_array());
        lists.flatten().filter_map(Value::as_str).map(str::to_owned).collect()
    }

    pub(super) fn kind(&self) -> Kind {
        let named = |name: &str| match name {
            "string" => Kind::String,
            "number" => Kind::Number,
            "integer" => Kind::Integer,
            "boolean" => Kind::Boolean,
            "array" => Kind::Array,
            "object" => Kind::Object,
            _ => Kind::Null,
        };
        match self.get("type") {
            Some(Value::String(name)) => named(name),
            Some(Value::Array(names)) => names
                .iter()
                .filter_map(Value::as_str)
                .map(named)
                .find(|it| *it != Kind::Null)
                .unwrap_or(Kind::Null),
            _ if self.get("properties").is_some() => Kind::Object,
            _ if self.get("items").is_some() => Kind::Array,
            _ => Kind::Any,
        }
    }

    /// Properties in the order in which they are written: required ones as listed, then `x-order`, then by name.
    pub(super) fn properties(&self) -> Vec<(&'a str, &'a Value)> {
        let Some(properties) = self.get("properties").and_then(Value::as_object) else { return Vec::new() };
        let required = self.required();
        let mut list: Vec<(&str, &Value)> = properties.iter().map(|(name, it)| (name.as_str(), it)).collect();
        list.sort_by_key(|(name, it)| {
            let place = required.iter().position(|it| it == name).unwrap_or(usize::MAX);
            let order = it.get("x-order").and_then(Value::as_u64).unwrap_or(u64::MAX);
            (place, order, *name)
        });
        list
    }

    pub(super) fn required(&self) -> Vec<&'a str> {
        let list = self.get("required").and_then(Value::as_array);
        list.into_iter().flatten().filter_map(Value::as_str).collect()
    }

    /// The least value that fits, where the text gives none.
    pub(super) fn least(&self, depth: usize) -> Value {
        if self.nullable {
            return Value::Null;
        }
        if let Some(value) = self.get("const").or_else(|| self.get("default")) {
            return value.clone();
        }
        if let Some(values) = self.get("enum").and_then(Value::as_array).filter(|it| !it.is_empty()) {
            let fallback =
                values.iter().find(|it| it.as_str().is_some_and(super::super::labels::is_fallback));
            return fallback.unwrap_or(&values[0]).clone();
        }
        match self.kind() {
            Kind::String => json!(self.fit_text(String::new())),
            Kind::Number => self.fit_number(0.0),
            Kind::Integer => self.fit_number(0.0),
            Kind::Boolean => json!(false),
            Kind::Array => {
                let count = self.size("minItems").unwrap_or(0).min(100);
                let item =
                    self.get("items").filter(|_| depth < MAX_DEPTH).map(|it| self.child(it).least(depth + 1));
                json!(vec![item.unwrap_or(Value::Null); count])
            }
            Kind::Object if depth < MAX_DEPTH => {
                let properties = self.get("properties").and_then(Value::as_object);
                let fill = |name: &&str| {
                    let value =
                        properties.and_then(|it| it.get(*name)).map(|it| self.child(it).least(depth + 1));
                    ((*name).to_owned(), value.unwrap_or(Value::Null))
                };
                Value::Object(self.required().iter().map(fill).collect())
            }
            Kind::Object => json!({}),
            Kind::Null | Kind::Any => Value::Null,
        }
    }

    /// Cut to `maxLength`; lengthened to `minLength` by saying that the text does not tell.
    pub(super) fn fit_text(&self, text: String) -> String {
        let mut text = text;
        if let Some(least) = self.size("minLength").map(|it| it.min(10_000))
            && text.chars().count() < least
        {
            if text.is_empty() {
                text.push_str("not stated");
            }
            while text.chars().count() < least {
                text.push('.');
            }
        }
        let Some(most) = self.size("maxLength").filter(|it| text.chars().count() > *it) else { return text };
        let cut = super::super::text::clip(&text, most);
        let whole_words = cut.chars().count() >= self.size("minLength").unwrap_or(0);
        if whole_words { cut } else { text.chars().take(most).collect() }
    }

    pub(super) fn fit_number(&self, value: f64) -> Value {
        let integer = self.kind() == Kind::Integer;
        let mut value = if integer { value.round() } else { value };
        let step = if integer { 1.0 } else { f64::EPSILON.max(value.abs() * f64::EPSILON) };
        if let Some(least) = self.number("minimum") {
            value = value.max(if integer { least.ceil() } else { least });
        }
        if let Some(most) = self.number("maximum") {
            value = value.min(if integer { most.floor() } else { most });
        }
        if let Some(least) = self.number("exclusiveMinimum").filter(|it| value <= *it) {
            value =
                if integer { least.floor() + 1.0 } else { least + step.max(least.abs() * 1e-9).max(1e-9) };
        }
        if let Some(most) = self.number("exclusiveMaximum").filter(|it| value >= *it) {
            value = if integer { most.ceil() - 1.0 } else { most - step.max(most.abs() * 1e-9).max(1e-9) };
        }
        if let Some(unit) = self.number("multipleOf").filter(|it| *it > 0.0) {
            value = (value / unit).round() * unit;
        }
        if value.fract() == 0.0 && value.abs() < 9e15 { json!(value as i64) } else { json!(value) }
    }
}

/// `value` as text, its fields in the order of `schema`.
pub(in super::super) fn write(value: &Value, schema: &Value) -> String {
    let mut out = String::new();
    put(value, Schema::root(schema), 0, &mut out);
    out
}

fn put(value: &Value, schema: Schema<'_>, depth: usize, out: &mut String) {
    let indent = |out: &mut String, depth: usize| {
        out.push('\n');
        out.push_str(&"  ".repeat(depth));
    };
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            let known = schema.properties();
            let ordered =
                known.iter().filter_map(|(name, it)| Some((*name, fields.get(*name)?, schema.child(it))));
            let any = Schema { root: schema.root, fields: &NOTHING, nullable: true };
            let others = fields.iter().filter(|it| !known.iter().any(|(name, _)| name == it.0));
            let others = others.map(|(name, value)| (name.as_str(), value, any));
            out.push('{');
            for (at, (name, value, schema)) in ordered.chain(others).enumerate() {
                if at > 0 {
                    out.push(',');
                }
                indent(out, depth + 1);
                out.push_str(&json!(name).to_string());
                out.push_str(": ");
                put(value, schema, depth + 1, out);
            }
            indent(out, depth);
            out.push('}');
        }
        Value::Array(items)
            if items.iter().any(|it| it.is_object() || it.as_str().is_some_and(|it| it.len() > 40)) =>
        {
            let item = schema
                .get("items")
                .map_or(Schema { root: schema.root, fields: &NOTHING, nullable: true }, |it| {
                    schema.child(it)
                });
            out.push('[');
            for (at, value) in items.iter().enumerate() {
                if at > 0 {
                    out.push(',');
                }
                indent(out, depth + 1);
                put(value, item, depth + 1, out);
            }
            indent(out, depth);
            out.push(']');
        }
        Value::Array(items) => {
            let parts: Vec<String> = items.iter().map(Value::to_string).collect();
            out.push_str(&format!("[{}]", parts.join(", ")));
        }
        _ => out.push_str(&value.to_string()),
    }
}
