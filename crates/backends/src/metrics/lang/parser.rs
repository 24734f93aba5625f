//! A recursive descent parser for Prometheus' grammar: the tokens, the errors, and the rules for operators.
//! The other rules are in `calls`, `modifiers`, `selector` and `duration`.
//!
//! Of several errors the first is reported, as Prometheus does.

use super::Times;
use super::ast::{Binary, Card, Expr, Matching, Number, Unary, VectorSelector};
use super::lexer::{LexError, tokens};
use super::literal;
use super::signature::Lookup;
use super::token::{Kind, Op, Place, Token, Word};

/// Deepest tree that is evaluated.
const MAX_HEIGHT: usize = 100;
/// Most regular expressions of one query, each of which may take a megabyte.
const MAX_REGEXES: usize = 64;

/// An error and where it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Problem {
    pub(super) place: Place,
    pub(super) text: String,
}

/// The parser met an error that it cannot go on after. The error is among [`Parser::problems`].
#[derive(Debug)]
pub(super) struct Stop;

/// An expression with the height of its tree.
pub(super) type Tree = (Expr, usize);

pub(super) struct Parser<'a> {
    tokens: Vec<Token<'a>>,
    next: usize,
    lex_error: Option<LexError>,
    pub(super) problems: Vec<Problem>,
    /// Aggregations around the current token: they name themselves in an error.
    pub(super) aggregations: usize,
    pub(super) regexes: usize,
    pub(super) times: Times,
    pub(super) functions: Lookup,
}

/// Parses a query, without a look at its types.
pub(super) fn parse(query: &str, times: Times, functions: Lookup) -> Result<Expr, Problem> {
    read(query, times, functions, Parser::whole)
}

/// Parses one vector selector and nothing else.
pub(super) fn parse_selector(text: &str) -> Result<VectorSelector, Problem> {
    read(text, Times::ANY, |_| None, Parser::only_selector)
}

/// Parses the labels of one series and nothing else.
pub(super) fn parse_metric(text: &str) -> Result<Vec<(String, String)>, Problem> {
    read(text, Times::ANY, |_| None, Parser::metric)
}

/// Parses a text that has to be what `rule` reads.
fn read<'a, T>(
    text: &'a str,
    times: Times,
    functions: Lookup,
    rule: fn(&mut Parser<'a>) -> Result<T, Stop>,
) -> Result<T, Problem> {
    let (tokens, lex_error) = tokens(text);
    let mut parser = Parser {
        tokens,
        next: 0,
        lex_error,
        problems: Vec::new(),
        aggregations: 0,
        regexes: 0,
        times,
        functions,
    };
    let parsed = rule(&mut parser);
    match (parser.problems.into_iter().next(), parsed) {
        (Some(problem), _) => Err(problem),
        (None, Ok(parsed)) => Ok(parsed),
        (None, Err(Stop)) => Err(Problem {
            place: Place(0),
            text: "unexpected error".to_owned(),
        }),
    }
}

/// A vector selector begins with a brace or a name; most keywords are names too.
pub(super) fn begins_selector(kind: Kind) -> bool {
    matches!(
        kind,
        Kind::Identifier
            | Kind::MetricIdentifier
            | Kind::LeftBrace
            | Kind::Aggregation(_)
            | Kind::Op(Op::And | Op::Or | Op::Unless)
            | Kind::Word(
                Word::By
                    | Word::Fill
                    | Word::FillLeft
                    | Word::FillRight
                    | Word::Offset
                    | Word::Without
                    | Word::Start
                    | Word::End
                    | Word::Step
                    | Word::Range
                    | Word::MaxOf
                    | Word::MinOf
                    | Word::Anchored
                    | Word::Smoothed
            )
    )
}

/// An expression begins with a selector, a literal, a parenthesis or a sign.
pub(super) fn begins_expression(kind: Kind) -> bool {
    begins_selector(kind)
        || matches!(
            kind,
            Kind::LeftParen
                | Kind::Number
                | Kind::Duration
                | Kind::String
                | Kind::Op(Op::Add | Op::Sub)
        )
}

impl<'a> Parser<'a> {
    fn whole(&mut self) -> Result<Expr, Stop> {
        if self.peek().kind == Kind::End {
            return self.fail(Place(0), "no expression found in input".to_owned());
        }
        let (expr, _) = self.expression(1, 1)?;
        if self.peek().kind != Kind::End {
            return self.unexpected("", "");
        }
        Ok(expr)
    }

    fn only_selector(&mut self) -> Result<VectorSelector, Stop> {
        if !begins_selector(self.peek().kind) {
            return self.unexpected("", "");
        }
        let selector = self.vector_selector()?;
        if self.peek().kind != Kind::End {
            return self.unexpected("", "");
        }
        Ok(selector)
    }

    pub(super) fn peek(&self) -> Token<'a> {
        self.ahead(0)
    }

    /// The token behind the next `count`; the last one again and again at the end.
    pub(super) fn ahead(&self, count: usize) -> Token<'a> {
        let last = self.tokens.len() - 1;
        self.tokens[(self.next + count).min(last)]
    }

    pub(super) fn advance(&mut self) -> Token<'a> {
        let token = self.peek();
        self.next += 1;
        token
    }

    pub(super) fn eat(&mut self, kind: Kind) -> bool {
        let found = self.peek().kind == kind;
        if found {
            self.next += 1;
        }
        found
    }

    pub(super) fn note(&mut self, place: Place, text: String) {
        self.problems.push(Problem { place, text });
    }

    pub(super) fn fail<T>(&mut self, place: Place, text: String) -> Result<T, Stop> {
        self.note(place, text);
        Err(Stop)
    }

    /// The next token does not belong here.
    pub(super) fn unexpected<T>(&mut self, context: &str, expected: &str) -> Result<T, Stop> {
        let token = self.peek();
        if let (Kind::Error, Some(error)) = (token.kind, self.lex_error.take()) {
            return self.fail(error.place, error.text);
        }
        let mut text = format!("unexpected {}", token.describe());
        let context = match context {
            "" if self.aggregations > 0 => "aggregation",
            context => context,
        };
        if !context.is_empty() {
            text.push_str(&format!(" in {context}"));
        }
        if !expected.is_empty() {
            text.push_str(&format!(", expected {expected}"));
        }
        self.fail(token.place, text)
    }

    /// Counts a regular expression.
    pub(super) fn count_regex(&mut self, place: Place) -> Result<(), Stop> {
        self.regexes += 1;
        if self.regexes > MAX_REGEXES {
            let text = format!("more than {MAX_REGEXES} regular expressions in one query");
            return self.fail(place, text);
        }
        Ok(())
    }

    /// Refuses a tree that is too tall.
    pub(super) fn limited(&mut self, height: usize, place: Place) -> Result<usize, Stop> {
        if height > MAX_HEIGHT {
            let text = format!("expression is nested deeper than {MAX_HEIGHT} operations");
            return self.fail(place, text);
        }
        Ok(height)
    }

    /// An expression of operators that bind at least as tightly as `min`, inside of `depth` others.
    pub(super) fn expression(&mut self, min: u8, depth: usize) -> Result<Tree, Stop> {
        let place = self.peek().place;
        self.limited(depth, place)?;
        let mut left = self.operand(depth)?;
        loop {
            let token = self.peek();
            let Kind::Op(op) = token.kind else { break };
            if op.precedence() < min {
                break;
            }
            self.advance();
            let (return_bool, matching) = self.operator_modifiers()?;
            let fills = self.fill_modifiers()?;
            // The power binds to the right, all others to the left.
            let next = op.precedence() + u8::from(op != Op::Pow);
            let right = self.expression(next, depth + 1)?;
            if fills {
                let text = "binop fill modifiers are experimental and not enabled";
                self.note(left.0.place(), text.to_owned());
            }
            let height = self.limited(left.1.max(right.1) + 1, place)?;
            let binary = Binary {
                op,
                op_place: token.place,
                left: Box::new(left.0),
                right: Box::new(right.0),
                return_bool,
                matching,
            };
            left = (Expr::Binary(binary), height);
        }
        Ok(left)
    }

    fn operator_modifiers(&mut self) -> Result<(bool, Matching), Stop> {
        let return_bool = self.eat(Kind::Word(Word::Bool));
        let mut matching = Matching::default();
        if let Kind::Word(word @ (Word::On | Word::Ignoring)) = self.peek().kind {
            self.advance();
            matching.on = word == Word::On;
            matching.labels = self.grouping()?;
            if let Kind::Word(side @ (Word::GroupLeft | Word::GroupRight)) = self.peek().kind {
                self.advance();
                matching.card = match side {
                    Word::GroupLeft => Card::ManyToOne,
                    _ => Card::OneToMany,
                };
                let next = self.peek().kind;
                if next == Kind::LeftParen || !begins_expression(next) {
                    matching.include = self.grouping()?;
                }
            }
        }
        Ok((return_bool, matching))
    }

    /// True if there are `fill` modifiers.
    fn fill_modifiers(&mut self) -> Result<bool, Stop> {
        let mut found = false;
        while let Kind::Word(Word::Fill | Word::FillLeft | Word::FillRight) = self.peek().kind {
            self.advance();
            if !self.eat(Kind::LeftParen) {
                return self.unexpected("", "");
            }
            let signed = matches!(self.peek().kind, Kind::Op(Op::Add | Op::Sub));
            self.next += usize::from(signed);
            let number = matches!(self.peek().kind, Kind::Number | Kind::Duration);
            self.next += usize::from(number);
            if !number || !self.eat(Kind::RightParen) {
                return self.unexpected("", "");
            }
            found = true;
        }
        Ok(found)
    }

    fn operand(&mut self, depth: usize) -> Result<Tree, Stop> {
        let token = self.peek();
        let Kind::Op(op @ (Op::Add | Op::Sub)) = token.kind else {
            let primary = self.primary(depth)?;
            return self.postfix(primary);
        };
        self.advance();
        // A sign binds as a product does.
        let (expr, height) = self.expression(Op::Pow.precedence(), depth + 1)?;
        let negates = op == Op::Sub;
        if let Expr::Number(mut number) = expr {
            number.place = token.place;
            if negates {
                number.value = -number.value;
            }
            return Ok((Expr::Number(number), height));
        }
        let height = self.limited(height + 1, token.place)?;
        let unary = Unary {
            negates,
            expr: Box::new(expr),
            place: token.place,
        };
        Ok((Expr::Unary(unary), height))
    }

    fn primary(&mut self, depth: usize) -> Result<Tree, Stop> {
        let token = self.peek();
        let behind = self.ahead(1).kind;
        let expr = match token.kind {
            Kind::LeftParen => {
                self.advance();
                let (inner, height) = self.expression(1, depth + 1)?;
                if !self.eat(Kind::RightParen) {
                    return self.unexpected("", "");
                }
                let height = self.limited(height + 1, token.place)?;
                return Ok((Expr::Paren(Box::new(inner), token.place), height));
            }
            Kind::Number | Kind::Duration => {
                self.advance();
                Expr::Number(Number {
                    value: self.number(token),
                    is_duration: token.kind == Kind::Duration,
                    place: token.place,
                })
            }
            Kind::String => {
                self.advance();
                Expr::Text(literal::text(token.text, token.place))
            }
            Kind::Aggregation(op)
                if matches!(
                    behind,
                    Kind::LeftParen | Kind::Word(Word::By | Word::Without)
                ) =>
            {
                return self.aggregation(op, depth);
            }
            Kind::Identifier
            | Kind::Word(
                Word::Start | Word::End | Word::Step | Word::Range | Word::MaxOf | Word::MinOf,
            ) if behind == Kind::LeftParen => return self.call(depth),
            kind if begins_selector(kind) => Expr::Vector(self.vector_selector()?),
            _ => return self.unexpected("", ""),
        };
        Ok((expr, 1))
    }

    /// The value of a number or a duration, which is already behind.
    pub(super) fn number(&mut self, token: Token<'_>) -> f64 {
        let value = if token.kind == Kind::Duration {
            literal::duration(token.text)
        } else {
            literal::number(token.text)
        };
        value.unwrap_or_else(|text| {
            self.note(token.place, text);
            0.0
        })
    }
}
