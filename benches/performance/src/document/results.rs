//! The figures as they were measured, and their medians.

use serde::{Deserialize, Serialize};

/// Everything that one run measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Results {
    /// When the run ended, in UTC.
    pub measured: String,
    /// The commit; a `+` after it says that files differed from it.
    pub commit: String,
    /// The command that measured.
    pub command: String,
    /// The load generator and its version.
    pub generator: String,
    /// The machine, which servers, collector and load generator shared.
    pub machine: Machine,
    /// How often each server had its turn.
    pub rounds: u32,
    /// Seconds of load for each turn.
    pub seconds: u32,
    /// Connections that sent one request after the other.
    pub connections: u32,
    /// The servers, in the order of the tables.
    pub subjects: Vec<Subject>,
}

/// A machine.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Machine {
    /// Its processor.
    pub cpu: String,
    /// Its cores.
    pub cores: usize,
    /// Its memory.
    pub memory_gib: u64,
    /// Its operating system.
    pub system: String,
}

/// A server that was to be measured.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Subject {
    /// Its short name.
    pub name: String,
    /// Its name for readers.
    pub title: String,
    /// What it is made of, with versions.
    pub versions: Vec<String>,
    /// Why it was not measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_measured: Option<String>,
    /// One request to `/` on one server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<Scenario>,
    /// One request to `/chain`, which makes three more on three servers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<Scenario>,
}

/// The figures of one route of one server.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
pub struct Scenario {
    /// One entry a turn.
    pub rounds: Vec<Round>,
    /// Spans that should have reached the collector and spans that did, over all turns.
    pub spans: Arrived,
    /// Log lines that should have been written and lines that were, over all turns.
    pub lines: Arrived,
}

/// The figures of one turn.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Round {
    /// Requests that were answered.
    pub requests: u64,
    /// Requests a second.
    pub requests_per_second: f64,
    /// Half of the requests took less, milliseconds.
    pub p50_ms: f64,
    /// 99 % of the requests took less, milliseconds.
    pub p99_ms: f64,
    /// CPU time of the servers for one request, microseconds.
    pub cpu_us: f64,
    /// Resident memory of the servers after the turn, MiB.
    pub resident_mib: f64,
}

/// How many were made and how many arrived.
#[derive(Clone, Copy, Debug, Default, Deserialize, Serialize)]
pub struct Arrived {
    /// How many there should be.
    pub made: u64,
    /// How many there are.
    pub arrived: u64,
}

impl Arrived {
    /// The share that arrived, 1 at most: requests under way at the end of a turn are not counted, but what they made
    /// arrives. `None` when there should be none.
    pub fn share(self) -> Option<f64> {
        (self.made > 0).then(|| (self.arrived as f64 / self.made as f64).min(1.0))
    }
}

/// Median, least and most of some figures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Spread {
    /// The middle one.
    pub median: f64,
    /// The least.
    pub least: f64,
    /// The most.
    pub most: f64,
}

impl Spread {
    /// Of figures in any order; `None` without figures.
    pub fn of(figures: impl IntoIterator<Item = f64>) -> Option<Self> {
        let mut sorted: Vec<f64> = figures.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        let (least, most) = (*sorted.first()?, *sorted.last()?);
        let middle = sorted.len() / 2;
        let median = match sorted.len() % 2 {
            0 => f64::midpoint(sorted[middle - 1], sorted[middle]),
            _ => sorted[middle],
        };
        Some(Self {
            median,
            least,
            most,
        })
    }
}

impl Scenario {
    /// Median and spread of one figure of the rounds.
    pub fn spread(&self, figure: impl Fn(&Round) -> f64) -> Option<Spread> {
        Spread::of(self.rounds.iter().map(figure))
    }

    /// Its requests a second by those of `other`, round by round: the two had their turns one soon after the other, so
    /// what slowed the whole machine for a while slowed both.
    pub fn ratio(&self, other: &Self) -> Option<Spread> {
        let pairs = self.rounds.iter().zip(&other.rounds);
        Spread::of(pairs.map(|(own, other)| own.requests_per_second / other.requests_per_second))
    }
}

impl Subject {
    /// The figures of a route.
    pub fn scenario(&self, name: &str) -> Option<&Scenario> {
        match name {
            "root" => self.root.as_ref(),
            "chain" => self.chain.as_ref(),
            _ => None,
        }
    }
}

impl Results {
    /// The server of that name.
    pub fn subject(&self, name: &str) -> Option<&Subject> {
        self.subjects.iter().find(|subject| subject.name == name)
    }
}
