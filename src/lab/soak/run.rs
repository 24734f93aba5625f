//! One fault after the other: a quiet time, the fault, the recovery, and the account of all that was sent.

use std::time::Duration;

use anyhow::Context as _;
use http::Request;
use http_body_util::Full;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::account::{Account, Sent};
use super::args::SoakArgs;
use super::fault::{APPS, Fault, Part};
use super::leaks;
use super::load::{Load, ROUTES};
use super::reading::{App, Reading};
use super::recovery;
use super::report::{Memory, P99, Report, Row};
use super::stage::Stage;
use crate::client::{Bounds, Size};

/// Load before the first fault, so that connections are open and code is in memory.
const WARM_UP: Duration = Duration::from_secs(2);

/// Parts of a fault's time in which the lab is well, and in which it is broken. The rest is for the recovery.
const QUIET: f64 = 0.35;
const BROKEN: f64 = 0.45;

/// Longest time until all that was sent is counted somewhere, without load.
const SETTLE: Duration = Duration::from_secs(10);

/// Pause between two looks at the counters.
const PAUSE: Duration = Duration::from_millis(50);

/// Attempts at a fault whose p99 grew too much.
const ATTEMPTS: u32 = 3;

/// Runs all faults, and the rounds after them.
///
/// # Errors
/// When the lab cannot be started, or a part of it does not come back to tell its counters.
pub(super) async fn run(args: &SoakArgs) -> anyhow::Result<Report> {
    let faults = args.faults();
    let slot = args.slot(faults.len());
    let mut stage = Stage::start(args).await.context("the lab does not start")?;
    let mut report = Report::new(args, slot);
    let mut sent = Sent::default();
    sent.add(&load(&stage, args).run_for(WARM_UP).await?);
    let (mut at, broken) = settled(&stage, args, None, &Reading::default(), &sent).await?;
    report.broken_before(broken);

    for fault in faults {
        let mut best: Option<Row> = None;
        // A counter that does not add up once is broken, however often it does.
        let mut broken = Vec::new();
        for attempts in 1..=ATTEMPTS {
            let (mut row, after) = attempt_at(&mut stage, args, fault, slot, at).await?;
            at = after;
            broken.append(&mut row.broken);
            let earlier = best.take().filter(|best| best.growth() <= row.growth());
            let least = earlier.unwrap_or(row);
            let is_enough = args.p99_growth == 0 || least.growth() < args.p99_growth as f64;
            best = Some(Row { attempts, ..least });
            if is_enough {
                break;
            }
        }
        if let Some(row) = best {
            report.add(Row { broken, ..row });
        }
    }
    if args.rounds > 0 {
        let load = load(&stage, args);
        let (leaks, sent) = leaks::after_rounds(&mut stage, load, args.rounds).await?;
        let (_, broken) = settled(&stage, args, None, &at, &sent).await?;
        report.rounds(leaks, broken);
    }
    stage.stop().await;
    Ok(report)
}

fn load(stage: &Stage, args: &SoakArgs) -> Load {
    Load::new(stage.targets(), args.rate)
}

/// Breaks and heals a part once. Gives the counters at the end too.
async fn attempt_at(
    stage: &mut Stage,
    args: &SoakArgs,
    fault: Fault,
    slot: Duration,
    mut before: Reading,
) -> anyhow::Result<(Row, Reading)> {
    let mut sent = Sent::default();
    let own = fault.broken_app();
    let steady = load(stage, args);
    let quiet = steady.run_for(slot.mul_f64(QUIET)).await?;
    sent.add(&quiet);
    let memory = memory(stage, own).await;

    stage.inject(fault).await?;
    let mut loaded = steady;
    if fault.part == Part::FurtherApp {
        loaded = load(stage, args);
        for address in stage.apps().skip(APPS) {
            before.apps.push(App::of(&stage.client, address).await?);
        }
    }
    let running = loaded.start()?;
    sleep(slot.mul_f64(BROKEN)).await;
    let grown = self::memory(stage, own).await;
    stage.heal(fault)?;
    let recovered = recovery::wait(stage).await;
    let during = running.stop().await;
    sent.add(&during);
    for (app, (answered, failed)) in recovered.answered.iter().zip(&recovered.failed).enumerate() {
        sent.add_one(app, *answered, *failed);
    }
    let (mut after, mut broken) = settled(stage, args, Some(fault), &before, &sent).await?;
    let account = Account {
        fault: Some(fault),
        before: &before,
        after: &after,
        sent: &sent,
        is_real: (args.tempo.is_some(), args.loki.is_some()),
    };
    let loss = account.loss();
    let of = |own_only: bool| -> u64 {
        let by_app = sent.failed.iter().enumerate();
        let chosen = by_app.filter(|(app, _)| (Some(*app) == own) == own_only);
        chosen.map(|(_, failed)| failed).sum()
    };
    let failed = of(false);
    if failed > 0 {
        broken.push(format!("{failed} requests failed because of telemetry"));
    }
    if !recovered.missing.is_empty() {
        let missing = recovered.missing.join(", ");
        broken.push(format!("not recovered after 10 s: {missing} is missing"));
    }
    let row = Row {
        fault: fault.to_string(),
        attempts: 1,
        answered: sent.answered.iter().sum(),
        failed,
        failed_own: of(true),
        loss,
        recovery_ms: u64::try_from(recovered.took.as_millis()).unwrap_or(u64::MAX),
        p99_ms: P99 {
            quiet: quiet.p99_ms(own),
            fault: during.p99_ms(own),
        },
        memory: grown.since(memory),
        broken,
    };
    stage.clear();
    after.apps.truncate(APPS);
    Ok((row, after))
}

/// Waits until everything that was sent is accounted for; gives the counters and what does not add up.
async fn settled(
    stage: &Stage,
    args: &SoakArgs,
    fault: Option<Fault>,
    before: &Reading,
    sent: &Sent,
) -> anyhow::Result<(Reading, Vec<String>)> {
    let deadline = Instant::now() + SETTLE;
    loop {
        let after = stage.read().await?;
        let account = Account {
            fault,
            before,
            after: &after,
            sent,
            is_real: (args.tempo.is_some(), args.loki.is_some()),
        };
        let mut broken = account.broken();
        let counted: u64 = after.apps.iter().take(APPS).map(|app| app.requests).sum();
        let scraped = scraped_requests(stage).await;
        if scraped != Some(counted) {
            let scraped = scraped.map_or("nothing".to_owned(), |it| it.to_string());
            broken.push(format!(
                "the instances count {counted} requests; Prometheus has {scraped}"
            ));
        }
        if broken.is_empty() || Instant::now() >= deadline {
            return Ok((after, broken));
        }
        sleep(PAUSE).await;
    }
}

/// The requests of the load as Prometheus has them.
async fn scraped_requests(stage: &Stage) -> Option<u64> {
    let query = format!("sum(salvo_requests_total{{path=~\"{ROUTES}\"}})");
    let query = utf8_percent_encode(&query, NON_ALPHANUMERIC);
    let url = format!(
        "http://{}/api/v1/query?query={query}",
        stage.servers.prometheus
    );
    let bounds = Bounds {
        time: Duration::from_secs(5),
        size: Size::Whole(1 << 20),
    };
    let request = Request::get(url).body(Full::default()).ok()?;
    let response = stage.client.exchange(request, bounds).await.ok()?;
    let answer: Value = serde_json::from_slice(response.body()).ok()?;
    let value = answer.pointer("/data/result/0/value/1")?.as_str()?;
    Some(value.parse::<f64>().ok()? as u64)
}

/// Memory of the instances that can be asked, and of this process.
async fn memory(stage: &Stage, but: Option<usize>) -> Memory {
    let mut apps = 0;
    for (number, address) in stage.apps().take(APPS).enumerate() {
        if Some(number) != but {
            let app = App::of(&stage.client, address).await;
            apps += app.map_or(0, |app| app.resident);
        }
    }
    Memory {
        apps: apps as i64,
        lab: leaks::own_status("VmRSS:").map_or(0, |kib| kib as i64 * 1024),
    }
}
