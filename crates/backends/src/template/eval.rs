//! Values of pipelines, commands and fields, and calls of functions.

use super::builtins;
use super::context::Fault;
use super::exec::Run;
use super::functions::{Body, Function, Param};
use super::methods;
use super::node::{Command, Operand, Pipe, Term, Variable};
use super::number::Number;
use super::value::{IntType, MapType, Value};

impl<'r> Run<'r, '_> {
    pub(super) fn pipeline(&mut self, dot: &Value, pipe: &'r Pipe) -> Result<Value, Fault> {
        self.deeper(|run| {
            run.at(pipe.pos, pipe);
            let mut value: Option<Value> = None;
            for command in &pipe.commands {
                let result = run.command(dot, command, value.take())?;
                value = Some(result.unboxed());
            }
            let value = value.unwrap_or(Value::Nil);
            for variable in &pipe.variables {
                if pipe.assigns {
                    run.assign(&variable.name, value.clone())?;
                } else {
                    run.variables.push((&variable.name, value.clone()));
                }
            }
            Ok(value)
        })
    }

    /// Evaluates a command; `last` is the piped value.
    fn command(
        &mut self,
        dot: &Value,
        command: &'r Command,
        last: Option<Value>,
    ) -> Result<Value, Fault> {
        self.context.work(0)?;
        let word = &command.word;
        let arguments = &command.arguments;
        let given = Given { arguments, last };
        match &word.term {
            Term::Field(names) => {
                self.at(word.pos, word);
                self.fields(dot, dot.clone(), word, names, given)
            }
            Term::Chain(inner, names) => self.chain(dot, word, inner, names, given),
            Term::Function(function) => {
                self.at(word.pos, word);
                let called = Called {
                    function,
                    receiver: None,
                    node: (command.pos, command),
                };
                self.call(dot, called, given)
            }
            Term::Pipe(pipe) => {
                self.no_arguments(word, &given)?;
                self.pipeline(dot, pipe)
            }
            Term::Variable(variable) => self.variable(dot, word, variable, given),
            term => {
                self.at(word.pos, word);
                self.no_arguments(word, &given)?;
                match term {
                    Term::Dot => Ok(dot.clone()),
                    Term::Nil => self.fail("nil is not a command"),
                    term => self.literal(term, word),
                }
            }
        }
    }

    fn no_arguments(&self, word: &Operand, given: &Given<'r>) -> Result<(), Fault> {
        if given.is_empty() {
            return Ok(());
        }
        self.fail(format!("can't give argument to non-function {word}"))
    }

    /// Evaluates a constant without a required type.
    fn literal(&mut self, term: &'r Term, operand: &'r Operand) -> Result<Value, Fault> {
        match term {
            Term::Bool(truth) => Ok(Value::Bool(*truth)),
            Term::Text { text, .. } => Ok(Value::Text(text.clone())),
            Term::Number(number) => {
                self.at(operand.pos, operand);
                self.ideal(number)
            }
            _ => self.fail(format!("can't evaluate command {operand}")),
        }
    }

    /// The default type of a number, from its spelling.
    fn ideal(&self, number: &Number) -> Result<Value, Fault> {
        if let Some((real, imaginary)) = number.complex {
            return Ok(Value::Complex(real, imaginary));
        }
        let text = &number.text;
        let is_char = text.starts_with('\'');
        let is_hex = text.len() > 2
            && (text.starts_with("0x") || text.starts_with("0X"))
            && !text.contains(['p', 'P']);
        let looks_float = !is_char && !is_hex && text.contains(['.', 'e', 'E', 'p', 'P']);
        match number {
            Number {
                float: Some(float), ..
            } if looks_float => Ok(Value::Float(*float)),
            Number { int: Some(int), .. } => Ok(Value::int(*int)),
            Number { uint: Some(_), .. } => self.fail(format!("{text} overflows int")),
            _ => Ok(Value::Nil),
        }
    }

    fn chain(
        &mut self,
        dot: &Value,
        node: &'r Operand,
        inner: &'r Operand,
        names: &'r [String],
        given: Given<'r>,
    ) -> Result<Value, Fault> {
        self.at(node.pos, node);
        let receiver = self.argument(dot, None, inner)?;
        self.fields(dot, receiver, node, names, given)
    }

    fn variable(
        &mut self,
        dot: &Value,
        node: &'r Operand,
        variable: &'r Variable,
        given: Given<'r>,
    ) -> Result<Value, Fault> {
        self.at(node.pos, node);
        let known = self.variables.iter().rev();
        let mut known = known.filter(|(name, _)| *name == variable.name);
        let Some(value) = known.next().map(|(_, value)| value.clone()) else {
            return self.fail(format!("undefined variable: {}", variable.name));
        };
        if variable.fields.is_empty() {
            self.no_arguments(node, &given)?;
            return Ok(value);
        }
        self.fields(dot, value, node, &variable.fields, given)
    }

    /// Evaluates `.a.b.c`; the last field gets the arguments.
    fn fields(
        &mut self,
        dot: &Value,
        mut receiver: Value,
        node: &'r Operand,
        names: &'r [String],
        given: Given<'r>,
    ) -> Result<Value, Fault> {
        let Some((last, names)) = names.split_last() else {
            return Ok(receiver);
        };
        for name in names {
            receiver = self.field(dot, &receiver, node, name, Given::default())?;
        }
        self.field(dot, &receiver, node, last, given)
    }

    fn field(
        &mut self,
        dot: &Value,
        receiver: &Value,
        node: &'r Operand,
        name: &'r str,
        given: Given<'r>,
    ) -> Result<Value, Fault> {
        let type_name = receiver.type_name();
        let inner = match receiver {
            Value::Nil => return Ok(Value::Nil),
            Value::Any(None) => {
                return self.fail(format!("nil pointer evaluating {type_name}.{name}"));
            }
            other => other.unboxed(),
        };
        if let Some(method) = methods::find(&inner, name) {
            let called = Called {
                function: method,
                receiver: Some(inner),
                node: (node.pos, node),
            };
            return self.call(dot, called, given);
        }
        let is_map = matches!(inner, Value::Labels | Value::Map(_));
        if is_map && !given.is_empty() {
            return self.fail(format!("{name} is not a method but has arguments"));
        }
        match inner {
            Value::Labels => {
                let value = Value::text(self.context.host.label(name));
                if let Value::Text(text) = &value {
                    self.context.make(text.len())?;
                }
                Ok(value)
            }
            Value::Map(map) => {
                let found = map.entries.get(name.as_bytes()).cloned();
                match (map.kind, found) {
                    (MapType::Texts, found) => Ok(found.unwrap_or_else(|| Value::text(""))),
                    (MapType::Any, found) => Ok(found.unwrap_or(Value::Nil).boxed()),
                    (MapType::Struct(_), Some(value)) => Ok(value),
                    (MapType::Struct(_), None) => {
                        self.fail(format!("can't evaluate field {name} in type {type_name}"))
                    }
                }
            }
            Value::Time(_) if matches!(name, "wall" | "ext" | "loc") => self.fail(format!(
                "{name} is an unexported field of struct type {type_name}"
            )),
            _ => self.fail(format!("can't evaluate field {name} in type {type_name}")),
        }
    }

    fn call(&mut self, dot: &Value, called: Called<'r>, given: Given<'r>) -> Result<Value, Fault> {
        let Called {
            function,
            receiver,
            node,
        } = called;
        let name = function.name;
        let fixed = function.params.len();
        let written = given.arguments.len();
        let count = written + usize::from(given.last.is_some());
        if function.variadic.is_some() {
            if count < fixed {
                return self.fail(format!(
                    "wrong number of args for {name}: want at least {fixed} got {written}"
                ));
            }
        } else if count != fixed {
            return self.fail(format!(
                "wrong number of args for {name}: want {fixed} got {count}"
            ));
        }
        if let Body::Unusable(why) = function.body {
            return self.fail(why);
        }
        let type_of = |at: usize| function.params.get(at).copied().or(function.variadic);
        if matches!(function.body, Body::And | Body::Or) {
            return self.decide(dot, matches!(function.body, Body::Or), given);
        }
        let mut values: Vec<Value> = receiver.into_iter().collect();
        for (at, argument) in given.arguments.iter().enumerate() {
            values.push(self.argument(dot, type_of(at), argument)?);
        }
        let callee = match (function.body, given.arguments.first(), &given.last) {
            (Body::Call, Some(written), _) => written.to_string(),
            (Body::Call, None, Some(Value::Text(text))) => crate::wire::quote::valid(text),
            (Body::Call, None, Some(value)) => format!("<{} Value>", value.type_name()),
            _ => String::new(),
        };
        if let Some(last) = given.last {
            values.push(self.checked(last, type_of(count - 1))?);
        }
        // A function receives the labels as a map.
        for value in &mut values {
            if *value == Value::Labels {
                *value = self.context.whole(Value::Labels)?;
            }
        }
        let result = match function.body {
            Body::Plain(body) => body(&mut self.context, &values),
            Body::Host => self.context.host.call(name, &values),
            _ => builtins::call(&callee, &values),
        };
        result.or_else(|fault| match fault {
            Fault::Function(reason) => {
                let (pos, node) = node;
                self.at(pos, node);
                self.fail(format!("error calling {name}: {reason}"))
            }
            fault => Err(fault),
        })
    }

    /// `and` and `or`: returns the first deciding argument, else the last.
    fn decide(&mut self, dot: &Value, or: bool, given: Given<'r>) -> Result<Value, Fault> {
        let mut value = Value::Nil;
        for argument in given.arguments {
            value = self.argument(dot, Some(Param::Raw), argument)?;
            if self.context.whole(value.clone())?.is_true() == or {
                return Ok(value);
            }
        }
        match given.last {
            Some(last) => self.checked(last, Some(Param::Raw)),
            None => Ok(value),
        }
    }

    /// Evaluates an argument of a required type; with `None` any type is accepted.
    fn argument(
        &mut self,
        dot: &Value,
        wanted: Option<Param>,
        operand: &'r Operand,
    ) -> Result<Value, Fault> {
        self.at(operand.pos, operand);
        let none = Given::default();
        let value = match &operand.term {
            Term::Dot => dot.clone(),
            Term::Nil => {
                return match wanted {
                    Some(wanted) if !wanted.can_be_nil() => {
                        self.fail(format!("cannot assign nil to {}", wanted.name()))
                    }
                    Some(_) => Ok(Value::Nil),
                    None => self.fail("indirection through explicit nil in nil"),
                };
            }
            Term::Field(names) => self.fields(dot, dot.clone(), operand, names, none)?,
            Term::Variable(variable) => self.variable(dot, operand, variable, none)?,
            Term::Pipe(pipe) => self.pipeline(dot, pipe)?,
            Term::Function(function) => {
                let called = Called {
                    function,
                    receiver: None,
                    node: (operand.pos, operand),
                };
                self.call(dot, called, none)?
            }
            Term::Chain(inner, names) => self.chain(dot, operand, inner, names, none)?,
            literal => return self.typed_literal(literal, wanted, operand),
        };
        self.checked(value, wanted)
    }

    fn typed_literal(
        &mut self,
        term: &'r Term,
        wanted: Option<Param>,
        operand: &'r Operand,
    ) -> Result<Value, Fault> {
        let (kind, found) = match (wanted, term) {
            (None | Some(Param::Any | Param::Raw), _) => return self.literal(term, operand),
            (Some(Param::Text), Term::Text { text, .. }) => ("", Some(Value::Text(text.clone()))),
            (Some(Param::Text), _) => ("string", None),
            (Some(Param::Int), Term::Number(number)) => ("integer", number.int.map(Value::int)),
            (Some(Param::Duration), Term::Number(number)) => {
                let span = number.int.map(|nanos| Value::Int(nanos, IntType::Duration));
                ("integer", span)
            }
            (Some(Param::Int | Param::Duration), _) => ("integer", None),
            (Some(Param::Float), Term::Number(number)) => ("float", number.float.map(Value::Float)),
            (Some(Param::Float), _) => ("float", None),
            (Some(wanted @ (Param::Time | Param::Zone | Param::List(_) | Param::Struct(_))), _) => {
                return self.fail(format!(
                    "can't handle {operand} for arg of type {}",
                    wanted.name()
                ));
            }
        };
        match found {
            Some(value) => Ok(value),
            None => self.fail(format!("expected {kind}; found {operand}")),
        }
    }

    /// The value if it is of the type.
    fn checked(&self, value: Value, wanted: Option<Param>) -> Result<Value, Fault> {
        let Some(wanted) = wanted else {
            return Ok(value);
        };
        if value == Value::Nil && !wanted.can_be_nil() {
            return self.fail(format!("invalid value; expected {}", wanted.name()));
        }
        let inner = match &value {
            Value::Any(Some(inner)) => inner,
            value => value,
        };
        let fits = match (wanted, inner) {
            (Param::Any | Param::Raw, _) => return Ok(value),
            (Param::Text, Value::Text(_))
            | (Param::Int, Value::Int(_, IntType::Int))
            | (Param::Float, Value::Float(_))
            | (Param::List(_), Value::List(..))
            | (Param::Time, Value::Time(_))
            | (Param::Zone, Value::Zone(_) | Value::Nil)
            | (Param::Duration, Value::Int(_, IntType::Duration)) => true,
            (Param::Struct(wanted), Value::Map(map)) => map.kind == MapType::Struct(wanted),
            _ => false,
        };
        if fits {
            return Ok(value.unboxed());
        }
        let got = match inner {
            Value::List(..) => self.context.host.list_type(),
            inner => inner.type_name(),
        };
        let wanted = wanted.name();
        self.fail(format!(
            "wrong type for value; expected {wanted}; got {got}"
        ))
    }
}

/// The arguments of a command.
#[derive(Default)]
struct Given<'r> {
    arguments: &'r [Operand],
    /// The piped value.
    last: Option<Value>,
}

impl Given<'_> {
    fn is_empty(&self) -> bool {
        self.arguments.is_empty() && self.last.is_none()
    }
}

/// A function or method that is being called.
struct Called<'r> {
    function: &'static Function,
    receiver: Option<Value>,
    /// The source text that an error message quotes.
    node: (usize, &'r dyn std::fmt::Display),
}
