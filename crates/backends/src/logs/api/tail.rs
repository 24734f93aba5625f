//! `/loki/api/v1/tail`: sends accepted lines over a WebSocket.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use salvo::http::StatusError;
use salvo::prelude::{Request, Response, handler};
use salvo::websocket::{Message, WebSocket, WebSocketUpgrade};
use serde_json::json;
use tokio::time::{Instant, sleep_until, timeout};

use super::params::Params;
use super::response::ApiResponse;
use super::streams::{Stream, streams};
use crate::logs::engine::{
    Budget, Direction, Fields, LogLine, LogQuery, Pipeline, QueryError, output_labels,
};
use crate::logs::lang::{self, LogExpr};
use crate::logs::store::{Dropped, LabelSet, Store, Tail, TailBatch};
use crate::wire::Stop;
use crate::wire::integer;

/// Largest `delay_for` in seconds.
const MAX_DELAY: u64 = 5;

/// Lines after which a message is sent.
const LINES_AT_ONCE: usize = 1000;

/// Time that a client has to take one message; then the connection is closed.
const SEND_TIMEOUT: Duration = Duration::from_secs(10);

/// The handler of the route.
pub(super) struct TailSocket {
    store: Arc<Store>,
}

impl TailSocket {
    pub(super) fn new(store: Arc<Store>) -> Self {
        Self { store }
    }

    async fn open(&self, req: &mut Request) -> Result<Follower, ApiResponse> {
        let params = Params::read(req).await?;
        params.check_encoding()?;
        let expr = lang::parse_log(params.bytes("query"))?;
        let limit = params
            .limit()?
            .min(self.store.limits().max_entries_per_query);
        let (start, _) = params.bounds(self.store.now())?;
        let delay = match params.get("delay_for") {
            "" => 0,
            text => integer::parse::<u64>("Atoi", text).map_err(ApiResponse::bad_request)?,
        };
        if delay > MAX_DELAY {
            let text = format!("delay_for can't be greater than {MAX_DELAY}");
            return Err(ApiResponse::bad_request(text));
        }
        let matchers: Result<Vec<_>, _> = expr.matchers.iter().map(|m| m.compile()).collect();
        let pipeline = Pipeline::new(&expr.stages)?;
        let tail = self.store.follow(matchers?).ok_or_else(|| {
            let most = self.store.limits().max_tails;
            ApiResponse::bad_request(format!(
                "max concurrent tail requests limit exceeded, count > limit ({} > {most})",
                most + 1
            ))
        })?;
        Ok(Follower {
            store: Arc::clone(&self.store),
            expr,
            pipeline,
            tail,
            start,
            limit,
            delay: Duration::from_secs(delay),
            categorize: params.categorize,
        })
    }
}

#[handler]
impl TailSocket {
    async fn handle(&self, req: &mut Request, res: &mut Response) -> Result<(), StatusError> {
        match self.open(req).await {
            Ok(follower) => {
                WebSocketUpgrade::new()
                    .upgrade(req, res, |socket| follower.run(socket))
                    .await
            }
            Err(answer) => {
                answer.write(res);
                Ok(())
            }
        }
    }
}

/// One WebSocket connection.
struct Follower {
    store: Arc<Store>,
    expr: LogExpr,
    pipeline: Pipeline,
    tail: Tail,
    start: i64,
    limit: usize,
    delay: Duration,
    categorize: bool,
}

impl Follower {
    async fn run(mut self, mut socket: WebSocket) {
        let history = self.history().await;
        let known: HashSet<(i64, String)> = history
            .iter()
            .map(|line| (line.ts, line.line.clone()))
            .collect();
        // Lines accepted between the subscription and the history query arrive twice: from both.
        let both_until = Instant::now();
        if !history.is_empty() && !self.send(&mut socket, &history).await {
            return;
        }
        loop {
            let batch = tokio::select! {
                batch = self.tail.next() => batch,
                message = socket.recv() => match message {
                    Some(Ok(message)) if !message.is_close() => continue,
                    _ => return,
                },
            };
            let Some(batch) = batch else {
                return;
            };
            if !self.delay.is_zero() {
                sleep_until(batch.at + self.delay).await;
            }
            let mut lines = Vec::new();
            let mut next = Some(batch);
            while let Some(batch) = next {
                let skip = batch.at <= both_until;
                let collected = self.collect(&batch, &mut lines, |line| {
                    skip && known.contains(&(line.ts, line.line.clone()))
                });
                if let Err(error) = collected {
                    tracing::debug!(%error, "tail ends");
                    return;
                }
                next = None;
                if lines.len() < LINES_AT_ONCE && self.delay.is_zero() {
                    next = self.tail.ready();
                }
            }
            if !self.send(&mut socket, &lines).await {
                return;
            }
        }
    }

    /// The newest stored lines, oldest first.
    async fn history(&mut self) -> Vec<LogLine> {
        let store = Arc::clone(&self.store);
        let (expr, start, limit) = (self.expr.clone(), self.start, self.limit);
        let found = tokio::task::spawn_blocking(move || {
            let query = LogQuery {
                expr: &expr,
                start,
                end: i64::MAX,
                limit,
                direction: Direction::Backward,
                interval: 0,
                stop: Stop::after(store.limits().query_timeout),
            };
            query.run(&store)
        });
        let mut lines = match found.await {
            Ok(Ok(lines)) => lines,
            Ok(Err(error)) => {
                tracing::debug!(%error, "tail starts without history");
                Vec::new()
            }
            Err(_) => Vec::new(),
        };
        lines.reverse();
        lines
    }

    fn collect(
        &self,
        batch: &TailBatch,
        lines: &mut Vec<LogLine>,
        is_known: impl Fn(&LogLine) -> bool,
    ) -> Result<(), QueryError> {
        let limits = self.store.limits();
        let mut budget = Budget::new(Stop::after(limits.query_timeout), limits.max_query_bytes);
        for entry in batch.entries.iter() {
            budget.spend()?;
            if !self.pipeline.passes(&entry.line, &mut budget)? {
                continue;
            }
            let Ok(metadata) = LabelSet::new(entry.metadata.iter().map(|(n, v)| (n, v))) else {
                continue;
            };
            let mut fields = Fields::default();
            fields.reset(&batch.labels, metadata.as_slice());
            let line = self
                .pipeline
                .run(entry.ts, &entry.line, &mut fields, &mut budget)?;
            if let Some(line) = line {
                let line = LogLine {
                    ts: entry.ts,
                    line: line.into_owned(),
                    labels: output_labels(&fields),
                };
                if !is_known(&line) {
                    lines.push(line);
                }
            }
        }
        Ok(())
    }

    /// Sends a message. Returns false when the client is gone or too slow.
    async fn send(&self, socket: &mut WebSocket, lines: &[LogLine]) -> bool {
        let dropped = self.tail.take_dropped();
        if lines.is_empty() && dropped.is_empty() {
            return true;
        }
        let found: Vec<_> = streams(lines, self.categorize)
            .iter()
            .map(Stream::json)
            .collect();
        let mut body = json!({"streams": found});
        if let Some(body) = body.as_object_mut() {
            if !dropped.is_empty() {
                let dropped: Vec<serde_json::Value> = dropped.iter().map(dropped_entry).collect();
                body.insert("dropped_entries".to_owned(), json!(dropped));
            }
            if self.categorize {
                body.insert("encodingFlags".to_owned(), json!(["categorize-labels"]));
            }
        }
        let sent = timeout(SEND_TIMEOUT, socket.send(Message::text(body.to_string()))).await;
        matches!(sent, Ok(Ok(())))
    }
}

fn dropped_entry(dropped: &Dropped) -> serde_json::Value {
    let labels: std::collections::BTreeMap<&str, &str> = dropped.labels.iter().collect();
    json!({"labels": labels, "timestamp": dropped.ts.to_string()})
}
