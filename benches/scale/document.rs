//! The figures as JSON, tables and plots.

use std::path::Path;

use anyhow::Context as _;

use crate::plot::{Line, svg};
use crate::tables::{Figure, TABLES, Table, count, document, image};

const RESULTS: &str = "benches/results/scale.json";
const DOCUMENT: &str = "docs/scale.md";
const IMAGES: &str = "docs/images";

/// A time on an axis.
fn tick(seconds: f64) -> String {
    match seconds {
        s if s < 0.0009 => format!("{:.0} µs", s * 1e6),
        s if s < 0.9 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.0} s"),
    }
}

fn plot(table: &Table<'_>, title: &str, item: &str) -> anyhow::Result<String> {
    let lines: Vec<Line> = table
        .rows
        .iter()
        .map(|what| Line {
            name: (*what).to_owned(),
            points: table
                .sizes
                .iter()
                .filter_map(|size| table.of(what, *size))
                .map(|figure| (figure.size as f64, figure.seconds))
                .collect(),
        })
        .collect();
    svg(
        title,
        item,
        &lines,
        |number| count(*number as u64),
        |seconds| tick(*seconds),
    )
}

/// Writes the tables and the plots, from the root of the repository.
pub fn write(figures: &[Figure]) -> anyhow::Result<()> {
    for (item, title) in TABLES {
        let table = Table::new(figures, item);
        if !table.rows.is_empty() {
            put(
                &Path::new(IMAGES).join(image(item)),
                &plot(&table, title, item)?,
            )?;
        }
    }
    put(Path::new(DOCUMENT), &document(figures))
}

/// Keeps the figures.
pub fn keep(figures: &[Figure]) -> anyhow::Result<()> {
    let text = serde_json::to_string_pretty(figures)? + "\n";
    put(Path::new(RESULTS), &text)
}

/// The figures that were kept.
pub fn read() -> anyhow::Result<Vec<Figure>> {
    let text = std::fs::read_to_string(RESULTS).context(RESULTS)?;
    serde_json::from_str(&text).context(RESULTS)
}

fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    std::fs::write(path, text).with_context(|| format!("cannot write {}", path.display()))
}
