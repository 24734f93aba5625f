//! The senders: each sends the batches that are its own, one after the other, when the clock says so.

use std::time::{Duration, Instant};

use anyhow::Context as _;
use bytes::Bytes;
use http::{Request, Uri};
use http_body_util::Full;
use prost::Message as _;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval_at};

use super::FloodArgs;
use super::batch::{Place, World, now};
use super::report::Report;
use super::signal::Signal;
use super::tally::Tally;
use crate::client::{Bounds, Client, Size};
use crate::lab::target::{base, reach};

/// Bytes of an answer that are read.
const ANSWER: usize = 64 << 10;

/// The answer to an export, of any signal.
#[derive(prost::Message)]
struct Answer {
    #[prost(message, optional, tag = "1")]
    partial_success: Option<PartialSuccess>,
}

#[derive(prost::Message)]
struct PartialSuccess {
    #[prost(int64, tag = "1")]
    rejected: i64,
    #[prost(string, tag = "2")]
    error_message: String,
}

/// Sends the telemetry until the end of its duration or Ctrl-C.
///
/// # Errors
/// When the address cannot be reached.
pub(super) async fn run(args: &FloodArgs) -> anyhow::Result<Report> {
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for Ctrl-C")?;
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    reach(
        &args.to,
        "start the lab with `lab up`, or name another address with --to",
    )
    .await?;
    let world = World {
        services: args.services,
        series: args.series,
        run: rand::random::<u64>().max(1),
        began: now(),
    };
    let (stop, stopped) = watch::channel(false);
    let began = Instant::now();
    let mut report = Report::new(base(&args.to))?;
    let mut senders = JoinSet::new();
    for (of, rate) in Signal::ALL
        .into_iter()
        .zip([args.spans, args.lines, args.samples])
    {
        report.rates.push((of, rate));
        let (batch, count) = of.shared_out(rate);
        for turn in 0..count {
            let period = Duration::from_secs_f64((count * batch) as f64 / rate as f64);
            let sender = Sender {
                client: Client::new(1, None),
                to: format!("{}{}", base(&args.to), of.path()),
                bounds: Bounds {
                    time: args.timeout,
                    size: Size::Whole(ANSWER),
                },
                world,
                of,
                next: Place {
                    sender: turn,
                    senders: count,
                    before: 0,
                    items: batch,
                },
                period,
                first: began + period.mul_f64(turn as f64 / count as f64),
                end: began + args.duration,
            };
            let stopped = stopped.clone();
            senders.spawn(async move { (of, sender.send(stopped).await) });
        }
    }
    let mut interrupted = false;
    loop {
        tokio::select! {
            biased;
            _ = interrupt.recv(), if !interrupted => interrupted = true,
            _ = terminate.recv(), if !interrupted => interrupted = true,
            ended = senders.join_next() => match ended {
                Some(Ok((of, tally))) => report.add(of, tally?),
                Some(Err(error)) => return Err(error).context("a sender has failed"),
                None => break,
            },
        }
        if interrupted {
            let _ = stop.send(true);
        }
    }
    report.took = began.elapsed().min(args.duration);
    report.early = interrupted;
    Ok(report)
}

/// One connection of a signal.
struct Sender {
    client: Client,
    to: String,
    bounds: Bounds,
    world: World,
    of: Signal,
    /// The batch that comes next.
    next: Place,
    period: Duration,
    first: Instant,
    end: Instant,
}

impl Sender {
    /// Sends until the end. A turn that comes while an answer is awaited still has its time; one that is more than a
    /// period late is left out.
    async fn send(mut self, mut stopped: watch::Receiver<bool>) -> anyhow::Result<Tally> {
        let mut tally = Tally::new()?;
        let url: Uri = self.to.parse().context("not a URL")?;
        let mut ticks = interval_at(self.first.into(), self.period);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        let (mut last, items) = (self.first, self.next.items);
        loop {
            let due = tokio::select! {
                _ = stopped.wait_for(|stopped| *stopped) => break,
                due = ticks.tick() => due.into_std(),
            };
            if due >= self.end {
                break;
            }
            // Turns that were left out are due all the same.
            let turns = (due - last).as_secs_f64() / self.period.as_secs_f64();
            tally.due += items * (turns.round() as u64).max(1);
            last = due;
            let body = self.world.encoded(self.of, self.next);
            self.next.before += 1;
            self.export(&url, body, due, &mut tally).await;
        }
        Ok(tally)
    }

    async fn export(&self, url: &Uri, body: Vec<u8>, due: Instant, tally: &mut Tally) {
        let items = self.next.items;
        tally.sent += items;
        tally.bytes += body.len() as u64;
        let request = Request::post(url.clone())
            .header("content-type", "application/x-protobuf")
            .body(Full::new(Bytes::from(body)));
        let Ok(request) = request else {
            tally.unanswered += items;
            return tally.went_wrong(|| "not a request".to_owned());
        };
        let answer = match self.client.exchange(request, self.bounds).await {
            Ok(answer) => answer,
            Err(failure) => {
                tally.unanswered += items;
                return tally.went_wrong(|| failure.cause());
            }
        };
        tally.answered(due.elapsed());
        let status = answer.status();
        if !status.is_success() {
            tally.refused += items;
            return tally
                .went_wrong(|| format!("{status}: {}", String::from_utf8_lossy(answer.body())));
        }
        match Answer::decode(answer.body().clone()) {
            Ok(answer) => {
                let partial = answer.partial_success.unwrap_or_default();
                let rejected = u64::try_from(partial.rejected).unwrap_or(0).min(items);
                tally.refused += rejected;
                tally.accepted += items - rejected;
                if rejected > 0 {
                    tally.went_wrong(|| partial.error_message);
                }
            }
            Err(_) => {
                tally.refused += items;
                tally.went_wrong(|| format!("{status}, but not the answer of an OTLP receiver"));
            }
        }
    }
}
