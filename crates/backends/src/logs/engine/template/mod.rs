//! Templates of `line_format` and `label_format`: Go's `text/template` with the functions of Loki
//! 3.7, <https://grafana.com/docs/loki/latest/query/template_functions/>. A query beyond its bounds fails.

mod functions;

use std::collections::BTreeMap;

use self::functions::FUNCTIONS;
use super::budget::Budget;
use super::error::QueryError;
use super::fields::{ERROR, ERROR_DETAILS, Fields};
use crate::template::functions::Made;
use crate::template::time::Time;
use crate::template::{self, Ended, Fault, Host, Text, Value};

/// The stage that a template belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `line_format`
    Line,
    /// `label_format`
    Label,
}

impl Kind {
    fn stage(self) -> &'static str {
        match self {
            Self::Line => "line_format",
            Self::Label => "label_format",
        }
    }

    /// The name of the template in messages.
    fn name(self) -> &'static str {
        match self {
            Self::Line => "line",
            Self::Label => "label",
        }
    }
}

/// A template that failed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The line is kept, with this text as its `__error_details__`.
    Line(String),
    /// The query ends.
    Query(QueryError),
}

impl From<QueryError> for Failure {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

/// A compiled template.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    kind: Kind,
    template: template::Template,
    /// The label of a template that consists of one label only. As in Loki such a `line_format`
    /// does not see error labels.
    label: Option<String>,
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// It is malformed; the message gives the position.
    pub(crate) fn new(kind: Kind, text: &str) -> Result<Self, String> {
        let template = template::Template::new(kind.name(), text, FUNCTIONS)?;
        Ok(Self {
            kind,
            label: template.only_field().map(str::to_owned),
            template,
        })
    }

    /// Executes the template.
    ///
    /// # Errors
    /// A function failed, or the query exceeded its limits.
    pub(crate) fn render(
        &self,
        fields: &Fields<'_>,
        line: &str,
        ts: i64,
        budget: &mut Budget,
    ) -> Result<String, Failure> {
        let stage = self.kind.stage();
        if let Some(name) = &self.label {
            let hidden = self.kind == Kind::Line && [ERROR, ERROR_DETAILS].contains(&name.as_str());
            let value = fields.get(name).filter(|_| !hidden).unwrap_or_default();
            budget.make(value.len(), stage)?;
            return Ok(value.to_owned());
        }
        let mut line = Line {
            fields,
            line,
            ts,
            budget,
            stage,
            error: None,
        };
        let rendered = self.template.execute(Value::Labels, &mut line);
        rendered.map_err(|fault| match (fault, line.error) {
            (Fault::Ended, Some(error)) => Failure::Query(error),
            (Fault::Ended, None) => Failure::Line("the template was ended".to_owned()),
            (Fault::Execution(details) | Fault::Function(details), _) => Failure::Line(details),
        })
    }
}

/// The line that a template is executed for.
struct Line<'l> {
    fields: &'l Fields<'l>,
    line: &'l str,
    ts: i64,
    budget: &'l mut Budget,
    /// The name of the stage, for refusals.
    stage: &'static str,
    /// Why the execution ended.
    error: Option<QueryError>,
}

impl Line<'_> {
    fn keep<T>(&mut self, done: Result<T, QueryError>) -> Result<T, Ended> {
        done.map_err(|error| {
            self.error = Some(error);
            Ended
        })
    }
}

impl Host for Line<'_> {
    fn work(&mut self, bytes: usize) -> Result<(), Ended> {
        let done = self.budget.work(bytes);
        self.keep(done)
    }

    fn make(&mut self, bytes: usize) -> Result<(), Ended> {
        let done = self.budget.make(bytes, self.stage);
        self.keep(done)
    }

    fn room(&mut self, bytes: usize) -> Result<(), Ended> {
        let done = self.budget.room(bytes, self.stage);
        self.keep(done)
    }

    fn too_many_steps(&mut self, limit: usize) -> Ended {
        let stage = self.stage;
        self.error = Some(QueryError::TooManySteps { stage, limit });
        Ended
    }

    fn label(&self, name: &str) -> &str {
        self.fields.get(name).unwrap_or_default()
    }

    fn labels(&self) -> BTreeMap<Text, Value> {
        let all = self.fields.all().into_iter();
        all.map(|(name, value, _)| (Text::from(name.as_bytes()), Value::text(value)))
            .collect()
    }

    fn call(&mut self, function: &'static str, _arguments: &[Value]) -> Made {
        match function {
            "__line__" => {
                self.make(self.line.len())?;
                Ok(Value::text(self.line))
            }
            _ => Ok(Value::Time(Time::from_nanos(self.ts))),
        }
    }
}

/// The text of a rendered template. If rendering failed, the line gets an error label and there is no text.
pub(super) fn text_or_label(
    rendered: Result<String, Failure>,
    fields: &mut Fields<'_>,
) -> Result<Option<String>, QueryError> {
    match rendered {
        Ok(text) => Ok(Some(text)),
        Err(Failure::Line(details)) => {
            fields.fail("TemplateFormatErr", &details);
            Ok(None)
        }
        Err(Failure::Query(error)) => Err(error),
    }
}
