//! What Grafana's Logs Drilldown asks first: the labels of streams that are no ids, and the fields
//! of lines with their types.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value as Json, json};

use super::labels::{check_length, matchers, optional_matchers, selected};
use super::params::{Params, check_step};
use super::response::{ApiResponse, ApiResult};
use crate::logs::engine::{self, Direction, LogLine, LogQuery, Origin, line_fields};
use crate::logs::lang::{self, Expr, units};
use crate::logs::store::{LabelSet, Store};
use crate::wire::Stop;
use crate::wire::duration::go;

/// Fields, or values of one field, that are returned at most unless `limit` says otherwise.
const DEFAULT_FIELDS: usize = 1000;

/// Lines that are read unless `line_limit` says otherwise.
const DEFAULT_LINES: usize = 100;

/// Nanoseconds.
const MILLISECOND: i64 = 1_000_000;

/// Labels that are listed even if all of their values are ids.
const STATIC_LABELS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// `/loki/api/v1/detected_labels`
pub(super) fn labels(store: &Store, params: &Params, _: &Stop) -> ApiResult {
    let (start, end) = params.ordered_bounds(store.now())?;
    check_length(store, start, end)?;
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for view in selected(store, params, &optional_matchers(params)?)? {
        for (name, value) in view.labels.iter() {
            let known = values.entry(name.to_owned()).or_default();
            known.insert(value.to_owned());
        }
    }
    let labels: Vec<Json> = values
        .iter()
        .filter(|(name, values)| STATIC_LABELS.contains(&name.as_str()) || !are_ids(values))
        .map(|(name, values)| json!({"label": name, "cardinality": values.len()}))
        .collect();
    Ok(ApiResponse::json(&match labels.is_empty() {
        true => json!({}),
        false => json!({"detectedLabels": labels}),
    }))
}

/// Tests whether all values are numbers or UUIDs. At most two values, 0 and 1, are a truth value and
/// no ids.
fn are_ids(values: &BTreeSet<String>) -> bool {
    let is_bool = values.iter().all(|value| value == "0" || value == "1");
    let is_id = |value: &String| lang::parse_float(value).is_ok() || is_uuid(value);
    !(is_bool && values.len() <= 2) && values.iter().all(is_id)
}

/// The forms that `uuid.Parse` of Go takes: with dashes, in braces, as a URN, or 32 digits.
fn is_uuid(text: &str) -> bool {
    let plain = match text.len() {
        45 => text
            .get(..9)
            .filter(|prefix| prefix.eq_ignore_ascii_case("urn:uuid:"))
            .and_then(|_| text.get(9..)),
        38 => text.get(1..37),
        _ => Some(text),
    };
    let is_digit = |byte: u8| byte.is_ascii_hexdigit();
    plain.is_some_and(|plain| match plain.len() {
        36 => plain.bytes().enumerate().all(|(at, byte)| match at {
            8 | 13 | 18 | 23 => byte == b'-',
            _ => is_digit(byte),
        }),
        32 => plain.bytes().all(is_digit),
        _ => false,
    })
}

/// The newest lines of the request's query, grouped by stream.
fn lines(
    store: &Store,
    params: &Params,
    stop: &Stop,
) -> Result<Vec<(LabelSet, LogLine)>, ApiResponse> {
    let (start, end) = params.ordered_bounds(store.now())?;
    let limit = params.positive(&["line_limit"], DEFAULT_LINES)?;
    check_step(params.step(start, end)?, start, end)?;
    let expr = lang::parse_log(params.bytes("query"))?;
    lang::check_names(&Expr::Log(expr.clone()))?;
    let most = store.limits().max_entries_per_query;
    if limit > most {
        return Err(ApiResponse::bad_request(format!(
            "max entries limit per query exceeded, limit > max_entries_limit_per_query ({limit} > {most})"
        )));
    }
    check_length(store, start, end)?;
    let query = LogQuery {
        expr: &expr,
        start,
        end,
        limit,
        direction: Direction::Backward,
        interval: 0,
        stop: stop.clone(),
    };
    let mut lines: Vec<(LabelSet, LogLine)> = Vec::new();
    for line in query.run(store)? {
        let labels = line.labels.iter();
        let stream = labels.filter(|label| label.origin == Origin::Stream);
        let stream = LabelSet::new(stream.map(|label| (&label.name, &label.value)));
        lines.push((stream.unwrap_or_default(), line));
    }
    lines.sort_by(|a, b| a.0.cmp(&b.0));
    Ok(lines)
}

/// The values of one line by name: its structured metadata, and what its query and a parser found.
struct Found {
    metadata: BTreeMap<String, BTreeSet<String>>,
    parsed: BTreeMap<String, BTreeSet<String>>,
    parser: Option<&'static str>,
    paths: BTreeMap<String, Vec<String>>,
}

fn found(stream: &LabelSet, line: &LogLine) -> Found {
    let of = |wanted: Origin| {
        let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let labels = line.labels.iter().filter(|label| label.origin == wanted);
        for label in labels.filter(|label| !is_error(&label.name)) {
            let known = values.entry(label.name.clone()).or_default();
            known.insert(label.value.clone());
        }
        values
    };
    let mut found = Found {
        metadata: of(Origin::Metadata),
        parsed: of(Origin::Parsed),
        parser: None,
        paths: BTreeMap::new(),
    };
    if let Some(line) = line_fields(&line.line, stream) {
        found.parser = Some(line.parser);
        found.paths = line.paths;
        for (name, value) in line.fields {
            found.parsed.entry(name).or_default().insert(value);
        }
    }
    found
}

fn is_error(name: &str) -> bool {
    matches!(
        name,
        "__error__" | "__error_details__" | "__preserve_error__"
    )
}

/// A field over all lines.
#[derive(Default)]
struct Field {
    values: BTreeSet<String>,
    /// The type of the value that was read last.
    kind: &'static str,
    parsers: Vec<&'static str>,
    path: Vec<String>,
}

impl Field {
    fn add(&mut self, values: BTreeSet<String>) {
        if let Some(value) = values.first() {
            self.kind = kind(value);
        }
        self.values.extend(values);
    }

    fn json(&self, name: &str) -> Json {
        let parsers = (!self.parsers.is_empty()).then_some(&self.parsers);
        let mut field = json!({
            "label": name,
            "type": self.kind,
            "cardinality": self.values.len(),
            "parsers": parsers,
        });
        if let Some(field) = field.as_object_mut().filter(|_| !self.path.is_empty()) {
            field.insert("jsonPath".to_owned(), json!(self.path));
        }
        field
    }
}

/// The type of a value, by the first of Go's readers that takes it.
fn kind(value: &str) -> &'static str {
    const BOOLEANS: [&str; 10] = [
        "t", "T", "TRUE", "true", "True", "f", "F", "FALSE", "false", "False",
    ];
    if value.parse::<i64>().is_ok() {
        "int"
    } else if lang::parse_float(value).is_ok() {
        "float"
    } else if BOOLEANS.contains(&value) {
        "boolean"
    } else if go::parse(value).is_ok() {
        "duration"
    } else if units::parse_bytes(value).is_ok() {
        "bytes"
    } else {
        "string"
    }
}

/// The field of a name, made if there is room for another.
fn field(fields: &mut BTreeMap<String, Field>, name: String, most: usize) -> Option<&mut Field> {
    if fields.len() >= most && !fields.contains_key(&name) {
        return None;
    }
    Some(fields.entry(name).or_default())
}

/// `/loki/api/v1/detected_fields`
pub(super) fn fields(store: &Store, params: &Params, stop: &Stop) -> ApiResult {
    let most = params.positive(&["limit", "field_limit"], DEFAULT_FIELDS)?;
    let mut fields: BTreeMap<String, Field> = BTreeMap::new();
    for (stream, line) in lines(store, params, stop)? {
        let mut found = found(&stream, &line);
        for (name, values) in found.metadata {
            if let Some(field) = field(&mut fields, name, most) {
                field.add(values);
            }
        }
        for (name, values) in found.parsed {
            let path = found.paths.remove(&name);
            let Some(field) = field(&mut fields, name, most) else {
                continue;
            };
            field.add(values);
            if let Some(parser) = found.parser.filter(|name| !field.parsers.contains(name)) {
                field.parsers.push(parser);
                field.parsers.sort_unstable();
            }
            if found.parser == Some("json") {
                field.path = path.unwrap_or_default();
            }
        }
    }
    if fields.is_empty() {
        return Ok(ApiResponse::json(&json!({})));
    }
    let fields: Vec<Json> = fields
        .iter()
        .map(|(name, field)| field.json(name))
        .collect();
    Ok(ApiResponse::json(&json!({"fields": fields, "limit": most})))
}

/// `/loki/api/v1/detected_field/{name}/values`
pub(super) fn values(store: &Store, params: &Params, stop: &Stop) -> ApiResult {
    let most = params.positive(&["limit", "field_limit"], DEFAULT_FIELDS)?;
    let mut values = BTreeSet::new();
    for (stream, line) in lines(store, params, stop)? {
        if values.len() >= most {
            break;
        }
        let mut found = found(&stream, &line);
        values.extend(found.metadata.remove(&params.name).unwrap_or_default());
        let parsed = found.parsed.remove(&params.name).unwrap_or_default();
        values.extend(parsed.into_iter().map(usable));
    }
    if values.is_empty() {
        return Ok(ApiResponse::json(&json!({})));
    }
    Ok(ApiResponse::json(&json!({"limit": most, "values": values})))
}

/// A size in the form that a query takes; other values as they are.
fn usable(value: String) -> String {
    let has_unit = value.ends_with(|c: char| "bkmgtpei".contains(c.to_ascii_lowercase()));
    match units::parse_bytes(&value) {
        Ok(bytes) if has_unit => units::rounded_bytes(bytes),
        _ => value,
    }
}

/// `/loki/api/v1/patterns`
pub(super) fn patterns(store: &Store, params: &Params, stop: &Stop) -> ApiResult {
    let (start, end) = params.bounds(store.now())?;
    let step = params.step(start, end)?;
    check_step(step, start, end)?;
    let matchers = matchers(params.bytes("query"))?;
    let window = (start - start.rem_euclid(MILLISECOND), end);
    let patterns = engine::patterns(store, &matchers, window, step, stop)?;
    let series: Vec<Json> = patterns
        .iter()
        .map(|series| {
            let samples = series.samples.iter();
            let samples: Vec<Json> = samples
                .map(|(time, count)| json!([time / 1_000_000_000, count]))
                .collect();
            json!({"pattern": series.pattern, "level": series.level, "samples": samples})
        })
        .collect();
    Ok(ApiResponse::data(Some(json!(series))))
}
