//! Compiled pipelines: what happens to each line.

use std::borrow::Cow;

use regex::Regex;

use super::budget::Budget;
use super::error::QueryError;
use super::fields::Fields;
use super::filters::{Condition, LineTest};
use super::parsers::LineParser;
use super::template::{Failure, Kind, Template};
use crate::embedded::logs::logql::{
    LabelFormat, NamedMatcher, ParseError, Parser as ParserStage, Stage,
};
use crate::embedded::logs::store::{LabelMatcher, compile_regex};

/// A pipeline that is ready to run.
#[derive(Clone, Debug)]
pub struct Pipeline {
    steps: Vec<Step>,
}

#[derive(Clone, Debug)]
enum Step {
    Line(LineTest),
    Parse(LineParser),
    Condition(Condition),
    LineFormat(Template),
    LabelFormat(Vec<LabelChange>),
    Drop(Vec<Named>),
    Keep(Vec<Named>),
}

/// One change of a `label_format`.
#[derive(Clone, Debug)]
enum LabelChange {
    Rename { to: String, from: String },
    Set { label: String, template: Template },
}

#[derive(Clone, Debug)]
enum Named {
    Name(String),
    Matcher(LabelMatcher),
}

impl Named {
    fn picks(&self, name: &str, value: &str) -> bool {
        match self {
            Self::Name(own) => own == name,
            Self::Matcher(matcher) => matcher.name == name && matcher.comparison.accepts(value),
        }
    }
}

impl Pipeline {
    /// Compiles all stages.
    ///
    /// # Errors
    /// Which stage makes no sense, and why.
    pub fn new(stages: &[Stage]) -> Result<Self, QueryError> {
        let mut steps = Vec::with_capacity(stages.len());
        for stage in stages {
            compile(stage, &mut steps)?;
        }
        Ok(Self { steps })
    }

    /// Runs a line through all stages. Returns the line as they left it, or none if one of them
    /// dropped it.
    ///
    /// # Errors
    /// The query has used up its time, or made too much of this line.
    pub(crate) fn run<'l>(
        &self,
        ts: i64,
        line: &'l str,
        fields: &mut Fields<'_>,
        budget: &mut Budget,
    ) -> Result<Option<Cow<'l, str>>, QueryError> {
        let mut line = Cow::Borrowed(line);
        for step in &self.steps {
            budget.work(line.len())?;
            match step {
                Step::Line(test) => {
                    if !test.passes(&line) {
                        return Ok(None);
                    }
                }
                Step::Parse(parser) => parser.parse(&line, fields),
                Step::Condition(condition) => {
                    if !condition.holds(fields) {
                        return Ok(None);
                    }
                }
                Step::LineFormat(template) => {
                    let made = template.render(fields, &line, ts, budget);
                    if let Some(text) = noted(made, fields)? {
                        line = Cow::Owned(text);
                    }
                }
                Step::LabelFormat(formats) => {
                    format_labels(formats, (ts, &line), fields, budget)?;
                }
                Step::Drop(named) => remove(fields, |name, value| {
                    named.iter().any(|named| named.picks(name, value))
                }),
                Step::Keep(named) => remove(fields, |name, value| {
                    !name.starts_with("__error") && !named.iter().any(|n| n.picks(name, value))
                }),
            }
        }
        Ok(Some(line))
    }

    /// Whether labels may come out other than they went in.
    #[must_use]
    pub fn changes_labels(&self) -> bool {
        self.steps
            .iter()
            .any(|step| !matches!(step, Step::Line(_) | Step::LineFormat(_)))
    }

    /// Whether it passes every line as it is.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

/// The text that a template made; when it failed, none, and the line notes why.
fn noted(
    made: Result<String, Failure>,
    fields: &mut Fields<'_>,
) -> Result<Option<String>, QueryError> {
    match made {
        Ok(text) => Ok(Some(text)),
        Err(Failure::Line(details)) => {
            fields.fail("TemplateFormatErr", &details);
            Ok(None)
        }
        Err(Failure::Query(error)) => Err(error),
    }
}

/// Applies one `label_format`. As in Loki, all of its templates see the labels as they are when
/// the first of them is reached; renames see what came before them.
fn format_labels(
    changes: &[LabelChange],
    (ts, line): (i64, &str),
    fields: &mut Fields<'_>,
    budget: &mut Budget,
) -> Result<(), QueryError> {
    let mut made: Option<std::vec::IntoIter<Result<String, Failure>>> = None;
    for change in changes {
        match change {
            LabelChange::Rename { to, from } => {
                if let Some(value) = fields.get(from).map(str::to_owned) {
                    fields.set(to, &value);
                    fields.remove(from);
                }
            }
            LabelChange::Set { label, .. } => {
                let texts = made.get_or_insert_with(|| {
                    let templates = changes.iter().filter_map(|change| match change {
                        LabelChange::Rename { .. } => None,
                        LabelChange::Set { template, .. } => Some(template),
                    });
                    let texts = templates.map(|template| template.render(fields, line, ts, budget));
                    texts.collect::<Vec<_>>().into_iter()
                });
                // There is one text for each `Set`, in the same order.
                if let Some(text) = texts.next()
                    && let Some(text) = noted(text, fields)?
                {
                    fields.set(label, &text);
                }
            }
        }
    }
    Ok(())
}

fn remove(fields: &mut Fields<'_>, picked: impl Fn(&str, &str) -> bool) {
    let names: Vec<String> = fields
        .all()
        .into_iter()
        .filter(|(name, value, _)| picked(name, value))
        .map(|(name, ..)| name.to_owned())
        .collect();
    for name in names {
        fields.remove(&name);
    }
}

fn compile(stage: &Stage, steps: &mut Vec<Step>) -> Result<(), QueryError> {
    let refused = |reason: String| QueryError::Stage {
        stage: stage.to_string(),
        reason,
    };
    match stage {
        Stage::LineFilter(filter) => {
            let test = LineTest::new(filter).map_err(|error| refused(error.to_string()))?;
            steps.push(Step::Line(test));
        }
        Stage::Parser(parser) => {
            steps.push(Step::Parse(line_parser(parser)?));
        }
        Stage::LabelFilter(filter) => steps.push(Step::Condition(Condition::new(filter)?)),
        Stage::LineFormat(text) => {
            let template = Template::new(Kind::Line, text)
                .map_err(|reason| refused(format!("invalid line template: {reason}")));
            steps.push(Step::LineFormat(template?));
        }
        Stage::LabelFormat(formats) => {
            let changes = formats.iter().map(|(label, format)| match format {
                LabelFormat::Rename(from) => Ok(LabelChange::Rename {
                    to: label.clone(),
                    from: from.clone(),
                }),
                LabelFormat::Template(text) => Ok(LabelChange::Set {
                    label: label.clone(),
                    template: Template::new(Kind::Label, text).map_err(|reason| {
                        refused(format!("invalid template for label '{label}': {reason}"))
                    })?,
                }),
            });
            let changes = changes.collect::<Result<Vec<_>, QueryError>>()?;
            steps.push(Step::LabelFormat(changes));
        }
        Stage::Drop(labels) => steps.push(Step::Drop(named(labels)?)),
        Stage::Keep(labels) => steps.push(Step::Keep(named(labels)?)),
    }
    Ok(())
}

fn line_parser(stage: &ParserStage) -> Result<LineParser, QueryError> {
    let invalid = |kind: &str, reason: String| {
        QueryError::Parse(ParseError::plain(format!(
            "invalid {kind} parser: {reason}"
        )))
    };
    match stage {
        ParserStage::Json(extractions) => {
            LineParser::json(extractions).map_err(|reason| invalid("json", reason))
        }
        ParserStage::Logfmt {
            strict,
            keep_empty,
            extractions,
        } => Ok(LineParser::logfmt(*strict, *keep_empty, extractions)),
        ParserStage::Regexp(expression) => {
            let regex: Result<Regex, _> = compile_regex(expression);
            regex
                .map_err(|error| error.to_string())
                .and_then(LineParser::regexp)
                .map_err(|reason| invalid("regexp", reason))
        }
        ParserStage::Pattern(expression) => {
            LineParser::pattern(expression).map_err(|reason| invalid("pattern", reason))
        }
    }
}

fn named(labels: &[NamedMatcher]) -> Result<Vec<Named>, QueryError> {
    labels
        .iter()
        .map(|label| match label {
            NamedMatcher::Name(name) => Ok(Named::Name(name.clone())),
            NamedMatcher::Matcher(matcher) => Ok(Named::Matcher(matcher.compile()?)),
        })
        .collect()
}
