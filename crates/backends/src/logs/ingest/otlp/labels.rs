//! Attributes as labels: the resource's best known ones name the stream, all others become structured metadata.

use std::collections::BTreeMap;

use opentelemetry_proto::tonic::collector::logs::v1::ExportLogsServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value::Value};

use crate::logs::store::{
    LabelSet, Quoted, SERVICE_NAME, SERVICE_NAMES, UNKNOWN_SERVICE, label_name,
};
use crate::otlp::value;

/// Resource attributes that become labels of the stream
/// (`distributor.otlp.default_resource_attributes_as_index_labels`).
const INDEXED: [&str; 18] = [
    "service.name",
    "service.namespace",
    "service.instance.id",
    "deployment.environment",
    "deployment.environment.name",
    "cloud.region",
    "cloud.availability_zone",
    "k8s.cluster.name",
    "k8s.namespace.name",
    "k8s.pod.name",
    "k8s.container.name",
    "container.name",
    "k8s.replicaset.name",
    "k8s.deployment.name",
    "k8s.statefulset.name",
    "k8s.daemonset.name",
    "k8s.cronjob.name",
    "k8s.job.name",
];

/// Names and values of structured metadata.
pub(super) type Metadata = Vec<(String, String)>;

/// Labels of a resource.
pub(super) struct ResourceLabels {
    /// The stream's.
    pub(super) stream: LabelSet,
    /// Those that each of its entries carries.
    pub(super) metadata: Metadata,
}

/// The labels of a resource.
///
/// # Errors
/// Loki's message about an attribute whose name cannot be one of a label.
pub(super) fn of_resource(attributes: &[KeyValue]) -> Result<ResourceLabels, String> {
    let mut stream = BTreeMap::new();
    let mut metadata = Vec::new();
    let own = attributes.iter().find(|it| it.key == "service.name");
    let mut is_named = own.is_some_and(|it| !value::text(it.value.as_ref()).is_empty());
    for attribute in attributes {
        if !INDEXED.contains(&attribute.key.as_str()) {
            flatten(&attribute.key, attribute.value.as_ref(), &mut metadata)?;
            continue;
        }
        let mut indexed = Vec::new();
        flatten(&attribute.key, attribute.value.as_ref(), &mut indexed)?;
        for (name, value) in indexed {
            if !is_named && SERVICE_NAMES.contains(&name.as_str()) {
                stream.insert(SERVICE_NAME.to_owned(), value.clone());
                is_named = true;
            }
            stream.insert(name, value);
        }
    }
    if !is_named {
        stream.insert(SERVICE_NAME.to_owned(), UNKNOWN_SERVICE.to_owned());
    }
    // The names of a map are unique.
    let stream = LabelSet::new(stream)?;
    Ok(ResourceLabels { stream, metadata })
}

/// Adds attributes to structured metadata.
///
/// # Errors
/// As [`of_resource`].
pub(super) fn add(attributes: &[KeyValue], to: &mut Metadata) -> Result<(), String> {
    attributes
        .iter()
        .try_for_each(|attribute| flatten(&attribute.key, attribute.value.as_ref(), to))
}

/// Adds an attribute. The members of a map become labels of their own, with the name of the map before theirs.
fn flatten(name: &str, value: Option<&AnyValue>, to: &mut Metadata) -> Result<(), String> {
    if name.is_empty() {
        return Err("symbolizer lookup: label name is empty".to_owned());
    }
    let Some(label) = label_name(name) else {
        let (name, label) = (Quoted(name), underscores(name));
        return Err(format!(
            "symbolizer lookup: normalization for label name {name} resulted in invalid name {}",
            Quoted(&label)
        ));
    };
    if let Some(Value::KvlistValue(map)) = value.and_then(|value| value.value.as_ref()) {
        for member in &map.values {
            let inner = format!("{label}_{}", member.key);
            flatten(&inner, member.value.as_ref(), to)
                .map_err(|error| format!("symbolizer lookup: {error}"))?;
        }
        return Ok(());
    }
    to.push((label, value::text(value)));
    Ok(())
}

/// What is left of a name without letters and digits.
fn underscores(name: &str) -> String {
    let is_reserved = name.len() >= 4 && name.starts_with("__") && name.ends_with("__");
    let inner = if is_reserved {
        &name[2..name.len() - 2]
    } else {
        name
    };
    let one = if inner.is_empty() { "" } else { "_" };
    if is_reserved {
        format!("__{one}__")
    } else {
        one.to_owned()
    }
}

/// Checks the names of all attributes of a request.
///
/// # Errors
/// As [`of_resource`].
pub(super) fn check(request: &ExportLogsServiceRequest) -> Result<(), String> {
    for resource_logs in &request.resource_logs {
        let mut resource = resource_logs.resource.iter().flat_map(|it| &it.attributes);
        resource.try_for_each(check_one)?;
        for scope_logs in &resource_logs.scope_logs {
            let scope = scope_logs.scope.iter().flat_map(|it| &it.attributes);
            let records = scope_logs.log_records.iter().flat_map(|it| &it.attributes);
            scope.chain(records).try_for_each(check_one)?;
        }
    }
    Ok(())
}

fn check_one(attribute: &KeyValue) -> Result<(), String> {
    flatten(&attribute.key, attribute.value.as_ref(), &mut Vec::new())
}
