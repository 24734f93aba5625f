//! Binary operators between two vectors: which series meet, and what the result is called.

use std::collections::HashMap;

use super::QueryError;
use super::annotations::Note;
use super::binary;
use super::eval::{Evaluator, same_labelset};
use super::grid::{Column, Grid};
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
    let drops_name = binary.return_bool || binary.op.changes_metric();
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

/// The columns of one operand, each with the number of its signature.
struct Side {
    columns: Vec<Column>,
    numbers: Vec<usize>,
}

impl Side {
    fn new(columns: Vec<Column>, matching: &Matching, signatures: &mut Signatures) -> Self {
        let numbers = signatures.number(&columns, matching);
        Self { columns, numbers }
    }

    /// True if a column has a value at `step`.
    fn is_present(&self, column: usize, step: usize) -> bool {
        self.columns[column].has(step)
    }

    /// True if no column has a value at `step`.
    fn is_empty(&self, step: usize) -> bool {
        !(0..self.columns.len()).any(|column| self.is_present(column, step))
    }
}

/// A binary operator between two vectors, step by step.
struct VectorMatch<'e> {
    evaluator: &'e Evaluator<'e>,
    binary: &'e Binary,
    grid: &'e Grid,
    /// The "many" side is the right operand.
    swapped: bool,
    many: Side,
    one: Side,
    /// Per signature, the column of the "one" side that has it at the current step.
    one_at: Vec<Option<usize>>,
    /// Per signature, true once a column of the "many" side met it at the current step.
    met: Vec<bool>,
    results: Results,
    /// The last one of the step. Prometheus tells no other.
    note: Option<Note>,
}

impl Evaluator<'_> {
    pub(super) fn match_vectors(
        &self,
        binary: &Binary,
        left: Vec<Column>,
        right: Vec<Column>,
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        let swapped = binary.matching.card == Card::OneToMany;
        let (many, one) = if swapped {
            (right, left)
        } else {
            (left, right)
        };
        let mut signatures = Signatures::default();
        let one = Side::new(one, &binary.matching, &mut signatures);
        let many = Side::new(many, &binary.matching, &mut signatures);
        let mut matched = VectorMatch {
            evaluator: self,
            binary,
            grid,
            swapped,
            many,
            one,
            one_at: vec![None; signatures.len()],
            met: vec![false; signatures.len()],
            results: Results::default(),
            note: None,
        };
        for step in 0..grid.len() {
            matched.step(step)?;
            if let Some(note) = matched.note.take() {
                self.annotations().add(note, binary.left.place());
            }
        }
        let mut columns = matched.results.columns;
        columns.retain(|column| !column.is_void());
        Ok(columns)
    }
}

impl VectorMatch<'_> {
    fn step(&mut self, step: usize) -> Result<(), QueryError> {
        let columns = self.many.columns.len() + self.one.columns.len();
        self.evaluator.budget.read(columns)?;
        if self.many.is_empty(step) || self.one.is_empty(step) {
            return Ok(());
        }
        self.index_one(step)?;
        self.met.fill(false);
        for many in 0..self.many.columns.len() {
            let number = self.many.numbers[many];
            if let (true, Some(one)) = (self.many.is_present(many, step), self.one_at[number]) {
                self.pair(step, number, many, one)?;
            }
        }
        Ok(())
    }

    /// Notes which column of the "one" side has which signature at this step.
    fn index_one(&mut self, step: usize) -> Result<(), QueryError> {
        self.one_at.fill(None);
        for (index, number) in self.one.numbers.iter().enumerate() {
            if !self.one.is_present(index, step) {
                continue;
            }
            if let Some(other) = self.one_at[*number].replace(index) {
                let labels = |index: usize| &self.one.columns[index].labels;
                let (first, second) = (labels(index), labels(other));
                let matching = &self.binary.matching;
                return Err(duplicate(first, second, matching, self.swapped));
            }
        }
        Ok(())
    }

    /// Computes the value of two columns that meet in signature `number`.
    fn pair(
        &mut self,
        step: usize,
        number: usize,
        many_index: usize,
        one_index: usize,
    ) -> Result<(), QueryError> {
        let many = self.many.columns[many_index].sample(step);
        let one = self.one.columns[one_index].sample(step);
        let (Some(many), Some(one)) = (many, one) else {
            return Ok(());
        };
        let op = self.binary.op;
        let outcome = match self.swapped {
            true => binary::pair(op, &one, &many),
            false => binary::pair(op, &many, &one),
        };
        let outcome = match outcome {
            Ok(mut outcome) => {
                if outcome.note.is_some() {
                    self.note = outcome.note.take();
                }
                outcome
            }
            Err(refused) => {
                self.note = Some(refused.note(op));
                return Ok(());
            }
        };
        let one_to_one = self.binary.matching.card == Card::OneToOne;
        if one_to_one && std::mem::replace(&mut self.met[number], true) {
            return Err(multiple(
                "many-to-one matching must be explicit (group_left/group_right)",
            ));
        }
        let met = Some((step, number));
        let place = self.place(many_index, one_index)?;
        if std::mem::replace(&mut self.results.last[place], met) == met {
            return Err(multiple("grouping labels must ensure unique matches"));
        }
        let Some(sample) = outcome.sample(self.binary.return_bool) else {
            return Ok(());
        };
        self.evaluator.pay_for_sample(Some(&sample))?;
        let column = &mut self.results.columns[place];
        if column.has(step) {
            return Err(same_labelset());
        }
        column.set(step, Some(sample));
        Ok(())
    }

    /// The result column of a pair of columns.
    fn place(&mut self, many: usize, one: usize) -> Result<usize, QueryError> {
        if let Some(place) = self.results.by_pair.get(&(many, one)) {
            return Ok(*place);
        }
        let labels = result_labels(
            self.binary,
            &self.many.columns[many].labels,
            &self.one.columns[one].labels,
        );
        let place = self.place_for(labels)?;
        self.results.by_pair.insert((many, one), place);
        Ok(place)
    }

    /// The result column with these labels.
    fn place_for(&mut self, labels: Labels) -> Result<usize, QueryError> {
        let results = &mut self.results;
        if let Some(place) = results.by_labels.get(&labels) {
            return Ok(*place);
        }
        self.evaluator.budget.make(self.grid.len())?;
        let place = results.columns.len();
        results.by_labels.insert(labels.clone(), place);
        results.last.push(None);
        results.columns.push(Column::void(labels, self.grid.len()));
        Ok(place)
    }
}

fn multiple(remedy: &str) -> QueryError {
    QueryError::Execution(format!("multiple matches for labels: {remedy}"))
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
