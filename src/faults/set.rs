//! A set of faults, as it is sent to the control port, and the checks on it. A set is taken as a whole or not at all.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;
use serde_json::Value;

use super::KnownRoute;
use super::condition::Key;
pub use super::fields::Wrong;
use super::fields::{Fields, shown};
use super::kind::{Kind, Selects};
use crate::unique::Unique;

/// Most faults of a set.
const MAX_FAULTS: usize = 32;

/// Most routes of a fault, and most conditions.
const MAX_ROUTES: usize = 32;
const MAX_CONDITIONS: usize = 8;

/// Most bytes of a condition's key, and of its value.
const MAX_TEXT: usize = 256;

/// Longest time until a fault begins, and for which it lasts, in seconds.
const MAX_SECONDS: f64 = 86_400.0;

/// Faults, and the seed of their decisions.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Set {
    pub(super) seed: u64,
    pub(super) faults: Vec<Fault>,
}

/// One fault: its kind, when it is in force, and the requests that it concerns.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Fault {
    #[serde(flatten)]
    pub(super) kind: Kind,
    /// Time from the start of the set to that of the fault.
    pub(super) after_s: f64,
    /// How long it lasts; without it, until it is removed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) for_s: Option<f64>,
    /// Share of the requests which it concerns.
    #[serde(skip_serializing_if = "is_whole")]
    pub(super) share: f64,
    /// Templates; none for all routes.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) routes: Vec<String>,
    /// What such a request has, all of it.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) when: BTreeMap<Key, String>,
}

fn is_whole(share: &f64) -> bool {
    *share == 1.0
}

impl Set {
    /// Reads a set. `known` are the routes that faults can concern.
    ///
    /// # Errors
    /// [`Wrong`], which names the first field that is wrong and says what is allowed.
    pub(crate) fn read(body: &[u8], known: &[KnownRoute]) -> Result<Self, Wrong> {
        let Unique(body) = serde_json::from_slice(body).map_err(|error| {
            // serde_json tells what a reader of its own refuses as an error of the data.
            Wrong(match error.is_data() {
                true => format!("the body: {error}"),
                false => format!("the body is no JSON: {error}"),
            })
        })?;
        let mut fields = Fields::of(String::new(), body)?;
        let seed = fields.whole("seed", 0..=u64::MAX, Some(0))?;
        let list = match fields.take("faults") {
            Some(Value::Array(list)) if list.len() <= MAX_FAULTS => list,
            Some(Value::Array(list)) => {
                let count = list.len();
                let problem = format!("has {count} faults; allowed: at most {MAX_FAULTS}");
                return Err(fields.wrong("faults", problem));
            }
            Some(other) => {
                let problem = format!("is {}; allowed: a list of faults", shown(&other));
                return Err(fields.wrong("faults", problem));
            }
            None => return Err(fields.wrong("faults", "is missing; allowed: a list of faults")),
        };
        fields.end("a set")?;
        let faults = list
            .into_iter()
            .enumerate()
            .map(|(index, value)| Fault::read(format!("faults[{index}]"), value, known))
            .collect::<Result<_, _>>()?;
        Ok(Self { seed, faults })
    }
}

impl Fault {
    fn read(at: String, value: Value, known: &[KnownRoute]) -> Result<Self, Wrong> {
        let mut fields = Fields::of(at, value)?;
        let name = match fields.take("kind") {
            Some(Value::String(name)) => name,
            Some(other) => {
                let problem = format!("is {}; allowed: {}", shown(&other), Kind::NAMES);
                return Err(fields.wrong("kind", problem));
            }
            None => {
                return Err(fields.wrong("kind", format!("is missing; allowed: {}", Kind::NAMES)));
            }
        };
        let after_s = fields.number("after_s", 0.0..=MAX_SECONDS, Some(0.0))?;
        let for_s = fields.optional_number("for_s", 0.001..=MAX_SECONDS)?;
        let Some(kind) = Kind::read(&name, &mut fields)? else {
            let name = shown(&Value::String(name));
            return Err(fields.wrong("kind", format!("is {name}; allowed: {}", Kind::NAMES)));
        };
        let Selects {
            share,
            routes,
            when,
        } = kind.selects();
        let share = match share {
            true => fields.number("share", 0.0..=1.0, Some(1.0))?,
            false => 1.0,
        };
        let routes = match routes {
            true => read_routes(&mut fields, known)?,
            false => Vec::new(),
        };
        let when = match when {
            true => read_conditions(&mut fields)?,
            false => BTreeMap::new(),
        };
        fields.end(&format!("the kind {name}"))?;
        Ok(Self {
            kind,
            after_s,
            for_s,
            share,
            routes,
            when,
        })
    }

    /// When it begins and ends, counted from the start of its set.
    pub(super) fn times(&self) -> (Duration, Option<Duration>) {
        let after = Duration::from_secs_f64(self.after_s);
        let end = self.for_s.map(|time| after + Duration::from_secs_f64(time));
        (after, end)
    }
}

fn read_routes(fields: &mut Fields, known: &[KnownRoute]) -> Result<Vec<String>, Wrong> {
    let allowed = || {
        let templates: Vec<_> = known.iter().map(|(template, _)| *template).collect();
        format!("a list of {}", templates.join(", "))
    };
    let list = match fields.take("routes") {
        None => return Ok(Vec::new()),
        Some(Value::Array(list)) if list.len() <= MAX_ROUTES => list,
        Some(other) => {
            let problem = format!("is {}; allowed: {}", shown(&other), allowed());
            return Err(fields.wrong("routes", problem));
        }
    };
    let route = |(index, value): (usize, Value)| match value {
        Value::String(route) if known.iter().any(|(template, _)| *template == route) => Ok(route),
        other => {
            let problem = format!("is {}; allowed: {}", shown(&other), allowed());
            Err(fields.wrong(&format!("routes[{index}]"), problem))
        }
    };
    list.into_iter().enumerate().map(route).collect()
}

fn read_conditions(fields: &mut Fields) -> Result<BTreeMap<Key, String>, Wrong> {
    let map = match fields.take("when") {
        None => return Ok(BTreeMap::new()),
        Some(Value::Object(map)) if map.len() <= MAX_CONDITIONS => map,
        Some(other) => {
            let problem = format!(
                "is {}; allowed: an object of at most {MAX_CONDITIONS} texts",
                shown(&other)
            );
            return Err(fields.wrong("when", problem));
        }
    };
    let condition = |(key, value): (String, Value)| {
        let shown_key: String = key.chars().take(60).collect();
        let field = format!("when.{shown_key}");
        let known = Some(key)
            .filter(|key| key.len() <= MAX_TEXT)
            .and_then(|key| Key::parse(&key));
        let Some(key) = known else {
            let problem = format!("is no condition; allowed: {}", Key::ALLOWED);
            return Err(fields.wrong(&field, problem));
        };
        match value {
            Value::String(text) if text.len() <= MAX_TEXT => Ok((key, text)),
            other => {
                let problem = format!(
                    "is {}; allowed: a text of at most {MAX_TEXT} bytes",
                    shown(&other)
                );
                Err(fields.wrong(&field, problem))
            }
        }
    };
    let mut conditions = BTreeMap::new();
    for one in map.into_iter().map(condition) {
        let (key, text) = one?;
        // Names of headers are the same in any case.
        if conditions.contains_key(&key) {
            let field = format!("when.{key}");
            return Err(fields.wrong(&field, "is there twice; each condition is to be there once"));
        }
        conditions.insert(key, text);
    }
    Ok(conditions)
}
