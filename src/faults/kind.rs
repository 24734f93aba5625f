//! The kinds of faults, each with fields of its own and their bounds.

use serde::Serialize;

use super::fields::{Fields, Wrong};

/// Longest time that a fault takes of one request, in ms.
const MAX_MS: u64 = 60_000;

/// Longest time that a fault blocks a thread, in ms.
const MAX_BLOCKING_MS: u64 = 10_000;

/// Longest period of a fault that comes and goes, in seconds.
const MAX_PERIOD: u64 = 3600;

/// Most bytes of a message.
const MAX_MESSAGE: usize = 512;

/// What is wrong with the service.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
pub(super) enum Kind {
    /// The route's own work takes `ms`, give or take `jitter_ms`.
    Latency { ms: u64, jitter_ms: u64 },
    /// The handler fails.
    Error {
        status: u16,
        exception: Mishap,
        #[serde(skip_serializing_if = "Option::is_none")]
        message: Option<String>,
    },
    /// The way to a target takes longer.
    SlowDependency {
        ms: u64,
        jitter_ms: u64,
        target: Target,
    },
    /// Outgoing calls share a few connections.
    PoolExhausted {
        connections: u64,
        hold_ms: u64,
        wait_ms: u64,
    },
    /// The threads that others need compute.
    Blocking { ms: u64 },
    /// A failed call is sent again at once.
    Retries {
        attempts: u64,
        failing_share: f64,
        #[serde(skip_serializing_if = "Option::is_none")]
        target: Option<Target>,
    },
    /// Memory that is not given back.
    Leak {
        bytes_per_request: u64,
        max_mib: u64,
    },
    /// A call that carries no trace.
    LostContext { target: Target },
    /// The clock of spans and log lines is off.
    ClockSkew { seconds: i64 },
    /// Few spans may wait for their export.
    SpanQueue { size: u64 },
    /// The label `path` holds what was asked for, not the route.
    Cardinality { max_series: u64 },
    /// Lines below the level are not written.
    LogLevel { level: Level },
    /// The causes of an error are written so that they are no part of its entry.
    LogFormat { form: Form },
    /// The metrics cannot be read now and then.
    Scrape {
        #[serde(skip_serializing_if = "Option::is_none")]
        status: Option<u16>,
        delay_ms: u64,
        period_s: u64,
        down_s: u64,
    },
    /// A lock that nobody gives back.
    Deadlock {},
}

/// A target of `/chain`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Target {
    One,
    Two,
}

const TARGETS: [(&str, Target); 2] = [("one", Target::One), ("two", Target::Two)];

/// The error that a handler fails with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Mishap {
    /// A query is cancelled after its time.
    QueryTimeout,
    /// Nobody listens at the database.
    ConnectionRefused,
    /// A stored record cannot be read.
    Decode,
    /// A file may not be opened.
    PermissionDenied,
    /// No space is left on the disk.
    DiskFull,
    /// A name cannot be resolved.
    NameResolution,
    /// A certificate has expired.
    CertificateExpired,
    /// The handler panics.
    Panic,
}

const MISHAPS: [(&str, Mishap); 8] = [
    ("query-timeout", Mishap::QueryTimeout),
    ("connection-refused", Mishap::ConnectionRefused),
    ("decode", Mishap::Decode),
    ("permission-denied", Mishap::PermissionDenied),
    ("disk-full", Mishap::DiskFull),
    ("name-resolution", Mishap::NameResolution),
    ("certificate-expired", Mishap::CertificateExpired),
    ("panic", Mishap::Panic),
];

/// Least important level of lines that are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Level {
    Off,
    Error,
    Warn,
    Info,
}

const LEVELS: [(&str, Level); 4] = [
    ("off", Level::Off),
    ("error", Level::Error),
    ("warn", Level::Warn),
    ("info", Level::Info),
];

/// How an error with causes is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Form {
    /// Each cause is a line with a date, and without the trace.
    Dated,
    /// The first line has no date.
    Undated,
}

const FORMS: [(&str, Form); 2] = [("dated", Form::Dated), ("undated", Form::Undated)];

/// The common fields that a kind has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Selects {
    pub(super) share: bool,
    pub(super) routes: bool,
    pub(super) when: bool,
}

/// What a fault changes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// A request's own work.
    Request,
    /// Its calls.
    Calls,
    /// `/metrics`.
    Scrape,
    /// Spans, metrics and log lines.
    Telemetry,
}

impl Kind {
    /// Reads the fields of the kind `name`; `None` when there is no such kind.
    pub(super) fn read(name: &str, fields: &mut Fields) -> Result<Option<Self>, Wrong> {
        Ok(Some(match name {
            "latency" => {
                let (ms, jitter_ms) = delay(fields)?;
                Self::Latency { ms, jitter_ms }
            }
            "error" => error(fields)?,
            "slow-dependency" => {
                let (ms, jitter_ms) = delay(fields)?;
                let target = fields.choice("target", &TARGETS, None)?;
                Self::SlowDependency {
                    ms,
                    jitter_ms,
                    target,
                }
            }
            "pool-exhausted" => Self::PoolExhausted {
                connections: fields.whole("connections", 1..=1000, None)?,
                hold_ms: fields.whole("hold_ms", 0..=MAX_MS, Some(0))?,
                wait_ms: fields.whole("wait_ms", 1..=MAX_MS, None)?,
            },
            "blocking" => Self::Blocking {
                ms: fields.whole("ms", 1..=MAX_BLOCKING_MS, None)?,
            },
            "retries" => Self::Retries {
                attempts: fields.whole("attempts", 2..=10, None)?,
                failing_share: fields.number("failing_share", 0.0..=1.0, Some(1.0))?,
                target: fields.optional_choice("target", &TARGETS)?,
            },
            "leak" => Self::Leak {
                bytes_per_request: fields.whole("bytes_per_request", 1..=64 << 20, None)?,
                max_mib: fields.whole("max_mib", 1..=1024, None)?,
            },
            "lost-context" => Self::LostContext {
                target: fields.choice("target", &TARGETS, None)?,
            },
            "clock-skew" => Self::ClockSkew {
                seconds: fields.signed("seconds", -86_400..=86_400)?,
            },
            "span-queue" => Self::SpanQueue {
                size: fields.whole("size", 0..=1 << 20, None)?,
            },
            "cardinality" => Self::Cardinality {
                max_series: fields.whole("max_series", 1..=5000, None)?,
            },
            "log-level" => Self::LogLevel {
                level: fields.choice("level", &LEVELS, None)?,
            },
            "log-format" => Self::LogFormat {
                form: fields.choice("form", &FORMS, Some(Form::Dated))?,
            },
            "scrape" => scrape(fields)?,
            "deadlock" => Self::Deadlock {},
            _ => return Ok(None),
        }))
    }

    /// The names of all kinds, for an error message.
    pub(super) const NAMES: &str = "latency, error, slow-dependency, pool-exhausted, blocking, retries, leak, \
        lost-context, clock-skew, span-queue, cardinality, log-level, log-format, scrape, deadlock";

    /// What it changes.
    pub(super) fn place(&self) -> Place {
        match self {
            Self::Latency { .. }
            | Self::Error { .. }
            | Self::Blocking { .. }
            | Self::Leak { .. }
            | Self::Deadlock {} => Place::Request,
            Self::SlowDependency { .. }
            | Self::PoolExhausted { .. }
            | Self::Retries { .. }
            | Self::LostContext { .. } => Place::Calls,
            Self::Scrape { .. } => Place::Scrape,
            Self::ClockSkew { .. }
            | Self::SpanQueue { .. }
            | Self::Cardinality { .. }
            | Self::LogLevel { .. }
            | Self::LogFormat { .. } => Place::Telemetry,
        }
    }

    /// The common fields that it has.
    pub(super) fn selects(&self) -> Selects {
        match self.place() {
            Place::Request | Place::Calls => Selects {
                share: true,
                routes: true,
                when: true,
            },
            Place::Scrape => Selects {
                share: true,
                ..Selects::default()
            },
            Place::Telemetry => Selects {
                routes: matches!(self, Self::Cardinality { .. }),
                ..Selects::default()
            },
        }
    }
}

fn delay(fields: &mut Fields) -> Result<(u64, u64), Wrong> {
    let ms = fields.whole("ms", 0..=MAX_MS, None)?;
    // A delay cannot be less than nothing.
    let jitter_ms = fields.whole("jitter_ms", 0..=ms, Some(0))?;
    Ok((ms, jitter_ms))
}

fn error(fields: &mut Fields) -> Result<Kind, Wrong> {
    let exception = fields.choice("exception", &MISHAPS, Some(Mishap::QueryTimeout))?;
    let statuses = match exception {
        // A panic has one status in this service.
        Mishap::Panic => 500..=500,
        _ => 400..=599,
    };
    Ok(Kind::Error {
        status: fields.whole("status", statuses, Some(500))? as u16,
        exception,
        message: fields.text("message", MAX_MESSAGE)?,
    })
}

fn scrape(fields: &mut Fields) -> Result<Kind, Wrong> {
    let status = fields.optional_whole("status", 400..=599)?;
    let delay_ms = fields.whole("delay_ms", 0..=MAX_MS, Some(0))?;
    if status.is_none() && delay_ms == 0 {
        return Err(fields.wrong("status", "is missing, and so is delay_ms: give one of them"));
    }
    let period_s = fields.whole("period_s", 0..=MAX_PERIOD, Some(0))?;
    let down = match period_s {
        0 => 0..=0,
        period => 1..=period,
    };
    let down_s = fields.whole("down_s", down, Some(period_s.div_ceil(2)))?;
    Ok(Kind::Scrape {
        status: status.map(|status| status as u16),
        delay_ms,
        period_s,
        down_s,
    })
}
