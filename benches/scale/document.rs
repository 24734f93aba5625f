//! The figures as JSON, tables and plots.

use std::fmt::Write as _;
use std::path::Path;

use anyhow::Context as _;

use crate::Figure;
use crate::plot::{Line, svg};
use crate::workload::Signal;

const RESULTS: &str = "benches/results/scale.json";
const DOCUMENT: &str = "docs/scale.md";
const IMAGES: &str = "docs/images";

const HEAD: &str = "\
# Scale

Written by `cargo run --release --package benchmarks --bin scale`, together with the figures in
[`benches/results/scale.json`](../benches/results/scale.json). Do not edit it by hand.

Each server runs as a process of its own, is sent its data over HTTP (remote write, Loki's push, OTLP) and is asked over
HTTP. Times of queries and pages are medians. Memory is what the process has resident after the queries, less what
it had before the first item, for each item that it holds. Client, server and whatever else ran shared the machine: read the
times against each other.

";

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}

/// A time on an axis.
fn tick(seconds: f64) -> String {
    match seconds {
        s if s < 0.0009 => format!("{:.0} µs", s * 1e6),
        s if s < 0.9 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.0} s"),
    }
}

fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// The figures of one kind of item, in the order of the sizes; all that was done, in the order of the measurement.
struct Table<'a> {
    figures: Vec<&'a Figure>,
    rows: Vec<&'a str>,
    sizes: Vec<u64>,
}

impl<'a> Table<'a> {
    fn new(figures: &'a [Figure], item: &str) -> Self {
        let wanted = |figure: &&Figure| figure.item == item && figure.server == "embedded";
        let figures: Vec<&Figure> = figures.iter().filter(wanted).collect();
        let mut rows: Vec<&str> = Vec::new();
        let mut sizes = Vec::new();
        for figure in &figures {
            if !rows.contains(&figure.what.as_str()) {
                rows.push(&figure.what);
            }
            if !sizes.contains(&figure.size) {
                sizes.push(figure.size);
            }
        }
        Self {
            figures,
            rows,
            sizes,
        }
    }

    fn of(&self, what: &str, size: u64) -> Option<&'a Figure> {
        let found = self
            .figures
            .iter()
            .find(|figure| figure.what == what && figure.size == size);
        found.copied()
    }

    fn text(&self, item: &str) -> String {
        let mut out = format!("| {item} |");
        for size in &self.sizes {
            let _ = write!(out, " {} |", count(*size));
        }
        let _ = writeln!(out, "\n| --- |{}", " ---: |".repeat(self.sizes.len()));
        for what in &self.rows {
            let _ = write!(out, "| {what} |");
            for size in &self.sizes {
                let cell = self
                    .of(what, *size)
                    .map_or("–".to_owned(), |figure| time(figure.seconds));
                let _ = write!(out, " {cell} |");
            }
            out.push('\n');
        }
        let first = self.rows.first().copied().unwrap_or_default();
        let mut row = |name: &str, cell: &dyn Fn(&Figure) -> Option<String>| {
            let _ = write!(out, "| {name} |");
            for size in &self.sizes {
                let cell = self.of(first, *size).and_then(cell);
                let _ = write!(out, " {} |", cell.unwrap_or("–".to_owned()));
            }
            out.push('\n');
        };
        row("held", &|figure| figure.held.map(count));
        row("bytes of memory each", &|figure| {
            figure.bytes_per_item.map(|bytes| format!("{bytes:.0}"))
        });
        out
    }

    fn plot(&self, title: &str, item: &str) -> anyhow::Result<String> {
        let lines: Vec<Line> = self
            .rows
            .iter()
            .map(|what| Line {
                name: (*what).to_owned(),
                points: self
                    .sizes
                    .iter()
                    .filter_map(|size| self.of(what, *size))
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
}

fn beside(figures: &[Figure]) -> String {
    let real = figures.iter().filter(|it| it.server != "embedded");
    let Some(compared) = real.map(|it| it.size).max() else {
        return "Beside the real servers: not measured.\n".to_owned();
    };
    let mut out = format!(
        "## Beside the real servers\n\nThe same {} items, the same bodies and queries, one after the other. A ratio above 1: the \
         embedded server is quicker, or takes less memory. The real ones keep their data on disk as well, and have \
         the lab's configuration (`etc/`) without limits of ingest; Tempo without the series that it makes of spans.\n\n\
         | | embedded | real | ratio |\n| --- | ---: | ---: | ---: |\n",
        count(compared)
    );
    for signal in Signal::ALL {
        let of = |real: bool| {
            figures.iter().filter(move |figure| {
                figure.item == signal.name()
                    && figure.size == compared
                    && (figure.server != "embedded") == real
            })
        };
        let Some(first) = of(true).next() else {
            let _ = writeln!(
                out,
                "| {}, {} | | not measured | |",
                signal.name(),
                signal.server()
            );
            continue;
        };
        let _ = writeln!(out, "| **{}, {}** | | | |", signal.name(), first.server);
        for real in of(true) {
            let Some(ours) = of(false).find(|figure| figure.what == real.what) else {
                continue;
            };
            let ratio = real.seconds / ours.seconds;
            let _ = writeln!(
                out,
                "| {} | {} | {} | {ratio:.1} |",
                real.what,
                time(ours.seconds),
                time(real.seconds)
            );
            if let (Some(ours), Some(real)) = (ours.bytes_per_item, real.bytes_per_item) {
                let _ = writeln!(
                    out,
                    "| bytes of memory each | {ours:.0} | {real:.0} | {:.1} |",
                    real / ours
                );
            }
        }
    }
    out
}

/// Writes the tables and the plots, from the root of the repository.
pub fn write(figures: &[Figure]) -> anyhow::Result<()> {
    let mut document = HEAD.to_owned();
    for (item, title) in [
        ("series", "The page of metrics"),
        ("samples", "Samples"),
        ("lines", "Log lines"),
        ("spans", "Spans"),
    ] {
        let table = Table::new(figures, item);
        if table.figures.is_empty() {
            continue;
        }
        let image = format!("scale-{item}.svg");
        let _ = write!(
            document,
            "## {title}\n\n{}\n![{title} by number](images/{image})\n\n",
            table.text(item)
        );
        put(&Path::new(IMAGES).join(image), &table.plot(title, item)?)?;
    }
    document.push_str(&beside(figures));
    put(Path::new(DOCUMENT), &document)
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
