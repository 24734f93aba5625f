//! The parts of the lab, and the ways in which they break.

use std::fmt;

/// Number of instances.
pub(super) const APPS: usize = 3;

/// Names of the instances.
pub(super) const NAMES: [&str; APPS] = ["app-a", "app-b", "app-c"];

/// A part of the lab.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// The OTLP receiver before Tempo's store.
    Collector,
    /// Loki's push API.
    Loki,
    /// The scraper.
    Prometheus,
    /// What reads the instances' output and pushes it to Loki.
    Shipper,
    /// An instance, by its number.
    App(usize),
    /// A further instance, whose log goes to a full disk.
    FurtherApp,
}

/// A way to break.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// It is gone, and started again when the fault ends.
    Killed,
    /// It is there and does nothing.
    Frozen,
    /// All that it does takes longer.
    Slow,
    /// It closes each connection at once.
    Refuses,
    /// It answers bytes without sense.
    Garbage,
    /// It has no room for anything more.
    DiskFull,
    /// Its clock is an hour wrong.
    Clock,
}

/// One fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) part: Part,
    pub(super) kind: Kind,
}

impl Part {
    fn name(self) -> &'static str {
        match self {
            Self::Collector => "collector",
            Self::Loki => "loki",
            Self::Prometheus => "prometheus",
            Self::Shipper => "shipper",
            Self::App(number) => NAMES[number],
            Self::FurtherApp => "app",
        }
    }

    fn kinds(self) -> &'static [Kind] {
        use Kind::{Clock, DiskFull, Frozen, Garbage, Killed, Refuses, Slow};
        match self {
            Self::Collector => &[Killed, Frozen, Slow, Refuses, Garbage, DiskFull],
            Self::Loki => &[Killed, Frozen, Slow, Refuses, Garbage, DiskFull, Clock],
            Self::Prometheus | Self::App(_) => &[Killed, Frozen, Slow, Refuses, Garbage],
            Self::Shipper => &[Killed, Frozen, Slow, Clock],
            Self::FurtherApp => &[DiskFull],
        }
    }
}

impl Kind {
    fn name(self) -> &'static str {
        match self {
            Self::Killed => "killed",
            Self::Frozen => "frozen",
            Self::Slow => "slow",
            Self::Refuses => "refuses",
            Self::Garbage => "garbage",
            Self::DiskFull => "disk-full",
            Self::Clock => "clock",
        }
    }
}

impl Fault {
    /// True if `name` is the fault's or its part's.
    pub(super) fn is_named(self, name: &str) -> bool {
        name == self.part.name() || name == self.to_string()
    }

    /// The instance that is broken itself: requests to it may fail.
    pub(super) fn broken_app(self) -> Option<usize> {
        match self.part {
            Part::App(number) => Some(number),
            _ => None,
        }
    }

    /// True if a new process takes the place of the instance, with counters that begin at zero.
    pub(super) fn restarts(self, app: usize) -> bool {
        self.kind == Kind::Killed && self.broken_app() == Some(app)
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}-{}", self.part.name(), self.kind.name()))
    }
}

/// All faults, in the order in which they are tried.
pub(super) fn all() -> Vec<Fault> {
    let apps = (0..APPS).map(Part::App);
    let servers = [Part::Collector, Part::Loki, Part::Prometheus, Part::Shipper];
    let parts = servers.into_iter().chain(apps).chain([Part::FurtherApp]);
    parts
        .flat_map(|part| part.kinds().iter().map(move |&kind| Fault { part, kind }))
        .collect()
}
