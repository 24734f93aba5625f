//! Set operators: `and`, `or`, `unless`.

use super::QueryError;
use super::eval::{Evaluator, merge};
use super::grid::{Column, Grid};
use super::matching::Signatures;
use crate::metrics::lang::ast::Matching;
use crate::metrics::lang::token::Op;

impl Evaluator<'_> {
    pub(super) fn set_operation(
        &self,
        op: Op,
        mut left: Vec<Column>,
        mut right: Vec<Column>,
        matching: &Matching,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let mut signatures = Signatures::default();
        let left_numbers = signatures.number(&left, matching);
        let right_numbers = signatures.number(&right, matching);
        let mut there = vec![false; signatures.len()];
        for step in 0..grid.len() {
            self.budget.read(left.len() + right.len())?;
            there.fill(false);
            let (known, known_numbers) = if op == Op::Or {
                (&left, &left_numbers)
            } else {
                (&right, &right_numbers)
            };
            for (column, number) in known.iter().zip(known_numbers) {
                there[*number] |= column.has(step);
            }
            let (kept, kept_numbers, wanted) = match op {
                Op::Or => (&mut right, &right_numbers, false),
                Op::And => (&mut left, &left_numbers, true),
                _ => (&mut left, &left_numbers, false),
            };
            for (column, number) in kept.iter_mut().zip(kept_numbers) {
                if there[*number] != wanted {
                    column.set(step, None);
                }
            }
        }
        if op == Op::Or {
            left.append(&mut right);
        }
        left.retain(|column| !column.is_void());
        merge(left)
    }
}
