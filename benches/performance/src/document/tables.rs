//! The tables of the report.

use super::figures::{number, percent, ratio};
use super::results::{Results, Round, Scenario, Subject};

/// Whether a place of that name holds a table.
pub fn is_table(name: &str) -> bool {
    name.starts_with("table ")
}

/// The table of that name.
///
/// # Errors
/// When there is none of that name.
pub fn table(name: &str, results: &Results) -> Result<String, String> {
    match name {
        "table root" => Ok(figures(results, "root")),
        "table chain" => Ok(figures(results, "chain")),
        "table servers" => Ok(servers(results)),
        _ => Err(format!("the report has no {name:?}")),
    }
}

fn figures(results: &Results, route: &str) -> String {
    let head = "| | requests/s | to Salvo alone | p50, ms | p99, ms | CPU a request, µs | memory, MiB | spans that arrive | log lines that arrive |\n\
        | --- | --- | --- | --- | --- | --- | --- | --- | --- |";
    let salvo = results.subject("salvo").and_then(|it| it.scenario(route));
    let rows = results
        .subjects
        .iter()
        .map(|subject| row(subject, subject.scenario(route), salvo));
    std::iter::once(head.to_owned())
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}

fn row(subject: &Subject, own: Option<&Scenario>, salvo: Option<&Scenario>) -> String {
    let Some(own) = own else {
        let why = subject.not_measured.as_deref().unwrap_or("left out");
        return format!("| {} | not measured: {why} | | | | | | | |", subject.title);
    };
    let spread = |figure: fn(&Round) -> f64| match own.spread(figure) {
        Some(it) => format!(
            "{} ({} – {})",
            number(it.median),
            number(it.least),
            number(it.most)
        ),
        None => "–".to_owned(),
    };
    let to_salvo = match salvo.and_then(|salvo| own.ratio(salvo)) {
        Some(it) => ratio(it.median),
        None => "–".to_owned(),
    };
    let median = |figure: fn(&Round) -> f64| own.spread(figure).map(|it| number(it.median));
    [
        subject.title.clone(),
        spread(|it| it.requests_per_second),
        to_salvo,
        median(|it| it.p50_ms).unwrap_or_default(),
        spread(|it| it.p99_ms),
        median(|it| it.cpu_us).unwrap_or_default(),
        median(|it| it.resident_mib).unwrap_or_default(),
        percent(own.spans.share()),
        percent(own.lines.share()),
    ]
    .iter()
    .fold("|".to_owned(), |row, cell| row + " " + cell + " |")
}

fn servers(results: &Results) -> String {
    let rows = results.subjects.iter().map(|subject| {
        let what = match &subject.not_measured {
            Some(why) => format!("not measured: {why}"),
            None => subject.versions.join(", "),
        };
        format!("| {} | {what} |", subject.title)
    });
    std::iter::once("| server | made of |\n| --- | --- |".to_owned())
        .chain(rows)
        .collect::<Vec<_>>()
        .join("\n")
}
