//! Go's [`text/template`](https://pkg.go.dev/text/template), which Loki and Prometheus format lines, labels and
//! annotations with.
//!
//! - a text becomes tokens ([`lexer`]) and a tree ([`parser`], [`node`])
//! - the tree is walked ([`exec`], [`eval`]) over values of Go's types ([`value`])
//! - [`functions`] has the signatures; each server brings its own table, and a [`Host`] that bounds the work
//!
//! Results and messages are those of Go, with three exceptions. Output size and running time are
//! bounded by the host. Nesting is bounded more tightly than in Go. The local zone is UTC, as in the
//! container images of the servers.

mod builtins;
mod cast;
mod context;
pub(crate) mod dates;
mod decimal;
pub(crate) mod escape;
mod eval;
mod exec;
mod float;
mod format;
pub(crate) mod functions;
pub(crate) mod json;
mod lexer;
mod methods;
mod node;
mod number;
pub(crate) mod numbers;
mod parser;
mod printf;
pub(crate) mod regexes;
pub(crate) mod strings;
pub(crate) mod time;
pub(crate) mod units;
mod value;

use std::sync::Arc;

pub(crate) use self::context::{Context, Ended, Fault, Host};
use self::exec::Run;
use self::functions::Functions;
use self::node::{Node, Term};
pub(crate) use self::number::parse_float;
use self::parser::Templates;
use self::regexes::Regexes;
pub(crate) use self::value::{IntType, Map, MapType, StructType, Text, Value};

/// A parsed template.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    name: Arc<str>,
    source: Arc<str>,
    templates: Arc<Templates>,
    regexes: Regexes,
}

impl Template {
    /// Parses a text; `name` is its name in messages.
    ///
    /// # Errors
    /// It is malformed; the message gives the position.
    pub(crate) fn new(name: &str, text: &str, functions: Functions) -> Result<Self, String> {
        Ok(Self {
            name: name.into(),
            source: text.into(),
            templates: Arc::new(parser::parse(name, text, functions)?),
            regexes: Regexes::default(),
        })
    }

    /// Executes the template over `dot`.
    ///
    /// # Errors
    /// A function failed, or the host ended it.
    pub(crate) fn execute(&self, dot: Value, host: &mut dyn Host) -> Result<String, Fault> {
        let regexes = &self.regexes;
        let context = Context { host, regexes };
        Run::new(context, &self.templates, &self.source, &self.name, dot).all()
    }

    /// The field of a template `{{.field}}`, the most frequent one.
    pub(crate) fn only_field(&self) -> Option<&str> {
        let [Node::Action(action)] = self.templates.get(self.name.as_bytes())?.0.as_slice() else {
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
            [name] if plain => Some(name),
            _ => None,
        }
    }
}
