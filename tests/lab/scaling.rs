//! The figures in `docs/scaling.md` are those of the file that the measurement has written, and follow from each other.

use serde_json::Value;

fn read(name: &str) -> String {
    let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn number(value: &Value) -> f64 {
    value
        .as_f64()
        .unwrap_or_else(|| panic!("{value} is no number"))
}

/// The cells of the row of a table that begins with a name.
fn row<'a>(page: &'a str, name: &str) -> Vec<&'a str> {
    let begin = format!("| {name} |");
    let line = page.lines().find(|it| it.starts_with(&begin));
    let line = line.unwrap_or_else(|| panic!("no row {name}"));
    let cells = line[begin.len()..].trim_end_matches('|').split('|');
    cells.map(str::trim).collect()
}

/// A number of the page, which shows three figures at least.
fn shown(cell: &str) -> f64 {
    let plain = cell.replace(',', "");
    plain
        .parse()
        .unwrap_or_else(|_| panic!("{cell} is no number"))
}

fn alike(shown: f64, exact: f64) -> bool {
    (shown - exact).abs() <= exact.abs() * 0.006 + 1e-9
}

#[test]
fn the_tables_are_those_of_the_file() {
    let kept: Value = serde_json::from_str(&read("scaling.json")).unwrap();
    let page = read("scaling.md");
    for (signal, name) in [
        ("spans", "a span"),
        ("lines", "a line"),
        ("samples", "a sample"),
    ] {
        let of = &kept["signals"][signal];
        let cells = row(&page, name);
        for (cell, exact) in cells
            .iter()
            .zip(["wire_bytes", "cpu_us_all", "stored_bytes"])
        {
            assert!(
                alike(shown(cell), number(&of[exact])),
                "{name}: {cell}, {exact}"
            );
        }
        let parts = of["cpu_us"].as_object().unwrap().values().map(number);
        assert!(alike(parts.sum(), number(&of["cpu_us_all"])), "{name}");
        assert!(
            number(&of["accepted"]) > 10_000.0,
            "{name}: too few to measure"
        );
    }
    for limit in kept["limits"].as_array().unwrap() {
        let cells = row(&page, limit["limit"].as_str().unwrap());
        assert_eq!(shown(cells[0]), number(&limit["instances"]));
    }
    for (at, size) in kept["derived"].as_array().unwrap().iter().enumerate() {
        for (name, exact) in [
            ("series", &size["series"]),
            ("cores for spans", &size["cores"]["spans"]),
            (
                "cores for all, with what they use at rest",
                &size["cores_all"],
            ),
            ("memory of the series, GB", &size["series_gb"]),
            ("S3 for a week of spans, GB", &size["stored_gb"]["spans"]),
        ] {
            let cell = row(&page, name)[at];
            assert!(
                alike(shown(cell), number(exact)),
                "{name}: {cell} instead of {exact}"
            );
        }
    }
}

#[test]
fn what_is_derived_follows_from_what_was_measured() {
    let kept: Value = serde_json::from_str(&read("scaling.json")).unwrap();
    let instance = &kept["instance"];
    let sizes: Vec<f64> = [10.0, 1_000.0, 100_000.0].into();
    let derived = kept["derived"].as_array().unwrap();
    assert_eq!(derived.len(), sizes.len());
    for (size, derived) in sizes.into_iter().zip(derived) {
        assert_eq!(number(&derived["instances"]), size);
        let spans = size * number(&instance["spans"]);
        assert_eq!(number(&derived["per_second"]["spans"]), spans);
        let cores = spans * number(&kept["signals"]["spans"]["cpu_us_all"]) / 1e6;
        assert!(alike(number(&derived["cores"]["spans"]), cores));
        let memory =
            size * number(&instance["series"]) * number(&kept["series"]["heap_bytes"]) * 3.0 / 1e9;
        assert!(alike(number(&derived["series_gb"]), memory));
    }
}
