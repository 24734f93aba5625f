//! Prometheus' grammar, read by descent. Of several errors the first is reported, as Prometheus does.

use super::Times;
use super::ast::{
    Aggregate, At, Binary, Call, Card, Expr, Matching, MatrixSelector, Moved, Subquery, Unary,
    VectorSelector,
};
use super::functions;
use super::lexer::{LexError, tokens};
use super::literal;
use super::token::{Aggregation, Kind, Op, Place, Token, Word, quote};

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
    aggregations: usize,
    pub(super) regexes: usize,
    pub(super) times: Times,
}

/// Parses a query, without a look at its types.
pub(super) fn parse(query: &str, times: Times) -> Result<Expr, Problem> {
    read(query, times, Parser::whole)
}

/// Parses one vector selector and nothing else.
pub(super) fn parse_selector(text: &str) -> Result<VectorSelector, Problem> {
    read(text, Times::ANY, Parser::only_selector)
}

/// Parses a text that has to be what `rule` reads.
fn read<'a, T>(
    text: &'a str,
    times: Times,
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
fn begins_selector(kind: Kind) -> bool {
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

    fn limited(&mut self, height: usize, place: Place) -> Result<usize, Stop> {
        if height > MAX_HEIGHT {
            let text = format!("expression is nested deeper than {MAX_HEIGHT} operations");
            return self.fail(place, text);
        }
        Ok(height)
    }

    /// An expression of operators that bind at least as tightly as `min`, inside of `depth` others.
    fn expression(&mut self, min: u8, depth: usize) -> Result<Tree, Stop> {
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
            let (return_bool, matching) = self.operator_modifiers(left.0.place())?;
            // The power binds to the right, all others to the left.
            let next = op.precedence() + u8::from(op != Op::Pow);
            let right = self.expression(next, depth + 1)?;
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

    fn operator_modifiers(&mut self, start: Place) -> Result<(bool, Matching), Stop> {
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
                if self.peek().kind == Kind::LeftParen {
                    matching.include = self.grouping()?;
                }
            }
        }
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
            let text = "binop fill modifiers are experimental and not enabled";
            self.note(start, text.to_owned());
        }
        Ok((return_bool, matching))
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
        if let Expr::Number(value, _) = expr {
            let value = if negates { -value } else { value };
            return Ok((Expr::Number(value, token.place), height));
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
                Expr::Number(self.number(token), token.place)
            }
            Kind::String => {
                self.advance();
                Expr::Text(literal::unquote(token.text), token.place)
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

    fn arguments(&mut self, depth: usize) -> Result<(Vec<Expr>, usize), Stop> {
        if !self.eat(Kind::LeftParen) {
            return self.unexpected("", "");
        }
        let (mut list, mut tallest) = (Vec::new(), 0);
        if self.eat(Kind::RightParen) {
            return Ok((list, tallest));
        }
        loop {
            let (expr, height) = self.expression(1, depth + 1)?;
            list.push(expr);
            tallest = tallest.max(height);
            let mut comma = self.peek();
            if !self.eat(Kind::Comma) {
                break;
            }
            while matches!(self.peek().kind, Kind::Comma | Kind::RightParen) {
                let text = "trailing commas not allowed in function call args";
                self.note(comma.place, text.to_owned());
                comma = self.peek();
                if comma.kind == Kind::RightParen {
                    break;
                }
                self.advance();
            }
            if self.peek().kind == Kind::RightParen {
                break;
            }
        }
        if !self.eat(Kind::RightParen) {
            return self.unexpected("", "");
        }
        Ok((list, tallest))
    }

    fn call(&mut self, depth: usize) -> Result<Tree, Stop> {
        let name = self.advance();
        let (args, tallest) = self.arguments(depth)?;
        let height = self.limited(tallest + 1, name.place)?;
        let Some(function) = functions::find(name.text) else {
            let text = format!("unknown function with name {}", quote(name.text));
            self.note(name.place, text);
            return Ok((Expr::Number(0.0, name.place), height));
        };
        if function.experimental {
            let text = format!("function {} is not enabled", quote(name.text));
            self.note(name.place, text);
        }
        let call = Call {
            function,
            args,
            place: name.place,
        };
        Ok((Expr::Call(call), height))
    }

    fn aggregation(&mut self, op: Aggregation, depth: usize) -> Result<Tree, Stop> {
        let place = self.advance().place;
        self.aggregations += 1;
        let mut modifier = self.aggregation_modifier()?;
        let (mut args, tallest) = self.arguments(depth)?;
        if modifier.is_none() {
            modifier = self.aggregation_modifier()?;
        }
        self.aggregations -= 1;
        let height = self.limited(tallest + 1, place)?;
        let (without, grouping) = modifier.unwrap_or_default();
        let dummy = Ok((Expr::Number(0.0, place), height));
        if args.is_empty() {
            let text = "no arguments for aggregate expression provided";
            self.note(place, text.to_owned());
            return dummy;
        }
        if matches!(op, Aggregation::Limitk | Aggregation::LimitRatio) {
            let text = format!(
                "{}() is experimental and must be enabled with --enable-feature=promql-experimental-functions",
                op.text()
            );
            self.note(place, text);
            return dummy;
        }
        let wanted = 1 + usize::from(op.has_param());
        let given = args.len();
        let (Some(expr), true) = (args.pop(), given == wanted) else {
            let text = format!(
                "wrong number of arguments for aggregate expression provided, expected {wanted}, got {given}"
            );
            self.note(place, text);
            return dummy;
        };
        let aggregate = Aggregate {
            op,
            expr: Box::new(expr),
            param: args.pop().map(Box::new),
            grouping,
            without,
            place,
        };
        Ok((Expr::Aggregate(aggregate), height))
    }

    fn aggregation_modifier(&mut self) -> Result<Option<(bool, Vec<String>)>, Stop> {
        let Kind::Word(word @ (Word::By | Word::Without)) = self.peek().kind else {
            return Ok(None);
        };
        self.advance();
        Ok(Some((word == Word::Without, self.grouping()?)))
    }

    /// Labels in parentheses. Words of the language may be labels too.
    fn grouping(&mut self) -> Result<Vec<String>, Stop> {
        const CONTEXT: &str = "grouping opts";
        if !self.eat(Kind::LeftParen) {
            return self.unexpected(CONTEXT, "\"(\"");
        }
        let mut labels = Vec::new();
        if self.eat(Kind::RightParen) {
            return Ok(labels);
        }
        loop {
            let token = self.peek();
            let label = match token.kind {
                Kind::String => literal::unquote(token.text),
                Kind::Word(Word::Without) => return self.unexpected(CONTEXT, "label"),
                Kind::Identifier
                | Kind::MetricIdentifier
                | Kind::Aggregation(_)
                | Kind::Word(_)
                | Kind::Op(Op::And | Op::Or | Op::Unless | Op::Atan2) => token.text.to_owned(),
                _ => return self.unexpected(CONTEXT, "label"),
            };
            self.advance();
            if label.is_empty() {
                let text = "invalid label name for grouping: \"\"".to_owned();
                self.note(token.place, text);
            }
            labels.push(label);
            let comma = self.eat(Kind::Comma);
            if self.eat(Kind::RightParen) {
                return Ok(labels);
            }
            if !comma {
                return self.unexpected(CONTEXT, "\",\" or \")\"");
            }
        }
    }

    /// Ranges, offsets and times behind an expression. They bind tighter than any operator.
    fn postfix(&mut self, (mut expr, mut height): Tree) -> Result<Tree, Stop> {
        loop {
            match self.peek().kind {
                Kind::LeftBracket => {
                    expr = self.range(expr)?;
                    height += usize::from(matches!(expr, Expr::Subquery(_)));
                    self.limited(height, expr.place())?;
                }
                Kind::Word(Word::Offset) => {
                    self.advance();
                    let (by, compound) = self.offset()?;
                    self.set_offset(&mut expr, by, compound);
                }
                Kind::At => {
                    self.advance();
                    let at = self.at(&expr)?;
                    self.set_time(&mut expr, at);
                }
                Kind::Word(word @ (Word::Anchored | Word::Smoothed)) => {
                    self.advance();
                    let name = match word {
                        Word::Anchored => "anchored",
                        _ => "smoothed",
                    };
                    let text = format!("{name} modifier is experimental and not enabled");
                    self.note(expr.place(), text);
                }
                _ => return Ok((expr, height)),
            }
        }
    }

    fn range(&mut self, expr: Expr) -> Result<Expr, Stop> {
        let bracket = self.advance().place;
        let range = self.positive_duration(
            "subquery or range selector",
            "number, duration, step(), or range()",
        )?;
        if self.eat(Kind::Colon) {
            const CONTEXT: &str = "subquery selector";
            let mut step = None;
            if self.peek().kind != Kind::RightBracket {
                let expected = "number, duration, step(), range(), or \"]\"";
                step = Some(literal::millis(self.positive_duration(CONTEXT, expected)?));
            }
            if !self.eat(Kind::RightBracket) {
                return self.unexpected(CONTEXT, "\"]\"");
            }
            return Ok(Expr::Subquery(Subquery {
                expr: Box::new(expr),
                range: literal::millis(range),
                step,
                moved: Moved::default(),
            }));
        }
        if !self.eat(Kind::RightBracket) {
            return self.unexpected("subquery or range", "\":\" or \"]\"");
        }
        let problem = match &expr {
            Expr::Vector(vector) if vector.moved.offset_given => {
                "no offset modifiers allowed before range"
            }
            Expr::Vector(vector) if vector.moved.at.is_some() => {
                "no @ modifiers allowed before range"
            }
            Expr::Vector(_) => "",
            _ => "ranges only allowed for vector selectors",
        };
        if !problem.is_empty() {
            self.note(bracket, problem.to_owned());
        }
        Ok(match expr {
            Expr::Vector(vector) => Expr::Matrix(MatrixSelector {
                vector,
                range: literal::millis(range),
            }),
            other => other,
        })
    }

    fn moved<'e>(&mut self, expr: &'e mut Expr, modifier: &str) -> Option<&'e mut Moved> {
        match expr {
            Expr::Vector(vector) => Some(&mut vector.moved),
            Expr::Matrix(matrix) => Some(&mut matrix.vector.moved),
            Expr::Subquery(subquery) => Some(&mut subquery.moved),
            other => {
                let text = format!(
                    "{modifier} modifier must be preceded by an instant vector selector or range vector selector or a subquery"
                );
                self.note(other.place(), text);
                None
            }
        }
    }

    fn set_offset(&mut self, expr: &mut Expr, by: f64, compound: bool) {
        let place = expr.place();
        let Some(moved) = self.moved(expr, "offset") else {
            return;
        };
        if moved.offset_given {
            self.note(place, "offset may not be set multiple times".to_owned());
            return;
        }
        moved.offset = literal::millis(by);
        moved.offset_given = by != 0.0 || compound;
    }

    fn set_time(&mut self, expr: &mut Expr, at: At) {
        let place = expr.place();
        let Some(moved) = self.moved(expr, "@") else {
            return;
        };
        if moved.at.is_some() {
            let text = "@ <timestamp> may not be set multiple times";
            self.note(place, text.to_owned());
            return;
        }
        moved.at = Some(at);
    }

    fn at(&mut self, expr: &Expr) -> Result<At, Stop> {
        let token = self.peek();
        if let Kind::Word(word @ (Word::Start | Word::End)) = token.kind {
            self.advance();
            if !self.eat(Kind::LeftParen) || !self.eat(Kind::RightParen) {
                return self.unexpected("@", "timestamp");
            }
            return Ok(if word == Word::Start {
                At::Start
            } else {
                At::End
            });
        }
        let negative = self.peek().kind == Kind::Op(Op::Sub);
        if negative || self.peek().kind == Kind::Op(Op::Add) {
            self.advance();
        }
        let token = self.peek();
        if !matches!(token.kind, Kind::Number | Kind::Duration) {
            return self.unexpected("@", "timestamp");
        }
        self.advance();
        let seconds = self.number(token);
        let seconds = if negative { -seconds } else { seconds };
        if seconds.is_nan() || seconds.abs() >= i64::MAX as f64 {
            let text = format!("timestamp out of bounds for @ modifier: {seconds:.6}")
                .replace("inf", "Inf")
                .replace(": Inf", ": +Inf");
            self.note(expr.place(), text);
        }
        Ok(At::Time((seconds * 1000.0).round() as i64))
    }
}
