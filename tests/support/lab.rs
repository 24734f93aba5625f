//! A whole lab for a test: three real instances, the embedded backends behind real listeners, a scraper
//! and a log pipeline; each part can be left out or broken.

use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

use lab_backends::logs::shipper::{Output, Pipeline, Stages, StoreSink, contract_labels};
use lab_backends::logs::store::LabelSet;
use lab_backends::logs::{self, Clock};
use lab_backends::metrics::{self, FirstScrape, QueryLimits, ScrapeConfig, Scraper, TargetSet};
use lab_backends::{otlp, traces};
use salvo::conn::tcp::TcpAcceptor;
use salvo::{Router, Server};
use tokio::io::{AsyncRead, ReadBuf};
use tokio::net::unix::pipe;
use tokio::runtime::Runtime;

use crate::support::collector::{Collector, Mood};
use crate::support::{eventually, http, service};

/// What is wrong with a lab.
#[derive(Default)]
pub struct Faults {
    /// The receiver of spans refuses them.
    pub spans_refused: bool,
    /// A label that the log pipeline does not set.
    pub label_removed: Option<&'static str>,
    /// Metrics are scraped in the format that has no exemplars.
    pub no_exemplars: bool,
    /// Nothing is wrong, but the instances log in JSON.
    pub json: bool,
}

/// A running lab; it ends when dropped.
pub struct Lab {
    pub apps: Vec<Instance>,
    pub tempo: SocketAddr,
    pub loki: SocketAddr,
    pub prometheus: SocketAddr,
    _refusing: Option<Collector>,
    runtime: Runtime,
}

/// One instance of the service.
pub struct Instance {
    pub address: SocketAddr,
    child: Child,
}

impl Drop for Instance {
    fn drop(&mut self) {
        self.stop();
    }
}

impl Instance {
    /// Kills the process.
    pub fn stop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Lab {
    /// A lab in which everything works.
    pub fn start() -> Self {
        Self::with(&Faults::default())
    }

    /// A lab with faults.
    pub fn with(faults: &Faults) -> Self {
        let runtime = Runtime::new().expect("runtime");
        let entered = runtime.enter();

        let spans = Arc::new(traces::Store::new(traces::Limits::default()));
        let tempo = runtime.block_on(serve(traces::api::router(Arc::clone(&spans))));
        let refusing = faults.spans_refused.then(|| {
            let collector = Collector::start();
            collector.set_mood(Mood::Refuse);
            collector
        });
        let receiver = match &refusing {
            Some(collector) => collector.endpoint(),
            None => {
                let listener = bind();
                let address = listener.local_addr().expect("address");
                let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
                let forever = std::future::pending();
                let receivers = otlp::Receivers::of_traces(spans);
                tokio::spawn(otlp::serve_grpc(listener, receivers, forever));
                format!("http://{address}")
            }
        };

        let lines = Arc::new(logs::Store::new(logs::Limits {
            discover_service_name: &["compose_service"],
            ..logs::Limits::default()
        }));
        let loki = runtime.block_on(serve(logs::router(Arc::clone(&lines))));
        let sink = Arc::new(StoreSink::new(lines));
        let instance = |name: &str, targets: [&str; 2]| {
            instance(name, targets, &receiver, faults.json, |output| {
                let labels = contract_labels(name, Output::Stdout, "test", "/var/log/lab.log");
                let labels = labels
                    .into_iter()
                    .filter(|(name, _)| faults.label_removed != Some(name));
                let labels = LabelSet::new(labels).expect("labels");
                let sink: Arc<StoreSink> = Arc::clone(&sink);
                let stages = match faults.json {
                    true => Stages::lines(),
                    false => Stages::text(),
                };
                let pipeline = Pipeline::new(labels, stages, sink, Clock::system());
                tokio::spawn(pipeline.run(output));
            })
        };
        let b = instance("app-b", ["127.0.0.1:1"; 2]);
        let c = instance("app-c", ["127.0.0.1:1"; 2]);
        let a = instance("app-a", [&b.address.to_string(), &c.address.to_string()]);
        let apps = vec![a, b, c];

        let samples = Arc::new(metrics::Store::new(metrics::Limits::default()));
        let mut yaml = "global: {scrape_interval: 500ms}\nscrape_configs:\n".to_owned();
        for (app, name) in apps.iter().zip(["app-a", "app-b", "app-c"]) {
            let target = match faults.no_exemplars {
                true => runtime.block_on(text_only(app.address)),
                false => app.address,
            };
            yaml.push_str(&format!(
                "  - {{job_name: {name}, static_configs: [{{targets: [\"{target}\"]}}]}}\n"
            ));
        }
        let told = runtime.block_on(serve(Router::with_path("metrics").get(backends)));
        yaml.push_str(&format!(
            "  - {{job_name: backends, static_configs: [{{targets: [\"{told}\"]}}]}}\n"
        ));
        let config = ScrapeConfig::parse(&yaml).expect("scrape configuration");
        let targets = Arc::new(TargetSet::new(&config));
        let router = metrics::router(
            Arc::clone(&samples),
            Arc::clone(&targets),
            Arc::default(),
            QueryLimits::default(),
        );
        let prometheus = runtime.block_on(serve(router));
        let scraper = Scraper::start(&samples, &targets, FirstScrape::Immediate);
        tokio::spawn(async move {
            let _scraper = scraper;
            std::future::pending::<()>().await
        });
        drop(entered);
        Self {
            apps,
            tempo,
            loki,
            prometheus,
            _refusing: refusing,
            runtime,
        }
    }

    /// `lab verify` with the flags that lead to this lab.
    pub fn verify(&self) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
        command.env_clear().arg("verify");
        for app in &self.apps {
            command.args(["--app", &format!("http://{}", app.address)]);
        }
        for (flag, address) in [
            ("--tempo", self.tempo),
            ("--loki", self.loki),
            ("--prometheus", self.prometheus),
        ] {
            command.args([flag, &format!("http://{address}")]);
        }
        command
    }

    /// Serves further routes as long as the lab runs.
    pub fn serve(&self, router: Router) -> SocketAddr {
        self.runtime.block_on(serve(router))
    }
}

fn bind() -> std::net::TcpListener {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("bind");
    listener.set_nonblocking(true).expect("nonblocking");
    listener
}

async fn serve(router: Router) -> SocketAddr {
    let listener = bind();
    let address = listener.local_addr().expect("address");
    let listener = tokio::net::TcpListener::from_std(listener).expect("listener");
    let acceptor = TcpAcceptor::try_from(listener).expect("acceptor");
    tokio::spawn(Server::new(acceptor).serve(router));
    address
}

/// Starts an instance, hands its output to the log pipeline, and waits until it is ready.
fn instance(
    name: &str,
    [one, two]: [&str; 2],
    receiver: &str,
    json: bool,
    ship: impl FnOnce(Tee),
) -> Instance {
    let mut child = service::command()
        .env("APP_NAME", name)
        .env("EXPOSE_PORT", "0")
        .env("OTLP_GRPC_ENDPOINT", receiver)
        .env("OTEL_BSP_SCHEDULE_DELAY", "100")
        .env("LOG_FORMAT", if json { "json" } else { "text" })
        .env("TARGET_ONE_HOST", one)
        .env("TARGET_TWO_HOST", two)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the service starts");
    let stdout = OwnedFd::from(child.stdout.take().expect("stdout"));
    let tee = Tee {
        source: pipe::Receiver::from_owned_fd(stdout).expect("a pipe"),
        seen: Arc::default(),
    };
    let seen = Arc::clone(&tee.seen);
    ship(tee);
    let address = eventually("the service says where it listens", || {
        let seen = String::from_utf8_lossy(&seen.lock().expect("output")).into_owned();
        let (_, rest) = seen.split_once("ready on http://")?;
        // The line ends here, or the string in it.
        let end = rest.find(['\n', '"'])?;
        rest[..end].trim().parse().ok()
    });
    Instance { address, child }
}

/// The output of a process on its way to the pipeline; its beginning can be read here too.
struct Tee {
    source: pipe::Receiver,
    seen: Arc<Mutex<Vec<u8>>>,
}

impl AsyncRead for Tee {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.source).poll_read(context, buffer);
        let mut seen = self.seen.lock().expect("output");
        if seen.len() < 4096 {
            seen.extend_from_slice(&buffer.filled()[before..]);
        }
        polled
    }
}

/// What `lab up` tells about its backends, as far as dashboards ask.
#[salvo::handler]
fn backends(response: &mut salvo::Response) {
    response.render(salvo::writing::Text::Plain(
        "lab_store_bytes{store=\"traces\"} 1\n\
         lab_store_items{kind=\"trace\",store=\"traces\"} 1\n\
         lab_store_ingested_total{kind=\"span\",store=\"traces\"} 1\n\
         lab_store_evicted_total{reason=\"age\",store=\"traces\"} 0\n\
         lab_store_refused_total{reason=\"rate\",store=\"traces\"} 0\n\
         lab_log_entries_total{outcome=\"delivered\"} 1\n",
    ));
}

/// Stands before an instance and gives its metrics in the text format only.
async fn text_only(app: SocketAddr) -> SocketAddr {
    struct Plain(SocketAddr);
    #[salvo::async_trait]
    impl salvo::Handler for Plain {
        async fn handle(
            &self,
            _: &mut salvo::Request,
            _: &mut salvo::Depot,
            response: &mut salvo::Response,
            _: &mut salvo::FlowCtrl,
        ) {
            let app = self.0;
            let page = tokio::task::spawn_blocking(move || {
                http::request(app, "GET", "/metrics", &[("Accept", "text/plain")])
            });
            let page = page.await.expect("a page");
            response.render(salvo::writing::Text::Plain(page.body));
        }
    }
    serve(Router::with_path("metrics").get(Plain(app))).await
}
