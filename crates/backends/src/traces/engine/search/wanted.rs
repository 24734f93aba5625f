//! Parameters of a search.

use crate::traces::engine::Subject;
use crate::traces::lang::{Query, STATUSES};
use crate::traces::store::{Attribute, Dictionary, Span, Trace, Value, Word};

/// A search for traces (<https://grafana.com/docs/tempo/latest/api_docs/#search>).
#[derive(Clone, Debug)]
pub struct Request {
    /// Which traces.
    pub wanted: Wanted,
    /// Traces that overlap this time and [`Self::end`], seconds since the Unix epoch; 0 for any.
    pub start: u64,
    /// See [`Self::start`].
    pub end: u64,
    /// Limit of traces.
    pub limit: usize,
    /// Limit of spans in each spanset.
    pub spans_per_spanset: usize,
}

/// Which traces a search asks for.
#[derive(Clone, Debug)]
pub enum Wanted {
    /// Those with spans that match a TraceQL query.
    Query(Query),
    /// Those that have all tags and last so long: the search from before TraceQL.
    Tags {
        /// Names and values; on some names part of the value is enough, as in Tempo.
        tags: Vec<(String, String)>,
        /// Milliseconds; 0 for any.
        min_duration_ms: u64,
        /// Milliseconds; 0 for any.
        max_duration_ms: u64,
    },
}

impl Request {
    /// The window in nanoseconds, everything if it is not given.
    pub(super) fn window(&self) -> (u64, u64) {
        window(self.start, self.end)
    }
}

/// A window in seconds as one in nanoseconds; everything unless both ends are given.
pub(super) fn window(start: u64, end: u64) -> (u64, u64) {
    match (start, end) {
        (0, _) | (_, 0) => (0, u64::MAX),
        (start, end) => (
            start.saturating_mul(1_000_000_000),
            end.saturating_mul(1_000_000_000),
        ),
    }
}

/// Names whose values need only be contained, because Tempo keeps them in columns of their own.
const CONTAINED: [&str; 10] = [
    "name",
    "service.name",
    "cluster",
    "namespace",
    "pod",
    "container",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "http.method",
    "http.url",
];

/// True if a trace has all tags.
pub(super) fn has_tags(subject: &Subject<'_>, tags: &[(String, String)]) -> bool {
    let (trace, dictionary) = (subject.trace, subject.dictionary);
    let root = |word: Option<Word>, value: &str| {
        word.is_some_and(|word| dictionary.text(word).contains(value))
    };
    let mut shared: Vec<(&str, &str)> = Vec::new();
    for (name, value) in tags {
        let found = match name.as_str() {
            "root.name" => root(subject.root().map(|span| span.name), value),
            "root.service.name" => root(subject.root_service(), value),
            "status.code" => {
                let code = STATUSES.iter().position(|status| status == value);
                trace.spans.iter().any(|s| Some(s.status.into()) == code)
            }
            "name" => trace
                .spans
                .iter()
                .any(|s| dictionary.text(s.name).contains(value)),
            name if CONTAINED.contains(&name) => {
                let contains = |text: &str| text.contains(value);
                let spans = trace.spans.iter();
                spans
                    .into_iter()
                    .any(|span| has_tag(dictionary, span, name, &contains))
            }
            name => {
                shared.push((name, value));
                continue;
            }
        };
        if !found {
            return false;
        }
    }
    shared.is_empty() || one_resource_has(trace, dictionary, &shared)
}

/// True if spans of one resource, together with it, have all tags.
fn one_resource_has(trace: &Trace, dictionary: &Dictionary, tags: &[(&str, &str)]) -> bool {
    let mut resources: Vec<u32> = trace.spans.iter().map(|span| span.resource).collect();
    resources.sort_unstable();
    resources.dedup();
    resources.into_iter().any(|resource| {
        tags.iter().all(|(name, value)| {
            let mut spans = trace.spans.iter().filter(|s| s.resource == resource);
            spans.any(|span| has_tag(dictionary, span, name, &|text| text == *value))
        })
    })
}

fn has_tag(
    dictionary: &Dictionary,
    span: &Span,
    name: &str,
    accepts: &dyn Fn(&str) -> bool,
) -> bool {
    let Some(key) = dictionary.find(name) else {
        return false;
    };
    let resource = dictionary.resource(span.resource);
    let all = span.attributes.iter().chain(&resource.attributes);
    all.filter(|attribute| attribute.key == key)
        .any(|attribute| accepts_value(dictionary, attribute, accepts))
}

fn accepts_value(
    dictionary: &Dictionary,
    attribute: &Attribute,
    accepts: &dyn Fn(&str) -> bool,
) -> bool {
    match &attribute.value {
        Value::Text(word) => accepts(dictionary.text(*word)),
        Value::Bool(value) => accepts(&value.to_string()),
        Value::Int(value) => accepts(&value.to_string()),
        Value::Double(value) => accepts(&value.to_string()),
        Value::Other(_) => false,
    }
}
