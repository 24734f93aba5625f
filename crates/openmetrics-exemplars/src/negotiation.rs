//! Content negotiation: the exposition format for a scraper's `Accept` header (RFC 9110, section 12.5.1).

use prometheus::TEXT_FORMAT;

use crate::CONTENT_TYPE;

/// A format of the metrics page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exposition {
    /// OpenMetrics 1.0, the one with exemplars.
    OpenMetrics,
    /// Prometheus text format 0.0.4.
    Text,
}

impl Exposition {
    /// The `Content-Type` of the format.
    #[must_use]
    pub fn content_type(self) -> &'static str {
        match self {
            Self::OpenMetrics => CONTENT_TYPE,
            Self::Text => TEXT_FORMAT,
        }
    }

    /// The format that `accept`, the value of an `Accept` header, gives the higher weight. Between
    /// equal weights the more exact media range wins, then text. A header that accepts neither gets
    /// text: a person can read that, unlike an answer of status 406.
    ///
    /// ```
    /// use openmetrics_exemplars::Exposition;
    ///
    /// let header = "application/openmetrics-text;version=1.0.0,text/plain;q=0.5";
    /// assert_eq!(Exposition::negotiate(header), Exposition::OpenMetrics);
    /// assert_eq!(Exposition::negotiate("*/*"), Exposition::Text);
    /// ```
    #[must_use]
    pub fn negotiate(accept: &str) -> Self {
        let openmetrics = weight(accept, ("application", "openmetrics-text"), &["1.0.0"]);
        let text = weight(accept, ("text", "plain"), &["0.0.4", "1.0.0"]);
        if openmetrics > text {
            Self::OpenMetrics
        } else {
            Self::Text
        }
    }
}

/// The weight that `accept` gives a media type, in thousandths, and how exactly it names the type.
/// A media range that names a version counts only for the versions in `versions`.
fn weight(accept: &str, media_type: (&str, &str), versions: &[&str]) -> (u16, u8) {
    let mut best = (0, 0);
    let mut best_exactness = 0;
    for range in accept.split(',') {
        let mut parts = range.split(';').map(str::trim);
        let Some((main, sub)) = parts.next().and_then(|name| name.split_once('/')) else {
            continue;
        };
        let exactness = match (main, sub) {
            ("*", "*") => 1,
            (main, "*") if main.eq_ignore_ascii_case(media_type.0) => 2,
            (main, sub)
                if main.eq_ignore_ascii_case(media_type.0)
                    && sub.eq_ignore_ascii_case(media_type.1) =>
            {
                3
            }
            _ => continue,
        };
        let mut quality = 1000;
        let mut known_version = true;
        for (name, value) in parts.filter_map(|parameter| parameter.split_once('=')) {
            let value = value.trim().trim_matches('"');
            if name.trim().eq_ignore_ascii_case("q") {
                quality = thousandths(value);
            } else if name.trim().eq_ignore_ascii_case("version") {
                known_version = versions.contains(&value);
            }
        }
        // The most exact range decides, even with a lower weight; among equals the heavier.
        if known_version && (exactness, quality) > (best_exactness, best.0) {
            best_exactness = exactness;
            best = (quality, exactness);
        }
    }
    if best.0 == 0 { (0, 0) } else { best }
}

/// A q-value in thousandths; one that cannot be read weighs nothing.
fn thousandths(value: &str) -> u16 {
    match value.parse::<f64>() {
        Ok(quality) if (0.0..=1.0).contains(&quality) => (quality * 1000.0).round() as u16,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::Exposition::{self, OpenMetrics, Text};

    #[test]
    fn the_heavier_format_that_the_header_accepts_is_chosen() {
        let prometheus_3 = "application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,\
            application/openmetrics-text;version=0.0.1;q=0.5,text/plain;version=1.0.0;\
            escaping=allow-utf-8;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2";
        let prometheus_2 = "application/openmetrics-text;version=1.0.0,\
            application/openmetrics-text;version=0.0.1;q=0.75,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
        for (accept, chosen) in [
            ("", Text),
            ("*/*", Text),
            ("text/*", Text),
            ("image/png", Text),
            ("garbage", Text),
            (";;;,,/,q=1", Text),
            (prometheus_3, OpenMetrics),
            (prometheus_2, OpenMetrics),
            ("application/openmetrics-text", OpenMetrics),
            (
                "Application/OpenMetrics-Text; Version=\"1.0.0\"",
                OpenMetrics,
            ),
            ("application/*", OpenMetrics),
            ("application/openmetrics-text; version=1.0.0; q=0", Text),
            ("application/openmetrics-text; version=9.9.9", Text),
            ("application/openmetrics-text; version=0.0.1", Text),
            (
                "text/plain; q=0.5, application/openmetrics-text; q=0.4",
                Text,
            ),
            (
                "text/plain; q=0.4, application/openmetrics-text; q=0.5",
                OpenMetrics,
            ),
            (
                "application/openmetrics-text; q=0.2, */*; q=0.1",
                OpenMetrics,
            ),
            ("application/openmetrics-text; q=0.1, */*; q=0.9", Text),
            ("text/plain;q=0, */*", OpenMetrics),
            ("application/openmetrics-text;q=7", Text),
        ] {
            assert_eq!(Exposition::negotiate(accept), chosen, "{accept}");
        }
    }
}
