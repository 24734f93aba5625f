//! From the first request to the last answer.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use http::Uri;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use super::LoadArgs;
use super::client::Client;
use super::live::Live;
use super::report::Report;
use super::schedule::{Schedule, Turn};
use super::tally::{Sample, Tally};
use crate::lab::target::{base, reach};

/// At the end, a request that is due for longer than this and was not sent counts as missed.
const LATE: Duration = Duration::from_millis(100);

/// Sends the traffic until the end of its duration or Ctrl-C.
///
/// # Errors
/// When a target cannot be reached.
pub(super) async fn run(args: &LoadArgs) -> anyhow::Result<Report> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let targets = args.targets();
    for target in &targets {
        reach(
            target,
            "start the lab with `lab up`, or name its instances with --target",
        )
        .await?;
    }

    let schedule = Schedule::new(Instant::now(), args.rate, args.duration);
    let mut turns = schedule.turns().context("cannot start a thread")?;
    let mut traffic = Traffic {
        client: Client::new(args.timeout, args.max_open as usize),
        order: Box::new(args.mix.turns()),
        tally: Tally::new(args.mix.routes(), targets.len())?,
        max_open: args.max_open as usize,
        open: JoinSet::new(),
        targets,
    };
    let mut live = Live::new(args);
    let close = sleep_until((schedule.end() + LATE).into());
    tokio::pin!(close);
    let mut stopped = None;
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv() => stopped = Some(Instant::now()),
            _ = terminate.recv() => stopped = Some(Instant::now()),
            () = &mut close => break,
            () = live.tick() => live.show(&traffic.tally),
            Some(ended) = traffic.open.join_next() => traffic.ended(ended),
            turn = turns.recv() => match turn {
                Some(turn) => traffic.leave(turn),
                None => break,
            },
        }
        if stopped.is_some() {
            break;
        }
    }
    turns.close();
    let late = traffic.miss(match stopped {
        Some(now) => schedule.due_before(now.checked_sub(LATE).unwrap_or(now)),
        None => schedule.total,
    });

    // Each open request has its timeout, so this ends.
    while !traffic.open.is_empty() {
        tokio::select! {
            biased;
            _ = interrupt.recv() => break,
            _ = terminate.recv() => break,
            () = live.tick() => live.show(&traffic.tally),
            Some(ended) = traffic.open.join_next() => traffic.ended(ended),
        }
    }
    live.clear();
    traffic.tally.abandon();
    Ok(Report {
        rate: args.rate,
        max_open: args.max_open,
        late,
        targets: traffic.targets.iter().map(base).collect(),
        tally: traffic.tally,
        early: stopped.is_some(),
    })
}

/// The open requests, and the state of the run.
struct Traffic {
    client: Client,
    targets: Vec<Uri>,
    order: Box<dyn Iterator<Item = usize> + Send>,
    tally: Tally,
    max_open: usize,
    open: JoinSet<(usize, Sample)>,
}

impl Traffic {
    /// Sends the request whose turn it is.
    fn leave(&mut self, turn: Turn) {
        let Some(route) = self.order.next() else {
            return;
        };
        let count = self.tally.turns(route);
        if self.open.len() >= self.max_open {
            self.tally.missed(route);
            return;
        }
        // Each target gets every route in turn.
        let target = (count % self.targets.len() as u64) as usize;
        let path = self.tally.rows[route].0.target(count);
        let url = self.targets[target].clone();
        let client = self.client.clone();
        self.tally.sent(route, target);
        self.open.spawn(async move {
            let request_id = format!("{:032x}", rand::random::<u128>());
            let (ended, trace) = client.get(&url, &path, &request_id).await;
            let sample = Sample {
                trace,
                request_id,
                target,
                took: turn.due.elapsed(),
                ended,
            };
            (route, sample)
        });
    }

    fn ended(&mut self, ended: Result<(usize, Sample), tokio::task::JoinError>) {
        // A request that did not come to its end stays open in the tally.
        if let Ok((route, sample)) = ended {
            self.tally.ended(route, sample);
        }
    }

    /// Counts the requests as missed that were due, of `due` in all, and had no turn. Gives their number.
    fn miss(&mut self, due: u64) -> u64 {
        let all = self.tally.all();
        let late = due.saturating_sub(all.sent + all.missed);
        for route in self
            .order
            .by_ref()
            .take(usize::try_from(late).unwrap_or(usize::MAX))
        {
            self.tally.missed(route);
        }
        late
    }
}
