//! What functions of templates work with: the program that runs the template, and errors.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::functions::Made;
use super::regexes::Regexes;
use super::value::{Map, MapType, Text, Value};
use crate::wire::quote::valid;
use crate::wire::regex::Expression;

/// The host ends the execution, and knows why.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Ended;

/// An error of a template function.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Fault {
    /// A message of a function; the function's name is added to it.
    Function(String),
    /// A complete message of the template engine.
    Execution(String),
    /// The host ended it.
    Ended,
}

impl From<Ended> for Fault {
    fn from(Ended: Ended) -> Self {
        Self::Ended
    }
}

/// The program that runs a template: it gives the labels and bounds the work.
pub(crate) trait Host {
    /// Accounts for one step of work that reads `bytes`.
    fn work(&mut self, bytes: usize) -> Result<(), Ended>;

    /// Accounts for bytes that are about to be made.
    fn make(&mut self, bytes: usize) -> Result<(), Ended>;

    /// Tests whether so many more bytes may be made.
    fn room(&mut self, bytes: usize) -> Result<(), Ended>;

    /// The template takes more than `limit` steps.
    fn too_many_steps(&mut self, limit: usize) -> Ended;

    /// The value of a label of [`Value::Labels`], empty when there is none.
    fn label(&self, name: &str) -> &str;

    /// All labels of [`Value::Labels`].
    fn labels(&self) -> BTreeMap<Text, Value>;

    /// The name of the type of its lists.
    fn list_type(&self) -> &'static str {
        "[]interface {}"
    }

    /// Runs the function of that name, one of the host's own.
    fn call(&mut self, function: &'static str, arguments: &[Value]) -> Made;
}

/// What a function can use.
pub(crate) struct Context<'c> {
    pub(crate) host: &'c mut dyn Host,
    pub(super) regexes: &'c Regexes,
}

impl Context<'_> {
    /// Accounts for one step of work that reads `bytes`.
    pub(crate) fn work(&mut self, bytes: usize) -> Result<(), Fault> {
        Ok(self.host.work(bytes)?)
    }

    /// Accounts for bytes that are about to be made.
    pub(crate) fn make(&mut self, bytes: usize) -> Result<(), Fault> {
        Ok(self.host.make(bytes)?)
    }

    /// Tests whether so many more bytes may be made.
    pub(crate) fn room(&mut self, bytes: usize) -> Result<(), Fault> {
        Ok(self.host.room(bytes)?)
    }

    /// A new text.
    pub(crate) fn text(&mut self, bytes: impl AsRef<[u8]>) -> Made {
        self.make(bytes.as_ref().len())?;
        Ok(Value::text(bytes))
    }

    /// The labels as a map, any other value as it is.
    pub(super) fn whole(&mut self, value: Value) -> Made {
        if value != Value::Labels {
            return Ok(value);
        }
        let entries = self.host.labels();
        let bytes = entries.iter().map(|(name, value)| match value {
            Value::Text(text) => name.len() + text.len(),
            _ => name.len(),
        });
        self.make(bytes.sum())?;
        Ok(Value::Map(Arc::new(Map {
            kind: MapType::Texts,
            entries,
        })))
    }

    /// A compiled regular expression; each is compiled once for a template.
    pub(crate) fn regex(&mut self, pattern: &[u8]) -> Result<Arc<Expression>, Fault> {
        self.work(pattern.len())?;
        let text = std::str::from_utf8(pattern).map_err(|error| {
            let rest = pattern.get(error.valid_up_to()..).unwrap_or_default();
            let rest = valid(rest);
            Fault::Function(format!("error parsing regexp: invalid UTF-8: `{rest}`"))
        })?;
        self.regexes.get(text).map_err(Fault::Function)
    }
}
