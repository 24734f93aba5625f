//! One promise of the lab and its outcome.

use std::time::Duration;

use super::finding::Finding;

/// A promise that the lab makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Promise {
    /// Its fixed name, for programs.
    pub id: String,
    /// The promise, in words.
    pub title: String,
    /// Promises without which this one cannot be kept: if one of them fails, this one's failure
    /// follows from it.
    pub needs: &'static [&'static str],
    /// Advice when it is not kept.
    pub check: &'static str,
}

/// A promise with its outcome.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Outcome {
    /// The promise.
    pub promise: Promise,
    /// Outcome.
    pub state: State,
}

/// Outcome of a promise.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// It is kept.
    Kept {
        /// Time from the answer to the request until it could be seen.
        after: Duration,
        /// The observation.
        seen: String,
    },
    /// It is not kept.
    Broken {
        /// Time waited.
        waited: Duration,
        /// The reason.
        finding: Finding,
        /// The id of the broken promise that this failure follows from.
        follows: Option<String>,
    },
}

impl Outcome {
    /// True if it is not kept, for whichever reason.
    #[must_use]
    pub(super) fn is_broken(&self) -> bool {
        matches!(self.state, State::Broken { .. })
    }
}

/// Marks each failure that follows from another, so that the causes stand out.
pub(super) fn attribute(outcomes: &mut [Outcome]) {
    let broken: Vec<String> = outcomes
        .iter()
        .filter(|outcome| outcome.is_broken())
        .map(|outcome| outcome.promise.id.clone())
        .collect();
    for outcome in outcomes {
        let cause = outcome
            .promise
            .needs
            .iter()
            .find(|need| broken.iter().any(|id| id == *need));
        if let State::Broken { follows, .. } = &mut outcome.state {
            *follows = cause.map(|id| (*id).to_owned());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(id: &str, needs: &'static [&'static str], kept: bool) -> Outcome {
        let state = if kept {
            State::Kept {
                after: Duration::ZERO,
                seen: String::new(),
            }
        } else {
            State::Broken {
                waited: Duration::ZERO,
                finding: Finding::new("", ""),
                follows: None,
            }
        };
        Outcome {
            promise: Promise {
                id: id.to_owned(),
                title: String::new(),
                needs,
                check: "",
            },
            state,
        }
    }

    #[test]
    fn only_a_failure_that_has_a_failed_need_follows() {
        let mut outcomes = [
            outcome("a", &[], false),
            outcome("b", &["a"], false),
            outcome("c", &["a"], true),
            outcome("d", &["c"], false),
        ];
        attribute(&mut outcomes);
        let follows: Vec<_> = outcomes
            .iter()
            .map(|outcome| match &outcome.state {
                State::Broken { follows, .. } => follows.as_deref(),
                State::Kept { .. } => None,
            })
            .collect();
        assert_eq!(follows, [None, Some("a"), None, None]);
    }
}
