//! The parser: selectors, and helpers that all parts of the grammar share. It is a recursive
//! descent parser whose errors read like those of Loki's generated parser.

use std::sync::Arc;

use super::ast::{Expr, Grouping, LogExpr, MatchOp, Matcher};
use super::error::ParseError;
use super::grammar_metric::expression;
use super::grammar_stages::{is_unwrap, stages};
use super::tokens::{Tok, Token};

/// Deepest nesting of parentheses.
const MAX_DEPTH: usize = 64;

/// Largest number of binary operators in a query: each can make the tree one level deeper.
const MAX_OPERATORS: usize = 250;

pub(crate) type Parsed<T> = Result<T, ParseError>;

/// The tokens of a query and the current position.
pub(crate) struct Words<'t, 'i> {
    tokens: &'t [Token<'i>],
    at: usize,
    nesting: usize,
    operators: usize,
}

/// Returned for every position after the last token.
const END: Tok<'static> = Tok::End;

impl<'i> Words<'_, 'i> {
    /// The next token.
    pub(crate) fn peek(&self) -> &Tok<'i> {
        self.peek_at(0)
    }

    /// A token further on.
    pub(crate) fn peek_at(&self, ahead: usize) -> &Tok<'i> {
        self.tokens
            .get(self.at + ahead)
            .map_or(&END, |token| &token.tok)
    }

    /// Skips the next token.
    pub(crate) fn advance(&mut self) {
        self.at += 1;
    }

    /// Tests whether the next token is this operator, bracket or keyword.
    pub(crate) fn is(&self, word: &str) -> bool {
        matches!(self.peek(), Tok::Word(own) if *own == word)
    }

    /// Skips this token if it is the next one.
    pub(crate) fn take(&mut self, word: &str) -> bool {
        let found = self.is(word);
        self.at += usize::from(found);
        found
    }

    /// Expects this token and skips it.
    ///
    /// # Errors
    /// The next token is another one.
    pub(crate) fn expect(&mut self, word: &'static str) -> Parsed<()> {
        if self.take(word) {
            return Ok(());
        }
        self.unexpected(&[word])
    }

    /// The error for an unexpected token. `expected` lists the tokens that could stand there; Loki
    /// names at most four, and none if there are more.
    pub(crate) fn unexpected<T>(&self, expected: &[&str]) -> Parsed<T> {
        let Some(token) = self
            .tokens
            .get(self.at.min(self.tokens.len().saturating_sub(1)))
        else {
            return Err(ParseError::plain("no words"));
        };
        let (line, col) = (token.line, token.col);
        let message = match &token.tok {
            Tok::Bad(reason) => reason.clone(),
            found => {
                let expected = match expected {
                    [] => String::new(),
                    some => format!(", expecting {}", some.join(" or ")),
                };
                format!("syntax error: unexpected {found}{expected}")
            }
        };
        Err(ParseError::At { line, col, message })
    }

    /// A name.
    pub(crate) fn ident(&mut self) -> Parsed<String> {
        match self.peek() {
            Tok::Ident(name) => {
                let name = (*name).to_owned();
                self.advance();
                Ok(name)
            }
            _ => self.unexpected(&["IDENTIFIER"]),
        }
    }

    /// A quoted text.
    pub(crate) fn text(&mut self) -> Parsed<Arc<str>> {
        match self.peek() {
            Tok::Text(text) => {
                let text = Arc::clone(text);
                self.advance();
                Ok(text)
            }
            _ => self.unexpected(&["STRING"]),
        }
    }

    /// A number as written.
    pub(crate) fn number(&mut self) -> Parsed<&'i str> {
        match *self.peek() {
            Tok::Number(number) => {
                self.advance();
                Ok(number)
            }
            _ => self.unexpected(&["NUMBER"]),
        }
    }

    /// Parses one level deeper, within the bound.
    pub(crate) fn nested<T>(&mut self, inner: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        if self.nesting >= MAX_DEPTH {
            let reason = format!("the query is nested more than {MAX_DEPTH} levels deep");
            return Err(ParseError::plain(reason));
        }
        self.nesting += 1;
        let parsed = inner(self);
        self.nesting -= 1;
        parsed
    }

    /// Counts a binary operator towards the bound.
    pub(crate) fn count_operator(&mut self) -> Parsed<()> {
        self.operators += 1;
        if self.operators > MAX_OPERATORS {
            let reason = format!("the query has more than {MAX_OPERATORS} operators");
            return Err(ParseError::plain(reason));
        }
        Ok(())
    }
}

/// Parses a whole query.
pub(crate) fn parse_tokens(tokens: &[Token<'_>]) -> Parsed<Expr> {
    let mut words = Words {
        tokens,
        at: 0,
        nesting: 0,
        operators: 0,
    };
    let parsed = expression(&mut words)?;
    match words.peek() {
        Tok::End => Ok(parsed),
        _ => words.unexpected(&[]),
    }
}

/// A selector with its pipeline.
pub(crate) fn log_expr(words: &mut Words<'_, '_>) -> Parsed<LogExpr> {
    let matchers = selector(words)?;
    let stages = stages(words)?;
    if is_unwrap(words) {
        // `unwrap` is allowed only before a range.
        words.advance();
        return words.unexpected(&[]);
    }
    Ok(LogExpr { matchers, stages })
}

/// `{a="b", c!="d"}`
pub(crate) fn selector(words: &mut Words<'_, '_>) -> Parsed<Vec<Matcher>> {
    words.expect("{")?;
    if words.take("}") {
        return Ok(Vec::new());
    }
    if !matches!(words.peek(), Tok::Ident(_)) {
        return words.unexpected(&["IDENTIFIER", "}"]);
    }
    let mut matchers = vec![matcher(words)?];
    loop {
        if words.take("}") {
            return Ok(matchers);
        }
        if !words.take(",") {
            return words.unexpected(&["}", ","]);
        }
        matchers.push(matcher(words)?);
    }
}

/// `name="value"`
pub(crate) fn matcher(words: &mut Words<'_, '_>) -> Parsed<Matcher> {
    let name = words.ident()?;
    let Some(op) = match_op(words.peek()) else {
        return words.unexpected(&["=", "=~", "!~", "!="]);
    };
    words.advance();
    let value = words.text()?;
    let matcher = Matcher { name, op, value };
    matcher.compile()?;
    Ok(matcher)
}

/// `=`, `!=`, `=~`, `!~`
pub(crate) fn match_op(tok: &Tok<'_>) -> Option<MatchOp> {
    Some(match tok {
        Tok::Word("=") => MatchOp::Equal,
        Tok::Word("!=") => MatchOp::NotEqual,
        Tok::Word("=~") => MatchOp::Regex,
        Tok::Word("!~") => MatchOp::NotRegex,
        _ => return None,
    })
}

/// `(a, b)` or `()`
pub(crate) fn names(words: &mut Words<'_, '_>) -> Parsed<Vec<String>> {
    words.expect("(")?;
    let mut names = Vec::new();
    if words.take(")") {
        return Ok(names);
    }
    if !matches!(words.peek(), Tok::Ident(_)) {
        return words.unexpected(&["IDENTIFIER", ")"]);
    }
    loop {
        names.push(words.ident()?);
        if words.take(")") {
            return Ok(names);
        }
        if !words.take(",") {
            return words.unexpected(&[",", ")"]);
        }
    }
}

/// `by (a, b)` or `without (a)`, if it is there.
pub(crate) fn grouping(words: &mut Words<'_, '_>) -> Parsed<Option<Grouping>> {
    let without = words.is("without");
    if !without && !words.is("by") {
        return Ok(None);
    }
    words.advance();
    let labels = names(words)?;
    Ok(Some(Grouping { without, labels }))
}
