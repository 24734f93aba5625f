//! Function calls: which functions there are and where each is computed.

use super::annotations::Note;
use super::eval::{Evaluator, Value, map_values, refuse_same_labels};
use super::grid::{ABSENT, Column, Grid, is_absent};
use super::label_functions::absent_labels;
use super::range::Window;
use super::selector::Take;
use super::{QueryError, calendar, elementwise, over_time, ranking, rate, regression};
use crate::metrics::labels::Labels;
use crate::metrics::lang::ast::{Call, Expr};

const DATES: [&str; 8] = [
    "day_of_month",
    "day_of_week",
    "day_of_year",
    "days_in_month",
    "hour",
    "minute",
    "month",
    "year",
];

/// Functions of a range vector alone.
fn window_function(name: &str) -> Option<fn(&Window<'_>) -> Option<f64>> {
    Some(match name {
        "rate" => |window| rate::extrapolated(window, true, true),
        "increase" => |window| rate::extrapolated(window, true, false),
        "delta" => |window| rate::extrapolated(window, false, false),
        "irate" => |window| rate::instant(window, true),
        "idelta" => |window| rate::instant(window, false),
        "resets" => |window| Some(rate::resets(window)),
        "changes" => |window| Some(rate::changes(window)),
        "deriv" => regression::deriv,
        "avg_over_time" => over_time::average,
        "min_over_time" => over_time::min,
        "max_over_time" => over_time::max,
        "sum_over_time" => |window| Some(over_time::sum(window)),
        "count_over_time" => |window| Some(window.values.len() as f64),
        "last_over_time" => |window| window.values.last().copied(),
        "first_over_time" => |window| window.values.first().copied(),
        "present_over_time" => |_| Some(1.0),
        "stdvar_over_time" => |window| Some(over_time::variance(window)),
        "stddev_over_time" => |window| Some(over_time::variance(window).sqrt()),
        _ => return None,
    })
}

/// Whether the order of an instant vector is part of the expression's meaning.
pub(super) fn sets_order(expr: &Expr) -> bool {
    use crate::metrics::lang::token::Aggregation::{Bottomk, Topk};
    match expr {
        Expr::Call(call) => matches!(call.function.name, "sort" | "sort_desc"),
        Expr::Aggregate(aggregate) => matches!(aggregate.op, Topk | Bottomk),
        _ => false,
    }
}

impl Evaluator<'_> {
    pub(super) fn call(&self, call: &Call, grid: &Grid) -> Result<Value, QueryError> {
        let name = call.function.name;
        if let Some(function) = window_function(name) {
            let columns = self.over_windows(argument(call, 0)?, grid, function)?;
            if matches!(name, "rate" | "increase") {
                self.note_gauges(&columns, argument(call, 0)?);
            }
            // Only these two give a sample of the series itself, which keeps its name.
            let keeps_name = matches!(name, "last_over_time" | "first_over_time");
            return unnamed(columns, keeps_name).map(Value::Vector);
        }
        if let Some(function) = elementwise::function(name) {
            return map_values(self.vector(argument(call, 0)?, grid)?, |value, _| {
                Some(function(value))
            })
            .map(Value::Vector);
        }
        if DATES.contains(&name) {
            let columns = match call.args.first() {
                Some(expr) => self.vector(expr, grid)?,
                None => vec![self.now_column(grid)?],
            };
            return map_values(columns, |value, _| Some(calendar::field(name, value)))
                .map(Value::Vector);
        }
        match name {
            "time" => Ok(Value::Scalar(self.now_column(grid)?.values)),
            "pi" => self.constant(std::f64::consts::PI, grid),
            "scalar" => self.scalar_of(argument(call, 0)?, grid).map(Value::Scalar),
            _ => self.vector_call(call, grid).map(Value::Vector),
        }
    }

    fn vector_call(&self, call: &Call, grid: &Grid) -> Result<Vec<Column>, QueryError> {
        let first = argument(call, 0)?;
        match call.function.name {
            "vector" => Ok(vec![Column {
                labels: Labels::empty(),
                values: self.scalar(first, grid)?,
            }]),
            "label_replace" => self.label_replace(call, grid),
            "label_join" => self.label_join(call, grid),
            "histogram_quantile" => self.histogram_quantile(first, argument(call, 1)?, grid),
            "histogram_fraction" => {
                let upper = argument(call, 1)?;
                self.histogram_fraction(first, upper, argument(call, 2)?, grid)
            }
            // They look at native histograms alone, and no series here has one.
            "histogram_avg" | "histogram_count" | "histogram_stddev" | "histogram_stdvar"
            | "histogram_sum" => {
                self.vector(first, grid)?;
                Ok(Vec::new())
            }
            "absent" => {
                let columns = self.vector(first, grid)?;
                self.absent(first, &columns, grid)
            }
            "absent_over_time" => {
                let columns = self.over_windows(first, grid, |_| Some(1.0))?;
                self.absent(first, &columns, grid)
            }
            "quantile_over_time" => {
                let wanted = self.scalar(first, grid)?;
                let columns = self.over_windows(argument(call, 1)?, grid, |window| {
                    let q = wanted[window.step];
                    if !(0.0..=1.0).contains(&q) {
                        self.annotations()
                            .add(Note::invalid_quantile(q), first.place());
                    }
                    Some(over_time::quantile_of(q, window))
                })?;
                unnamed(columns, false)
            }
            "predict_linear" => {
                let seconds = self.scalar(argument(call, 1)?, grid)?;
                let columns = self.over_windows(first, grid, |window| {
                    regression::predict(window, seconds[window.step])
                })?;
                unnamed(columns, false)
            }
            "round" => {
                let multiple = match call.args.get(1) {
                    Some(expr) => self.scalar(expr, grid)?,
                    None => vec![1.0; grid.len()],
                };
                map_values(self.vector(first, grid)?, |value, step| {
                    Some(elementwise::round(value, multiple[step]))
                })
            }
            "clamp" => {
                let min = self.scalar(argument(call, 1)?, grid)?;
                let max = self.scalar(argument(call, 2)?, grid)?;
                map_values(self.vector(first, grid)?, |value, step| {
                    (max[step] >= min[step] || max[step].is_nan() || min[step].is_nan())
                        .then(|| elementwise::clamp(value, min[step], max[step]))
                })
            }
            "clamp_min" => {
                let min = self.scalar(argument(call, 1)?, grid)?;
                map_values(self.vector(first, grid)?, |value, step| {
                    Some(elementwise::greater(min[step], value))
                })
            }
            "clamp_max" => {
                let max = self.scalar(argument(call, 1)?, grid)?;
                map_values(self.vector(first, grid)?, |value, step| {
                    Some(elementwise::lesser(max[step], value))
                })
            }
            "timestamp" => {
                let columns = match first.bare() {
                    Expr::Vector(vector) => self.select(vector, grid, Take::Times)?,
                    _ => {
                        let columns = self.vector(first, grid)?;
                        return map_values(columns, |_, step| {
                            Some(grid.time(step) as f64 / 1000.0)
                        });
                    }
                };
                map_values(columns, |time, _| Some(time))
            }
            name @ ("sort" | "sort_desc") => {
                let mut columns = self.vector(first, grid)?;
                if grid.start() != grid.end() {
                    self.annotations()
                        .add(Note::sort_in_range_query(), call.place);
                }
                if grid.len() == 1 {
                    ranking::sort(&mut columns, name == "sort_desc");
                }
                Ok(columns)
            }
            name => Err(QueryError::BadData(format!(
                "parse error: function \"{name}\" is not enabled"
            ))),
        }
    }

    /// A rate of what is no counter by its name is worth a word.
    fn note_gauges(&self, columns: &[Column], argument: &Expr) {
        const COUNTERS: [&str; 4] = ["_total", "_sum", "_count", "_bucket"];
        for column in columns {
            let name = column.labels.metric_name();
            if !name.is_empty() && !COUNTERS.iter().any(|end| name.ends_with(end)) {
                let note = Note::possible_non_counter(name);
                self.annotations().add(note, argument.place());
            }
        }
    }

    fn now_column(&self, grid: &Grid) -> Result<Column, QueryError> {
        self.budget.make(grid.len())?;
        Ok(Column {
            labels: Labels::empty(),
            values: (0..grid.len())
                .map(|step| grid.time(step) as f64 / 1000.0)
                .collect(),
        })
    }

    /// The value where there is exactly one series, NaN elsewhere.
    fn scalar_of(&self, expr: &Expr, grid: &Grid) -> Result<Vec<f64>, QueryError> {
        let columns = self.vector(expr, grid)?;
        self.budget.make(grid.len())?;
        let only = |step: usize| {
            let mut present = columns
                .iter()
                .map(|column| column.values[step])
                .filter(|value| !is_absent(*value));
            match (present.next(), present.next()) {
                (Some(value), None) => value,
                _ => f64::NAN,
            }
        };
        Ok((0..grid.len()).map(only).collect())
    }

    /// One where no series has a value, with the labels that the argument names.
    fn absent(
        &self,
        expr: &Expr,
        columns: &[Column],
        grid: &Grid,
    ) -> Result<Vec<Column>, QueryError> {
        self.budget.make(grid.len())?;
        let missing = |step: usize| columns.iter().all(|column| is_absent(column.values[step]));
        let column = Column {
            labels: absent_labels(expr),
            values: (0..grid.len())
                .map(|step| if missing(step) { 1.0 } else { ABSENT })
                .collect(),
        };
        Ok(if column.is_void() {
            Vec::new()
        } else {
            vec![column]
        })
    }
}

fn argument(call: &Call, index: usize) -> Result<&Expr, QueryError> {
    call.args.get(index).ok_or_else(|| {
        QueryError::BadData(format!(
            "parse error: too few arguments in call to '{}'",
            call.function.name
        ))
    })
}

fn unnamed(mut columns: Vec<Column>, keeps_name: bool) -> Result<Vec<Column>, QueryError> {
    if !keeps_name {
        for column in &mut columns {
            column.labels = column.labels.without_name();
        }
    }
    refuse_same_labels(columns)
}
