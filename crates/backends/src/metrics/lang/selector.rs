//! Vector selectors: a name and conditions in braces.

use super::ast::{Moved, VectorSelector};
use super::literal::{unquote, unquote_bytes};
use super::parser::{Parser, Stop};
use super::token::{Kind, Op, Token};
use crate::metrics::labels::METRIC_NAME;
use crate::metrics::store::{Matcher, Selector};
use crate::wire::quote::valid;

impl Parser<'_> {
    /// A name, or braces, or both. The next token is one of those.
    pub(super) fn vector_selector(&mut self) -> Result<VectorSelector, Stop> {
        let place = self.peek().place;
        let mut name = String::new();
        if self.peek().kind != Kind::LeftBrace {
            name = self.advance().text.to_owned();
        }
        let mut matchers = Vec::new();
        if self.eat(Kind::LeftBrace) {
            self.matchers(&mut matchers)?;
        }
        if !name.is_empty() {
            matchers.push(Matcher::equal(METRIC_NAME, name.as_str()));
        }
        Ok(VectorSelector {
            name,
            selector: Selector::new(matchers),
            moved: Moved::default(),
            place,
        })
    }

    fn matchers(&mut self, matchers: &mut Vec<Matcher>) -> Result<(), Stop> {
        const CONTEXT: &str = "label matching";
        loop {
            if self.eat(Kind::RightBrace) {
                return Ok(());
            }
            let label = self.peek();
            if !matches!(label.kind, Kind::Identifier | Kind::String) {
                return self.unexpected(CONTEXT, "identifier or \"}\"");
            }
            self.advance();
            let op = self.peek().kind;
            if matches!(
                op,
                Kind::Assign | Kind::Op(Op::NotEqual) | Kind::Matches | Kind::MatchesNot
            ) {
                self.advance();
                let value = self.peek();
                if value.kind != Kind::String {
                    return self.unexpected(CONTEXT, "string");
                }
                self.advance();
                matchers.extend(self.matcher(label, op, value)?);
            } else if label.kind == Kind::String {
                matchers.push(Matcher::equal(METRIC_NAME, unquote(label.text)));
            } else {
                return self.unexpected(CONTEXT, "label matching operator");
            }
            if !self.eat(Kind::Comma) && self.peek().kind != Kind::RightBrace {
                return self.unexpected(CONTEXT, "\",\" or \"}\"");
            }
        }
    }

    fn matcher(
        &mut self,
        label: Token<'_>,
        op: Kind,
        value: Token<'_>,
    ) -> Result<Option<Matcher>, Stop> {
        let name = if label.kind == Kind::String {
            unquote(label.text)
        } else {
            label.text.to_owned()
        };
        let text = unquote(value.text);
        let matcher = match op {
            Kind::Assign => Matcher::equal(name, text),
            Kind::Matches | Kind::MatchesNot => {
                self.count_regex(label.place)?;
                let written = unquote_bytes(value.text);
                if let Some(rest) = not_utf8(&written).filter(|_| !is_plain(&written)) {
                    let problem = format!("error parsing regexp: invalid UTF-8: `{}`", valid(rest));
                    self.note(label.place, problem);
                    return Ok(None);
                }
                match Matcher::regex(name, &text, op == Kind::MatchesNot) {
                    Ok(matcher) => matcher,
                    Err(error) => {
                        self.note(label.place, error.to_string());
                        return Ok(None);
                    }
                }
            }
            _ => Matcher::not_equal(name, text),
        };
        Ok(Some(matcher))
    }
}

/// Bytes from the first on that is not UTF-8.
fn not_utf8(bytes: &[u8]) -> Option<&[u8]> {
    let error = std::str::from_utf8(bytes).err()?;
    bytes.get(error.valid_up_to()..)
}

/// True for texts joined by `|` without any operator in them. Prometheus compares them without making a regular
/// expression, whatever their bytes are.
fn is_plain(expression: &[u8]) -> bool {
    !expression
        .iter()
        .any(|byte| br"\.+*?()[]{}^$".contains(byte))
}
