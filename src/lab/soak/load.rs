//! Steady requests to all instances. When one is sent depends on the clock alone.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use hdrhistogram::Histogram;
use http::Request;
use http_body_util::Full;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::client::{Bounds, Client, Size};
use crate::lab::open_loop::{OpenLoop, of_turn};

/// Paths that are asked for. Each request makes one span and one log line, so that both can be counted.
const PATHS: [&str; 2] = ["/", "/items/1"];

/// The templates of these paths, as a regular expression of PromQL.
pub(super) const ROUTES: &str = "/|/items/.item_id.";

/// The ends of the log lines of these paths.
pub(super) const LINES: [&str; 2] = [" - hello world", " - items"];

/// Longest time for a response: longer than a fault that freezes an instance.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(60),
    size: Size::Whole(64 << 10),
};

/// Most requests that are open at a time: those of [`BOUNDS`]' time at the largest rate.
const OPEN: usize = 120_000;

/// Longest time of the histogram, in microseconds.
const LONGEST: u64 = 120_000_000;

/// Outcomes of the requests to one instance.
#[derive(Clone)]
pub(super) struct Tally {
    /// Responses with status 200.
    pub(super) answered: u64,
    /// Other responses, and none.
    pub(super) failed: u64,
    /// Times of the responses, in microseconds.
    times: Histogram<u64>,
}

/// The outcomes by instance.
#[derive(Clone, Default)]
pub(super) struct Tallies(pub(super) Vec<Tally>);

impl Tallies {
    fn of(instances: usize) -> anyhow::Result<Self> {
        let times = Histogram::new_with_bounds(1, LONGEST, 3).context("no histogram")?;
        let tally = Tally {
            answered: 0,
            failed: 0,
            times,
        };
        Ok(Self(vec![tally; instances]))
    }

    /// The time in milliseconds that 99 of 100 requests did not exceed, without those to the instance `but`.
    pub(super) fn p99_ms(&self, but: Option<usize>) -> f64 {
        let mut all: Option<Histogram<u64>> = None;
        let counted = self.0.iter().enumerate();
        for (_, tally) in counted.filter(|(number, _)| Some(*number) != but) {
            match &mut all {
                // All have the same bounds, so that it cannot fail.
                Some(all) => drop(all.add(&tally.times)),
                None => all = Some(tally.times.clone()),
            }
        }
        all.map_or(0.0, |all| all.value_at_quantile(0.99) as f64 / 1000.0)
    }
}

/// The requests of one lab.
pub(super) struct Load {
    client: Client,
    targets: Arc<[SocketAddr]>,
    period: Duration,
}

impl Load {
    /// Requests to `targets` in turn, `rate` a second in all.
    pub(super) fn new(targets: Vec<SocketAddr>, rate: u32) -> Self {
        Self {
            client: Client::new(64, None),
            targets: targets.into(),
            period: Duration::from_secs(1) / rate,
        }
    }

    /// Begins to send.
    ///
    /// # Errors
    /// When there is no room to count.
    pub(super) fn start(&self) -> anyhow::Result<Running> {
        let tallies = Arc::new(Mutex::new(Tallies::of(self.targets.len())?));
        let (stop, stopped) = watch::channel(false);
        let task = tokio::spawn(send(
            self.client.clone(),
            Arc::clone(&self.targets),
            self.period,
            Arc::clone(&tallies),
            stopped,
        ));
        Ok(Running {
            tallies,
            stop,
            task,
        })
    }

    /// Sends for a time, and waits for all responses.
    ///
    /// # Errors
    /// When there is no room to count.
    pub(super) async fn run_for(&self, time: Duration) -> anyhow::Result<Tallies> {
        let running = self.start()?;
        tokio::time::sleep(time).await;
        Ok(running.stop().await)
    }
}

/// Load that is being sent.
pub(super) struct Running {
    tallies: Arc<Mutex<Tallies>>,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Running {
    /// Sends no more, and waits for the responses.
    pub(super) async fn stop(self) -> Tallies {
        self.stop.send_replace(true);
        let _ = self.task.await;
        let tallies = self.tallies.lock();
        tallies.clone()
    }
}

async fn send(
    client: Client,
    targets: Arc<[SocketAddr]>,
    period: Duration,
    tallies: Arc<Mutex<Tallies>>,
    mut stopped: watch::Receiver<bool>,
) {
    let mut requests = OpenLoop::new(period, OPEN);
    loop {
        let turn = tokio::select! {
            biased;
            _ = stopped.wait_for(|stopped| *stopped) => break,
            turn = requests.turn() => turn,
        };
        let Some(turn) = turn else { continue };
        let (instance, path) = of_turn(turn, targets.len(), &PATHS);
        let (client, target) = (client.clone(), targets[instance]);
        let tallies = Arc::clone(&tallies);
        requests.send(async move {
            let began = Instant::now();
            let is_answered = get(&client, target, path, None).await;
            let took = u64::try_from(began.elapsed().as_micros()).unwrap_or(LONGEST);
            let tally = &mut tallies.lock().0[instance];
            match is_answered {
                true => tally.answered += 1,
                false => tally.failed += 1,
            }
            tally.times.saturating_record(took);
        });
    }
    requests.finish().await;
}

/// Sends one request, as part of a trace if one is given. True if the response has status 200.
pub(super) async fn get(
    client: &Client,
    target: SocketAddr,
    path: &str,
    trace_id: Option<&str>,
) -> bool {
    let mut request = Request::get(format!("http://{target}{path}"));
    if let Some(trace_id) = trace_id {
        request = request.header("traceparent", format!("00-{trace_id}-00000000000000aa-01"));
    }
    let Ok(request) = request.body(Full::default()) else {
        return false;
    };
    let response = client.exchange(request, BOUNDS).await;
    response.is_ok_and(|response| response.status() == http::StatusCode::OK)
}
