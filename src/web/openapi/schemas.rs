//! The schemas of all bodies. A type may look different when it is read (fields may be left out) and when it
//! is written (they are always there): then it has two entries, and the one that is read is called `…Input`.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

const PLACE: &str = "#/components/schemas/";
/// Marks a reference of a type that is read until it is known whether it needs a name of its own.
const READ: &str = "#/read/";

pub(super) struct Schemas {
    written: SchemaGenerator,
    read: SchemaGenerator,
}

impl Schemas {
    pub(super) fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|it| {
                it.meta_schema = None;
                it.definitions_path = "/components/schemas".into();
            })
        };
        Self {
            written: settings().for_serialize().into_generator(),
            read: settings().for_deserialize().into_generator(),
        }
    }

    /// Of an answer's body.
    pub(super) fn answer(&mut self, make: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Value {
        make(&mut self.written).to_value()
    }

    /// Of a request's body.
    pub(super) fn body(&mut self, make: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Value {
        let mut schema = make(&mut self.read).to_value();
        each_ref(&mut schema, &mut |it| *it = it.replacen(PLACE, READ, 1));
        schema
    }

    /// Of a query: everything in place, because its fields become parameters.
    pub(super) fn query(make: impl FnOnce(&mut SchemaGenerator) -> Schema) -> Value {
        let settings = SchemaSettings::draft2020_12().with(|it| {
            it.meta_schema = None;
            it.inline_subschemas = true;
        });
        make(&mut settings.for_deserialize().into_generator()).to_value()
    }

    /// Settles the names within `document`, and answers all schemas.
    pub(super) fn finish(mut self, document: &mut Value) -> Map<String, Value> {
        let mut all = self.written.take_definitions(true);
        let read = self.read.take_definitions(true);
        let apart = those_apart(&all, &read);
        let name_of = |name: &str| {
            if apart.contains(name) { format!("{name}Input") } else { name.to_owned() }
        };
        for (name, mut schema) in read {
            each_ref(&mut schema, &mut |it| {
                if let Some(name) = it.strip_prefix(PLACE) {
                    *it = format!("{PLACE}{}", name_of(name));
                }
            });
            all.entry(name_of(&name)).or_insert(schema);
        }
        each_ref(document, &mut |it| {
            if let Some(name) = it.strip_prefix(READ) {
                *it = format!("{PLACE}{}", name_of(name));
            }
        });
        all
    }
}

/// Types whose two forms differ, themselves or in something they refer to.
fn those_apart(written: &Map<String, Value>, read: &Map<String, Value>) -> BTreeSet<String> {
    let mut apart: BTreeSet<String> = read
        .iter()
        .filter(|(name, schema)| written.get(*name).is_some_and(|it| it != *schema))
        .map(|(name, _)| name.clone())
        .collect();
    loop {
        let before = apart.len();
        for (name, schema) in read.iter().filter(|(name, _)| written.contains_key(*name)) {
            let mut refers = false;
            each_ref(&mut schema.clone(), &mut |it| {
                refers |= it.strip_prefix(PLACE).is_some_and(|it| apart.contains(it));
            });
            if refers {
                apart.insert(name.clone());
            }
        }
        if apart.len() == before {
            return apart;
        }
    }
}

fn each_ref(value: &mut Value, change: &mut impl FnMut(&mut String)) {
    match value {
        Value::Object(map) => {
            for (name, value) in map {
                match value {
                    Value::String(text) if name == "$ref" => change(text),
                    _ => each_ref(value, change),
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|it| each_ref(it, change)),
        _ => {}
    }
}
