//! The three signals, and how their batches go round.

/// Most items in a request.
const BATCH: u64 = 500;

/// Most connections of a signal.
const SENDERS: u64 = 4;

/// Spans of a trace: two services, each with a span that serves and one that it makes.
pub(super) const SPANS_PER_TRACE: u64 = 4;

/// What is sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Spans,
    Lines,
    Samples,
}

impl Signal {
    pub(super) const ALL: [Self; 3] = [Self::Spans, Self::Lines, Self::Samples];

    /// As it is called in the report.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Spans => "spans",
            Self::Lines => "lines",
            Self::Samples => "samples",
        }
    }

    /// Where it goes.
    pub(super) fn path(self) -> &'static str {
        match self {
            Self::Spans => "/v1/traces",
            Self::Lines => "/v1/logs",
            Self::Samples => "/v1/metrics",
        }
    }

    /// Items in a request, and connections, at a rate of items a second: ten requests a second, or more with [`BATCH`]
    /// items.
    pub(super) fn shared_out(self, rate: u64) -> (u64, u64) {
        let items = (rate / 10).clamp(1, BATCH);
        let batch = match self {
            Self::Spans => items.next_multiple_of(SPANS_PER_TRACE),
            Self::Lines | Self::Samples => items,
        };
        (batch, SENDERS.min(rate.div_ceil(batch)))
    }
}
