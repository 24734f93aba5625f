//! Attributes as label values.

use std::borrow::Cow;

use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue};

/// The text of the first attribute with a key, in the first of the lists that has one.
pub(super) fn find<'a>(key: &str, lists: &[&'a [KeyValue]]) -> Option<Cow<'a, str>> {
    let mut all = lists.iter().flat_map(|list| list.iter());
    all.find(|pair| pair.key == key)
        .map(|pair| text(pair.value.as_ref()))
}

/// A value as Tempo writes it. Lists have no separators there, and bytes no text.
fn text(value: Option<&AnyValue>) -> Cow<'_, str> {
    match value.and_then(|value| value.value.as_ref()) {
        Some(Value::StringValue(text)) => Cow::Borrowed(text),
        Some(Value::BoolValue(it)) => Cow::Owned(it.to_string()),
        Some(Value::IntValue(it)) => Cow::Owned(it.to_string()),
        Some(Value::DoubleValue(it)) => Cow::Owned(number(*it)),
        Some(Value::ArrayValue(list)) => {
            let items = list.values.iter().map(|item| text(Some(item)));
            Cow::Owned(format!("[{}]", items.collect::<String>()))
        }
        Some(Value::KvlistValue(list)) => {
            let pair = |pair: &KeyValue| format!("{}:{}", pair.key, text(pair.value.as_ref()));
            let pairs = list.values.iter().map(pair);
            Cow::Owned(format!("{{{}}}", pairs.collect::<String>()))
        }
        _ => Cow::Borrowed(""),
    }
}

/// A number as Go writes it without an exponent.
pub(super) fn number(value: f64) -> String {
    match value {
        value if value == f64::INFINITY => "+Inf".to_owned(),
        value if value == f64::NEG_INFINITY => "-Inf".to_owned(),
        value => value.to_string(),
    }
}
