//! Import of a file, as Grafana does it: it takes it out of what an API or an export has
//! put around it, and answers what the export asks at import (`__inputs`).

use serde_json::{Map, Value};

use super::text;

/// The dashboard itself, with every input answered.
///
/// # Errors
/// Kind of a file that is no known dashboard.
pub(super) fn imported(content: &Value) -> Result<Value, String> {
    let inner = if content["dashboard"].is_object() {
        // As the API answers it.
        &content["dashboard"]
    } else if content["spec"].is_object() {
        // As a resource, in the way of Kubernetes.
        &content["spec"]
    } else {
        content
    };
    if inner["elements"].is_object() {
        return Err(
            "its schema is of version 2 (elements and layout), which is not known; export it in the classic form"
                .to_owned(),
        );
    }
    if !inner["panels"].is_array() && !inner["rows"].is_array() {
        return Err("it has neither panels nor rows: no dashboard of Grafana's".to_owned());
    }
    let inputs: Vec<Input> = inner["__inputs"]
        .as_array()
        .into_iter()
        .flatten()
        .map(Input::read)
        .collect();
    Ok(answered(inner, &inputs))
}

/// An input that Grafana requests when the file is imported.
struct Input {
    /// As the file refers to it: `${DS_PROMETHEUS}`.
    place: String,
    answer: Response,
}

enum Response {
    /// The first data source of this type, as a person would choose.
    Source(String),
    /// The value that the form offers.
    Text(String),
}

impl Input {
    fn read(value: &Value) -> Self {
        Self {
            place: format!("${{{}}}", text(value, "name")),
            answer: match text(value, "type").as_str() {
                "datasource" => Response::Source(text(value, "pluginId")),
                _ => Response::Text(text(value, "value")),
            },
        }
    }
}

/// A value with the answers in their places.
fn answered(value: &Value, inputs: &[Input]) -> Value {
    match value {
        Value::Array(items) => items.iter().map(|it| answered(it, inputs)).collect(),
        Value::Object(members) => Value::Object(
            members
                .iter()
                .map(|(name, it)| {
                    let source = (name == "datasource").then(|| source(it, inputs)).flatten();
                    (name.clone(), source.unwrap_or_else(|| answered(it, inputs)))
                })
                .collect(),
        ),
        Value::String(text) => {
            let mut text = text.clone();
            for input in inputs {
                if let Response::Text(value) = &input.answer {
                    text = text.replace(&input.place, value);
                }
            }
            Value::String(text)
        }
        other => other.clone(),
    }
}

/// Data source that an input asks for; `None` when `value` refers to no input.
fn source(value: &Value, inputs: &[Input]) -> Option<Value> {
    let place = value.as_str().or_else(|| value["uid"].as_str())?;
    let input = inputs.iter().find(|input| input.place == place)?;
    match &input.answer {
        Response::Source(kind) => {
            let kind = ("type".to_owned(), Value::String(kind.clone()));
            Some(Value::Object(Map::from_iter([kind])))
        }
        Response::Text(_) => None,
    }
}
