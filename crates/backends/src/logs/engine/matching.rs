//! Binary operators between two vectors. As in Loki series are matched at each step, among those
//! that have a value there.

use std::collections::{HashMap, HashSet};

use super::binary::{point, signature, without_empty};
use super::budget::Budget;
use super::error::QueryError;
use super::range::POINT;
use super::value::{Labels, Series};
use crate::logs::lang::{BinaryOp, Group};

/// The results, by labels.
struct Results {
    series: Vec<Series>,
    by_labels: HashMap<Labels, usize>,
    /// Index of the result of two series, by their indexes.
    by_pair: HashMap<(usize, usize), usize>,
    steps: usize,
}

impl Results {
    /// The index of the result of two series.
    fn of(
        &mut self,
        op: &BinaryOp,
        pair: (usize, usize),
        (many, one): (&Series, &Series),
        budget: &mut Budget,
    ) -> Result<usize, QueryError> {
        if let Some(known) = self.by_pair.get(&pair) {
            return Ok(*known);
        }
        let labels = result_labels(op, &many.labels, &one.labels);
        let at = match self.by_labels.get(&labels) {
            Some(at) => *at,
            None => {
                budget.hold(self.steps.saturating_mul(POINT))?;
                self.by_labels.insert(labels.clone(), self.series.len());
                let values = vec![None; self.steps];
                self.series.push(Series { labels, values });
                self.series.len() - 1
            }
        };
        self.by_pair.insert(pair, at);
        Ok(at)
    }
}

/// The labels of a result: those of the "many" side that the operator keeps.
fn result_labels(op: &BinaryOp, many: &Labels, one: &Labels) -> Labels {
    let Some(matching) = &op.matching else {
        return many.clone();
    };
    match &matching.group {
        None => many.only(&matching.labels, matching.on),
        Some(group) => {
            let mut labels = many.clone();
            for name in &group.include {
                labels.set(name, one.get(name));
            }
            labels
        }
    }
}

/// Assigns an id to each set of matching labels.
fn signatures(op: &BinaryOp, sides: [&[Series]; 2]) -> ([Vec<usize>; 2], usize) {
    let mut known: HashMap<Labels, usize> = HashMap::new();
    let numbers = sides.map(|side| {
        let number = |one: &Series| {
            let next = known.len();
            *known.entry(signature(op, &one.labels)).or_insert(next)
        };
        side.iter().map(number).collect()
    });
    (numbers, known.len())
}

/// Applies an operator to two vectors.
pub(super) fn apply(
    op: &BinaryOp,
    left: &[Series],
    right: &[Series],
    steps: usize,
    budget: &mut Budget,
) -> Result<Vec<Series>, QueryError> {
    let group: Option<&Group> = op.matching.as_ref().and_then(|m| m.group.as_ref());
    let swapped = group.is_some_and(|group| group.right);
    let (many, one) = if swapped {
        (right, left)
    } else {
        (left, right)
    };
    let ([many_signatures, one_signatures], count) = signatures(op, [many, one]);
    let mut results = Results {
        series: Vec::new(),
        by_labels: HashMap::new(),
        by_pair: HashMap::new(),
        steps,
    };
    // The series of the "one" side by signature, at the current step.
    let mut there: Vec<Option<usize>> = vec![None; count];
    for step in 0..steps {
        let value = |series: &Series| series.values.get(step).copied().flatten();
        there.fill(None);
        for (at, signature) in one_signatures.iter().enumerate() {
            budget.work(0)?;
            let present = one.get(at).and_then(value).is_some();
            if let Some(slot) = there.get_mut(*signature).filter(|_| present)
                && slot.replace(at).is_some()
            {
                let side = if swapped { "left" } else { "right" };
                return Err(QueryError::ManyToMany(side));
            }
        }
        let mut matched: HashSet<usize> = HashSet::new();
        let mut written: HashSet<(usize, usize)> = HashSet::new();
        for (at, signature) in many_signatures.iter().enumerate() {
            budget.work(0)?;
            let (Some(many), Some(Some(other))) = (many.get(at), there.get(*signature)) else {
                continue;
            };
            let Some(one) = one.get(*other) else {
                continue;
            };
            let (Some(many_value), Some(one_value)) = (value(many), value(one)) else {
                continue;
            };
            let result = results.of(op, (at, *other), (many, one), budget)?;
            if group.is_none() && !matched.insert(*signature) {
                return Err(QueryError::ManyToOne);
            }
            if group.is_some() && !written.insert((*signature, result)) {
                return Err(QueryError::NotUnique);
            }
            let (left, right) = match swapped {
                true => (one_value, many_value),
                false => (many_value, one_value),
            };
            let slot = results.series.get_mut(result);
            if let Some(slot) = slot.and_then(|series| series.values.get_mut(step)) {
                *slot = point(op, left, right, left).or(*slot);
            }
        }
    }
    Ok(without_empty(results.series))
}
