//! Single figures, by name.
//!
//! | name | figure |
//! | --- | --- |
//! | `ROUTE SERVER requests` | requests a second |
//! | `ROUTE SERVER ratio` | requests a second, by those of Salvo alone |
//! | `ROUTE SERVER over OTHER` | requests a second, by those of the other server |
//! | `ROUTE SERVER p50`, `p99` | milliseconds |
//! | `ROUTE SERVER cpu` | CPU time of one request, microseconds |
//! | `ROUTE SERVER cpu-over OTHER` | how many times as much CPU time the other server takes |
//! | `ROUTE SERVER memory` | resident memory, MiB |
//! | `ROUTE SERVER spans`, `lines` | share of the spans or log lines that arrived, percent |
//! | `date`, `commit`, `machine`, `load` | when, of what, where and how it was measured |
//!
//! ROUTE is `root` or `chain`. All are medians of the rounds.

use super::results::{Results, Scenario};

/// What stands for the figure of a server that was not measured.
pub const NOT_MEASURED: &str = "not measured";

/// The figure of that name.
///
/// # Errors
/// When there is none of that name.
pub fn figure(name: &str, results: &Results) -> Result<String, String> {
    let unknown = || format!("the report has no figure {name:?}");
    match name {
        "date" => {
            return Ok(results
                .measured
                .split('T')
                .next()
                .unwrap_or_default()
                .to_owned());
        }
        "commit" => return Ok(format!("`{}`", results.commit)),
        "machine" => {
            let machine = &results.machine;
            return Ok(format!(
                "{} cores of an {}, {} GiB, {}",
                machine.cores, machine.cpu, machine.memory_gib, machine.system
            ));
        }
        "load" => {
            return Ok(format!(
                "{} rounds of {} s each, {} connections, {}",
                results.rounds, results.seconds, results.connections, results.generator
            ));
        }
        _ => {}
    }
    let words: Vec<&str> = name.split(' ').collect();
    let [route, server, field, other @ ..] = &words[..] else {
        return Err(unknown());
    };
    let find = |server: &str| {
        let subject = results.subject(server).ok_or_else(unknown)?;
        Ok::<_, String>(subject.scenario(route))
    };
    if !["root", "chain"].contains(route) {
        return Err(unknown());
    }
    let other = match (*field, other) {
        ("over" | "cpu-over", [other]) => find(other)?,
        ("ratio", []) => find("salvo")?,
        (_, []) => find(server)?,
        _ => return Err(unknown()),
    };
    let own = find(server)?;
    let (Some(own), Some(other)) = (own, other) else {
        // An unknown field is a mistake, whatever was measured.
        return text(field, &Scenario::default(), &Scenario::default())
            .map(|_| NOT_MEASURED.to_owned())
            .ok_or_else(unknown);
    };
    text(field, own, other).ok_or_else(unknown)
}

/// The field of a server's figures. `None` when there is no such field.
fn text(field: &str, own: &Scenario, other: &Scenario) -> Option<String> {
    let median = |figure: fn(&super::results::Round) -> f64| {
        own.spread(figure).map_or(f64::NAN, |it| it.median)
    };
    let cpu = |scenario: &Scenario| {
        scenario
            .spread(|it| it.cpu_us)
            .map_or(f64::NAN, |it| it.median)
    };
    Some(match field {
        "requests" => number(median(|it| it.requests_per_second)),
        "ratio" | "over" => ratio(own.ratio(other).map_or(f64::NAN, |it| it.median)),
        "p50" => number(median(|it| it.p50_ms)),
        "p99" => number(median(|it| it.p99_ms)),
        "cpu" => number(cpu(own)),
        "cpu-over" => ratio(cpu(other) / cpu(own)),
        "memory" => number(median(|it| it.resident_mib)),
        "spans" => percent(own.spans.share()),
        "lines" => percent(own.lines.share()),
        _ => return None,
    })
}

/// A share in percent; a dash where there is nothing to share.
pub fn percent(share: Option<f64>) -> String {
    match share {
        None => "–".to_owned(),
        // What was lost is not rounded away, and neither is what is left of it.
        Some(share) if share > 0.99 && share < 1.0 => {
            format!("{:.1} %", (share * 1000.0).floor() / 10.0)
        }
        Some(share) if share < 0.1 => format!("{:.1} %", share * 100.0),
        Some(share) => format!("{:.0} %", share * 100.0),
    }
}

/// A ratio: two decimals, and fewer from ten on.
pub fn ratio(ratio: f64) -> String {
    match ratio {
        ratio if ratio < 0.1 => format!("{ratio:.4}"),
        ratio if ratio < 10.0 => format!("{ratio:.2}"),
        ratio => format!("{ratio:.0}"),
    }
}

/// A number with three significant digits, and commas between thousands.
pub fn number(number: f64) -> String {
    if !number.is_finite() {
        return NOT_MEASURED.to_owned();
    }
    let digits = match number.abs() {
        0.0 => 0,
        size => 2 - size.log10().floor() as i32,
    };
    if digits > 0 {
        return format!("{number:.*}", digits.min(4) as usize);
    }
    let scale = 10_f64.powi(-digits);
    let whole = format!("{:.0}", (number / scale).round() * scale);
    let mut text = String::new();
    for (at, digit) in whole.chars().enumerate() {
        if at > 0 && (whole.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}
