//! The labels of one series, `name{label="value"}`, as the text formats and pushes to Loki write them.

use super::literal::unquote;
use super::parser::{Parser, Stop, begins_selector};
use super::token::Kind;
use crate::metrics::labels::METRIC_NAME;

impl Parser<'_> {
    /// A name, or labels in braces, or both, or nothing; then the end.
    pub(super) fn metric(&mut self) -> Result<Vec<(String, String)>, Stop> {
        let mut labels = Vec::new();
        let first = self.peek().kind;
        let mut name = None;
        if first != Kind::LeftBrace && begins_selector(first) {
            name = Some(self.advance().text.to_owned());
        }
        if self.eat(Kind::LeftBrace) {
            self.label_set(&mut labels)?;
        }
        if let Some(name) = name {
            labels.retain(|(label, _)| label != METRIC_NAME);
            labels.push((METRIC_NAME.to_owned(), name));
        }
        if self.peek().kind != Kind::End {
            return self.unexpected("", "");
        }
        Ok(labels)
    }

    fn label_set(&mut self, labels: &mut Vec<(String, String)>) -> Result<(), Stop> {
        const CONTEXT: &str = "label set";
        loop {
            if self.eat(Kind::RightBrace) {
                return Ok(());
            }
            let name = self.peek();
            if !matches!(name.kind, Kind::Identifier | Kind::String) {
                return self.unexpected(CONTEXT, "identifier or \"}\"");
            }
            self.advance();
            let is_quoted = name.kind == Kind::String;
            if self.eat(Kind::Assign) {
                let value = self.peek();
                if value.kind != Kind::String {
                    return self.unexpected(CONTEXT, "string");
                }
                self.advance();
                let name = match is_quoted {
                    true => unquote(name.text),
                    false => name.text.to_owned(),
                };
                labels.push((name, unquote(value.text)));
            } else if is_quoted && matches!(self.peek().kind, Kind::Comma | Kind::RightBrace) {
                labels.push((METRIC_NAME.to_owned(), unquote(name.text)));
            } else {
                return self.unexpected(CONTEXT, "\"=\"");
            }
            if !self.eat(Kind::Comma) && self.peek().kind != Kind::RightBrace {
                return self.unexpected(CONTEXT, "\",\" or \"}\"");
            }
        }
    }
}
