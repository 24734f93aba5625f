//! The routes of the traffic with their weights.

use std::fmt;
use std::str::FromStr;

/// A route of the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Name on the command line.
    pub name: &'static str,
    /// The template, as the metrics name it.
    pub path: &'static str,
}

/// All routes.
pub(super) const ROUTES: [Route; 8] = [
    route("root", "/"),
    route("items", "/items/{item_id}"),
    route("io_task", "/io_task"),
    route("cpu_task", "/cpu_task"),
    route("random_status", "/random_status"),
    route("random_sleep", "/random_sleep"),
    route("error_test", "/error_test"),
    route("chain", "/chain"),
];

/// Largest weight of a route.
const MAX_WEIGHT: u32 = 10_000;

const fn route(name: &'static str, path: &'static str) -> Route {
    Route { name, path }
}

impl Route {
    /// The path and query of the route's `count`th request.
    #[must_use]
    pub fn target(&self, count: u64) -> String {
        let item = (count % 1000 + 1).to_string();
        match self.path.replace("{item_id}", &item) {
            path if path == self.path => path,
            path => path + "?q=load",
        }
    }
}

/// Routes with their weights, none of them zero.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mix(Vec<(Route, u32)>);

/// The text is no mix.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum MixError {
    /// No such route.
    #[error("there is no route {0:?}; there are {names}", names = ROUTES.map(|it| it.name).join(", "))]
    Route(String),
    /// A route without a weight, or with one that is no number.
    #[error(
        "{0:?} is no route with its weight; expected one like chain=1, the weight from 0 to {MAX_WEIGHT}"
    )]
    Weight(String),
    /// A route stands twice.
    #[error("{0} is given twice")]
    Twice(&'static str),
    /// Nothing is left.
    #[error("no route has a weight above 0, so there is nothing to send")]
    Nothing,
}

impl Default for Mix {
    fn default() -> Self {
        Self(ROUTES.map(|route| (route, 1)).to_vec())
    }
}

impl Mix {
    /// The routes.
    #[must_use]
    pub fn routes(&self) -> Vec<Route> {
        self.0.iter().map(|(route, _)| *route).collect()
    }

    /// The order in which the routes take turns, evenly spread, by their index and without end.
    pub fn turns(&self) -> impl Iterator<Item = usize> + use<> {
        // At each turn every route earns its weight; the richest goes, and pays for all of them.
        let weights: Vec<i64> = self
            .0
            .iter()
            .map(|(_, weight)| i64::from(*weight))
            .collect();
        let all: i64 = weights.iter().sum();
        let mut earned = vec![0; weights.len()];
        std::iter::repeat_with(move || {
            let mut richest = 0;
            for index in 0..weights.len() {
                earned[index] += weights[index];
                if earned[index] > earned[richest] {
                    richest = index;
                }
            }
            earned[richest] -= all;
            richest
        })
    }
}

impl FromStr for Mix {
    type Err = MixError;

    fn from_str(text: &str) -> Result<Self, MixError> {
        let mut mix: Vec<(Route, u32)> = Vec::new();
        for part in text.split(',').map(str::trim) {
            let wrong = || MixError::Weight(part.to_owned());
            let (name, weight) = part.split_once('=').ok_or_else(wrong)?;
            let found = ROUTES.into_iter().find(|route| route.name == name.trim());
            let route = found.ok_or_else(|| MixError::Route(name.trim().to_owned()))?;
            let weight = weight.trim().parse().map_err(|_| wrong())?;
            if weight > MAX_WEIGHT {
                return Err(wrong());
            }
            if mix.iter().any(|(known, _)| *known == route) {
                return Err(MixError::Twice(route.name));
            }
            mix.push((route, weight));
        }
        mix.retain(|(_, weight)| *weight > 0);
        if mix.is_empty() {
            return Err(MixError::Nothing);
        }
        Ok(Self(mix))
    }
}

impl fmt::Display for Mix {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, (route, weight)) in self.0.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            write!(out, "{comma}{}={weight}", route.name)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mix_is_what_it_says() {
        let mix: Mix = "chain=1, items=5,root=0".parse().expect("a mix");
        assert_eq!(mix.to_string(), "chain=1,items=5");
        assert_eq!(Mix::default().to_string().parse(), Ok(Mix::default()));
    }

    #[test]
    fn what_is_wrong_with_a_mix_is_named() {
        for (text, expected) in [
            (
                "nothing=1",
                "there is no route \"nothing\"; there are root, items",
            ),
            ("chain", "\"chain\" is no route with its weight"),
            ("chain=x", "\"chain=x\" is no route with its weight"),
            ("chain=-1", "\"chain=-1\" is no route with its weight"),
            ("chain=10001", "from 0 to 10000"),
            ("chain=1,,items=1", "\"\" is no route"),
            ("", "\"\" is no route"),
            ("chain=1,chain=2", "chain is given twice"),
            ("chain=0", "nothing to send"),
        ] {
            let error = text.parse::<Mix>().expect_err(text).to_string();
            assert!(error.contains(expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn turns_keep_to_the_weights_and_are_spread() {
        let mix: Mix = "chain=1,items=5,root=2".parse().expect("a mix");
        let turns: Vec<usize> = mix.turns().take(16).collect();
        assert_eq!(turns, [1, 2, 1, 0, 1, 1, 2, 1, 1, 2, 1, 0, 1, 1, 2, 1]);
    }

    #[test]
    fn an_item_has_a_number_and_a_query() {
        assert_eq!(ROUTES[1].target(4), "/items/5?q=load");
        assert_eq!(ROUTES[0].target(4), "/");
    }
}
