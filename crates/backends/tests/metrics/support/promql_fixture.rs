//! Twenty minutes of history in one exposition: every family with explicit timestamps.
//!
//! OpenMetrics allows several points of a series in one exposition as long as their timestamps grow, so
//! one scrape brings the whole history to both servers. Timestamps end in .137 s and queries use whole
//! seconds: Prometheus 3 takes the left end of a window as outside, 2.42 as inside, and no sample lies on one.
//! For the same reason query times are 7 s off the multiples that subqueries evaluate at. Counters
//! with gaps start high: 2.42 and 3 bound the extrapolation to zero in a different order.

use std::fmt::Write as _;

/// Samples of each series.
pub const STEPS: i64 = 240;
/// Time between two samples, milliseconds.
pub const STEP_MS: i64 = 5_000;

/// First sample's time for a history that ends about now, milliseconds.
pub fn first_sample(now: i64) -> i64 {
    (now / 60_000 * 60_000) - STEPS * STEP_MS + 137
}

struct Writer {
    text: String,
    first: i64,
}

impl Writer {
    fn family(&mut self, name: &str, kind: &str) {
        let _ = writeln!(
            self.text,
            "# TYPE {name} {kind}\n# HELP {name} Fixture \\\"{name}\\\"."
        );
    }

    fn series(&mut self, series: &str, value: impl Fn(i64) -> Option<f64>) {
        self.series_with(series, value, |_, _| None);
    }

    fn series_with(
        &mut self,
        series: &str,
        value: impl Fn(i64) -> Option<f64>,
        exemplar: impl Fn(i64, f64) -> Option<(String, f64)>,
    ) {
        for step in 0..STEPS {
            let Some(number) = value(step) else { continue };
            let number = if number.is_nan() {
                "NaN".to_owned()
            } else if number.is_infinite() {
                if number > 0.0 {
                    "+Inf".to_owned()
                } else {
                    "-Inf".to_owned()
                }
            } else {
                number.to_string()
            };
            let time = self.first + step * STEP_MS;
            let _ = write!(
                self.text,
                "{series} {number} {}.{:03}",
                time / 1000,
                time % 1000
            );
            if let Some((trace, observed)) = exemplar(step, number.parse().unwrap_or(0.0)) {
                let time = time - 250;
                let _ = write!(
                    self.text,
                    " # {{TraceID=\"{trace}\"}} {observed} {}.{:03}",
                    time / 1000,
                    time % 1000
                );
            }
            self.text.push('\n');
        }
    }
}

/// A small number that looks random and is the same every time.
fn noise(step: i64, salt: i64) -> f64 {
    let mixed = (step * 7_919 + salt * 104_729) % 1_009;
    (mixed * mixed % 997) as f64
}

/// The body.
pub fn exposition(first: i64) -> String {
    let mut out = Writer {
        text: String::new(),
        first,
    };
    let paths = ["/", "/io_task", "/items/{item_id}", "/metrics"];
    let apps = ["app-a", "app-b", "app-c"];
    let total = |salt: i64| {
        move |step: i64| {
            Some(
                5_000.0
                    + (0..=step)
                        .map(|k| (noise(k, salt) % 7.0).floor())
                        .sum::<f64>(),
            )
        }
    };

    out.family("salvo_app_info", "gauge");
    for app in apps {
        out.series(
            &format!("salvo_app_info{{app_name=\"{app}\",version=\"0.1.0\"}}"),
            |_| Some(1.0),
        );
    }
    out.family("salvo_requests", "counter");
    for (a, app) in apps.iter().enumerate() {
        for (p, path) in paths.iter().enumerate() {
            out.series_with(
                &format!(
                    "salvo_requests_total{{method=\"GET\",path=\"{path}\",app_name=\"{app}\"}}"
                ),
                total((a * 10 + p) as i64),
                |step, _| {
                    (step % 40 == 3).then(|| (format!("{:032x}", step * 100 + p as i64), 1.0))
                },
            );
        }
    }
    out.family("salvo_responses", "counter");
    for (a, app) in apps.iter().enumerate() {
        for (s, status) in ["200", "300", "400", "500"].iter().enumerate() {
            out.series(
                &format!("salvo_responses_total{{method=\"GET\",path=\"/random_status\",status_code=\"{status}\",app_name=\"{app}\"}}"),
                total((100 + a * 10 + s) as i64),
            );
        }
    }
    out.family("salvo_requests_duration_seconds", "histogram");
    for (a, app) in apps.iter().enumerate().take(2) {
        for (p, path) in paths.iter().enumerate() {
            let labels = format!("method=\"GET\",path=\"{path}\",app_name=\"{app}\"");
            for (b, le) in ["0.005", "0.05", "0.5", "1.0", "2.5", "+Inf"]
                .iter()
                .enumerate()
            {
                // Each bucket adds its own share to the ones below it.
                let cumulative = move |step: i64| {
                    let own = |bucket: usize| {
                        let salt = (200 + a * 50 + p * 10 + bucket) as i64;
                        (0..=step)
                            .map(|k| (noise(k, salt) % 4.0).floor())
                            .sum::<f64>()
                            + 300.0
                    };
                    Some((0..=b).map(own).sum())
                };
                out.series_with(
                    &format!("salvo_requests_duration_seconds_bucket{{{labels},le=\"{le}\"}}"),
                    cumulative,
                    |step, _| {
                        (step % 30 == b as i64).then(|| {
                            (
                                format!("{:032x}", step * 1000 + b as i64),
                                0.004 + b as f64 / 10.0,
                            )
                        })
                    },
                );
            }
            out.series(
                &format!("salvo_requests_duration_seconds_count{{{labels}}}"),
                total((300 + a * 10 + p) as i64),
            );
            out.series(
                &format!("salvo_requests_duration_seconds_sum{{{labels}}}"),
                move |step| {
                    let slope = 0.37 + (a * 7 + p) as f64 * 0.11;
                    Some(1_000.0 + step as f64 * slope + noise(step, 9) * 1e-6)
                },
            );
        }
    }
    out.family("salvo_requests_in_progress", "gauge");
    for (a, app) in apps.iter().enumerate() {
        out.series(
            &format!("salvo_requests_in_progress{{method=\"GET\",path=\"/\",app_name=\"{app}\"}}"),
            move |step| Some(noise(step, 400 + a as i64) % 5.0),
        );
    }
    // A restart at step 100 and another at step 170.
    out.family("restarting", "counter");
    out.series("restarting_total{kind=\"twice\"}", |step| {
        let since = if step < 100 {
            step + 900
        } else if step < 170 {
            step - 40
        } else {
            step - 110
        };
        Some(since as f64 * 3.0)
    });
    out.series("restarting_total{kind=\"never\"}", |step| {
        Some(10_000.0 + step as f64 * 2.5)
    });
    // Short gaps (within the lookback) and one of 400 s (beyond it).
    out.family("gappy", "gauge");
    out.series("gappy{gap=\"short\"}", |step| {
        (step % 20 < 13).then_some(1e6 + noise(step, 1))
    });
    out.series("gappy{gap=\"long\"}", |step| {
        (!(100..180).contains(&step)).then_some(2e6 + noise(step, 2))
    });
    out.series("gappy{gap=\"late\"}", |step| {
        (step > 150).then_some(3e6 + noise(step, 3))
    });
    out.family("odd", "gauge");
    out.series("odd{value=\"nan\"}", |_| Some(f64::NAN));
    out.series("odd{value=\"inf\"}", |_| Some(f64::INFINITY));
    out.series("odd{value=\"wave\"}", |step| {
        Some((step as f64 / 11.0).sin() * 1e3)
    });
    out.series("odd{value=\"tiny\"}", |step| Some(1e-9 * step as f64));
    out.series("odd{value=\"huge\"}", |step| {
        Some(1e22 + 1e20 * step as f64)
    });
    out.series("odd{value=\"mixed\"}", |step| {
        Some(if step % 9 == 0 {
            f64::NAN
        } else {
            step as f64 - 120.0
        })
    });
    out.family("temperature", "gauge");
    for (room, salt) in [("kitchen", 1), ("cellar", 2), ("attic", 3), ("hall", 4)] {
        out.series(
            &format!("temperature{{room=\"{room}\",floor=\"{}\"}}", salt % 2),
            move |step| Some(15.0 + salt as f64 * 2.0 + noise(step, salt) / 300.0),
        );
    }
    out.family("area", "gauge");
    for (floor, area) in [("0", 55.5), ("1", 41.25)] {
        out.series(
            &format!("area{{floor=\"{floor}\",owner=\"o{floor}\"}}"),
            move |_| Some(area),
        );
    }
    // Buckets that fall, one without +Inf, one empty.
    out.family("crooked", "histogram");
    for (le, height) in [
        ("1.0", 10.0),
        ("2.0", 30.0),
        ("4.0", 20.0),
        ("8.0", 60.0),
        ("+Inf", 60.0),
    ] {
        out.series(&format!("crooked_bucket{{le=\"{le}\"}}"), move |step| {
            Some(height * 10.0 + step as f64)
        });
    }
    out.family("open", "histogram");
    for (le, height) in [("1.0", 10.0), ("2.0", 30.0)] {
        out.series(&format!("open_bucket{{le=\"{le}\"}}"), move |_| {
            Some(height)
        });
    }
    out.family("idle", "histogram");
    for le in ["-1.0", "0.0", "+Inf"] {
        out.series(&format!("idle_bucket{{le=\"{le}\"}}"), |_| Some(0.0));
    }
    out.family("negative", "histogram");
    for (le, height) in [("-1.0", 50.0), ("0.0", 60.0), ("+Inf", 70.0)] {
        out.series(&format!("negative_bucket{{le=\"{le}\"}}"), move |_| {
            Some(height)
        });
    }
    // Labels that the scrape adds itself.
    out.family("clash", "gauge");
    out.series(
        "clash{job=\"own\",instance=\"i\",exported_job=\"e\"}",
        |_| Some(1.0),
    );
    out.text.push_str("# EOF\n");
    out.text
}
