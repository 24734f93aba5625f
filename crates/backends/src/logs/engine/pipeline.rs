//! Compiled pipelines.

use std::borrow::Cow;
use std::sync::LazyLock;

use regex::Regex;

use super::budget::Budget;
use super::error::QueryError;
use super::fields::{ERROR, ERROR_DETAILS, Fields, PRESERVE_ERROR};
use super::filters::{Condition, LineTest};
use super::hints::Hints;
use super::label_format::LabelChanges;
use super::parsers::LineParser;
use super::template::{Kind, Template, text_or_label};
use crate::logs::lang::{NamedMatcher, ParseError, Parser as ParserStage, Stage};
use crate::logs::lines::pattern::Pattern;
use crate::logs::store::LabelMatcher;
use crate::wire::regex::Expression;

/// Largest number of regular expressions in a query: each takes memory and time.
const MAX_EXPRESSIONS: usize = 100;

/// Escape sequences of terminal colours.
#[expect(clippy::expect_used, reason = "a literal")]
static ANSI: LazyLock<Regex> = LazyLock::new(|| {
    let pattern = "[\\x1B\u{9B}][\\[\\]()#;?]*(?:(?:(?:[a-zA-Z0-9]*(?:;[a-zA-Z0-9]*)*)?\\x07)|(?:(?:[0-9]{1,4}(?:;[0-9]{0,4})*)?[0-9A-PRZcf-ntqry=><~]))";
    Regex::new(pattern).expect("a literal")
});

/// A compiled pipeline.
#[derive(Clone, Debug)]
pub struct Pipeline {
    /// The line filters before all other stages.
    filters: Vec<LineTest>,
    steps: Vec<Step>,
    hints: Hints,
}

#[derive(Clone, Debug)]
enum Step {
    Line(LineTest),
    Parse(LineParser),
    Condition(Condition),
    LineFormat(Template),
    Decolorize,
    LabelFormat(LabelChanges),
    Drop(Vec<Named>),
    Keep(Vec<Named>),
}

#[derive(Clone, Debug)]
enum Named {
    Name(String),
    Matcher(LabelMatcher),
}

impl Named {
    fn name(&self) -> &str {
        match self {
            Self::Name(name) => name,
            Self::Matcher(matcher) => &matcher.name,
        }
    }

    fn picks(&self, value: &str) -> bool {
        match self {
            Self::Name(_) => true,
            Self::Matcher(matcher) => matcher.comparison.accepts(value),
        }
    }
}

impl Pipeline {
    /// Compiles all stages.
    ///
    /// # Errors
    /// A stage is invalid.
    pub fn new(stages: &[Stage]) -> Result<Self, QueryError> {
        let expressions = stages.iter().map(expressions).sum::<usize>();
        if expressions > MAX_EXPRESSIONS {
            return Err(QueryError::TooManyExpressions(MAX_EXPRESSIONS));
        }
        let mut pipeline = Self {
            filters: Vec::new(),
            steps: Vec::new(),
            hints: Hints::default(),
        };
        for stage in ordered(stages) {
            match compile(stage)? {
                Step::Line(test) if pipeline.steps.is_empty() => pipeline.filters.push(test),
                step => pipeline.steps.push(step),
            }
        }
        Ok(pipeline)
    }

    /// Restricts parsers to the labels that the query needs: those of the grouping (`None` if all
    /// labels are needed), those that later conditions read, and the unwrapped one.
    pub(crate) fn look_only_for(
        &mut self,
        groups: Option<&[String]>,
        conditions: &[Condition],
        value: Option<&str>,
    ) {
        let mut names = Vec::new();
        for condition in conditions {
            condition.names(&mut names);
        }
        for step in &self.steps {
            match step {
                Step::Condition(condition) => condition.names(&mut names),
                // The labels that a template reads are not known, so all are needed.
                Step::LineFormat(_) | Step::LabelFormat(_) => return,
                _ => {}
            }
        }
        self.hints = Hints::new(names, groups, value);
        for step in &mut self.steps {
            if let Step::Parse(parser) = step {
                parser.look_only_for(&self.hints);
            }
        }
    }

    /// Tests whether the line filters before all other stages drop each line that is a part of this text.
    pub(crate) fn excludes(&self, text: &str) -> bool {
        self.filters.iter().any(|test| test.excludes(text))
    }

    /// Tests a line by the line filters before all other stages.
    ///
    /// # Errors
    /// The query timed out.
    #[inline]
    pub(crate) fn passes(&self, line: &str, budget: &mut Budget) -> Result<bool, QueryError> {
        for test in &self.filters {
            budget.work(line.len())?;
            if !test.passes(line) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The patterns whose captures decide what becomes of a line that [`passes`](Self::passes), together with the labels
    /// of its stream and its metadata. `None` if other stages read the line too, or change it.
    pub(crate) fn deciding(&self) -> Option<Vec<Pattern>> {
        let mut patterns = Vec::new();
        for step in &self.steps {
            match step {
                Step::Parse(LineParser::Pattern(pattern)) => patterns.push(pattern.clone()),
                Step::Condition(_) | Step::Drop(_) | Step::Keep(_) => {}
                _ => return None,
            }
        }
        Some(patterns)
    }

    /// Runs a line that [`passes`](Self::passes) through the other stages. Returns the resulting line, or `None` if a
    /// stage dropped it.
    ///
    /// # Errors
    /// The query timed out, or its stages made too many bytes from this line.
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
                Step::Parse(parser) => {
                    let (unpacked, made) = parser.parse(&line, fields, &self.hints);
                    budget.make(made, parser.name())?;
                    line = unpacked.map_or(line, Cow::Owned);
                }
                Step::Condition(condition) => {
                    if !condition.holds(fields) {
                        return Ok(None);
                    }
                }
                Step::LineFormat(template) => {
                    let made = template.render(fields, &line, ts, budget);
                    if let Some(text) = text_or_label(made, fields)? {
                        line = Cow::Owned(text);
                    }
                }
                Step::Decolorize => {
                    if let Cow::Owned(plain) = ANSI.replace_all(&line, "") {
                        line = Cow::Owned(plain);
                    }
                }
                Step::LabelFormat(changes) => changes.apply((ts, &line), fields, budget)?,
                Step::Drop(named) => drop_labels(named, fields),
                Step::Keep(named) => keep_labels(named, fields),
            }
        }
        Ok(Some(line))
    }
}

fn drop_labels(named: &[Named], fields: &mut Fields<'_>) {
    for one in named {
        let name = one.name();
        if !one.picks(fields.get(name).unwrap_or_default()) {
            continue;
        }
        match name {
            ERROR => fields.clear_error(),
            ERROR_DETAILS => fields.clear_details(),
            name if fields.label(name).is_some() => fields.remove(name),
            _ => {}
        }
    }
}

fn keep_labels(named: &[Named], fields: &mut Fields<'_>) {
    let special = [ERROR, ERROR_DETAILS, PRESERVE_ERROR];
    let kept = |name: &str, value: &str| {
        let mut same = named.iter().filter(|one| one.name() == name);
        special.contains(&name) || same.any(|one| one.picks(value))
    };
    let names: Vec<String> = fields
        .all()
        .into_iter()
        .filter(|(name, value, _)| !kept(name, value))
        .map(|(name, ..)| name.to_owned())
        .collect();
    for name in names {
        fields.remove(&name);
    }
}

/// Reorders stages as Loki does: line filters move before stages that do not change the line.
fn ordered(stages: &[Stage]) -> Vec<&Stage> {
    let mut ordered = Vec::with_capacity(stages.len());
    let (mut filters, mut others) = (Vec::new(), Vec::new());
    for stage in stages {
        match stage {
            Stage::LineFilter(_) => filters.push(stage),
            Stage::LabelFilter(_) => {
                ordered.append(&mut filters);
                ordered.append(&mut others);
                ordered.push(stage);
            }
            Stage::LineFormat(_) | Stage::Parser(ParserStage::Unpack) => {
                ordered.append(&mut filters);
                ordered.append(&mut others);
                ordered.push(stage);
            }
            _ => others.push(stage),
        }
    }
    ordered.append(&mut filters);
    ordered.append(&mut others);
    ordered
}

/// Number of regular expressions in a stage.
fn expressions(stage: &Stage) -> usize {
    match stage {
        Stage::LineFilter(_) | Stage::Parser(ParserStage::Regexp(_)) => 1,
        Stage::LabelFilter(filter) => filter.expressions(),
        Stage::Drop(named) | Stage::Keep(named) => {
            let has_value = |one: &&NamedMatcher| matches!(one, NamedMatcher::Matcher(_));
            named.iter().filter(has_value).count()
        }
        _ => 0,
    }
}

fn compile(stage: &Stage) -> Result<Step, QueryError> {
    let refused = |reason: String| QueryError::Stage {
        stage: stage.to_string(),
        reason,
    };
    Ok(match stage {
        Stage::LineFilter(filter) => Step::Line(LineTest::new(filter).map_err(refused)?),
        Stage::Parser(parser) => Step::Parse(line_parser(parser).map_err(refused)?),
        Stage::LabelFilter(filter) => Step::Condition(Condition::new(filter)?),
        Stage::LineFormat(text) => {
            let template = Template::new(Kind::Line, text);
            Step::LineFormat(
                template.map_err(|reason| refused(format!("invalid line template: {reason}")))?,
            )
        }
        Stage::Decolorize => Step::Decolorize,
        Stage::LabelFormat(formats) => {
            Step::LabelFormat(LabelChanges::new(formats).map_err(refused)?)
        }
        Stage::Drop(labels) => Step::Drop(named(labels)?),
        Stage::Keep(labels) => Step::Keep(named(labels)?),
    })
}

fn line_parser(stage: &ParserStage) -> Result<LineParser, String> {
    match stage {
        ParserStage::Json(extractions) => LineParser::json(extractions),
        ParserStage::Logfmt {
            strict,
            keep_empty,
            extractions,
        } => LineParser::logfmt(*strict, *keep_empty, extractions),
        ParserStage::Unpack => Ok(LineParser::Unpack),
        ParserStage::Regexp(expression) => Expression::new(expression)
            .map(LineParser::Regexp)
            .map_err(|error| error.to_string()),
        ParserStage::Pattern(expression) => LineParser::pattern(expression),
    }
}

fn named(labels: &[NamedMatcher]) -> Result<Vec<Named>, ParseError> {
    labels
        .iter()
        .map(|label| match label {
            NamedMatcher::Name(name) => Ok(Named::Name(name.clone())),
            NamedMatcher::Matcher(matcher) => Ok(Named::Matcher(matcher.compile()?)),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::ANSI;

    #[test]
    fn colours_are_taken_out() {
        let line = "\u{1b}[32mgreen\u{1b}[0m \u{1b}[1;31mred\u{1b}[m plain";
        assert_eq!(ANSI.replace_all(line, ""), "green red plain");
    }
}
