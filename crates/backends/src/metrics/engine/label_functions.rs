//! Functions that work on labels: `label_replace`, `label_join`, and the labels of `absent`.

use super::QueryError;
use super::eval::{Evaluator, merge};
use super::grid::{Column, Grid};
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::lang::ast::{Call, Expr};
use crate::wire::regex::Expression;

/// Longest label value that a function makes.
const MAX_VALUE_BYTES: usize = 16 * 1024;

impl Evaluator<'_> {
    pub(super) fn label_replace(
        &self,
        call: &Call,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let [vector, written_target, replacement, source, written] = call.args.as_slice() else {
            return Err(too_few(call));
        };
        let target = self.text(written_target, grid)?;
        let replacement = self.text(replacement, grid)?;
        let (source, pattern) = (self.text(source, grid)?, self.text(written, grid)?);
        let expression = match invalid_bytes(written) {
            None => Expression::anchored(&pattern).ok(),
            Some(_) => None,
        };
        let expression = expression.ok_or_else(|| {
            QueryError::Execution(format!(
                "invalid regular expression in label_replace(): {pattern}"
            ))
        })?;
        check_name(written_target, &target, "destination", call)?;
        let mut columns = self.vector(vector, grid)?;
        for column in &mut columns {
            if let Some(found) = expression.regex().captures(column.labels.get(&source)) {
                let places = replacement.matches('$').count();
                let source_bytes = column.labels.get(&source).len();
                self.pay_for_label(replacement.len() + places * source_bytes)?;
                let mut value = String::new();
                expression.expand(&replacement, &found, &mut value);
                column.labels = column.labels.with(&target, &value);
            }
        }
        merge(columns)
    }

    pub(super) fn label_join(&self, call: &Call, grid: &Grid) -> Result<Vec<Column>, QueryError> {
        let [vector, written_target, separator, written @ ..] = call.args.as_slice() else {
            return Err(too_few(call));
        };
        let target = self.text(written_target, grid)?;
        let separator = self.text(separator, grid)?;
        let mut sources = Vec::with_capacity(written.len());
        for source in written {
            let name = self.text(source, grid)?;
            check_name(source, &name, "source", call)?;
            sources.push(name);
        }
        check_name(written_target, &target, "destination", call)?;
        let mut columns = self.vector(vector, grid)?;
        for column in &mut columns {
            let parts: Vec<&str> = sources
                .iter()
                .map(|source| column.labels.get(source))
                .collect();
            let bytes: usize = parts.iter().map(|part| part.len() + separator.len()).sum();
            self.pay_for_label(bytes)?;
            let joined = parts.join(&separator);
            column.labels = column.labels.with(&target, &joined);
        }
        merge(columns)
    }

    /// Refuses a value that would be too long: a nest of joins doubles it with each step.
    fn pay_for_label(&self, bytes: usize) -> Result<(), QueryError> {
        if bytes > MAX_VALUE_BYTES {
            return Err(QueryError::Execution(format!(
                "a label value of more than {MAX_VALUE_BYTES} bytes is not supported here"
            )));
        }
        self.budget.make(bytes / size_of::<f64>())
    }
}

/// Refuses a label name that is empty or not UTF-8; any other is valid.
fn check_name(written: &Expr, name: &str, which: &str, call: &Call) -> Result<(), QueryError> {
    if !name.is_empty() && invalid_bytes(written).is_none() {
        return Ok(());
    }
    Err(QueryError::Execution(format!(
        "invalid {which} label name in {}(): {name}",
        call.function.name
    )))
}

/// What a string literal has, if it is not UTF-8.
pub(super) fn invalid_bytes(expr: &Expr) -> Option<&[u8]> {
    match expr.bare() {
        Expr::Text(text) => text.invalid.as_deref(),
        _ => None,
    }
}

fn too_few(call: &Call) -> QueryError {
    QueryError::BadData(format!(
        "parse error: too few arguments in call to '{}'",
        call.function.name
    ))
}

/// The labels that `absent` can tell from its argument: those of plain equalities.
pub(super) fn absent_labels(expr: &Expr) -> Labels {
    let selector = match expr.bare() {
        Expr::Vector(vector) => &vector.selector,
        Expr::Matrix(matrix) => &matrix.vector.selector,
        _ => return Labels::empty(),
    };
    let mut labels = Labels::empty();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in selector
        .matchers()
        .iter()
        .filter(|matcher| matcher.name() != METRIC_NAME)
    {
        let first = !seen.contains(&matcher.name());
        match matcher.exact() {
            Some(value) if first => {
                labels = labels.with(matcher.name(), value);
                seen.push(matcher.name());
            }
            _ => labels = labels.with(matcher.name(), ""),
        }
    }
    labels
}
