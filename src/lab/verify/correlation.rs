//! The correlations that the provisioned data sources define, applied as Grafana applies them.

use serde::Deserialize;
use serde_json::Value;

use super::tempo::Span;
use crate::lab::provisioning::{DataSource, unescaped};

/// Link from a span to its logs: `tracesToLogsV2` of a Tempo data source
/// (<https://grafana.com/docs/grafana/latest/datasources/tempo/configure-tempo-data-source/#trace-to-logs>).
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct TraceToLogs {
    /// The data source that gets the query.
    pub datasource_uid: String,
    tags: Vec<Tag>,
    #[serde(rename = "filterByTraceID")]
    filter_by_trace_id: bool,
    #[serde(rename = "filterBySpanID")]
    filter_by_span_id: bool,
    custom_query: bool,
    query: Option<String>,
    span_start_time_shift: Option<String>,
    span_end_time_shift: Option<String>,
}

/// An attribute of a span and the label that holds the same.
#[derive(Clone, Debug, Deserialize)]
struct Tag {
    key: String,
    #[serde(default)]
    value: String,
}

/// The older form, `tracesToLogs`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[derive(Default)]
struct TraceToLogsV1 {
    datasource_uid: String,
    tags: Vec<String>,
    mapped_tags: Vec<Tag>,
    map_tag_names_enabled: bool,
    #[serde(rename = "filterByTraceID")]
    filter_by_trace_id: bool,
    #[serde(rename = "filterBySpanID")]
    filter_by_span_id: bool,
    span_start_time_shift: Option<String>,
    span_end_time_shift: Option<String>,
}

/// A query that a correlation leads to.
#[derive(Debug, PartialEq, Eq)]
pub struct LogsQuery {
    /// LogQL.
    pub query: String,
    /// Begin of the time range, Unix nanoseconds.
    pub start: i64,
    /// End of the time range, Unix nanoseconds.
    pub end: i64,
}

impl TraceToLogs {
    /// The mapping of a Tempo data source; the newer form wins, as in Grafana.
    ///
    /// # Errors
    /// The problem of the file.
    pub fn of(tempo: &DataSource) -> Result<Self, String> {
        let part = |name: &str| tempo.settings.get(name).filter(|it| !it.is_null()).cloned();
        if let Some(value) = part("tracesToLogsV2") {
            return serde_json::from_value(value).map_err(|it| format!("tracesToLogsV2: {it}"));
        }
        let Some(value) = part("tracesToLogs") else {
            return Err(format!("data source {:?} has no tracesToLogsV2", tempo.uid));
        };
        let old: TraceToLogsV1 =
            serde_json::from_value(value).map_err(|error| format!("tracesToLogs: {error}"))?;
        let same_name = |key| Tag {
            key,
            value: String::new(),
        };
        Ok(Self {
            datasource_uid: old.datasource_uid,
            tags: match old.map_tag_names_enabled {
                true => old.mapped_tags,
                false => old.tags.into_iter().map(same_name).collect(),
            },
            filter_by_trace_id: old.filter_by_trace_id,
            filter_by_span_id: old.filter_by_span_id,
            span_start_time_shift: old.span_start_time_shift,
            span_end_time_shift: old.span_end_time_shift,
            ..Self::default()
        })
    }

    /// The query for the logs of a span.
    ///
    /// # Errors
    /// Reasons for Grafana to show no link.
    pub fn query(&self, trace_id: &str, span: &Span) -> Result<LogsQuery, String> {
        let tags = self.formatted_tags(span);
        let own = self.query.as_deref().filter(|_| self.custom_query);
        let query = match own {
            Some(query) => unescaped(query)
                .replace("${__tags}", &tags)
                .replace("$__tags", &tags)
                .replace("${__span.traceId}", trace_id)
                .replace("${__trace.traceId}", trace_id)
                .replace("${__span.spanId}", &span.span_id),
            None if tags.is_empty() => {
                let wanted: Vec<_> = self.tags.iter().map(|tag| tag.key.as_str()).collect();
                return Err(format!("the span has none of the tags {wanted:?}"));
            }
            None => {
                let mut query = format!("{{{tags}}}");
                let filters = [
                    (self.filter_by_trace_id, "trace_id", trace_id),
                    (self.filter_by_span_id, "span_id", span.span_id.as_str()),
                ];
                for (_, name, id) in filters.iter().filter(|(wanted, ..)| *wanted) {
                    query.push_str(&contains_id(name, id));
                }
                query
            }
        };
        let shifted = |at: u64, shift: &Option<String>| {
            let shift = shift.as_deref().map_or(Ok(0), milliseconds)?;
            // Grafana keeps whole milliseconds.
            let at = i64::try_from(at / 1_000_000).unwrap_or(i64::MAX);
            Ok::<_, String>(at.saturating_add(shift).saturating_mul(1_000_000))
        };
        let start = shifted(span.start_ns, &self.span_start_time_shift)?;
        let end = shifted(span.end_ns, &self.span_end_time_shift)?;
        Ok(LogsQuery {
            query,
            start,
            end: end.max(start.saturating_add(1_000_000)),
        })
    }

    fn formatted_tags(&self, span: &Span) -> String {
        let matchers: Vec<String> = span
            .resource
            .iter()
            .chain(&span.attributes)
            .filter_map(|(key, value)| {
                let tag = self.tags.iter().find(|tag| tag.key == *key)?;
                let label = match tag.value.as_str() {
                    "" => &tag.key,
                    renamed => renamed,
                };
                // Grafana writes it as it is: a quotation mark in it would end the selector.
                let value = value.replace('\\', "\\\\").replace('"', "\\\"");
                Some(format!("{label}=\"{value}\""))
            })
            .collect();
        matchers.join(", ")
    }
}

/// The filter that Grafana 12 and 13 add for an id: it is in the line, or it is structured metadata.
fn contains_id(name: &str, id: &str) -> String {
    format!(
        " | label_format log_line_contains_{name}=`{{{{ contains \"{id}\" __line__  }}}}` \
         | log_line_contains_{name}=\"true\" or {name}=\"{id}\""
    )
}

/// A time shift such as `-5m`, in milliseconds.
fn milliseconds(text: &str) -> Result<i64, String> {
    let wrong = || format!("{text:?} is no time shift; expected one like -5m");
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: i64 = digits.parse().map_err(|_| wrong())?;
    let unit = match &text[digits.len()..] {
        "ms" => 1,
        "s" => 1_000,
        "m" => 60_000,
        "h" => 3_600_000,
        "d" => 86_400_000,
        _ => return Err(wrong()),
    };
    number.checked_mul(unit).ok_or_else(wrong)
}

/// Link from a log line to its trace: a derived field of a Loki data source
/// (<https://grafana.com/docs/grafana/latest/datasources/loki/configure-loki-data-source/#derived-fields>).
#[derive(Clone, Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct DerivedField {
    /// Its name.
    pub name: String,
    /// An expression, its first group is the value.
    pub matcher_regex: String,
    #[serde(default)]
    matcher_type: Option<String>,
    #[serde(default)]
    url: String,
    /// The data source that the link leads to.
    #[serde(default)]
    pub datasource_uid: String,
}

impl DerivedField {
    /// The derived fields of a Loki data source that lead to the data source `target`.
    ///
    /// # Errors
    /// The problem of the file.
    pub fn leading_to(loki: &DataSource, target: &str) -> Result<Vec<Self>, String> {
        let value = loki.settings.get("derivedFields").cloned();
        let fields: Vec<Self> = serde_json::from_value(value.unwrap_or(Value::Array(Vec::new())))
            .map_err(|error| format!("derivedFields: {error}"))?;
        let fields: Vec<Self> = fields
            .into_iter()
            .filter(|field| field.datasource_uid == target)
            .filter(|field| field.matcher_type.as_deref().unwrap_or("regex") == "regex")
            .collect();
        match fields.is_empty() {
            true => Err(format!(
                "data source {:?} has no derived field of type regex that leads to {target:?}",
                loki.uid
            )),
            false => Ok(fields),
        }
    }

    /// Trace id that the link in a line leads to; `None` when there is no link.
    ///
    /// # Errors
    /// The expression is none.
    pub fn link(&self, line: &str) -> Result<Option<String>, String> {
        let regex = regex::Regex::new(&unescaped(&self.matcher_regex))
            .map_err(|error| format!("derived field {:?}: {error}", self.name))?;
        let value = regex.captures(line).and_then(|found| found.get(1));
        Ok(value.map(|value| unescaped(&self.url).replace("${__value.raw}", value.as_str())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn source(settings: Value) -> DataSource {
        DataSource {
            uid: "it".to_owned(),
            name: String::new(),
            kind: String::new(),
            is_default: false,
            settings,
        }
    }

    fn span() -> Span {
        Span {
            resource: [
                ("service.name".to_owned(), "app-a".to_owned()),
                ("compose_service".to_owned(), "app-a".to_owned()),
            ]
            .into(),
            span_id: "05".to_owned(),
            start_ns: 600_001_500_000,
            end_ns: 600_002_500_000,
            ..Span::default()
        }
    }

    #[test]
    fn a_tag_is_renamed_and_the_window_is_shifted() {
        let mapping = TraceToLogs::of(&source(json!({"tracesToLogsV2": {
            "datasourceUid": "loki",
            "tags": [{"key": "service.name", "value": "compose_service"}],
            "filterByTraceID": true,
            "spanStartTimeShift": "-5m",
            "spanEndTimeShift": "1s",
        }})))
        .expect("a mapping");
        let expected = LogsQuery {
            query: "{compose_service=\"app-a\"} | label_format log_line_contains_trace_id=`{{ contains \"0a\" __line__  }}` | log_line_contains_trace_id=\"true\" or trace_id=\"0a\"".to_owned(),
            start: 300_001_000_000,
            end: 601_002_000_000,
        };
        assert_eq!(mapping.query("0a", &span()), Ok(expected));
    }

    #[test]
    fn the_older_form_and_custom_queries_are_understood() {
        let old = TraceToLogs::of(&source(
            json!({"tracesToLogs": {"tags": ["compose_service"]}}),
        ));
        let query = old
            .and_then(|it| it.query("0a", &span()))
            .map(|it| it.query);
        assert_eq!(query.as_deref(), Ok("{compose_service=\"app-a\"}"));
        let own = TraceToLogs::of(&source(json!({"tracesToLogsV2": {
            "tags": [{"key": "compose_service"}],
            "customQuery": true,
            "query": "{$${__tags}} |= \"$${__span.traceId}\"",
        }})));
        let query = own
            .and_then(|it| it.query("0a", &span()))
            .map(|it| it.query);
        assert_eq!(
            query.as_deref(),
            Ok("{compose_service=\"app-a\"} |= \"0a\"")
        );
    }

    #[test]
    fn a_span_without_the_tags_has_no_link() {
        let mapping = TraceToLogs::of(&source(
            json!({"tracesToLogsV2": {"tags": [{"key": "pod"}]}}),
        ));
        assert!(mapping.and_then(|it| it.query("0a", &span())).is_err());
    }

    #[test]
    fn a_derived_field_gives_what_the_trace_source_is_asked() {
        let loki = source(json!({"derivedFields": [{
            "name": "TraceID",
            "matcherRegex": "(?:trace_id)=(\\w+)",
            "url": "$${__value.raw}",
            "datasourceUid": "tempo",
        }]}));
        let fields = DerivedField::leading_to(&loki, "tempo").expect("a field");
        assert_eq!(
            fields[0].link("a trace_id=0af7 b"),
            Ok(Some("0af7".to_owned()))
        );
        assert_eq!(fields[0].link("a"), Ok(None));
        assert!(DerivedField::leading_to(&loki, "other").is_err());
    }
}
