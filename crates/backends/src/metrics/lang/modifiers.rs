//! Rules of the grammar for what stands behind an expression: ranges, subqueries, `offset` and `@`.

use super::ast::{At, DurationExpr, Expr, MatrixSelector, Moved, Subquery};
use super::literal;
use super::parser::{Parser, Stop, Tree};
use super::token::{Kind, Op, Word};

impl Parser<'_> {
    /// Ranges, offsets and times behind an expression. They bind tighter than any operator.
    pub(super) fn postfix(&mut self, (mut expr, mut height): Tree) -> Result<Tree, Stop> {
        loop {
            match self.peek().kind {
                Kind::LeftBracket => {
                    expr = self.range(expr)?;
                    height += usize::from(matches!(expr, Expr::Subquery(_)));
                    self.limited(height, expr.place())?;
                }
                Kind::Word(Word::Offset) => {
                    self.advance();
                    let (by, written) = self.offset()?;
                    self.set_offset(&mut expr, by, written);
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
        let (range, range_expr) = self.positive_duration(
            "subquery or range selector",
            "number, duration, step(), or range()",
        )?;
        if self.eat(Kind::Colon) {
            const CONTEXT: &str = "subquery selector";
            let (mut step, mut step_expr) = (None, None);
            if self.peek().kind != Kind::RightBracket {
                let expected = "number, duration, step(), range(), or \"]\"";
                let (seconds, written) = self.positive_duration(CONTEXT, expected)?;
                step = Some(literal::millis(seconds));
                step_expr = written;
            }
            if !self.eat(Kind::RightBracket) {
                return self.unexpected(CONTEXT, "\"]\"");
            }
            return Ok(Expr::Subquery(Subquery {
                expr: Box::new(expr),
                range: literal::millis(range),
                range_expr,
                step,
                step_expr,
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
                range_expr,
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

    /// Sets the offset, in seconds, of a selector or a subquery. `written`: what was written, if it is more than a
    /// number.
    fn set_offset(&mut self, expr: &mut Expr, by: f64, written: Option<DurationExpr>) {
        let place = expr.place();
        let Some(moved) = self.moved(expr, "offset") else {
            return;
        };
        if moved.offset_given {
            self.note(place, "offset may not be set multiple times".to_owned());
            return;
        }
        moved.offset = literal::millis(by);
        moved.offset_given = by != 0.0 || written.is_some();
        moved.offset_expr = written;
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
