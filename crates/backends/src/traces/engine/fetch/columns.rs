//! Attributes that Tempo stores in columns of their own, by default; all others of a span lie in one.

use crate::traces::store::Value;

/// Type of such a column; an attribute of another type lies with the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Column {
    Text,
    Int,
}

/// Those of a resource that Tempo reads as `nil` where there is none, if it reads all attributes of a span.
pub(in crate::traces::engine) const OF_EVERY_RESOURCE: [&str; 8] = [
    "cluster",
    "namespace",
    "pod",
    "container",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
];

/// Those of a span.
pub(in crate::traces::engine) const OF_EVERY_SPAN: [&str; 3] =
    ["http.method", "http.url", "http.status_code"];

/// The column of a resource attribute.
pub(super) fn of_resource(name: &str) -> Option<Column> {
    let is_text = name == "service.name" || OF_EVERY_RESOURCE.contains(&name);
    is_text.then_some(Column::Text)
}

/// The column of a span attribute.
pub(super) fn of_span(name: &str) -> Option<Column> {
    match name {
        "http.request.method"
        | "http.method"
        | "http.url"
        | "http.route"
        | "url.path"
        | "url.route"
        | "server.address" => Some(Column::Text),
        "http.status_code" => Some(Column::Int),
        _ => None,
    }
}

impl Column {
    /// True if a value is of this column's type.
    pub(super) fn holds(self, value: &Value) -> bool {
        matches!(
            (self, value),
            (Self::Text, Value::Text(_)) | (Self::Int, Value::Int(_))
        )
    }
}
