//! The subset of Go templates that `line_format` and `label_format` take: fields, literals,
//! parentheses, pipes and some functions on texts. Anything else is refused by its name.

use winnow::ascii::multispace0;
use winnow::combinator::{alt, delimited, preceded, repeat, separated, terminated};
use winnow::error::{ContextError, ErrMode, ModalResult};
use winnow::prelude::*;
use winnow::token::{one_of, take_until, take_while};

use super::budget::Budget;
use super::error::QueryError;
use super::fields::Fields;
use super::template_functions::Function;
use crate::embedded::logs::logql::quoted_text;

/// How deep parentheses may nest.
const MAX_DEPTH: usize = 16;

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
}

/// A template that made no text.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Failure {
    /// The line goes on with this as its `__error_details__`.
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
    parts: Vec<Part>,
}

#[derive(Clone, Debug)]
enum Part {
    Text(String),
    Value(Call),
}

#[derive(Clone, Debug)]
enum Call {
    Field(String),
    Text(String),
    Function(Function, Vec<Call>),
}

/// What the grammar reads, before functions are looked up.
enum Word {
    Field(String),
    Text(String),
    Name(String),
    Group(Vec<Vec<Word>>),
}

fn name<'i>(input: &mut &'i str) -> ModalResult<&'i str> {
    (
        one_of(|c: char| c.is_ascii_alphabetic() || c == '_'),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'),
    )
        .take()
        .parse_next(input)
}

fn number<'i>(input: &mut &'i str) -> ModalResult<&'i str> {
    (
        winnow::combinator::opt('-'),
        take_while(1.., |c: char| c.is_ascii_digit() || c == '.'),
    )
        .take()
        .parse_next(input)
}

fn word(depth: usize) -> impl FnMut(&mut &str) -> ModalResult<Word> {
    move |input| {
        if depth == 0 {
            return Err(ErrMode::Cut(ContextError::new()));
        }
        alt((
            preceded('.', name).map(|name| Word::Field(name.to_owned())),
            quoted_text.map(Word::Text),
            number.map(|number| Word::Text(number.to_owned())),
            name.map(|name| Word::Name(name.to_owned())),
            delimited('(', pipeline(depth - 1), (multispace0, ')')).map(Word::Group),
        ))
        .parse_next(input)
    }
}

fn pipeline(depth: usize) -> impl FnMut(&mut &str) -> ModalResult<Vec<Vec<Word>>> {
    move |input| {
        let command = repeat(1.., preceded(multispace0, word(depth)));
        separated(1.., command, (multispace0, '|')).parse_next(input)
    }
}

fn action(input: &mut &str) -> ModalResult<Vec<Vec<Word>>> {
    let open = alt(("{{- ", "{{"));
    let close = alt((" -}}", "}}"));
    delimited(open, pipeline(MAX_DEPTH), (multispace0, close)).parse_next(input)
}

impl Template {
    /// Compiles a template.
    ///
    /// # Errors
    /// What is malformed or not supported.
    pub(crate) fn new(kind: Kind, text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while !rest.is_empty() {
            let literal: Result<&str, ErrMode<ContextError>> =
                take_until(0.., "{{").parse_next(&mut rest);
            match literal {
                Ok(literal) => parts.push(Part::Text(literal.to_owned())),
                Err(_) => {
                    parts.push(Part::Text(rest.to_owned()));
                    break;
                }
            }
            let shown: String = rest.chars().take(40).collect();
            let words = terminated(action, winnow::combinator::empty)
                .parse_next(&mut rest)
                .map_err(|_| format!("template: line:1: unexpected or unsupported {shown:?}"))?;
            parts.push(Part::Value(resolve(words)?));
        }
        Ok(Self { kind, parts })
    }

    /// Fills the template in.
    ///
    /// # Errors
    /// What a function could not do; the query makes too much or took too long.
    pub(crate) fn render(
        &self,
        fields: &Fields<'_>,
        line: &str,
        ts: i64,
        budget: &mut Budget,
    ) -> Result<String, Failure> {
        let stage = self.kind.stage();
        let mut text = String::with_capacity(128);
        for part in &self.parts {
            match part {
                Part::Text(literal) => {
                    budget.make(literal.len(), stage)?;
                    text.push_str(literal);
                }
                Part::Value(Call::Field(name)) => {
                    let value = fields.get(name).unwrap_or_default();
                    budget.make(value.len(), stage)?;
                    text.push_str(value);
                }
                Part::Value(call) => {
                    let value = evaluate(call, fields, line, ts).map_err(Failure::Line)?;
                    budget.make(value.len(), stage)?;
                    text.push_str(&value);
                }
            }
        }
        Ok(text)
    }
}

/// Puts the result of each command of a pipe last among the arguments of the next.
fn resolve(commands: Vec<Vec<Word>>) -> Result<Call, String> {
    let mut piped: Option<Call> = None;
    for command in commands {
        let mut words = command.into_iter();
        let first = words.next().ok_or("template: missing value for command")?;
        let mut arguments: Vec<Call> = words.map(argument).collect::<Result<_, _>>()?;
        arguments.extend(piped.take());
        piped = Some(match first {
            Word::Name(name) => {
                let function = Function::by_name(&name)
                    .ok_or_else(|| format!("template: function \"{name}\" not supported"))?;
                let wanted = function.arguments();
                if arguments.len() != wanted {
                    return Err(format!(
                        "template: wrong number of args for {name}: want {wanted} got {}",
                        arguments.len()
                    ));
                }
                Call::Function(function, arguments)
            }
            value if arguments.is_empty() => argument(value)?,
            _ => return Err("template: can't give argument to non-function".to_owned()),
        });
    }
    piped.ok_or_else(|| "template: missing value for command".to_owned())
}

fn argument(word: Word) -> Result<Call, String> {
    match word {
        Word::Field(name) => Ok(Call::Field(name)),
        Word::Text(text) => Ok(Call::Text(text)),
        name @ Word::Name(_) => resolve(vec![vec![name]]),
        Word::Group(commands) => resolve(commands),
    }
}

fn evaluate(call: &Call, fields: &Fields<'_>, line: &str, ts: i64) -> Result<String, String> {
    match call {
        Call::Field(name) => Ok(fields.get(name).unwrap_or_default().to_owned()),
        Call::Text(text) => Ok(text.clone()),
        Call::Function(function, arguments) => {
            let arguments: Vec<String> = arguments
                .iter()
                .map(|argument| evaluate(argument, fields, line, ts))
                .collect::<Result<_, _>>()?;
            function.call(&arguments, line, ts)
        }
    }
}
