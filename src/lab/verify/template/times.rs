//! Time ranges, steps, and the values of their macros.

use super::super::dashboard::Query;
use super::{Language, filled};

/// Time between two scrapes that Grafana assumes when a Prometheus data source sets none.
const DEFAULT_SCRAPE: f64 = 15.0;

/// Most points of a series that are asked for; Prometheus and Loki refuse more.
const MOST_POINTS: f64 = 11_000.0;

/// Macros that stand for the interval that Grafana finds itself, where an interval can be given.
const FOUND: [&str; 3] = ["$__interval", "${__interval}", "$__auto"];

/// The same, for the rate interval.
const FOUND_RATE: [&str; 2] = ["$__rate_interval", "${__rate_interval}"];

/// The steps of a range query, and the values of its macros.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Times {
    /// Time range of the dashboard, seconds.
    pub range: f64,
    /// Time between two points, seconds.
    pub step: f64,
    /// `$__rate_interval`, seconds.
    pub rate_interval: f64,
}

impl Times {
    /// Interval that Grafana chooses for a query over `range` seconds, whose intervals hold no variable any more.
    /// `scrape` is the data source's `timeInterval` in seconds.
    ///
    /// The rule for the rate interval is at
    /// <https://grafana.com/docs/grafana/latest/datasources/prometheus/template-variables/>.
    #[must_use]
    pub fn of(query: &Query, language: Language, range: f64, scrape: Option<f64>) -> Self {
        let fitting = (range / f64::from(query.max_points).min(MOST_POINTS)).ceil();
        let own = seconds(&query.own_interval);
        let smallest = own.or(seconds(&query.panel_interval));
        if language == Language::LogQl {
            let step = fitting.max(smallest.unwrap_or(1.0)) * query.factor;
            return Self {
                range,
                step,
                rate_interval: step,
            };
        }
        let scrape = scrape.unwrap_or(DEFAULT_SCRAPE);
        let step = fitting.max(smallest.unwrap_or(scrape));
        let rate = |scrape: f64| (step + scrape).max(4.0 * scrape);
        if FOUND_RATE.contains(&query.own_interval.as_str()) {
            return Self {
                range,
                step: rate(scrape),
                rate_interval: rate(scrape),
            };
        }
        Self {
            range,
            step: step * query.factor,
            rate_interval: match FOUND.contains(&query.own_interval.as_str()) {
                true => rate(step),
                false => rate(own.unwrap_or(scrape)),
            },
        }
    }

    /// Value of a macro; `None` when it is none.
    pub(super) fn macro_text(&self, name: &str, format: Option<&str>) -> Option<String> {
        let whole = |value: f64| format!("{}s", value.round().max(1.0));
        let millis = |value: f64| (value * 1000.0).round().to_string();
        Some(match name {
            "__interval" | "__auto" => whole(self.step),
            "__interval_ms" => millis(self.step),
            "__rate_interval" => whole(self.rate_interval),
            "__rate_interval_ms" => millis(self.rate_interval),
            "__range" => whole(self.range),
            "__range_s" => self.range.round().to_string(),
            "__range_ms" => millis(self.range),
            "__to" => moment(0.0, format)?,
            "__from" => moment(self.range, format)?,
            _ => return None,
        })
    }
}

/// A point of time so many seconds ago, in milliseconds or in one of two forms of a date; `None` for others.
fn moment(ago: f64, format: Option<&str>) -> Option<String> {
    let now = jiff::Timestamp::now().as_millisecond();
    let at = now - (ago * 1000.0) as i64;
    match format {
        None | Some("date:ms") => Some(at.to_string()),
        Some("date:seconds") => Some((at / 1000).to_string()),
        Some("date" | "date:iso") => {
            let at = jiff::Timestamp::from_millisecond(at).ok()?;
            Some(format!("{at:.3}"))
        }
        Some(_) => None,
    }
}

/// A time such as `15m` or `>15s`, in seconds; a number alone is seconds.
#[must_use]
pub fn seconds(text: &str) -> Option<f64> {
    let text = text.trim().trim_start_matches('>');
    let digits = text.trim_end_matches(|character: char| character.is_ascii_alphabetic());
    let number: f64 = digits.parse().ok()?;
    let unit = match &text[digits.len()..] {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" => 60.0,
        "h" => 3_600.0,
        "d" => 86_400.0,
        "w" => 604_800.0,
        "M" => 2_592_000.0,
        "y" => 31_536_000.0,
        _ => return None,
    };
    Some(number * unit)
}

/// An interval of a panel or a query with the values of its variables; the macros stay, which
/// [`Times::of`] knows.
///
/// # Errors
/// The variable that is not known.
pub fn interval_filled(text: &str, choices: &[super::Choice]) -> Result<String, String> {
    if text.is_empty() || FOUND.contains(&text) || FOUND_RATE.contains(&text) {
        return Ok(text.to_owned());
    }
    let none = Times {
        range: 0.0,
        step: 0.0,
        rate_interval: 0.0,
    };
    filled(text, Language::PromQl, none, choices)
}
