//! Every measured figure in README and `docs/` is the one that the speed report measured, or names the command that
//! made it.

// What renders the report compares it too.
#[path = "../../benches/performance/src/document/mod.rs"]
mod document;
#[path = "../../benches/scale/tables.rs"]
#[allow(dead_code, reason = "its benchmark draws plots too")]
mod scale;

use std::path::Path;

use document::Piece;
use document::figures::{number, percent, ratio};
use document::results::{Results, Spread};
use regex::Regex;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn results() -> Results {
    let json = std::fs::read_to_string(root().join("docs/performance.json")).unwrap();
    serde_json::from_str(&json).unwrap()
}

#[test]
fn the_figures_of_the_documents_are_those_that_were_measured() {
    let results = results();
    let mut places = 0;
    for path in document::documents(root()).unwrap() {
        let text = std::fs::read_to_string(&path).unwrap();
        let filled = document::fill(&text, &results)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        places += text.matches(document::OPEN).count();
        assert!(
            text == filled,
            "{}: `benches/report render` writes other figures",
            path.display()
        );
    }
    assert!(places > 10, "{places}");
}

#[test]
fn the_page_of_scale_is_what_was_measured() {
    let json = std::fs::read_to_string(root().join("benches/results/scale.json")).unwrap();
    let figures: Vec<scale::Figure> = serde_json::from_str(&json).unwrap();
    assert!(figures.len() > 30, "{}", figures.len());
    let page = std::fs::read_to_string(root().join("docs/scale.md")).unwrap();
    assert_eq!(page, scale::document(&figures));
}

#[test]
fn the_fault_table_is_what_was_measured() {
    let output = std::process::Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["soak", "--table", "docs/reliability.json"])
        .current_dir(root())
        .output()
        .unwrap();
    let table = String::from_utf8(output.stdout).unwrap();
    assert!(table.contains("collector-killed"), "{table}");
    let page = std::fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    let expected = format!("<!-- soak -->\n\n```text\n{table}```\n\n<!-- /soak -->\n");
    assert!(
        page.contains(&expected),
        "`benches/soak/faults render` writes another table"
    );
}

#[test]
fn a_figure_that_is_changed_by_hand_is_noticed() {
    let results = results();
    let [name, after] = ["root salvo requests", "."];
    let place = |figure: &str| {
        let (open, named, close) = (document::OPEN, document::NAMED, document::CLOSE);
        format!("It takes {open}{name}{named}{figure}{close}{after}")
    };
    let filled = document::fill(&place("1"), &results).unwrap();
    assert_ne!(filled, place("1"));
    assert_eq!(document::fill(&filled, &results).unwrap(), filled);
    for broken in [
        "<!-- report: root salvo colour -->1<!-- /report -->",
        "<!-- report: date -->1",
    ] {
        document::fill(broken, &results).unwrap_err();
    }
}

#[test]
fn figures_say_as_much_as_was_measured() {
    let numbers = [54_512.0, 1_234_567.0, 613.4, 12.34, 1.0, 0.061_34];
    assert_eq!(
        numbers.map(number),
        ["54,500", "1,230,000", "613", "12.3", "1.00", "0.0613"]
    );
    assert_eq!([0.7012, 67.4, 0.0123].map(ratio), ["0.70", "67", "0.0123"]);
    // What was lost is not rounded away.
    let shares = [Some(1.0), Some(0.9999), Some(0.756), Some(0.0098), None];
    assert_eq!(
        shares.map(percent),
        ["100 %", "99.9 %", "76 %", "1.0 %", "–"]
    );
    let spread = Spread::of([3.0, 1.0, 8.0, 2.0]).unwrap();
    assert_eq!((spread.least, spread.median, spread.most), (1.0, 2.5, 8.0));
}

#[test]
fn the_plots_are_those_of_the_report() {
    let folder = root().join("docs/images/performance");
    let page = std::fs::read_to_string(root().join("docs/performance.md")).unwrap();
    let measured = format!("<!-- measured {} -->", results().measured);
    let mut count = 0;
    for entry in std::fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let svg = std::fs::read_to_string(&path).unwrap();
        assert!(svg.contains(&measured), "{name} shows another run");
        assert!(
            page.contains(&format!("(images/performance/{name})")),
            "{name}"
        );
        count += 1;
    }
    assert!(count > 5, "{count}");
}

/// Paragraphs and tables that people wrote, outside of blocks of code. A table belongs to the paragraph before it.
fn paragraphs(text: &str) -> Vec<String> {
    let written: String = document::pieces(text)
        .unwrap()
        .into_iter()
        .map(|piece| match piece {
            Piece::Written(text) => text,
            Piece::Reported(_) => "…",
        })
        .collect();
    let prose: Vec<&str> = written.split("```").step_by(2).collect();
    let mut paragraphs: Vec<String> = Vec::new();
    for paragraph in prose.join("\n\n").split("\n\n") {
        match paragraphs.last_mut() {
            Some(before) if paragraph.trim_start().starts_with('|') => before.push_str(paragraph),
            _ => paragraphs.push(paragraph.to_owned()),
        }
    }
    paragraphs
}

/// The paragraphs that state what was measured and do not say by which command.
fn without_source(text: &str) -> Vec<String> {
    let figure = Regex::new(
        r"\d ?(?:µs|ms|s|kB|KB|MB|MiB|GiB|%|×|requests|times as|spans/s|lines/s)(?:[^\w-]|$)|\d requests/s",
    )
    .unwrap();
    let command = Regex::new(
        r"`(?:benches/|cargo bench |\.ci/|lab [a-z]+|tests/|(?:[\w/]+/)?tests/\w+)[^`]*`",
    )
    .unwrap();
    let mut found = paragraphs(text);
    found.retain(|it| figure.is_match(it) && !command.is_match(it));
    found
}

#[test]
fn a_measured_figure_names_the_command_that_made_it() {
    let mut documents = vec![root().join("README.md"), root().join("docs/performance.md")];
    let decisions = std::fs::read_dir(root().join("docs/decisions")).unwrap();
    documents.extend(decisions.map(|entry| entry.unwrap().path()));
    for path in documents {
        let text = std::fs::read_to_string(&path).unwrap();
        let found = without_source(&text);
        assert!(found.is_empty(), "{}: {found:#?}", path.display());
    }
    // All of its figures are of one command.
    let faults = std::fs::read_to_string(root().join("docs/reliability.md")).unwrap();
    assert!(faults.contains("cargo run --release -- soak"));
    // A figure in the README's own words would be found.
    assert_eq!(without_source("It takes 12 µs.\n\nIt is fast.").len(), 1);
    assert_eq!(without_source("At 49,000 requests/s it does.").len(), 1);
    assert!(without_source("It takes <!-- report: date -->12 µs<!-- /report -->.").is_empty());
    assert!(without_source("`cargo bench --bench request`: 12 µs.").is_empty());
}
