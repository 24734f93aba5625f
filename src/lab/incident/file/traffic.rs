//! The requests that an incident sends.

use std::collections::BTreeMap;

use serde::Deserialize;

use super::parameters::{Scalar, Values};
use super::place::Problem;
use super::text;
use crate::lab::load::Mix;

/// Requests a second.
const RATES: std::ops::RangeInclusive<f64> = 1.0..=200.0;

/// Requests, as a file has them.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::lab::incident) struct Traffic {
    /// Requests a second, over all routes and instances together.
    pub(super) rate: f64,
    /// Routes with their weights, as `lab load` takes them.
    pub(super) mix: String,
    /// The ids of `/items/{item_id}`.
    #[serde(default)]
    pub(super) items: Items,
    /// The instances that are asked; all of them if none is named.
    #[serde(default)]
    pub(super) instances: Vec<String>,
    /// Members of the baggage, each with its values.
    #[serde(default)]
    pub(super) baggage: BTreeMap<String, Vec<String>>,
}

/// Ids of items, in turn.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Items {
    /// The first.
    pub(super) from: Scalar,
    /// Their number.
    pub(super) count: u32,
}

impl Default for Items {
    fn default() -> Self {
        Self {
            from: Scalar::Whole(1),
            count: 1000,
        }
    }
}

/// Requests with the values of a seed.
#[derive(Clone, Debug)]
pub(in crate::lab::incident) struct Requests {
    /// A second.
    pub(in crate::lab::incident) rate: f64,
    /// The routes.
    pub(in crate::lab::incident) mix: Mix,
    /// Id of the first item.
    pub(in crate::lab::incident) first_item: i64,
    /// Number of items.
    pub(in crate::lab::incident) items: u32,
    /// Names of the instances; none for all.
    pub(in crate::lab::incident) instances: Vec<String>,
    /// Members of the baggage with their values.
    pub(in crate::lab::incident) baggage: Vec<(String, Vec<String>)>,
}

impl Traffic {
    pub(super) fn problems(&self) -> Vec<Problem> {
        let mut problems = Vec::new();
        if !RATES.contains(&self.rate) {
            let text = format!("is to be from {} to {}", RATES.start(), RATES.end());
            problems.push(Problem::new("traffic.rate", text));
        }
        if let Err(error) = self.mix.parse::<Mix>() {
            problems.push(Problem::new("traffic.mix", error.to_string()));
        }
        if !(1..=100_000).contains(&self.items.count) {
            let text = "count is to be from 1 to 100000".to_owned();
            problems.push(Problem::new("traffic.items", text));
        }
        if self.instances.len() > 26 {
            let text = "are to be 26 at most".to_owned();
            problems.push(Problem::new("traffic.instances", text));
        }
        let is_plain = |text: &str| {
            let plain = |it: u8| it.is_ascii_alphanumeric() || b"-._".contains(&it);
            (1..=64).contains(&text.len()) && text.bytes().all(plain)
        };
        let of_member = |(name, values): (&String, &Vec<String>)| {
            is_plain(name)
                && (1..=1000).contains(&values.len())
                && values.iter().all(|it| is_plain(it))
        };
        if self.baggage.len() > 4 || !self.baggage.iter().all(of_member) {
            let text = "has at most 4 members, each with 1 to 1000 values; names and values are of letters, digits, -, . \
                        and _";
            problems.push(Problem::new("traffic.baggage", text));
        }
        problems
    }

    /// The texts in it, for the names that they use.
    pub(super) fn texts(&self) -> impl Iterator<Item = (String, String)> {
        let instances = self.instances.iter().cloned();
        std::iter::once(("traffic.items".to_owned(), self.items.from.to_string()))
            .chain(instances.map(|it| ("traffic.instances".to_owned(), it)))
    }

    /// With the values of a seed. The file is checked.
    pub(in crate::lab::incident) fn with(&self, values: &Values) -> Requests {
        let first = text::value(&self.items.from, values).number();
        Requests {
            rate: self.rate,
            mix: self.mix.parse().unwrap_or_default(),
            first_item: first.unwrap_or(1.0) as i64,
            items: self.items.count.max(1),
            instances: self
                .instances
                .iter()
                .map(|it| text::filled(it, values))
                .collect(),
            baggage: self.baggage.clone().into_iter().collect(),
        }
    }
}
