//! Binary operators between two vectors: which series meet, and what the result is called.

use std::collections::HashMap;

use promql_parser::parser::token::TokenType;
use promql_parser::parser::{BinModifier, LabelModifier, VectorMatchCardinality};

use super::QueryError;
use super::binary::outcome;
use super::eval::{Evaluator, same_labelset};
use super::grid::{ABSENT, Column, Grid, is_absent};
use crate::embedded::metrics::labels::{Labels, METRIC_NAME};

/// The labels by which series meet.
pub(super) fn signature(labels: &Labels, matching: Option<&LabelModifier>) -> Labels {
    match matching {
        Some(LabelModifier::Include(on)) => {
            labels.filter(|name| on.labels.iter().any(|label| label == name))
        }
        Some(LabelModifier::Exclude(ignored)) => labels.filter(|name| {
            name != METRIC_NAME && !ignored.labels.iter().any(|label| label == name)
        }),
        None => labels.without_name(),
    }
}

/// A small number for each distinct signature, shared by both sides.
#[derive(Default)]
pub(super) struct Signatures {
    numbers: HashMap<Labels, usize>,
}

impl Signatures {
    pub(super) fn number(
        &mut self,
        columns: &[Column],
        matching: Option<&LabelModifier>,
    ) -> Vec<usize> {
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

/// The operator with its modifier, and the name of a result.
struct Rule<'a> {
    op: TokenType,
    return_bool: bool,
    matching: Option<&'a LabelModifier>,
    card: VectorMatchCardinality,
}

impl Rule<'_> {
    fn one_to_one(&self) -> bool {
        self.card == VectorMatchCardinality::OneToOne
    }

    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let drops_name = self.return_bool || !self.op.is_comparison_operator();
        let mut labels = if drops_name {
            many.without_name()
        } else {
            many.clone()
        };
        if self.one_to_one() {
            match self.matching {
                Some(LabelModifier::Include(on)) => {
                    labels = labels.filter(|name| on.labels.iter().any(|label| label == name));
                }
                Some(LabelModifier::Exclude(ignored)) => {
                    labels =
                        labels.filter(|name| !ignored.labels.iter().any(|label| label == name));
                }
                None => {}
            }
        }
        for name in self
            .card
            .labels()
            .into_iter()
            .flat_map(|include| &include.labels)
        {
            labels = labels.with(name, one.get(name));
        }
        labels
    }
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
        op: TokenType,
        left: Vec<Column>,
        right: Vec<Column>,
        modifier: Option<&BinModifier>,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let rule = Rule {
            op,
            return_bool: modifier.is_some_and(|modifier| modifier.return_bool),
            matching: modifier.and_then(|modifier| modifier.matching.as_ref()),
            card: modifier.map_or(VectorMatchCardinality::OneToOne, |modifier| {
                modifier.card.clone()
            }),
        };
        let swapped = matches!(rule.card, VectorMatchCardinality::OneToMany(_));
        let (many, one) = if swapped {
            (right, left)
        } else {
            (left, right)
        };
        let mut signatures = Signatures::default();
        let one_numbers = signatures.number(&one, rule.matching);
        let many_numbers = signatures.number(&many, rule.matching);
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
                        &rule,
                        swapped,
                    ));
                }
            }
            for (index, number) in many_numbers.iter().enumerate() {
                let (true, Some(partner)) = (present(&many[index]), one_at[*number]) else {
                    continue;
                };
                if rule.one_to_one() && std::mem::replace(&mut met[*number], true) {
                    return Err(QueryError::Execution(
                        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
                            .to_owned(),
                    ));
                }
                let place = match results.by_pair.get(&(index, partner)) {
                    Some(place) => *place,
                    None => {
                        let labels = rule.result_labels(&many[index].labels, &one[partner].labels);
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
                let Some(value) = outcome(op, left, right, rule.return_bool) else {
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

fn duplicate(first: &Labels, second: &Labels, rule: &Rule<'_>, swapped: bool) -> QueryError {
    let side = if swapped { "left" } else { "right" };
    let matched = signature(first, rule.matching);
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
