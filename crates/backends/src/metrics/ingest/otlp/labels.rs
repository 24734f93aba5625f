//! Attributes as labels of series and exemplars.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::metrics::v1::Exemplar as WireExemplar;
use opentelemetry_proto::tonic::metrics::v1::exemplar::Value;

use super::names;
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::store::Exemplar;
use crate::otlp::value;

/// Attributes that name the resource: they become `job` and `instance`.
const IDENTIFYING: [&str; 3] = ["service.namespace", "service.name", "service.instance.id"];

/// Characters that the labels of an exemplar may have together, beyond which its attributes are left out.
const MAX_EXEMPLAR_CHARS: usize = 128;

/// The labels that a resource gives to all its series.
pub(super) struct Target<'r> {
    attributes: &'r [KeyValue],
    job: String,
    instance: String,
}

impl<'r> Target<'r> {
    pub(super) fn new(attributes: &'r [KeyValue]) -> Self {
        let get = |key: &str| {
            let found = attributes.iter().find(|attribute| attribute.key == key);
            found.map(|attribute| value::text(attribute.value.as_ref()))
        };
        let job = get("service.name").map(|name| match get("service.namespace") {
            Some(namespace) => format!("{namespace}/{name}"),
            None => name,
        });
        Self {
            attributes,
            job: job.unwrap_or_default(),
            instance: get("service.instance.id").unwrap_or_default(),
        }
    }

    /// The labels of a data point, without the metric's name.
    ///
    /// # Errors
    /// An attribute whose name cannot be one of a label.
    pub(super) fn of_point(&self, attributes: &[KeyValue]) -> Result<Base, String> {
        self.labels(attributes, &[METRIC_NAME])
    }

    /// The labels of `target_info`, if there should be one: it needs something to tell, and a name of the target.
    ///
    /// # Errors
    /// As [`of_point`](Self::of_point).
    pub(super) fn info(&self) -> Result<Option<Base>, String> {
        let identifying = |key: &&&str| self.attributes.iter().any(|it| it.key == ***key);
        if self.attributes.len() == IDENTIFYING.iter().filter(identifying).count() {
            return Ok(None);
        }
        let base = self.labels(self.attributes, &IDENTIFYING)?;
        let is_named = base.0.contains_key("job") || base.0.contains_key("instance");
        Ok(is_named.then_some(base))
    }

    /// Attributes that become one label are joined, in the order of their names.
    fn labels(&self, attributes: &[KeyValue], ignored: &[&str]) -> Result<Base, String> {
        let mut sorted: Vec<&KeyValue> = attributes
            .iter()
            .filter(|attribute| !ignored.contains(&attribute.key.as_str()))
            .collect();
        sorted.sort_by(|left, right| left.key.cmp(&right.key));
        let mut labels: BTreeMap<String, String> = BTreeMap::new();
        for attribute in sorted {
            let name = names::label(&attribute.key)?;
            let text = value::text(attribute.value.as_ref());
            match labels.get_mut(&name) {
                Some(known) if !known.is_empty() => {
                    known.push(';');
                    known.push_str(&text);
                }
                _ => {
                    labels.insert(name, text);
                }
            }
        }
        for (name, text) in [("job", &self.job), ("instance", &self.instance)] {
            if !text.is_empty() {
                labels.insert(name.to_owned(), text.clone());
            }
        }
        labels.retain(|_, text| !text.is_empty());
        Ok(Base(labels))
    }
}

/// Labels without the metric's name.
pub(super) struct Base(BTreeMap<String, String>);

impl Base {
    /// The labels of one series, sorted.
    pub(super) fn with<'b>(
        &'b self,
        name: &'b str,
        extra: Option<(&'b str, &'b str)>,
    ) -> Vec<(&'b str, &'b str)> {
        let is_own = |key: &str| key != METRIC_NAME && extra.is_none_or(|(extra, _)| key != extra);
        let pairs = self
            .0
            .iter()
            .map(|(key, text)| (key.as_str(), text.as_str()));
        let mut pairs: Vec<_> = pairs.filter(|(key, _)| is_own(key)).collect();
        pairs.push((METRIC_NAME, name));
        pairs.extend(extra);
        pairs.sort_unstable();
        pairs
    }
}

/// An exemplar, at `time` if it has none of its own.
///
/// # Errors
/// It has no value.
pub(super) fn exemplar(wire: &WireExemplar, time: i64) -> Result<Exemplar, String> {
    let observed = match wire.value {
        Some(Value::AsDouble(number)) => number,
        Some(Value::AsInt(number)) => number as f64,
        None => return Err("unsupported exemplar value type: Empty".to_owned()),
    };
    let mut labels = Vec::new();
    for (name, id) in [("trace_id", &wire.trace_id), ("span_id", &wire.span_id)] {
        if id.iter().any(|byte| *byte != 0) {
            labels.push((name.to_owned(), value::hexadecimal(id)));
        }
    }
    let attributes = wire.filtered_attributes.iter();
    let attributes: Vec<(String, String)> = attributes
        .map(|it| (it.key.clone(), value::text(it.value.as_ref())))
        .collect();
    let pairs = labels.iter().chain(&attributes);
    let chars: usize = pairs
        .map(|(name, text)| name.chars().count() + text.chars().count())
        .sum();
    if chars <= MAX_EXEMPLAR_CHARS {
        labels.extend(attributes);
    }
    let own_time = milliseconds(wire.time_unix_nano);
    Ok(Exemplar {
        labels: Labels::from_pairs(labels),
        value: observed,
        timestamp: if own_time == 0 { time } else { own_time },
        has_timestamp: own_time != 0,
    })
}

/// A time of OTLP in Prometheus' unit. Those beyond the year 2262 wrap around, as there.
pub(super) fn milliseconds(nanoseconds: u64) -> i64 {
    nanoseconds.cast_signed() / 1_000_000
}
