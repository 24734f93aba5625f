//! Errors of queries.

use crate::logs::lang::ParseError;

/// A query that failed, with Loki's message where Loki has one.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum QueryError {
    /// The text is not a query.
    #[error(transparent)]
    Parse(#[from] ParseError),
    /// A stage cannot be built.
    #[error("parse error : stage '{stage}' : {reason}")]
    Stage {
        /// The stage as text.
        stage: String,
        /// The error.
        reason: String,
    },
    /// A metric query met a line that a stage could not read.
    #[error(
        "pipeline error: '{error}' for series: '{series}'.\n\
         Use a label filter to intentionally skip this error. (e.g | __error__!=\"{error}\").\n\
         To skip all potential errors you can match empty errors.(e.g __error__=\"\")\n\
         The label filter can also be specified after unwrap. (e.g | unwrap latency | __error__=\"\" )\n"
    )]
    Pipeline {
        /// The value of `__error__`.
        error: String,
        /// The labels of the series.
        series: String,
    },
    /// Too many series.
    #[error(
        "maximum number of series ({0}) reached for a single query; consider reducing query cardinality by adding more specific stream selectors, reducing the time range, or aggregating results with functions like sum(), count() or topk()"
    )]
    TooManySeries(usize),
    /// The query would hold more bytes of lines or samples than allowed.
    #[error(
        "the query would hold more than {0} bytes in memory; use a larger step, a shorter range, a lower limit or a more specific selector"
    )]
    HoldsTooMuch(usize),
    /// More regular expressions than one query may have.
    #[error(
        "the query has more than {0} line filters and expressions; put alternatives into one expression (a|b)"
    )]
    TooManyExpressions(usize),
    /// A stage makes too many bytes from one line.
    #[error(
        "{stage} makes more than {limit} bytes of one line; write less text in its template, or use it fewer times"
    )]
    TooManyBytes {
        /// The name of the stage.
        stage: &'static str,
        /// Bytes that all stages together may make from a line.
        limit: usize,
    },
    /// A template runs too long for one line.
    #[error("{stage} takes more than {limit} steps for one line; use shorter loops")]
    TooManySteps {
        /// The name of the stage.
        stage: &'static str,
        /// Steps that a template may take.
        limit: usize,
    },
    /// Two series of one side match the same series of the other.
    #[error(
        "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
    )]
    ManyToOne,
    /// Two results of a grouped operation have the same labels.
    #[error("multiple matches for labels: grouping labels must ensure unique matches")]
    NotUnique,
    /// Two series on the "one" side have the same matching labels.
    #[error(
        "found duplicate series on the {0} hand-side;many-to-many matching not allowed: matching labels must be unique on one side"
    )]
    ManyToMany(&'static str),
    /// `variants` is not enabled by the limits.
    #[error("multi variant queries are disabled for this instance")]
    VariantsDisabled,
    /// `approx_topk` is not enabled by the limits.
    #[error("approx_topk is not enabled. See -limits.shard_aggregations")]
    ApproxTopK,
    /// The client has hung up.
    #[error("the client has closed the connection")]
    Cancelled,
    /// The operands of an operator do not fit.
    #[error("parse error : {0}")]
    Invalid(String),
    /// A log query where a metric query is required.
    #[error(
        "log queries are not supported as an instant query type, please change your query to a range query type"
    )]
    LogInstant,
    /// The query timed out.
    #[error("the query took longer than {0:?}; use a shorter range or a more specific selector")]
    Timeout(std::time::Duration),
}

impl QueryError {
    /// Loki's HTTP status.
    #[must_use]
    pub fn status(&self) -> u16 {
        match self {
            Self::Timeout(_) => 504,
            Self::Cancelled => 499,
            Self::ManyToOne | Self::NotUnique | Self::ManyToMany(_) | Self::ApproxTopK => 500,
            _ => 400,
        }
    }
}
