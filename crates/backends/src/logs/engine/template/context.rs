//! The context of template functions: the line, the limits of the query, and errors.

use std::sync::Arc;

use super::regexes::Regexes;
use super::value::{Map, MapType, Text, Value};
use crate::logs::engine::budget::Budget;
use crate::logs::engine::error::QueryError;
use crate::logs::engine::fields::Fields;
use crate::wire::quote::valid;
use crate::wire::regex::Expression;

/// An error of a template function.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Fault {
    /// A message of a function; the function's name is added to it.
    Function(String),
    /// A complete message of the template engine.
    Execution(String),
    /// An error that ends the query.
    Query(QueryError),
}

impl From<QueryError> for Fault {
    fn from(error: QueryError) -> Self {
        Self::Query(error)
    }
}

/// The line that a template is executed for.
pub(super) struct Context<'c> {
    pub(super) fields: &'c Fields<'c>,
    pub(super) line: &'c str,
    pub(super) ts: i64,
    pub(super) budget: &'c mut Budget,
    /// The name of the stage, for refusals.
    pub(super) stage: &'static str,
    pub(super) regexes: &'c Regexes,
}

impl Context<'_> {
    /// Accounts for bytes that are about to be made.
    pub(super) fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        Ok(self.budget.make(bytes, self.stage)?)
    }

    /// Tests whether so many more bytes may be made.
    pub(super) fn room(&self, bytes: usize) -> Result<(), Fault> {
        Ok(self.budget.room(bytes, self.stage)?)
    }

    /// A new text.
    pub(super) fn text(&mut self, bytes: impl AsRef<[u8]>) -> Result<Value, Fault> {
        self.make(bytes.as_ref().len())?;
        Ok(Value::text(bytes))
    }

    /// The labels as a map, any other value as it is.
    pub(super) fn whole(&mut self, value: Value) -> Result<Value, Fault> {
        if value != Value::Labels {
            return Ok(value);
        }
        let all = self.fields.all();
        let bytes = all.iter().map(|(name, value, _)| name.len() + value.len());
        self.make(bytes.sum())?;
        let text = |text: &str| Text::from(text.as_bytes());
        let entries = all
            .into_iter()
            .map(|(name, value, _)| (text(name), Value::Text(text(value))))
            .collect();
        Ok(Value::Map(Arc::new(Map {
            kind: MapType::Texts,
            entries,
        })))
    }

    /// A compiled regular expression; each is compiled once for a template.
    pub(super) fn regex(&mut self, pattern: &[u8]) -> Result<Arc<Expression>, Fault> {
        self.budget.work(pattern.len())?;
        let text = std::str::from_utf8(pattern).map_err(|error| {
            let rest = pattern.get(error.valid_up_to()..).unwrap_or_default();
            let rest = valid(rest);
            Fault::Function(format!("error parsing regexp: invalid UTF-8: `{rest}`"))
        })?;
        self.regexes.get(text).map_err(Fault::Function)
    }
}
