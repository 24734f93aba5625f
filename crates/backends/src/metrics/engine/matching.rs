//! Binary operators between two vectors: which series meet, and what the result is called.

use std::collections::HashMap;

use super::QueryError;
use super::binary::outcome;
use super::eval::{Evaluator, same_labelset};
use super::grid::{ABSENT, Column, Grid, is_absent};
use crate::metrics::labels::{Labels, METRIC_NAME};
use crate::metrics::lang::ast::{Binary, Card, Matching};

/// The labels by which series meet.
pub(super) fn signature(labels: &Labels, matching: &Matching) -> Labels {
    let named = |name: &str| matching.labels.iter().any(|label| label == name);
    if matching.on {
        labels.filter(named)
    } else {
        labels.filter(|name| name != METRIC_NAME && !named(name))
    }
}

/// A small number for each distinct signature, shared by both sides.
#[derive(Default)]
pub(super) struct Signatures {
    numbers: HashMap<Labels, usize>,
}

impl Signatures {
    pub(super) fn number(&mut self, columns: &[Column], matching: &Matching) -> Vec<usize> {
        columns
            .iter()
            .map(|column| {
                let next = self.numbers.len();
                *self
                    .numbers
                    .entry(signature(&column.labels, matching))
                    .or_insert(next)
            })
            .collect()
    }

    pub(super) fn len(&self) -> usize {
        self.numbers.len()
    }
}

/// Names of the result series.
fn result_labels(binary: &Binary, many: &Labels, one: &Labels) -> Labels {
    let matching = &binary.matching;
    let drops_name = binary.return_bool || !binary.op.is_comparison();
    let mut labels = if drops_name {
        many.without_name()
    } else {
        many.clone()
    };
    if matching.card == Card::OneToOne {
        let named = |name: &str| matching.labels.iter().any(|label| label == name);
        labels = labels.filter(|name| named(name) == matching.on);
    }
    for name in &matching.include {
        labels = labels.with(name, one.get(name));
    }
    labels
}

/// The columns made so far, each found by the pair of columns it comes from.
#[derive(Default)]
struct Results {
    columns: Vec<Column>,
    by_labels: HashMap<Labels, usize>,
    by_pair: HashMap<(usize, usize), usize>,
    /// Step and signature of the last pair that met in a column.
    last: Vec<Option<(usize, usize)>>,
}

impl Evaluator<'_> {
    pub(super) fn match_vectors(
        &self,
        binary: &Binary,
        left: Vec<Column>,
        right: Vec<Column>,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let (op, matching) = (binary.op, &binary.matching);
        let swapped = matching.card == Card::OneToMany;
        let (many, one) = if swapped {
            (right, left)
        } else {
            (left, right)
        };
        let mut signatures = Signatures::default();
        let one_numbers = signatures.number(&one, matching);
        let many_numbers = signatures.number(&many, matching);
        let mut results = Results::default();
        let mut one_at: Vec<Option<usize>> = vec![None; signatures.len()];
        let mut met: Vec<bool> = vec![false; signatures.len()];
        for step in 0..grid.len() {
            self.budget.read(many.len() + one.len())?;
            let present = |column: &Column| !is_absent(column.values[step]);
            if !many.iter().any(present) || !one.iter().any(present) {
                continue;
            }
            one_at.fill(None);
            met.fill(false);
            for (index, number) in one_numbers.iter().enumerate() {
                if !present(&one[index]) {
                    continue;
                }
                if let Some(other) = one_at[*number].replace(index) {
                    return Err(duplicate(
                        &one[index].labels,
                        &one[other].labels,
                        matching,
                        swapped,
                    ));
                }
            }
            for (index, number) in many_numbers.iter().enumerate() {
                let (true, Some(partner)) = (present(&many[index]), one_at[*number]) else {
                    continue;
                };
                if matching.card == Card::OneToOne && std::mem::replace(&mut met[*number], true) {
                    return Err(QueryError::Execution(
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                            .to_owned(),
                    ));
                }
                let place = match results.by_pair.get(&(index, partner)) {
                    Some(place) => *place,
                    None => {
                        let labels =
                            result_labels(binary, &many[index].labels, &one[partner].labels);
                        let place = self.place_for(&mut results, labels, grid)?;
                        results.by_pair.insert((index, partner), place);
                        place
                    }
                };
                if results.last[place].replace((step, *number)) == Some((step, *number)) {
                    return Err(QueryError::Execution(
                        "multiple matches for labels: grouping labels must ensure unique matches"
                            .to_owned(),
                    ));
                }
                let (many_value, one_value) = (many[index].values[step], one[partner].values[step]);
                let (left, right) = if swapped {
                    (one_value, many_value)
                } else {
                    (many_value, one_value)
                };
                let Some(value) = outcome(op, left, right, binary.return_bool) else {
                    continue;
                };
                let slot = &mut results.columns[place].values[step];
                if !is_absent(*slot) {
                    return Err(same_labelset());
                }
                *slot = value;
            }
        }
        results.columns.retain(|column| !column.is_void());
        Ok(results.columns)
    }

    fn place_for(
        &self,
        results: &mut Results,
        labels: Labels,
        grid: &Grid,
    ) -> Result<usize, QueryError> {
        if let Some(place) = results.by_labels.get(&labels) {
            return Ok(*place);
        }
        self.budget.make(grid.len())?;
        let place = results.columns.len();
        results.by_labels.insert(labels.clone(), place);
        results.last.push(None);
        results.columns.push(Column {
            labels,
            values: vec![ABSENT; grid.len()],
        });
        Ok(place)
    }
}

fn duplicate(first: &Labels, second: &Labels, matching: &Matching, swapped: bool) -> QueryError {
    let side = if swapped { "left" } else { "right" };
    let matched = signature(first, matching);
    let (first, second) = if first.to_string() > second.to_string() {
        (second, first)
    } else {
        (first, second)
    };
    QueryError::Execution(format!(
        "found duplicate series for the match group {matched} on the {side} hand-side of the operation: \
         [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
    ))
}
