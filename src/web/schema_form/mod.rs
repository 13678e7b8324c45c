//! Forms from JSON Schemas: a schema and what was typed become fields, what was typed becomes a value. What is
//! typed is a list of pairs as a form sends them, so that nothing of it is lost, whether it fits or not.
//!
//! A field's name is its place in the form (`config`) and the path of its value: `config/url`. Strings, numbers,
//! choices, switches, lists of strings (a line each), pairs (`name: value` a line) and objects in objects have
//! fields of their own; anything else is written as JSON.

mod plan;
mod read;
mod write;

use serde_json::Value;

use self::plan::{Plan, Property};
use super::page::Faults;
use super::view::{Choice, Field};

/// Pairs of names and texts, as a form sends them.
pub type Typed = Vec<(String, String)>;

/// Fields that stand together.
#[derive(Debug, Clone)]
pub struct Group {
    /// Empty for those that come first and without a heading.
    pub title: String,
    /// Shown unfolded: something in it was filled in or is wrong.
    pub open: bool,
    pub fields: Vec<Field>,
}

/// A form whose names begin with `place`.
pub struct SchemaForm {
    place: String,
    plan: Plan,
    /// Whether the value names what is the schema's default anyway.
    keeps_defaults: bool,
}

impl SchemaForm {
    /// For settings: what is as by default is left out of the value.
    pub fn of_settings(place: &str, schema: &Value) -> Self {
        Self { place: place.to_owned(), plan: Plan::of(schema), keeps_defaults: false }
    }

    /// For an input, where nobody fills in a default later.
    pub fn of_input(place: &str, schema: &Value) -> Self {
        Self { place: place.to_owned(), plan: Plan::of(schema), keeps_defaults: true }
    }

    /// Whether the schema says enough for fields; without, the value is one field of JSON.
    pub fn has_fields(&self) -> bool {
        matches!(self.plan, Plan::Fields(_))
    }

    /// `value` as it would have been typed; what it leaves out is as by default.
    pub fn typed(&self, value: &Value) -> Typed {
        write::typed(&self.place, &self.plan, value, self.keeps_defaults)
    }

    /// What was typed as a value. Names of other forms are passed over.
    ///
    /// Errors: a sentence for each field that holds no such value. Whether the value fits the schema otherwise is
    /// for a validator to say.
    pub fn value(&self, typed: &[(String, String)]) -> Result<Value, Faults> {
        read::value(&self.place, &self.plan, typed, self.keeps_defaults)
    }

    /// The fields, filled in.
    pub fn groups(&self, typed: &[(String, String)], faults: &Faults) -> Vec<Group> {
        let properties = match &self.plan {
            Plan::Fields(properties) => properties,
            Plan::Json(property) => {
                let field = self.field(property, &self.place, typed, faults);
                return vec![Group { title: String::new(), open: true, fields: vec![field] }];
            }
        };
        let mut groups: Vec<Group> = Vec::new();
        for property in properties {
            let name = property.name(&self.place);
            let field = self.field(property, &name, typed, faults);
            let open = !field.error.is_empty() || self.is_filled(property, &name, typed);
            match groups.iter_mut().find(|it| it.title == property.group) {
                Some(group) => {
                    group.open |= open;
                    group.fields.push(field);
                }
                None => groups.push(Group { title: property.group.clone(), open, fields: vec![field] }),
            }
        }
        groups.sort_by_key(|it| (!it.title.is_empty(), it.title == plan::ADVANCED));
        groups
    }

    fn is_filled(&self, property: &Property, name: &str, typed: &[(String, String)]) -> bool {
        let text = text_of(typed, name);
        if property.is_switch() {
            return (text == Some("true")) != (property.default == Some(Value::Bool(true)));
        }
        text.is_some_and(|it| !it.is_empty() && it != property.default_text())
    }

    fn field(&self, property: &Property, name: &str, typed: &[(String, String)], faults: &Faults) -> Field {
        let text = text_of(typed, name).unwrap_or_default();
        let mut field = property.field(name, text);
        if self.keeps_defaults || !property.takes_placeholder() {
            field = field.placeholder(property.example());
        } else {
            let default = property.default_text();
            field = field.placeholder(if default.is_empty() { property.example() } else { default });
        }
        field.error(faults.on(name))
    }
}

/// What was typed into the field `name`; the last, where it was sent more than once.
fn text_of<'a>(typed: &'a [(String, String)], name: &str) -> Option<&'a str> {
    typed.iter().rev().find(|it| it.0 == name).map(|it| it.1.as_str())
}

/// Choices of a list, with an empty one where nothing need be chosen.
fn choices(values: &[String], may_be_empty: bool) -> Vec<Choice> {
    let empty = may_be_empty.then(|| Choice::new("", "–"));
    empty.into_iter().chain(values.iter().map(|it| Choice::new(it, it))).collect()
}

#[cfg(test)]
mod tests;
