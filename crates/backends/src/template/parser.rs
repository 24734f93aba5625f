//! Parses tokens to the tree of a template, with the messages of Go's `text/template/parse`.

use std::collections::HashMap;
use std::sync::Arc;

use super::functions::{Functions, find};
use super::lexer::{Keyword, Kind, Lexer, Token};
use super::node::{
    Action, Branch, Command, List, Node, Operand, Pipe, TemplateCall, Term, Variable,
};
use super::number::Number;
use super::value::Text;
use crate::wire::quote::{quoted, unquote};

/// Deepest nesting of parentheses and blocks together. Go allows 10,000 parentheses; here each
/// level uses stack.
const MAX_NESTING: usize = 100;

/// The templates of a text by name, the text itself among them.
pub(super) type Templates = HashMap<Vec<u8>, Arc<List>>;

/// The end of a list of nodes.
enum End {
    End,
    /// `{{else}}`, with the `if` or `with` that follows in the same action.
    Else,
}

impl End {
    fn name(&self) -> &'static str {
        match self {
            Self::End => "{{end}}",
            Self::Else => "{{else}}",
        }
    }
}

/// A node, or the end of the list.
enum Step {
    Node(Node),
    End(End),
}

/// Parses a template; `name` is its name in messages, `functions` are those that it can call besides Go's own.
pub(super) fn parse(name: &str, text: &str, functions: Functions) -> Result<Templates, String> {
    let lexer = Lexer::new(text);
    let mut parser = Parser {
        name,
        functions,
        lexer,
        tokens: [(); 3].map(|()| Token {
            kind: Kind::Eof,
            pos: 0,
            text: "".into(),
            line: 0,
        }),
        peeked: 0,
        variables: vec!["$".to_owned()],
        templates: Templates::new(),
        action_line: 0,
        range_depth: 0,
        nesting: 0,
    };
    let root = parser.root()?;
    parser.add(name.as_bytes().to_vec(), root)?;
    Ok(parser.templates)
}

struct Parser<'t> {
    name: &'t str,
    functions: Functions,
    lexer: Lexer<'t>,
    /// The current token and up to two tokens that were put back.
    tokens: [Token<'t>; 3],
    peeked: usize,
    variables: Vec<String>,
    templates: Templates,
    /// Line at which the current action began; 0 outside of actions.
    action_line: usize,
    range_depth: usize,
    nesting: usize,
}

type Parsed<T> = Result<T, String>;

impl<'t> Parser<'t> {
    fn next(&mut self) -> Token<'t> {
        if self.peeked > 0 {
            self.peeked -= 1;
        } else {
            self.tokens[0] = self.lexer.next_token();
        }
        self.tokens[self.peeked.min(2)].clone()
    }

    fn backup(&mut self) {
        self.peeked += 1;
    }

    fn peek(&mut self) -> Token<'t> {
        let token = self.next();
        self.backup();
        token
    }

    fn next_non_space(&mut self) -> Token<'t> {
        loop {
            let token = self.next();
            if token.kind != Kind::Space {
                return token;
            }
        }
    }

    fn peek_non_space(&mut self) -> Token<'t> {
        let token = self.next_non_space();
        self.backup();
        token
    }

    fn fail<T>(&self, reason: impl std::fmt::Display) -> Parsed<T> {
        let line = self.tokens[0].line;
        Err(format!("template: {}:{line}: {reason}", self.name))
    }

    fn unexpected<T>(&self, token: &Token<'_>, context: &str) -> Parsed<T> {
        if token.kind != Kind::Error {
            return self.fail(format!("unexpected {token} in {context}"));
        }
        if self.action_line == 0 || self.action_line == token.line {
            return self.fail(token);
        }
        let in_action = match token.text.ends_with(" action") {
            true => "",
            false => " in action",
        };
        self.fail(format!(
            "{token}{in_action} started at {}:{}",
            self.name, self.action_line
        ))
    }

    fn expect(&mut self, kind: Kind, context: &str) -> Parsed<Token<'t>> {
        let token = self.next_non_space();
        if token.kind != kind {
            return self.unexpected(&token, context);
        }
        Ok(token)
    }

    /// Runs `inner` one nesting level deeper.
    fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_NESTING {
            return self.fail("max expression depth exceeded");
        }
        self.nesting += 1;
        let result = inner(self);
        self.nesting -= 1;
        result
    }

    /// Stores a template under its name; a non-empty one replaces an empty one.
    fn add(&mut self, name: Vec<u8>, list: List) -> Parsed<()> {
        let taken = self
            .templates
            .get(&name)
            .is_some_and(|there| !there.is_empty());
        if !taken {
            self.templates.insert(name, Arc::new(list));
            return Ok(());
        }
        if list.is_empty() {
            return Ok(());
        }
        self.fail(format!(
            "template: multiple definition of template {}",
            quoted(&name)
        ))
    }

    fn root(&mut self) -> Parsed<List> {
        let mut list = List::default();
        while self.peek().kind != Kind::Eof {
            if self.peek().kind == Kind::LeftDelim {
                let delim = self.next();
                if self.next_non_space().kind == Kind::Keyword(Keyword::Define) {
                    self.define()?;
                    continue;
                }
                self.tokens[1] = delim;
                self.peeked = 2;
            }
            match self.text_or_action()? {
                Step::Node(node) => list.0.push(node),
                Step::End(end) => return self.fail(format!("unexpected {}", end.name())),
            }
        }
        Ok(list)
    }

    fn define(&mut self) -> Parsed<()> {
        const CONTEXT: &str = "define clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        self.expect(Kind::RightDelim, CONTEXT)?;
        self.body_of(name, CONTEXT)
    }

    /// Parses a named template up to its end. It does not see the variables around it.
    fn body_of(&mut self, name: Vec<u8>, context: &str) -> Parsed<()> {
        let variables = std::mem::replace(&mut self.variables, vec!["$".to_owned()]);
        let ranges = std::mem::take(&mut self.range_depth);
        let line = std::mem::take(&mut self.action_line);
        let (list, end) = self.nested(Self::list)?;
        if let End::Else = end {
            return self.fail(format!("unexpected {} in {context}", end.name()));
        }
        self.add(name, list)?;
        self.variables = variables;
        self.range_depth = ranges;
        self.action_line = line;
        Ok(())
    }

    fn list(&mut self) -> Parsed<(List, End)> {
        let mut list = List::default();
        while self.peek_non_space().kind != Kind::Eof {
            match self.text_or_action()? {
                Step::Node(node) => list.0.push(node),
                Step::End(end) => return Ok((list, end)),
            }
        }
        self.fail("unexpected EOF")
    }

    fn text_or_action(&mut self) -> Parsed<Step> {
        let token = self.next_non_space();
        match token.kind {
            Kind::Text => Ok(Step::Node(Node::Text(Text::from(token.text.as_bytes())))),
            Kind::LeftDelim => {
                self.action_line = token.line;
                let step = self.action()?;
                self.action_line = 0;
                Ok(step)
            }
            _ => self.unexpected(&token, "input"),
        }
    }

    fn action(&mut self) -> Parsed<Step> {
        let token = self.next_non_space();
        if let Kind::Keyword(keyword) = token.kind {
            let node = match keyword {
                Keyword::Block => self.block()?,
                Keyword::Break => self.loop_control("{{break}}", Node::Break)?,
                Keyword::Continue => self.loop_control("{{continue}}", Node::Continue)?,
                Keyword::If => Node::If(self.branch("if")?),
                Keyword::With => Node::With(self.branch("with")?),
                Keyword::Range => Node::Range(self.branch("range")?),
                Keyword::Template => self.template_call()?,
                Keyword::End => {
                    self.expect(Kind::RightDelim, "end")?;
                    return Ok(Step::End(End::End));
                }
                Keyword::Else => {
                    let next = self.peek_non_space().kind;
                    let goes_on = [Keyword::If, Keyword::With].map(Kind::Keyword);
                    if !goes_on.contains(&next) {
                        self.expect(Kind::RightDelim, "else")?;
                    }
                    return Ok(Step::End(End::Else));
                }
                Keyword::Define => return self.unexpected(&token, "command"),
            };
            return Ok(Step::Node(node));
        }
        self.backup();
        let pos = self.peek().pos;
        let pipe = self.pipeline("command", Kind::RightDelim)?;
        Ok(Step::Node(Node::Action(Action { pos, pipe })))
    }

    fn loop_control(&mut self, name: &str, node: Node) -> Parsed<Node> {
        let token = self.next_non_space();
        if token.kind != Kind::RightDelim {
            return self.unexpected(&token, name);
        }
        if self.range_depth == 0 {
            return self.fail(format!("{name} outside {{{{range}}}}"));
        }
        Ok(node)
    }

    fn branch(&mut self, context: &'static str) -> Parsed<Branch> {
        self.nested(|parser| parser.branch_inside(context))
    }

    fn branch_inside(&mut self, context: &'static str) -> Parsed<Branch> {
        let known = self.variables.len();
        let pipe = self.pipeline(context, Kind::RightDelim)?;
        let ranges = usize::from(context == "range");
        self.range_depth += ranges;
        let (list, end) = self.list()?;
        self.range_depth -= ranges;
        let mut otherwise = None;
        if let End::Else = end {
            let next = self.peek().kind;
            // `{{else if}}` is an `if` inside the `else`, without an end of its own.
            otherwise = Some(match (context, next) {
                ("if", Kind::Keyword(Keyword::If)) => {
                    self.next();
                    List(vec![Node::If(self.branch("if")?)])
                }
                ("with", Kind::Keyword(Keyword::With)) => {
                    self.next();
                    List(vec![Node::With(self.branch("with")?)])
                }
                _ => {
                    let (list, end) = self.list()?;
                    if let End::Else = end {
                        return self.fail(format!("expected end; found {}", end.name()));
                    }
                    list
                }
            });
        }
        self.variables.truncate(known);
        Ok(Branch {
            pipe,
            list,
            otherwise,
        })
    }

    fn block(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "block clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = self.pipeline(CONTEXT, Kind::RightDelim)?;
        self.body_of(name.clone(), CONTEXT)?;
        Ok(Node::Call(TemplateCall {
            pos: token.pos,
            name,
            pipe: Some(pipe),
        }))
    }

    fn template_call(&mut self) -> Parsed<Node> {
        const CONTEXT: &str = "template clause";
        let token = self.next_non_space();
        let name = self.template_name(&token, CONTEXT)?;
        let pipe = match self.next_non_space().kind {
            Kind::RightDelim => None,
            _ => {
                self.backup();
                Some(self.pipeline(CONTEXT, Kind::RightDelim)?)
            }
        };
        Ok(Node::Call(TemplateCall {
            pos: token.pos,
            name,
            pipe,
        }))
    }

    fn template_name(&mut self, token: &Token<'_>, context: &str) -> Parsed<Vec<u8>> {
        match token.kind {
            Kind::String | Kind::RawString => self.unquoted(token),
            _ => self.unexpected(token, context),
        }
    }

    fn unquoted(&self, token: &Token<'_>) -> Parsed<Vec<u8>> {
        unquote(&token.text).or_else(|_| self.fail("invalid syntax"))
    }

    fn pipeline(&mut self, context: &str, end: Kind) -> Parsed<Pipe> {
        let pos = self.peek_non_space().pos;
        let (variables, assigns) = self.declarations(context)?;
        let mut commands = Vec::new();
        loop {
            let token = self.next_non_space();
            match token.kind {
                kind if kind == end => break,
                Kind::Bool
                | Kind::CharConstant
                | Kind::Complex
                | Kind::Dot
                | Kind::Field
                | Kind::Identifier
                | Kind::Number
                | Kind::Nil
                | Kind::RawString
                | Kind::String
                | Kind::Variable
                | Kind::LeftParen => {
                    self.backup();
                    commands.push(self.command()?);
                }
                _ => return self.unexpected(&token, context),
            }
        }
        if commands.is_empty() {
            return self.fail(format!("missing value for {context}"));
        }
        let fixed = |command: &Command| {
            matches!(
                command.word.term,
                Term::Bool(_) | Term::Dot | Term::Nil | Term::Number(_) | Term::Text { .. }
            )
        };
        if let Some(stage) = commands.iter().skip(1).position(fixed) {
            let stage = stage + 2;
            return self.fail(format!("non executable command in pipeline stage {stage}"));
        }
        Ok(Pipe {
            pos,
            assigns,
            variables,
            commands,
        })
    }

    /// `$a := `, `$a = ` or, of a range, `$i, $a := `.
    fn declarations(&mut self, context: &str) -> Parsed<(Vec<Variable>, bool)> {
        let mut variables = Vec::new();
        loop {
            let token = self.peek_non_space();
            if token.kind != Kind::Variable {
                return Ok((variables, false));
            }
            self.next();
            // A space may stand between the variable and `:=`, `=` or the comma.
            let after = self.peek();
            let next = self.peek_non_space();
            let comma = next.kind == Kind::Char && next.text == ",";
            if comma || matches!(next.kind, Kind::Assign | Kind::Declare) {
                self.next_non_space();
                variables.push(Variable {
                    name: token.text.to_string(),
                    fields: Vec::new(),
                });
                self.variables.push(token.text.to_string());
                if !comma {
                    return Ok((variables, next.kind == Kind::Assign));
                }
                if context == "range" && variables.len() < 2 {
                    match self.peek_non_space().kind {
                        Kind::Variable | Kind::RightDelim | Kind::RightParen => continue,
                        _ => return self.fail("range can only initialize variables"),
                    }
                }
                return self.fail(format!("too many declarations in {context}"));
            }
            if after.kind == Kind::Space {
                self.tokens[1] = after;
                self.tokens[2] = token;
                self.peeked = 3;
            } else {
                self.tokens[1] = token;
                self.peeked = 2;
            }
            return Ok((variables, false));
        }
    }

    fn command(&mut self) -> Parsed<Command> {
        let pos = self.peek_non_space().pos;
        let mut operands = Vec::new();
        loop {
            self.peek_non_space();
            operands.extend(self.operand()?);
            let token = self.next();
            match token.kind {
                Kind::Space => {}
                Kind::RightDelim | Kind::RightParen => {
                    self.backup();
                    break;
                }
                Kind::Pipe => break,
                _ => return self.unexpected(&token, "operand"),
            }
        }
        let mut operands = operands.into_iter();
        let Some(word) = operands.next() else {
            return self.fail("empty command");
        };
        Ok(Command {
            pos,
            word,
            arguments: operands.collect(),
        })
    }

    /// A term with the fields that follow it.
    fn operand(&mut self) -> Parsed<Option<Operand>> {
        let Some(operand) = self.term()? else {
            return Ok(None);
        };
        if self.peek().kind != Kind::Field {
            return Ok(Some(operand));
        }
        let pos = self.peek().pos;
        let mut fields = Vec::new();
        while self.peek().kind == Kind::Field {
            fields.push(field_name(&self.next()));
        }
        let term = match operand.term {
            Term::Field(mut names) => {
                names.append(&mut fields);
                Term::Field(names)
            }
            Term::Variable(mut variable) => {
                variable.fields.append(&mut fields);
                Term::Variable(variable)
            }
            Term::Bool(_) | Term::Text { .. } | Term::Number(_) | Term::Nil | Term::Dot => {
                let term = quoted(operand.to_string().as_bytes());
                return self.fail(format!("unexpected . after term {term}"));
            }
            _ => Term::Chain(Box::new(operand), fields),
        };
        Ok(Some(Operand { pos, term }))
    }

    fn term(&mut self) -> Parsed<Option<Operand>> {
        let token = self.next_non_space();
        let term = match token.kind {
            Kind::Identifier => match find(self.functions, &token.text) {
                Some(function) => Term::Function(function),
                None => {
                    let name = quoted(token.text.as_bytes());
                    return self.fail(format!("function {name} not defined"));
                }
            },
            Kind::Dot => Term::Dot,
            Kind::Nil => Term::Nil,
            Kind::Variable => {
                if !self.variables.iter().any(|known| **known == *token.text) {
                    let name = quoted(token.text.as_bytes());
                    return self.fail(format!("undefined variable {name}"));
                }
                Term::Variable(Variable {
                    name: token.text.to_string(),
                    fields: Vec::new(),
                })
            }
            Kind::Field => Term::Field(vec![field_name(&token)]),
            Kind::Bool => Term::Bool(token.text == "true"),
            Kind::CharConstant => self.constant(Number::of_char(&token.text))?,
            Kind::Complex => self.constant(Number::of_complex(&token.text))?,
            Kind::Number => self.constant(Number::new(&token.text))?,
            Kind::LeftParen => Term::Pipe(
                self.nested(|parser| parser.pipeline("parenthesized pipeline", Kind::RightParen))?,
            ),
            Kind::String | Kind::RawString => Term::Text {
                literal: token.text.to_string(),
                text: Text::from(self.unquoted(&token)?),
            },
            _ => {
                self.backup();
                return Ok(None);
            }
        };
        let pos = token.pos;
        Ok(Some(Operand { pos, term }))
    }

    fn constant(&self, number: Result<Number, String>) -> Parsed<Term> {
        number.map(Term::Number).or_else(|reason| self.fail(reason))
    }
}

/// The name of a field without its dot.
fn field_name(token: &Token<'_>) -> String {
    token
        .text
        .strip_prefix('.')
        .unwrap_or(&token.text)
        .to_owned()
}
