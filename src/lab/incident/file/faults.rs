//! What breaks: the faults of a file as the service takes them.

use std::collections::BTreeMap;

use serde_json::{Map, Value, json};

use super::File;
use super::parameters::{Scalar, Values};
use super::text;

/// Most faults of a file.
pub(super) const MOST: usize = 8;

/// The name that stands for all instances.
pub(in crate::lab::incident) const ALL: &str = "all";

/// The faults of each instance, or of [`ALL`], in the order of the file.
pub(in crate::lab::incident) type Faults = BTreeMap<String, Vec<Value>>;

/// The faults with the values of a seed.
pub(in crate::lab::incident) fn with(file: &File, values: &Values) -> Faults {
    let mut all = Faults::new();
    for fault in &file.faults {
        let mut json = Map::new();
        let mut instance = ALL.to_owned();
        for (name, value) in fault {
            match (name.as_str(), value) {
                ("instance", toml::Value::String(text)) => instance = text::filled(text, values),
                // The service compares them with texts.
                ("when", toml::Value::Table(conditions)) => {
                    let conditions = conditions.iter().map(|(name, value)| {
                        let value = match filled(value, values) {
                            Value::String(text) => text,
                            other => other.to_string(),
                        };
                        (name.clone(), Value::String(value))
                    });
                    json.insert(name.clone(), Value::Object(conditions.collect()));
                }
                _ => {
                    json.insert(name.clone(), filled(value, values));
                }
            }
        }
        all.entry(instance).or_default().push(Value::Object(json));
    }
    all
}

/// The set that an instance is given: what is for it and what is for all.
pub(in crate::lab::incident) fn set(faults: &Faults, instance: &str, seed: u64) -> Option<Value> {
    let own: Vec<&Value> = [ALL, instance]
        .into_iter()
        .filter_map(|name| faults.get(name))
        .flatten()
        .collect();
    (!own.is_empty()).then(|| json!({"seed": seed, "faults": own}))
}

fn filled(value: &toml::Value, values: &Values) -> Value {
    match value {
        toml::Value::String(text) => match text::value(&Scalar::Text(text.clone()), values) {
            Scalar::Whole(number) => json!(number),
            Scalar::Number(number) => json!(number),
            Scalar::Text(text) => Value::String(text),
        },
        toml::Value::Integer(number) => json!(number),
        toml::Value::Float(number) => json!(number),
        toml::Value::Boolean(flag) => json!(flag),
        toml::Value::Array(list) => list.iter().map(|it| filled(it, values)).collect(),
        toml::Value::Table(table) => Value::Object(
            table
                .iter()
                .map(|(name, value)| (name.clone(), filled(value, values)))
                .collect(),
        ),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
    }
}

/// The texts in a fault, for the names that they use.
pub(super) fn texts(value: &toml::Value, out: &mut Vec<String>) {
    match value {
        toml::Value::String(text) => out.push(text.clone()),
        toml::Value::Array(list) => list.iter().for_each(|it| texts(it, out)),
        toml::Value::Table(table) => table.values().for_each(|it| texts(it, out)),
        _ => {}
    }
}
