//! Every address of the lab, bound before anything is started, so that all conflicts are told at
//! once and nothing can take a port in between.

use std::fmt::Write as _;
use std::net::{SocketAddr, TcpListener};

use anyhow::bail;

use super::UpArgs;

/// Letters after `app-`, in order.
const LETTERS: std::ops::RangeInclusive<char> = 'a'..='z';

/// Where everything is, or is to be.
#[derive(Clone, Debug)]
pub(super) struct Addresses {
    /// The instances by name.
    pub(super) apps: Vec<(String, SocketAddr)>,
    /// The console.
    pub(super) console: Option<SocketAddr>,
    /// URL of the Prometheus API, embedded or real.
    pub(super) prometheus: String,
    /// URL of the Loki API, embedded or real.
    pub(super) loki: String,
    /// URL of the Tempo API, embedded or real.
    pub(super) tempo: String,
    /// URL at which spans are taken over OTLP gRPC.
    pub(super) otlp_grpc: String,
    /// URL at which spans are taken over OTLP HTTP, unless a real Tempo takes them.
    pub(super) otlp_http: Option<String>,
}

/// Listeners of the embedded servers; none for a pillar that a real server has.
pub(super) struct ServerListeners {
    pub(super) prometheus: Option<TcpListener>,
    pub(super) loki: Option<TcpListener>,
    pub(super) tempo: Option<TcpListener>,
    pub(super) otlp_grpc: Option<TcpListener>,
    pub(super) otlp_http: Option<TcpListener>,
}

/// All listeners.
pub(super) struct Ports {
    pub(super) addresses: Addresses,
    pub(super) servers: ServerListeners,
    pub(super) console: Option<TcpListener>,
    /// Held until the instance that needs the port is started.
    pub(super) instances: Vec<TcpListener>,
}

impl Ports {
    /// Binds every address that the lab needs.
    ///
    /// # Errors
    /// When one cannot be had: all of those are named, each with the flag that moves it.
    pub(super) fn bind(args: &UpArgs) -> anyhow::Result<Self> {
        let mut taking = Taking {
            args,
            conflicts: String::new(),
        };
        let count = if args.no_apps { 0 } else { args.app_count };
        let mut instances = Vec::new();
        let mut apps = Vec::new();
        for (number, letter) in (0..count).zip(LETTERS) {
            let name = format!("app-{letter}");
            let port = match args.app_port {
                0 => 0,
                // There are as many: the flags were checked.
                first => first.saturating_add(number),
            };
            if let Some((listener, address)) = taking.take(&name, port, "--app-port") {
                instances.push(listener);
                apps.push((name, address));
            }
        }
        let console = taking.take("the console", args.console_port, "--console-port");
        let prometheus = (args.prometheus.is_none()).then(|| {
            taking.take(
                "the Prometheus API",
                args.prometheus_port,
                "--prometheus-port",
            )
        });
        let loki = (args.loki.is_none())
            .then(|| taking.take("the Loki API", args.loki_port, "--loki-port"));
        let tempo = (args.tempo.is_none())
            .then(|| taking.take("the Tempo API", args.tempo_port, "--tempo-port"));
        let grpc = (args.tempo.is_none())
            .then(|| taking.take("OTLP gRPC", args.otlp_grpc_port, "--otlp-grpc-port"));
        let http = (args.tempo.is_none())
            .then(|| taking.take("OTLP HTTP", args.otlp_http_port, "--otlp-http-port"));
        if !taking.conflicts.is_empty() {
            bail!("not started:{}", taking.conflicts);
        }

        let [prometheus, loki, tempo, grpc, http] =
            [prometheus, loki, tempo, grpc, http].map(Option::flatten);
        let url = |taken: &Option<(TcpListener, SocketAddr)>, real: &Option<http::Uri>| match taken
        {
            Some((_, address)) => format!("http://{address}"),
            None => real
                .as_ref()
                .map(|uri| uri.to_string().trim_end_matches('/').to_owned())
                .unwrap_or_default(),
        };
        let real_otlp = args.tempo_otlp.clone().or_else(|| {
            let host = args.tempo.as_ref()?.host()?;
            format!("http://{host}:4317").parse().ok()
        });
        let addresses = Addresses {
            apps,
            console: console.as_ref().map(|(_, address)| *address),
            prometheus: url(&prometheus, &args.prometheus),
            loki: url(&loki, &args.loki),
            tempo: url(&tempo, &args.tempo),
            otlp_grpc: url(&grpc, &real_otlp),
            otlp_http: http
                .as_ref()
                .map(|(_, address)| format!("http://{address}")),
        };
        let listener = |taken: Option<(TcpListener, SocketAddr)>| taken.map(|(it, _)| it);
        Ok(Self {
            addresses,
            servers: ServerListeners {
                prometheus: listener(prometheus),
                loki: listener(loki),
                tempo: listener(tempo),
                otlp_grpc: listener(grpc),
                otlp_http: listener(http),
            },
            console: listener(console),
            instances,
        })
    }
}

/// Takes addresses one by one and gathers what could not be had.
struct Taking<'a> {
    args: &'a UpArgs,
    conflicts: String,
}

impl Taking<'_> {
    fn take(&mut self, who: &str, port: u16, flag: &str) -> Option<(TcpListener, SocketAddr)> {
        let wanted = SocketAddr::new(self.args.host, port);
        let bound = TcpListener::bind(wanted).and_then(|listener| {
            listener.set_nonblocking(true)?;
            let address = listener.local_addr()?;
            Ok((listener, address))
        });
        match bound {
            Ok(bound) => Some(bound),
            Err(error) => {
                let _ = write!(
                    self.conflicts,
                    "\n  port {port}, for {who}: {error}; {flag} moves it"
                );
                None
            }
        }
    }
}
