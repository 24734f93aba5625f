//! The figures as tables. A test of the repository compiles this module too, and compares what stands in
//! `docs/scale.md` with the file of figures.

use std::fmt::Write as _;

use serde::{Deserialize, Serialize};

const HEAD: &str = "\
# Scale

Written by `cargo run --release --package benchmarks --bin scale`, together with the figures in
[`benches/results/scale.json`](../benches/results/scale.json). Do not edit it by hand.

Each server runs as a process of its own, is sent its data over HTTP (remote write, Loki's push, OTLP) and is asked over
HTTP. The embedded stores may hold 12 GiB here instead of their 256 MiB. Times of queries and pages are medians. Memory is
what the process has resident after the queries, less what it had before the first item, for each item that it holds. Client,
server and whatever else ran shared the machine: read the times against each other.

";

/// The kinds of items that have a table, and its title.
pub const TABLES: [(&str, &str); 4] = [
    ("series", "The page of metrics"),
    ("samples", "Samples"),
    ("lines", "Log lines"),
    ("spans", "Spans"),
];

/// What is compared with a real server.
const SERVERS: [(&str, &str); 3] = [
    ("samples", "prometheus"),
    ("lines", "loki"),
    ("spans", "tempo"),
];

/// One figure.
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct Figure {
    /// `embedded`, or the real server with its version.
    pub server: String,
    /// What was done: `page`, `ingest`, or the query.
    pub what: String,
    /// The kind of item: series, samples, lines, spans.
    pub item: String,
    /// Items that the page has, or that were sent.
    pub size: u64,
    /// Items that the store holds, where it tells.
    pub held: Option<u64>,
    /// Seconds for all of it; of a query or a page the median.
    pub seconds: f64,
    /// Resident bytes of the process, less those before the first item, for each item that is held.
    pub bytes_per_item: Option<f64>,
}

/// The whole document.
pub fn document(figures: &[Figure]) -> String {
    let mut document = HEAD.to_owned();
    for (item, title) in TABLES {
        let table = Table::new(figures, item);
        if table.rows.is_empty() {
            continue;
        }
        let image = image(item);
        let _ = write!(
            document,
            "## {title}\n\n{}\n![{title} by number](images/{image})\n\n",
            table.text(item)
        );
    }
    document.push_str(&beside(figures));
    document
}

/// The file of a plot.
pub fn image(item: &str) -> String {
    format!("scale-{item}.svg")
}

fn time(seconds: f64) -> String {
    match seconds {
        s if s < 0.001 => format!("{:.0} µs", s * 1e6),
        s if s < 0.1 => format!("{:.1} ms", s * 1e3),
        s if s < 1.0 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s"),
    }
}

pub fn count(number: u64) -> String {
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
pub struct Table<'a> {
    figures: Vec<&'a Figure>,
    pub rows: Vec<&'a str>,
    pub sizes: Vec<u64>,
}

impl<'a> Table<'a> {
    pub fn new(figures: &'a [Figure], item: &str) -> Self {
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

    pub fn of(&self, what: &str, size: u64) -> Option<&'a Figure> {
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
    for (item, server) in SERVERS {
        let of = |real: bool| {
            figures.iter().filter(move |figure| {
                figure.item == item
                    && figure.size == compared
                    && (figure.server != "embedded") == real
            })
        };
        let Some(first) = of(true).next() else {
            let _ = writeln!(out, "| {item}, {server} | | not measured | |");
            continue;
        };
        let _ = writeln!(out, "| **{item}, {}** | | | |", first.server);
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
