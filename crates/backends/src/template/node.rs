//! The tree of a template. Each node prints as Go prints it, because messages quote it.

use std::fmt::{Display, Formatter, Result};

use super::functions::Function;
use super::number::Number;
use super::value::Text;
use crate::wire::quote::quoted;

/// Nodes one after the other.
#[derive(Clone, Debug, Default)]
pub(super) struct List(pub(super) Vec<Node>);

/// A node: a text or an action.
#[derive(Clone, Debug)]
pub(super) enum Node {
    Text(Text),
    Action(Action),
    If(Branch),
    With(Branch),
    Range(Branch),
    Call(TemplateCall),
    Break,
    Continue,
}

/// `{{ pipeline }}`
#[derive(Clone, Debug)]
pub(super) struct Action {
    pub(super) pos: usize,
    pub(super) pipe: Pipe,
}

/// `if`, `with` or `range`.
#[derive(Clone, Debug)]
pub(super) struct Branch {
    pub(super) pipe: Pipe,
    pub(super) list: List,
    pub(super) otherwise: Option<List>,
}

/// `{{template "name" pipeline}}`
#[derive(Clone, Debug)]
pub(super) struct TemplateCall {
    pub(super) pos: usize,
    pub(super) name: Vec<u8>,
    pub(super) pipe: Option<Pipe>,
}

/// Commands whose results go from one to the next.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    pub(super) pos: usize,
    pub(super) assigns: bool,
    pub(super) variables: Vec<Variable>,
    pub(super) commands: Vec<Command>,
}

/// `$name.field.field`
#[derive(Clone, Debug)]
pub(super) struct Variable {
    pub(super) name: String,
    pub(super) fields: Vec<String>,
}

/// A command: a word with its arguments. It always has a word.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) pos: usize,
    pub(super) word: Operand,
    pub(super) arguments: Vec<Operand>,
}

/// An operand of a command.
#[derive(Clone, Debug)]
pub(super) struct Operand {
    pub(super) pos: usize,
    pub(super) term: Term,
}

#[derive(Clone, Debug)]
pub(super) enum Term {
    Bool(bool),
    Number(Number),
    Text { literal: String, text: Text },
    Dot,
    Nil,
    Field(Vec<String>),
    Variable(Variable),
    Chain(Box<Operand>, Vec<String>),
    Function(&'static Function),
    Pipe(Pipe),
}

impl List {
    /// True if it is empty; a later definition with the same name then replaces it.
    pub(super) fn is_empty(&self) -> bool {
        self.0.iter().all(|node| match node {
            Node::Text(text) => super::strings::trim_space(text).is_empty(),
            _ => false,
        })
    }
}

impl Display for List {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.0.iter().try_for_each(|node| node.fmt(f))
    }
}

impl Display for Node {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match self {
            Self::Text(text) => f.write_str(&crate::wire::quote::valid(text)),
            Self::Action(action) => write!(f, "{{{{{}}}}}", action.pipe),
            Self::If(branch) => branch.write(f, "if"),
            Self::With(branch) => branch.write(f, "with"),
            Self::Range(branch) => branch.write(f, "range"),
            Self::Call(call) => call.fmt(f),
            Self::Break => f.write_str("{{break}}"),
            Self::Continue => f.write_str("{{continue}}"),
        }
    }
}

impl Display for Action {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{{{{}}}}}", self.pipe)
    }
}

impl Branch {
    fn write(&self, f: &mut Formatter<'_>, word: &str) -> Result {
        write!(f, "{{{{{word} {}}}}}{}", self.pipe, self.list)?;
        if let Some(list) = &self.otherwise {
            write!(f, "{{{{else}}}}{list}")?;
        }
        f.write_str("{{end}}")
    }
}

impl Display for TemplateCall {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        write!(f, "{{{{template {}", quoted(&self.name))?;
        if let Some(pipe) = &self.pipe {
            write!(f, " {pipe}")?;
        }
        f.write_str("}}")
    }
}

impl Display for Pipe {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        for (at, variable) in self.variables.iter().enumerate() {
            let comma = if at > 0 { ", " } else { "" };
            write!(f, "{comma}{variable}")?;
        }
        if !self.variables.is_empty() {
            f.write_str(if self.assigns { " = " } else { " := " })?;
        }
        for (at, command) in self.commands.iter().enumerate() {
            let bar = if at > 0 { " | " } else { "" };
            write!(f, "{bar}{command}")?;
        }
        Ok(())
    }
}

impl Display for Command {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        self.word.write_argument(f)?;
        for argument in &self.arguments {
            f.write_str(" ")?;
            argument.write_argument(f)?;
        }
        Ok(())
    }
}

impl Operand {
    fn write_argument(&self, f: &mut Formatter<'_>) -> Result {
        match &self.term {
            Term::Pipe(pipe) => write!(f, "({pipe})"),
            _ => self.fmt(f),
        }
    }
}

impl Display for Operand {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        match &self.term {
            Term::Bool(value) => value.fmt(f),
            Term::Number(number) => f.write_str(&number.text),
            Term::Text { literal, .. } => f.write_str(literal),
            Term::Dot => f.write_str("."),
            Term::Nil => f.write_str("nil"),
            Term::Field(names) => names.iter().try_for_each(|name| write!(f, ".{name}")),
            Term::Variable(variable) => variable.fmt(f),
            Term::Chain(operand, names) => {
                operand.write_argument(f)?;
                names.iter().try_for_each(|name| write!(f, ".{name}"))
            }
            Term::Function(function) => f.write_str(function.name),
            Term::Pipe(pipe) => pipe.fmt(f),
        }
    }
}

impl Display for Variable {
    fn fmt(&self, f: &mut Formatter<'_>) -> Result {
        f.write_str(&self.name)?;
        self.fields.iter().try_for_each(|name| write!(f, ".{name}"))
    }
}
