//! Looks settings up, and reports values that are not allowed.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::ConfigError;

/// Looks settings up: the flag first, then the variables in the order given.
pub(super) struct Reader<'a>(pub(super) &'a BTreeMap<String, String>);

/// The name of a setting and its value. `None` when it is not set, so that the default applies.
pub(super) struct Given<'a>(pub(super) Option<(&'a str, &'a str)>);

impl Given<'_> {
    pub(super) fn parse<T>(
        self,
        default: T,
        allowed: impl fmt::Display,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Result<T, ConfigError> {
        match self.0 {
            None => Ok(default),
            Some((name, value)) => parse(value.trim()).ok_or_else(|| ConfigError {
                name: name.to_owned(),
                value: value.to_owned(),
                allowed: allowed.to_string(),
            }),
        }
    }
}

impl<'a> Reader<'a> {
    /// The flag, or else the variable if it is set and not empty. An error names a flag by its
    /// variable, since both share the name.
    pub(super) fn first(&self, flag: &'a Option<String>, variable: &'static str) -> Given<'a> {
        let flag = flag.as_deref().map(|value| (variable, value));
        Given(flag.or_else(|| {
            self.variable(variable)
                .filter(|(_, value)| !value.trim().is_empty())
        }))
    }

    pub(super) fn variable(&self, name: &'static str) -> Option<(&'a str, &'a str)> {
        self.0.get(name).map(|value| (name, value.as_str()))
    }

    pub(super) fn number(
        &self,
        flag: &'a Option<String>,
        variable: &'static str,
        default: u64,
        range: std::ops::RangeInclusive<u64>,
    ) -> Result<u64, ConfigError> {
        let allowed = format!("a number from {} to {}", range.start(), range.end());
        self.first(flag, variable).parse(default, allowed, |text| {
            text.parse().ok().filter(|number| range.contains(number))
        })
    }

    /// Values separated by commas. An empty list has none.
    pub(super) fn list<T: std::str::FromStr>(
        &self,
        flag: &'a Option<String>,
        variable: &'static str,
        allowed: &'static str,
    ) -> Result<Vec<T>, ConfigError> {
        self.first(flag, variable)
            .parse(Vec::new(), allowed, |text| {
                let values = text.split(',').map(str::trim);
                let values = values.filter(|value| !value.is_empty());
                values.map(|value| value.parse().ok()).collect()
            })
    }

    pub(super) fn milliseconds(
        &self,
        flag: &'a Option<String>,
        variable: &'static str,
        default: u64,
    ) -> Result<Duration, ConfigError> {
        const HOUR: u64 = 3_600_000;
        let allowed = format!("milliseconds, from 1 to {HOUR}");
        self.first(flag, variable)
            .parse(Duration::from_millis(default), allowed, |text| {
                let number = text
                    .parse()
                    .ok()
                    .filter(|number| (1..=HOUR).contains(number));
                number.map(Duration::from_millis)
            })
    }
}
