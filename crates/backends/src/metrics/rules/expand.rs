//! Templates in the labels and annotations of alerts.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions::{self, FUNCTIONS, RESULT, SAMPLE};
use super::group::{Sample, Server};
use crate::metrics::labels::Labels;
use crate::template::functions::Made;
use crate::template::{Ended, Fault, Host, Map, MapType, StructType, Template, Text, Value};

/// Bytes that the functions of one template may make.
const MAX_MADE: usize = 1 << 20;

/// What Prometheus puts before each template.
const DEFINITIONS: &str = "{{$labels := .Labels}}{{$externalLabels := .ExternalLabels}}\
     {{$externalURL := .ExternalURL}}{{$value := .Value}}";

/// The data of a template.
static DATA: StructType = StructType {
    name: "struct { Labels map[string]string; ExternalLabels map[string]string; ExternalURL string; Value interface {} }",
    fields: &["Labels", "ExternalLabels", "ExternalURL", "Value"],
};

/// The template of a label or an annotation.
#[derive(Debug)]
pub(crate) struct Expansion {
    name: String,
    template: Template,
}

/// The series that a template is expanded for.
pub(super) struct Subject<'s> {
    pub(super) labels: &'s Labels,
    pub(super) value: f64,
    /// Milliseconds.
    pub(super) time: i64,
    pub(super) server: &'s Server<'s>,
}

impl Expansion {
    /// Parses the template of an alert.
    ///
    /// # Errors
    /// The message of Go's parser.
    pub(super) fn parse(alert: &str, text: &str) -> Result<Self, String> {
        let name = format!("__alert_{alert}");
        let template = Template::new(&name, &format!("{DEFINITIONS}{text}"), FUNCTIONS)?;
        Ok(Self { name, template })
    }

    /// The text for a series; a template that fails gives its error, as in Prometheus.
    pub(super) fn expand(&self, subject: &Subject<'_>) -> String {
        let fields = [
            ("Labels", map_of(subject.labels)),
            ("ExternalLabels", map_of(&Labels::empty())),
            ("ExternalURL", Value::text(subject.server.external_url)),
            ("Value", Value::Float(subject.value).boxed()),
        ];
        let mut run = Run {
            subject,
            made: 0,
            ended: String::new(),
        };
        let expanded = self.template.execute(structure(&DATA, fields), &mut run);
        expanded.unwrap_or_else(|fault| {
            let reason = match fault {
                Fault::Execution(text) | Fault::Function(text) => text,
                Fault::Ended => run.ended,
            };
            let name = &self.name;
            format!("<error expanding template: error executing template {name}: {reason}>")
        })
    }
}

/// The expansion of a template.
struct Run<'r> {
    subject: &'r Subject<'r>,
    made: usize,
    /// Why it ended.
    ended: String,
}

impl Run<'_> {
    fn end(&mut self, reason: String) -> Ended {
        self.ended = reason;
        Ended
    }
}

impl Host for Run<'_> {
    fn work(&mut self, _bytes: usize) -> Result<(), Ended> {
        // Steps and bytes are bounded, and with them the time.
        Ok(())
    }

    fn make(&mut self, bytes: usize) -> Result<(), Ended> {
        self.room(bytes)?;
        self.made += bytes;
        Ok(())
    }

    fn room(&mut self, bytes: usize) -> Result<(), Ended> {
        match self.made.saturating_add(bytes) > MAX_MADE {
            true => Err(self.end(format!("it makes more than {MAX_MADE} bytes"))),
            false => Ok(()),
        }
    }

    fn too_many_steps(&mut self, limit: usize) -> Ended {
        self.end(format!("it takes more than {limit} steps"))
    }

    fn label(&self, name: &str) -> &str {
        self.subject.labels.get(name)
    }

    fn labels(&self) -> BTreeMap<Text, Value> {
        entries(self.subject.labels)
    }

    fn list_type(&self) -> &'static str {
        RESULT
    }

    fn call(&mut self, function: &'static str, arguments: &[Value]) -> Made {
        let (server, time) = (self.subject.server, self.subject.time);
        match function {
            "query" => {
                let query = functions::string(arguments, 0)?;
                let result = server.query(&query, time).map_err(Fault::Function)?;
                let bytes = result.iter().flat_map(|(labels, _)| labels.iter());
                self.make(
                    bytes
                        .map(|(name, value)| name.len() + value.len() + 64)
                        .sum(),
                )?;
                Ok(Value::list(result.into_iter().map(sample).collect()))
            }
            "now" => Ok(Value::Float(time as f64 / 1000.0)),
            "externalURL" => Ok(Value::text(server.external_url)),
            _ => Ok(Value::text(path(server.external_url))),
        }
    }
}

/// The path of a URL.
fn path(url: &str) -> &str {
    let behind = url.split_once("://").map_or(url, |(_, behind)| behind);
    behind.find('/').map_or("", |at| &behind[at..])
}

fn sample((labels, value): Sample) -> Value {
    let fields = [
        ("Labels", map_of(&labels)),
        ("Value", Value::Float(value).boxed()),
    ];
    structure(&SAMPLE, fields)
}

fn structure<const N: usize>(kind: &'static StructType, fields: [(&str, Value); N]) -> Value {
    let fields = fields.into_iter();
    Value::Map(Arc::new(Map {
        kind: MapType::Struct(kind),
        entries: fields
            .map(|(name, value)| (Text::from(name.as_bytes()), value))
            .collect(),
    }))
}

fn map_of(labels: &Labels) -> Value {
    Value::Map(Arc::new(Map {
        kind: MapType::Texts,
        entries: entries(labels),
    }))
}

fn entries(labels: &Labels) -> BTreeMap<Text, Value> {
    let pairs = labels.iter();
    pairs
        .map(|(name, value)| (Text::from(name.as_bytes()), Value::text(value)))
        .collect()
}
