//! Executes templates: walks the tree as Go's `text/template` does, with its error messages.

use std::fmt::Display;

use super::context::{Context, Fault};
use super::format::print_text;
use super::node::{Branch, List, Node, Pipe, TemplateCall};
use super::parser::Templates;
use super::value::{MapType, Value};
use crate::wire::quote::{quoted, valid};

/// Largest number of nodes and pipelines of one execution.
const MAX_STEPS: usize = 1_000_000;

/// Deepest nesting of templates, blocks and parentheses during execution. Go allows 100,000
/// templates; here each level uses stack.
const MAX_DEPTH: usize = 150;

/// The way in which a list of nodes ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flow {
    Next,
    Break,
    Continue,
}

/// The execution of one template.
pub(super) struct Run<'r, 'c> {
    pub(super) context: Context<'c>,
    templates: &'r Templates,
    /// The whole source, and its name in messages.
    source: &'r str,
    name: &'r str,
    /// The template being executed.
    template: &'r [u8],
    /// The node that messages quote, with its position.
    node: Option<(usize, &'r dyn Display)>,
    pub(super) variables: Vec<(&'r str, Value)>,
    depth: usize,
    steps: usize,
    out: Vec<u8>,
}

impl<'r, 'c> Run<'r, 'c> {
    pub(super) fn new(
        context: Context<'c>,
        templates: &'r Templates,
        source: &'r str,
        name: &'r str,
        dot: Value,
    ) -> Self {
        Self {
            context,
            templates,
            source,
            name,
            template: name.as_bytes(),
            node: None,
            variables: vec![("$", dot)],
            depth: 0,
            steps: 0,
            out: Vec::with_capacity(128),
        }
    }

    /// The nodes of the main template.
    pub(super) fn all(mut self) -> Result<String, Fault> {
        let Some(root) = self.templates.get(self.name.as_bytes()) else {
            let name = quoted(self.name.as_bytes());
            return self.fail(format!("{name} is an incomplete or empty template"));
        };
        let dot = self.variables.first().map(|(_, dot)| dot.clone());
        self.list(&dot.unwrap_or(Value::Nil), root)?;
        Ok(String::from_utf8(self.out).unwrap_or_else(|error| valid(error.as_bytes())))
    }

    /// Sets the node that messages quote.
    pub(super) fn at(&mut self, pos: usize, node: &'r dyn Display) {
        self.node = Some((pos, node));
    }

    pub(super) fn fail<T>(&self, reason: impl Display) -> Result<T, Fault> {
        let Some((pos, node)) = self.node else {
            return Err(Fault::Execution(format!(
                "template: {}: {reason}",
                self.name
            )));
        };
        let before = self.source.get(..pos).unwrap_or(self.source);
        let line = before.matches('\n').count() + 1;
        let column = before.rfind('\n').map_or(pos, |at| pos - at - 1);
        Err(Fault::Execution(format!(
            "template: {}:{line}:{column}: executing {} at <{node}>: {reason}",
            self.name,
            quoted(self.template)
        )))
    }

    fn step(&mut self) -> Result<(), Fault> {
        self.steps += 1;
        if self.steps > MAX_STEPS {
            return Err(self.context.host.too_many_steps(MAX_STEPS).into());
        }
        self.context.work(0)
    }

    /// Runs `inner` one nesting level deeper.
    pub(super) fn deeper<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Result<T, Fault>,
    ) -> Result<T, Fault> {
        if self.depth >= MAX_DEPTH {
            return self.fail(format!("exceeded maximum template depth ({MAX_DEPTH})"));
        }
        self.depth += 1;
        let result = inner(self);
        self.depth -= 1;
        result
    }

    fn list(&mut self, dot: &Value, list: &'r List) -> Result<Flow, Fault> {
        for node in &list.0 {
            let flow = self.walk(dot, node)?;
            if flow != Flow::Next {
                return Ok(flow);
            }
        }
        Ok(Flow::Next)
    }

    fn walk(&mut self, dot: &Value, node: &'r Node) -> Result<Flow, Fault> {
        self.step()?;
        match node {
            Node::Text(text) => self.write(text)?,
            Node::Action(action) => {
                self.at(action.pos, action);
                let value = self.pipeline(dot, &action.pipe)?;
                if action.pipe.variables.is_empty() {
                    self.at(action.pos, action);
                    self.show(&value)?;
                }
            }
            Node::If(branch) => return self.deeper(|run| run.condition(dot, branch, false)),
            Node::With(branch) => return self.deeper(|run| run.condition(dot, branch, true)),
            Node::Range(branch) => {
                self.at(branch.pipe.pos, node);
                return self.deeper(|run| run.range(dot, branch));
            }
            Node::Call(call) => self.deeper(|run| run.call_template(dot, call))?,
            Node::Break => return Ok(Flow::Break),
            Node::Continue => return Ok(Flow::Continue),
        }
        Ok(Flow::Next)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Fault> {
        self.context.make(bytes.len())?;
        self.out.extend_from_slice(bytes);
        Ok(())
    }

    fn show(&mut self, value: &Value) -> Result<(), Fault> {
        match value {
            Value::Nil => self.write(b"<no value>"),
            Value::Text(text) => self.write(text),
            value => {
                // The printer accounts for its output itself.
                let text = print_text(&mut self.context, value)?;
                self.out.extend_from_slice(&text);
                Ok(())
            }
        }
    }

    fn condition(&mut self, dot: &Value, branch: &'r Branch, with: bool) -> Result<Flow, Fault> {
        let known = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let truth = self.context.whole(value.clone())?.is_true();
        let flow = match (truth, &branch.otherwise) {
            (true, _) if with => self.list(&value, &branch.list),
            (true, _) => self.list(dot, &branch.list),
            (false, Some(list)) => self.list(dot, list),
            (false, None) => Ok(Flow::Next),
        };
        self.variables.truncate(known);
        flow
    }

    fn range(&mut self, dot: &Value, branch: &'r Branch) -> Result<Flow, Fault> {
        let known = self.variables.len();
        let value = self.pipeline(dot, &branch.pipe)?;
        let value = self.context.whole(value.unboxed())?;
        let ran = self.iterations(&value, branch)?;
        let mut flow = Flow::Next;
        if let (false, Some(list)) = (ran, &branch.otherwise) {
            // A `break` in the `else` leaves this loop; a `continue` continues the enclosing one.
            flow = self.list(dot, list)?;
            if flow == Flow::Break {
                flow = Flow::Next;
            }
        }
        self.variables.truncate(known);
        Ok(flow)
    }

    /// Runs the body for each element. Returns false if there is none.
    fn iterations(&mut self, value: &Value, branch: &'r Branch) -> Result<bool, Fault> {
        match value {
            Value::Int(count, kind) => {
                self.one_variable(value, &branch.pipe)?;
                for at in 0..*count {
                    let element = Value::Int(at, *kind);
                    if !self.iteration(branch, Value::Nil, element)? {
                        break;
                    }
                }
                Ok(*count > 0)
            }
            Value::Byte(count) => {
                self.one_variable(value, &branch.pipe)?;
                for at in 0..*count {
                    if !self.iteration(branch, Value::Nil, Value::Byte(at))? {
                        break;
                    }
                }
                Ok(*count > 0)
            }
            Value::List(..) => {
                let elements = value.elements().unwrap_or_default();
                for (at, element) in elements.iter().enumerate() {
                    let index = Value::int(at as i64);
                    if !self.iteration(branch, index, element.clone().boxed())? {
                        break;
                    }
                }
                Ok(!elements.is_empty())
            }
            Value::Map(map) => {
                for (key, element) in &map.entries {
                    let element = match map.kind {
                        MapType::Texts => element.clone(),
                        MapType::Any | MapType::Struct(_) => element.clone().boxed(),
                    };
                    if !self.iteration(branch, Value::Text(key.clone()), element)? {
                        break;
                    }
                }
                Ok(!map.entries.is_empty())
            }
            Value::Nil => Ok(false),
            other => {
                let shown = print_text(&mut self.context, other)?;
                self.fail(format!("range can't iterate over {}", valid(&shown)))
            }
        }
    }

    fn one_variable(&mut self, value: &Value, pipe: &Pipe) -> Result<(), Fault> {
        if pipe.variables.len() < 2 {
            return Ok(());
        }
        let shown = print_text(&mut self.context, value)?;
        self.fail(format!(
            "can't use {} to iterate over more than one variable",
            valid(&shown)
        ))
    }

    /// Runs the body once. Returns false if the loop ends.
    fn iteration(
        &mut self,
        branch: &'r Branch,
        index: Value,
        element: Value,
    ) -> Result<bool, Fault> {
        self.step()?;
        let pipe = &branch.pipe;
        let names = (pipe.variables.first(), pipe.variables.get(1));
        let known = self.variables.len();
        match names {
            (Some(first), None) if pipe.assigns => self.assign(&first.name, element.clone())?,
            (Some(first), Some(second)) if pipe.assigns => {
                self.assign(&first.name, index)?;
                self.assign(&second.name, element.clone())?;
            }
            (Some(_), None) => self.set_from_top(1, element.clone()),
            (Some(_), Some(_)) => {
                self.set_from_top(1, element.clone());
                self.set_from_top(2, index);
            }
            (None, _) => {}
        }
        let flow = self.list(&element, &branch.list)?;
        self.variables.truncate(known);
        Ok(flow != Flow::Break)
    }

    fn set_from_top(&mut self, place: usize, value: Value) {
        let at = self.variables.len().checked_sub(place);
        if let Some((_, there)) = at.and_then(|at| self.variables.get_mut(at)) {
            *there = value;
        }
    }

    pub(super) fn assign(&mut self, name: &str, value: Value) -> Result<(), Fault> {
        let known = self.variables.iter_mut().rev().find(|(n, _)| *n == name);
        match known {
            Some((_, there)) => {
                *there = value;
                Ok(())
            }
            None => self.fail(format!("undefined variable: {name}")),
        }
    }

    fn call_template(&mut self, dot: &Value, call: &'r TemplateCall) -> Result<(), Fault> {
        self.at(call.pos, call);
        let Some((name, list)) = self.templates.get_key_value(&call.name) else {
            let name = quoted(&call.name);
            return self.fail(format!("template {name} not defined"));
        };
        let dot = match &call.pipe {
            Some(pipe) => self.pipeline(dot, pipe)?,
            None => Value::Nil,
        };
        let variables = std::mem::replace(&mut self.variables, vec![("$", dot.clone())]);
        let template = std::mem::replace(&mut self.template, name);
        self.list(&dot, list)?;
        self.variables = variables;
        self.template = template;
        Ok(())
    }
}
