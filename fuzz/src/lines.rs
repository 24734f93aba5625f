//! Log lines: through the stages of a query, and through the shipper.

use std::pin::Pin;
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::task::{Context, Poll};

use futures_util::future::BoxFuture;
use lab_backends::logs::engine::{Direction, LogQuery, Steps, evaluate};
use lab_backends::logs::lang::{Expr, LogExpr, MetricExpr, parse};
use lab_backends::logs::shipper::{Pipeline, PipelineStats, Sink, Stages};
use lab_backends::logs::store::{Entry, LabelSet, StreamEntries};
use lab_backends::logs::{Clock, Limits, Store};
use lab_backends::wire::Stop;
use tokio::io::{AsyncRead, ReadBuf};

use super::server::RUNTIME;
use super::worlds::{NOW, SECOND};

/// Pipelines that drop no line, and whether they leave it as it is.
const PIPELINES: [(&str, bool); 14] = [
    (r#"| json"#, true),
    (r#"| json a="b.c", d="e[0]", f="[\"g h\"]""#, true),
    (r#"| logfmt"#, true),
    (r#"| logfmt --strict --keep-empty"#, true),
    (r#"| logfmt a="b", c"#, true),
    (r#"| pattern `<a> <_> "<b>" [<c>] <d>`"#, true),
    (r#"| regexp `(?P<a>\w+)\s*(?P<b>.*)`"#, true),
    (r#"| unpack"#, false),
    (r#"| decolorize"#, false),
    (
        r#"| label_format a="{{ __line__ | upper | trunc 20 }}" | drop __error__"#,
        true,
    ),
    (
        r#"| line_format `{{ __line__ | lower | replace "a" "b" | b64enc | b64dec | fromJson }}`"#,
        false,
    ),
    (
        r#"| line_format `{{ regexReplaceAll "(.)(.)" __line__ "$2$1" | substr 0 9 | alignLeft 12 | printf "%q" }}`"#,
        false,
    ),
    (
        r#"| line_format `{{ int __line__ }} {{ float64 __line__ }} {{ duration_seconds __line__ }} {{ bytes __line__ }}`"#,
        false,
    ),
    (
        r#"| line_format `{{ toDateInZone "2006-01-02" "UTC" __line__ | date "2006" }}{{ urlencode __line__ | urldecode }}`"#,
        false,
    ),
];

/// Filters of both kinds, of which each line passes one.
const FILTERS: [(&str, &str); 5] = [
    (r#"|= "a""#, r#"!= "a""#),
    (r#"|~ `(?i)[a-f]\d`"#, r#"!~ `(?i)[a-f]\d`"#),
    (r#"|> "<_>=<_>""#, r#"!> "<_>=<_>""#),
    (r#"|= ip("10.0.0.0/8")"#, r#"!= ip("10.0.0.0/8")"#),
    (r#"| logfmt | a = "1""#, r#"| logfmt | a != "1""#),
];

/// Metric queries whose sample is a part of the line.
const UNWRAPS: [&str; 4] = [
    r#"sum(sum_over_time({app="a"} | logfmt | unwrap a | __error__="" [1m]))"#,
    r#"max_over_time({app="a"} | json | unwrap duration_seconds(a) [1m]) by (app)"#,
    r#"quantile_over_time(0.5, {app="a"} | regexp `(?P<a>\S+)` | unwrap bytes(a) | __error__="" [1m])"#,
    r#"bytes_rate({app="a"} | pattern `<a> <_>` [1m])"#,
];

fn log(query: &str) -> LogExpr {
    match parse(&format!(r#"{{app="a"}} {query}"#)) {
        Ok(Expr::Log(expr)) => expr,
        other => panic!("{query}: {other:?}"),
    }
}

static PARSED: LazyLock<Vec<(LogExpr, bool)>> = LazyLock::new(|| {
    PIPELINES
        .iter()
        .map(|(query, same)| (log(query), *same))
        .collect()
});

static PAIRS: LazyLock<Vec<[LogExpr; 2]>> = LazyLock::new(|| {
    FILTERS
        .iter()
        .map(|(one, other)| [log(one), log(other)])
        .collect()
});

static METRICS: LazyLock<Vec<MetricExpr>> = LazyLock::new(|| {
    let metric = |query: &&str| match parse(query) {
        Ok(Expr::Metric(expr)) => expr,
        other => panic!("{query}: {other:?}"),
    };
    UNWRAPS.iter().map(metric).collect()
});

fn run(store: &Store, expr: &LogExpr) -> Vec<String> {
    let query = LogQuery {
        expr,
        start: 0,
        end: NOW,
        limit: 10,
        direction: Direction::Forward,
        interval: 0,
        stop: Stop::never(),
    };
    let found = query.run(store);
    let found = found.unwrap_or_else(|error| panic!("{expr:?}: {error}"));
    found.into_iter().map(|line| line.line).collect()
}

/// A line in a query: a stage that fails marks the line and does not lose it; a filter and its opposite divide the lines.
pub fn log_line(data: &[u8]) {
    let line = String::from_utf8_lossy(data).into_owned();
    let store = Store::with_clock(Limits::for_store_of(16 << 20), Clock::from_fn(|| NOW));
    let streams = vec![StreamEntries {
        labels: LabelSet::new([("app", "a")]).expect("labels"),
        entries: vec![Entry::new(NOW - SECOND, line.clone())],
    }];
    store.push(streams).expect("a line");
    for (expr, same) in PARSED.iter() {
        let found = run(&store, expr);
        assert_eq!(found.len(), 1, "{expr:?}");
        assert!(!same || found[0] == line, "{expr:?}: {}", found[0]);
    }
    for [one, other] in PAIRS.iter() {
        let found = run(&store, one).len() + run(&store, other).len();
        assert_eq!(found, 1, "{one:?}");
    }
    for expr in METRICS.iter() {
        let steps = Steps {
            start: NOW,
            end: NOW,
            step: SECOND,
        };
        // A value that cannot be read ends the query with an error that says so.
        let _ = evaluate(expr, &store, steps, Stop::never());
    }
}

/// Bytes that come in pieces.
struct Pieces<'a> {
    rest: &'a [u8],
    size: usize,
}

impl AsyncRead for Pieces<'_> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        _context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        let size = self.size.min(self.rest.len()).min(buffer.remaining());
        let (piece, rest) = self.rest.split_at(size);
        buffer.put_slice(piece);
        self.rest = rest;
        Poll::Ready(Ok(()))
    }
}

/// Keeps what it is given.
#[derive(Default)]
struct Kept(Mutex<Vec<String>>);

impl Sink for Kept {
    fn send<'a>(&'a self, _labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend(entries.into_iter().map(|entry| entry.line));
        Box::pin(async {})
    }

    fn stats(&self) -> PipelineStats {
        PipelineStats::default()
    }
}

fn shipped(bytes: &[u8], size: usize, stages: Stages) -> Vec<String> {
    let kept = Arc::new(Kept::default());
    let labels = LabelSet::new([("app", "a")]).expect("labels");
    let sink = Arc::clone(&kept) as Arc<dyn Sink>;
    let pipeline = Pipeline::new(labels, stages, sink, Clock::from_fn(|| NOW));
    let source = Pieces { rest: bytes, size };
    RUNTIME
        .block_on(pipeline.run(source))
        .expect("it can be read");
    let mut kept = kept.0.lock().unwrap_or_else(PoisonError::into_inner);
    std::mem::take(&mut kept)
}

/// The output of a process, in pieces of a size that the first byte says: it gives the entries that it gives as a whole,
/// and they are its lines.
pub fn shipper(data: &[u8]) {
    let Some((size, bytes)) = data.split_first() else {
        return;
    };
    let size = usize::from(*size) + 1;
    for stages in [Stages::lines(), Stages::text()] {
        let whole = shipped(bytes, usize::MAX, stages.clone());
        assert_eq!(shipped(bytes, size, stages.clone()), whole);
        for entry in &whole {
            let _ = stages.extract(entry);
        }
        let lines = bytes.split(|byte| *byte == b'\n').map(|line| {
            let line = line.strip_suffix(b"\r").unwrap_or(line);
            String::from_utf8_lossy(line).into_owned()
        });
        let mut lines: Vec<_> = lines.collect();
        if bytes.is_empty() || bytes.ends_with(b"\n") {
            lines.pop();
        }
        assert_eq!(whole.join("\n"), lines.join("\n"));
    }
}
