//! Request parameters from the query string and the form, read as Loki reads them.

use salvo::http::header::CONTENT_TYPE;
use salvo::prelude::Request;

use super::response::ApiResponse;
use crate::logs::engine::Direction;
use crate::wire::duration::prometheus;
use crate::wire::form::Form;
use crate::wire::integer::{self, atoi};
use crate::wire::rfc3339;

/// Largest form in bytes.
const MAX_FORM: usize = 1 << 20;

/// Lines or series returned when the request has no `limit`.
pub(super) const DEFAULT_LIMIT: usize = 100;

/// Default of `since`: one hour.
const DEFAULT_SINCE: i64 = 3_600_000_000_000;

/// Largest number of points of a series.
const MAX_POINTS: i64 = 11_000;

/// The parameters of a range query, times in Unix nanoseconds.
pub(super) struct Range {
    pub(super) start: i64,
    pub(super) end: i64,
    /// Lines at most.
    pub(super) limit: usize,
    pub(super) direction: Direction,
    /// Between points, in nanoseconds.
    pub(super) step: i64,
    /// Between lines, in nanoseconds; 0 returns all.
    pub(super) interval: i64,
}

/// The parameters of one request, in the order of the request.
#[derive(Clone, Debug, Default)]
pub(super) struct Params {
    form: Form,
    /// `{name}` of the path.
    pub(super) name: String,
    /// The client asked for `categorize-labels`: stream labels, structured metadata and parsed
    /// labels are returned separately.
    pub(super) categorize: bool,
}

impl Params {
    /// Reads the query string, and the form of a POST.
    pub(super) async fn read(req: &mut Request) -> Result<Self, ApiResponse> {
        let mut params = Self {
            name: req.param::<String>("name").unwrap_or_default(),
            categorize: req
                .headers()
                .get_all("X-Loki-Response-Encoding-Flags")
                .iter()
                .filter_map(|value| value.to_str().ok())
                .any(|flags| flags.split(',').any(|f| f.trim() == "categorize-labels")),
            ..Self::default()
        };
        let is_form = req
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .is_some_and(|value| value.starts_with("application/x-www-form-urlencoded"));
        if is_form {
            let body = req
                .payload_with_max_size(MAX_FORM)
                .await
                .map_err(|error| ApiResponse::bad_request(error.to_string()))?;
            params.form.add(body);
        }
        if let Some(query) = req.uri().query() {
            params.form.add(query.as_bytes());
        }
        Ok(params)
    }

    /// Refuses a request of which a pair could not be read.
    pub(super) fn check_encoding(&self) -> Result<(), ApiResponse> {
        match &self.form.malformed {
            None => Ok(()),
            Some(problem) => Err(ApiResponse::bad_request(problem.clone())),
        }
    }

    /// The first value of a parameter, empty when it is absent.
    pub(super) fn get(&self, name: &str) -> &str {
        // Only `query` may contain bytes that are not UTF-8; elsewhere U+FFFD makes the value
        // invalid.
        std::str::from_utf8(self.bytes(name)).unwrap_or("\u{fffd}")
    }

    /// The first value of a parameter as it was sent.
    pub(super) fn bytes(&self, name: &str) -> &[u8] {
        let found = self.form.pairs.iter().find(|(own, _)| own == name);
        found.map_or(&[], |(_, value)| value)
    }

    /// All values of a parameter as they were sent.
    pub(super) fn all<'p>(&'p self, name: &'p str) -> impl Iterator<Item = &'p [u8]> {
        self.form
            .pairs
            .iter()
            .filter(move |(own, _)| own == name)
            .map(|(_, value)| value.as_slice())
    }

    /// `limit`, a positive number.
    pub(super) fn limit(&self) -> Result<usize, ApiResponse> {
        self.positive(&["limit"], DEFAULT_LIMIT)
    }

    /// The first of several parameters that is there, a positive number.
    pub(super) fn positive(&self, names: &[&str], default: usize) -> Result<usize, ApiResponse> {
        let given = names.iter().map(|name| self.get(name));
        let Some(text) = given.into_iter().find(|text| !text.is_empty()) else {
            return Ok(default);
        };
        let limit = atoi(text).map_err(ApiResponse::bad_request)?;
        if limit <= 0 {
            return Err(ApiResponse::bad_request("limit must be a positive value"));
        }
        Ok(usize::try_from(limit).unwrap_or(usize::MAX))
    }

    /// `direction`; `backward` (newest first) by default.
    pub(super) fn direction(&self) -> Result<Direction, ApiResponse> {
        let text = self.get("direction");
        match text.to_ascii_lowercase().as_str() {
            "" | "backward" => Ok(Direction::Backward),
            "forward" => Ok(Direction::Forward),
            _ => Err(ApiResponse::bad_request(format!(
                "invalid direction '{text}'"
            ))),
        }
    }

    /// `time`; now by default.
    pub(super) fn time(&self, now: i64) -> Result<i64, ApiResponse> {
        timestamp(self.get("time"), now).map_err(ApiResponse::bad_request)
    }

    /// `start`, `end` and `since` as Unix nanoseconds.
    pub(super) fn bounds(&self, now: i64) -> Result<(i64, i64), ApiResponse> {
        let since = match self.get("since") {
            "" => DEFAULT_SINCE,
            text => prometheus::parse(text).map_err(|error| {
                ApiResponse::bad_request(format!("could not parse 'since' parameter: {error}"))
            })?,
        };
        let parse = |name: &str, default: i64| {
            timestamp(self.get(name), default).map_err(|error| {
                ApiResponse::bad_request(format!("could not parse '{name}' parameter: {error}"))
            })
        };
        let end = parse("end", now)?;
        let start = parse("start", end.min(now).saturating_sub(since))?;
        Ok((start, end))
    }

    /// As [`Self::bounds`]; an end before the start is refused.
    pub(super) fn ordered_bounds(&self, now: i64) -> Result<(i64, i64), ApiResponse> {
        let (start, end) = self.bounds(now)?;
        match end < start {
            true => Err(ApiResponse::bad_request(
                "end timestamp must not be before or equal to start time",
            )),
            false => Ok((start, end)),
        }
    }

    /// The parameters of a range query. Loki refuses wrong ones whether the query uses them or not.
    pub(super) fn range(&self, now: i64) -> Result<Range, ApiResponse> {
        let (start, end) = self.ordered_bounds(now)?;
        let limit = self.limit()?;
        let direction = self.direction()?;
        let step = self.step(start, end)?;
        check_step(step, start, end)?;
        let interval = self.interval()?;
        Ok(Range {
            start,
            end,
            limit,
            direction,
            step,
            interval,
        })
    }

    /// `step` in nanoseconds; by default about 250 steps.
    pub(super) fn step(&self, start: i64, end: i64) -> Result<i64, ApiResponse> {
        match self.get("step") {
            "" => {
                let seconds = end.saturating_sub(start) / 1_000_000_000;
                Ok((seconds / 250).max(1) * 1_000_000_000)
            }
            text => prometheus::seconds_or_duration(text).map_err(ApiResponse::bad_request),
        }
    }

    /// `interval` in nanoseconds; 0 by default.
    pub(super) fn interval(&self) -> Result<i64, ApiResponse> {
        match self.get("interval") {
            "" => Ok(0),
            text => {
                match prometheus::seconds_or_duration(text).map_err(ApiResponse::bad_request)? {
                    negative if negative < 0 => {
                        Err(ApiResponse::bad_request("interval must be >= 0"))
                    }
                    interval => Ok(interval),
                }
            }
        }
    }
}

/// Refuses a step that is not positive, or too small for the range.
pub(super) fn check_step(step: i64, start: i64, end: i64) -> Result<(), ApiResponse> {
    let refused = |text| Err(ApiResponse::bad_request(text));
    match step {
        ..=0 => refused(
            "zero or negative query resolution step widths are not accepted. Try a positive integer",
        ),
        _ if end.saturating_sub(start) / step > MAX_POINTS => refused(
            "exceeded maximum resolution of 11,000 points per time series. Try increasing the value of the step parameter",
        ),
        _ => Ok(()),
    }
}

/// Reads a time: nanoseconds, seconds (up to ten digits, or with a fraction) or RFC 3339.
fn timestamp(text: &str, default: i64) -> Result<i64, String> {
    if text.is_empty() {
        return Ok(default);
    }
    if text.contains('.') {
        let seconds = text.parse::<f64>().ok().filter(|s| s.abs() < 9.2e9);
        if let Some(seconds) = seconds {
            let millis = (seconds.fract() * 1000.0).round() as i64;
            return Ok(seconds.trunc() as i64 * 1_000_000_000 + millis * 1_000_000);
        }
    }
    match integer::parse::<i64>("ParseInt", text) {
        Ok(seconds) if text.len() <= 10 => Ok(seconds.saturating_mul(1_000_000_000)),
        Ok(nanos) => Ok(nanos),
        Err(problem) => rfc3339::parse(text)
            .and_then(|time| i64::try_from(time.as_nanosecond()).ok())
            .ok_or(problem),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_all_three_forms() {
        let expected = Ok(1_795_360_557_000_000_000);
        assert_eq!(timestamp("1795360557000000000", 0), expected);
        assert_eq!(timestamp("1795360557", 0), expected);
        assert_eq!(timestamp("2026-11-22T15:15:57Z", 0), expected);
        assert_eq!(timestamp("1795360557.25", 0), Ok(1_795_360_557_250_000_000));
        assert!(timestamp("soon", 0).is_err());
    }
}
