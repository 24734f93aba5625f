//! Templates of `line_format` and `label_format`: Go's `text/template` with the functions of Loki
//! 3.7, <https://grafana.com/docs/loki/latest/query/template_functions/>.
//!
//! - a text becomes tokens ([`lexer`]) and a tree ([`parser`], [`node`])
//! - the tree is walked for each line ([`exec`], [`eval`]) over values of Go's types ([`value`])
//! - [`functions`] is the table of all functions with their signatures
//!
//! Results and messages are those of Go, with three exceptions. Output size and running time are
//! bounded, and a query beyond the bounds fails. Nesting is bounded more tightly than in Go. The
//! local zone is UTC, as in Loki's container images.

mod builtins;
mod cast;
mod context;
mod dates;
mod decimal;
mod escape;
mod eval;
mod exec;
mod float;
mod format;
mod functions;
mod json;
mod lexer;
mod methods;
mod node;
mod number;
mod numbers;
mod parser;
mod printf;
mod regexes;
mod strings;
mod time;
mod units;
mod value;

use std::sync::Arc;

use self::context::{Context, Fault};
use self::exec::Run;
use self::node::{Node, Term};
use self::parser::Templates;
use self::regexes::Regexes;
use super::budget::Budget;
use super::error::QueryError;
use super::fields::{ERROR, ERROR_DETAILS, Fields};

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
    source: Arc<str>,
    templates: Arc<Templates>,
    /// The label of a template that consists of one label only. As in Loki such a `line_format`
    /// does not see error labels.
    label: Option<String>,
    regexes: Regexes,
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// It is malformed; the message gives the position.
    pub(crate) fn new(kind: Kind, text: &str) -> Result<Self, String> {
        let templates = parser::parse(kind.name(), text)?;
        Ok(Self {
            kind,
            source: text.into(),
            label: only_label(&templates, kind),
            templates: Arc::new(templates),
            regexes: Regexes::default(),
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
        let context = Context {
            fields,
            line,
            ts,
            budget,
            stage,
            regexes: &self.regexes,
        };
        let run = Run::new(context, &self.templates, &self.source, self.kind.name());
        run.all().map_err(|fault| match fault {
            Fault::Execution(details) | Fault::Function(details) => Failure::Line(details),
            Fault::Query(error) => Failure::Query(error),
        })
    }
}

/// The label of `{{.label}}`, the most frequent template.
fn only_label(templates: &Templates, kind: Kind) -> Option<String> {
    let [Node::Action(action)] = templates.get(kind.name().as_bytes())?.0.as_slice() else {
        return None;
    };
    let pipe = &action.pipe;
    let [command] = pipe.commands.as_slice() else {
        return None;
    };
    let Term::Field(names) = &command.word.term else {
        return None;
    };
    let plain = command.arguments.is_empty() && pipe.variables.is_empty();
    match names.as_slice() {
        [name] if plain => Some(name.clone()),
        _ => None,
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
