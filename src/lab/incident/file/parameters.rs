//! What the seed chooses: the same seed chooses the same values, on every machine and in every version.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::place::Problem;

/// Most parameters of a file.
pub(super) const MOST: usize = 16;

/// Most values of one parameter.
const MOST_VALUES: usize = 1000;

/// A value of a parameter or of a field.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(untagged)]
pub enum Scalar {
    /// A whole number.
    Whole(i64),
    /// A number.
    Number(f64),
    /// Text.
    Text(String),
}

impl fmt::Display for Scalar {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Whole(number) => write!(out, "{number}"),
            Self::Number(number) => write!(out, "{number}"),
            Self::Text(text) => out.write_str(text),
        }
    }
}

impl Scalar {
    /// The number that it is, or that its text is.
    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Whole(number) => Some(*number as f64),
            Self::Number(number) => Some(*number),
            Self::Text(text) => text.trim().parse().ok(),
        }
    }
}

/// The chosen values by the names of their parameters.
pub type Values = BTreeMap<String, Scalar>;

/// A parameter, in one of three forms.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::lab::incident) struct Parameter {
    /// One of these.
    one_of: Option<Vec<Scalar>>,
    /// A whole number from this,
    from: Option<i64>,
    /// to this, both included,
    to: Option<i64>,
    /// in steps of this from the first.
    step: Option<i64>,
    /// The value that `values` gives for the value of this other parameter.
    by: Option<String>,
    values: Option<BTreeMap<String, Scalar>>,
}

impl Parameter {
    /// True if it follows from another.
    fn follows(&self) -> Option<(&str, &BTreeMap<String, Scalar>)> {
        Some((self.by.as_deref()?, self.values.as_ref()?))
    }

    /// The parameter that it follows.
    pub(super) fn followed(&self) -> Option<&str> {
        self.by.as_deref()
    }

    /// The values that the seed may choose.
    fn choices(&self) -> Vec<Scalar> {
        if let Some(values) = &self.one_of {
            return values.clone();
        }
        let (Some(from), Some(to)) = (self.from, self.to) else {
            return Vec::new();
        };
        let step = self.step.unwrap_or(1).max(1);
        let count = to.saturating_sub(from) / step;
        (0..=count)
            .map(|index| Scalar::Whole(from + index * step))
            .collect()
    }
}

/// Everything wrong with the parameters.
pub(super) fn problems(parameters: &BTreeMap<String, Parameter>) -> Vec<Problem> {
    let mut problems = Vec::new();
    if parameters.len() > MOST {
        problems.push(Problem::new(
            "parameters",
            format!("there are {}; {MOST} are allowed", parameters.len()),
        ));
    }
    for (name, parameter) in parameters {
        let mut wrong =
            |text: String| problems.push(Problem::new(format!("parameters.{name}"), text));
        if !super::text::is_name(name) || super::text::RESERVED.contains(&name.as_str()) {
            wrong(format!(
                "the name is to be of lower-case letters, digits and _, and none of {}",
                super::text::RESERVED.join(", ")
            ));
        }
        let forms = [
            parameter.one_of.is_some(),
            parameter.from.is_some() || parameter.to.is_some() || parameter.step.is_some(),
            parameter.by.is_some() || parameter.values.is_some(),
        ];
        if forms.iter().filter(|it| **it).count() != 1 {
            wrong("give one of: one_of = […]; from and to; by and values".to_owned());
            continue;
        }
        if let Some(values) = &parameter.one_of {
            if !(2..=MOST_VALUES).contains(&values.len()) {
                wrong(format!("one_of is to have 2 to {MOST_VALUES} values"));
            }
        } else if forms[1] {
            match (parameter.from, parameter.to, parameter.step.unwrap_or(1)) {
                (Some(from), Some(to), step)
                    if (-1_000_000..to).contains(&from)
                        && to <= 1_000_000
                        && (1..=to - from).contains(&step)
                        && (to - from) / step < MOST_VALUES as i64 => {}
                _ => wrong(format!(
                    "from and to are whole numbers within ±1000000, from below to, and step gives at most {MOST_VALUES} values"
                )),
            }
        } else {
            let other = parameter.by.as_ref().and_then(|by| parameters.get(by));
            match (other, &parameter.values) {
                (Some(other), Some(values)) if other.follows().is_none() => {
                    for choice in other.choices() {
                        if !values.contains_key(&choice.to_string()) {
                            wrong(format!("values has nothing for {choice}"));
                        }
                    }
                }
                _ => wrong("by names a parameter that the seed chooses, and values has a value for each of its values".to_owned()),
            }
        }
    }
    problems
}

/// Chooses a value for each parameter.
pub(super) fn choose(parameters: &BTreeMap<String, Parameter>, seed: u64) -> Values {
    let mut values = Values::new();
    for (name, parameter) in parameters {
        let choices = parameter.choices();
        if !choices.is_empty() {
            let number = mixed(seed ^ hash(name)) % choices.len() as u64;
            values.insert(name.clone(), choices[number as usize].clone());
        }
    }
    follow(parameters, &mut values);
    values
}

/// Choices that together have each value of each parameter; of a range the least and the greatest, between which
/// everything is that could be wrong with the others.
pub(super) fn variants(parameters: &BTreeMap<String, Parameter>) -> Vec<Values> {
    let base = choose(parameters, 0);
    let mut variants = vec![base.clone()];
    for (name, parameter) in parameters {
        let mut choices = parameter.choices();
        if parameter.from.is_some() && choices.len() > 2 {
            choices.drain(1..choices.len() - 1);
        }
        variants.extend(choices.into_iter().map(|choice| {
            let mut values = base.clone();
            values.insert(name.clone(), choice);
            follow(parameters, &mut values);
            values
        }));
    }
    variants
}

/// Sets what follows from other parameters.
fn follow(parameters: &BTreeMap<String, Parameter>, values: &mut Values) {
    for (name, parameter) in parameters {
        if let Some((by, all)) = parameter.follows() {
            let key = values.get(by).map(Scalar::to_string);
            if let Some(value) = key.and_then(|key| all.get(&key)) {
                values.insert(name.clone(), value.clone());
            }
        }
    }
}

/// FNV-1a of 64 bits (<http://www.isthe.com/chongo/tech/comp/fnv/>).
pub(in crate::lab::incident) fn hash(text: &str) -> u64 {
    text.bytes().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

/// The output function of SplitMix64 (<https://prng.di.unimi.it/splitmix64.c>): close inputs, unlike outputs.
pub(in crate::lab::incident) fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parameters(text: &str) -> BTreeMap<String, Parameter> {
        toml::from_str(text).expect("parameters")
    }

    #[test]
    fn the_same_seed_chooses_the_same_and_seeds_differ() {
        let all = parameters(
            "instance = { one_of = ['app-a', 'app-b', 'app-c'] }\nms = { from = 400, to = 900, step = 100 }\nnext = { by = 'instance', values = { app-a = 'b', app-b = 'c', app-c = 'a' } }",
        );
        assert_eq!(problems(&all), []);
        assert_eq!(choose(&all, 7), choose(&all, 7));
        let mut seen = std::collections::BTreeSet::new();
        for seed in 0..256 {
            let values = choose(&all, seed);
            let ms = values["ms"].number().expect("a number");
            assert!((400.0..=900.0).contains(&ms) && ms % 100.0 == 0.0);
            let (at, next) = (values["instance"].to_string(), values["next"].to_string());
            assert!(["app-ab", "app-bc", "app-ca"].contains(&(at.clone() + &next).as_str()));
            seen.insert((at, ms as i64));
        }
        assert_eq!(seen.len(), 18, "256 seeds find all");
    }

    #[test]
    fn what_is_wrong_with_a_parameter_is_named() {
        for (text, expected) in [
            ("a = {}", "give one of"),
            ("a = { one_of = [1] }", "2 to 1000 values"),
            ("a = { from = 1, to = 1 }", "from below to"),
            ("a = { from = 1, to = 2, step = 0 }", "step"),
            ("a = { from = 1, to = 9000000 }", "±1000000"),
            ("a = { by = 'b', values = {} }", "by names a parameter"),
            ("range = { one_of = [1, 2] }", "none of"),
            (
                "a = { one_of = [1, 2] }\nb = { by = 'a', values = { 1 = 'x' } }",
                "nothing for 2",
            ),
        ] {
            let found = problems(&parameters(text));
            let all: Vec<String> = found.iter().map(ToString::to_string).collect();
            assert!(all.join("\n").contains(expected), "{text}: {all:?}");
        }
    }
}
