//! Rounds in which the servers take turns.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, ensure};
use tokio::time::sleep;

use super::document::results::{Arrived, Results, Round, Scenario, Subject as Measured};
use super::server::Server;
use super::sink::Sink;
use super::subjects::{PEERS, SUBJECTS, Subject};
use super::{Plan, load, machine};

/// Seconds of load for each server and route before the first round, so that connections, buffers and compiled code are there.
const WARM_UP: u32 = 1;

/// Rest between turns: the server before has nothing left to do.
const REST: Duration = Duration::from_millis(300);

/// Batches of spans wait so long at most until they are sent (`OTEL_BSP_SCHEDULE_DELAY`), and a little more.
const LAST_BATCH: Duration = Duration::from_secs(7);

/// A route that is measured.
#[derive(Clone, Copy)]
struct Route {
    path: &'static str,
    /// Requests that a server answers for one of the load generator's: each gives a server span and a log line.
    served: u64,
    /// Calls to servers, each with a client span.
    calls: u64,
}

const ROUTES: [Route; 2] = [
    Route {
        path: "/",
        served: 1,
        calls: 0,
    },
    Route {
        path: "/chain",
        served: 4,
        calls: 3,
    },
];

/// Three running instances of a server, and what was measured of them.
struct Running {
    subject: &'static Subject,
    /// The first takes the requests.
    instances: [Server; 3],
    /// Of each of [`ROUTES`].
    scenarios: [Scenario; 2],
    /// The most spans of each of [`ROUTES`] that belong to requests under way at the end of a turn, which wrk does not
    /// count.
    uncounted: [u64; 2],
    /// The route that spans are still arriving of.
    last: usize,
}

/// Measures everything that `plan` asks for.
///
/// # Errors
/// When something cannot be built, started or measured as it should.
pub async fn measure(plan: &Plan) -> anyhow::Result<Results> {
    for name in &plan.without {
        ensure!(
            PEERS.contains(&name.as_str()),
            "--without {name}: the peers are {PEERS:?}"
        );
    }
    let generator = load::version().await?;
    let work = Work::new()?;
    let sink = Sink::start().await?;
    let mut subjects = Vec::new();
    let mut running = Vec::new();
    for subject in &SUBJECTS {
        let not_measured = match subject.missing() {
            _ if plan.without.iter().any(|name| name == subject.name) => {
                Some("left out".to_owned())
            }
            missing => missing.map(|tool| format!("{tool} is missing")),
        };
        let mut versions = Vec::new();
        if not_measured.is_none() {
            eprintln!("building and starting {}", subject.title);
            subject
                .build()
                .await
                .with_context(|| format!("building {}", subject.name))?;
            versions = subject.versions()?;
            running.push(Running::start(subject, &sink, &work).await?);
        }
        subjects.push(Measured {
            name: subject.name.to_owned(),
            title: subject.title.to_owned(),
            versions,
            not_measured,
            root: None,
            chain: None,
        });
    }
    for one in &running {
        one.check()
            .await
            .with_context(|| format!("{} does not do its work", one.subject.name))?;
        for route in &ROUTES {
            load::run(&one.url(route), WARM_UP, plan.connections).await?;
        }
    }
    // The spans of the warm-up do not count.
    sleep(LAST_BATCH).await;
    for one in &running {
        sink.take(one.subject.name);
        one.lines()?;
    }
    for round in 1..=plan.rounds {
        for at in 0..ROUTES.len() {
            for one in &mut running {
                one.turn(at, plan, &sink)
                    .await
                    .with_context(|| one.subject.name)?;
            }
        }
        eprintln!("round {round} of {}", plan.rounds);
    }
    sleep(LAST_BATCH).await;
    for mut one in running {
        one.take_spans(&sink);
        one.check_arrivals()?;
        let measured = subjects.iter_mut().find(|it| it.name == one.subject.name);
        let measured = measured.context("a server that was not to be measured")?;
        let [root, chain] = one.scenarios;
        (measured.root, measured.chain) = (Some(root), Some(chain));
    }
    let flags = std::env::args().skip(1).map(|flag| format!(" {flag}"));
    Ok(Results {
        measured: jiff::Timestamp::now()
            .strftime("%Y-%m-%dT%H:%M:%SZ")
            .to_string(),
        commit: machine::commit()?,
        command: "benches/report".to_owned() + &flags.collect::<String>(),
        generator,
        machine: machine::describe()?,
        rounds: plan.rounds,
        seconds: plan.seconds,
        connections: plan.connections,
        subjects,
    })
}

impl Running {
    async fn start(subject: &'static Subject, sink: &Sink, work: &Work) -> anyhow::Result<Self> {
        let collector = sink.address.to_string();
        let start = async |instance: &str, targets| {
            let log = work.0.join(format!("{}-{instance}", subject.name));
            Server::start(subject.command(&collector, targets)?, &log).await
        };
        // The second and the third call nobody.
        let one = start("one", ["127.0.0.1:9", "127.0.0.1:9"]).await?;
        let two = start("two", ["127.0.0.1:9", "127.0.0.1:9"]).await?;
        let targets = [one.address.to_string(), two.address.to_string()];
        let first = start("first", [&targets[0], &targets[1]]).await?;
        Ok(Self {
            subject,
            instances: [first, one, two],
            scenarios: Default::default(),
            uncounted: [0; 2],
            last: 0,
        })
    }

    fn url(&self, route: &Route) -> String {
        format!("http://{}{}", self.instances[0].address, route.path)
    }

    /// The instances that do the work of a route.
    fn instances(&self, route: &Route) -> &[Server] {
        match route.calls {
            0 => &self.instances[..1],
            _ => &self.instances,
        }
    }

    /// It answers, counts and logs as all others do.
    async fn check(&self) -> anyhow::Result<()> {
        let get = async |path: &str| {
            let url = format!("http://{}{path}", self.instances[0].address);
            let output = tokio::process::Command::new("curl")
                .args(["-sS", "--fail", "--max-time", "10", &url])
                .output()
                .await
                .context("curl is missing")?;
            ensure!(
                output.status.success(),
                "{path}: {}",
                String::from_utf8_lossy(&output.stderr)
            );
            Ok(String::from_utf8(output.stdout)?)
        };
        ensure!(
            get("/").await?.trim().replace(' ', "") == r#"{"Hello":"World"}"#,
            "/"
        );
        ensure!(get("/chain").await?.contains("/chain"), "/chain");
        if self.subject.metrics {
            let page = get("/metrics").await?;
            let mut lines = page.lines().filter(|line| line.contains("/chain"));
            ensure!(
                lines.clone().any(|line| line.contains("_bucket{")),
                "no histogram by route: {page}"
            );
            ensure!(
                lines.any(|line| line.contains("_total{")),
                "no counter by route: {page}"
            );
        }
        if self.subject.logs {
            let log = self.instances[0].log()?;
            let ids = log.split(|char: char| !char.is_ascii_hexdigit());
            let traced = ids.filter(|word| word.len() == 32).count();
            ensure!(
                self.subject.traces < 1.0 || traced >= 3,
                "the log names {traced} traces: {log}"
            );
        }
        Ok(())
    }

    /// One turn of load on one route.
    async fn turn(&mut self, at: usize, plan: &Plan, sink: &Sink) -> anyhow::Result<()> {
        let route = &ROUTES[at];
        self.take_spans(sink);
        self.last = at;
        sleep(REST).await;
        let before = self.cpu_seconds(route)?;
        let load = load::run(&self.url(route), plan.seconds, plan.connections).await?;
        let cpu = self.cpu_seconds(route)? - before;
        let instances = self.instances(route).iter();
        let resident_mib = instances
            .map(Server::resident_mib)
            .sum::<anyhow::Result<f64>>()?;
        sleep(REST).await;
        let lines = self.lines()?;
        let served = load.requests * route.served;
        let spans = load.requests * (route.served + route.calls);
        let scenario = &mut self.scenarios[at];
        if self.subject.logs {
            scenario.lines.made += served;
            // Requests that were under way at the end have lines too, and wrk does not count them.
            scenario.lines.arrived += lines.min(served);
        }
        if self.subject.traces > 0.0 {
            scenario.spans.made += spans;
            self.uncounted[at] += u64::from(plan.connections) * (route.served + route.calls);
        }
        scenario.rounds.push(Round {
            requests: load.requests,
            requests_per_second: load.rate,
            p50_ms: load.p50_ms,
            p99_ms: load.p99_ms,
            cpu_us: cpu * 1e6 / load.requests as f64,
            resident_mib,
        });
        Ok(())
    }

    fn cpu_seconds(&self, route: &Route) -> anyhow::Result<f64> {
        self.instances(route).iter().map(Server::cpu_seconds).sum()
    }

    /// The log lines of all instances since the last call.
    fn lines(&self) -> anyhow::Result<u64> {
        self.instances.iter().map(Server::take_lines).sum()
    }

    /// Counts the spans that have arrived of the turn before.
    fn take_spans(&mut self, sink: &Sink) {
        let arrived = sink.take(self.subject.name);
        self.scenarios[self.last].spans.arrived += arrived;
    }

    /// It did what it was measured for. How much of it arrived is a figure; nothing of it, or too much, is a mistake.
    fn check_arrivals(&self) -> anyhow::Result<()> {
        for ((route, scenario), uncounted) in ROUTES.iter().zip(&self.scenarios).zip(self.uncounted)
        {
            let name = self.subject.name;
            let (spans, lines) = (scenario.spans, scenario.lines);
            let is_there = |it: Arrived| (it.made > 0) == (it.arrived > 0);
            // Traces are sampled by chance.
            let most = (spans.made + uncounted) as f64 * self.subject.traces * 1.2;
            ensure!(
                is_there(spans) && spans.arrived as f64 <= most,
                "{name} {}: {spans:?}",
                route.path
            );
            ensure!(is_there(lines), "{name} {}: {lines:?}", route.path);
        }
        Ok(())
    }
}

/// The folder of the servers' logs; it is removed at the end.
struct Work(PathBuf);

impl Work {
    fn new() -> anyhow::Result<Self> {
        let folder = PathBuf::from(format!("target/performance-{}", std::process::id()));
        std::fs::create_dir_all(&folder)?;
        Ok(Self(folder))
    }
}

impl Drop for Work {
    fn drop(&mut self) {
        // What cannot be removed is a log in target/, and nothing depends on it.
        drop(std::fs::remove_dir_all(&self.0));
    }
}
