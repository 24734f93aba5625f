//! Every address of the lab. All are bound before anything is started, so that one error names all
//! conflicts and no other program can take a port in between.

use std::fmt::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use anyhow::bail;

use super::UpArgs;

/// Letters after `app-`, in order.
const LETTERS: std::ops::RangeInclusive<char> = 'a'..='z';

/// The addresses of all parts of the lab.
#[derive(Clone, Debug)]
pub(in crate::lab) struct Addresses {
    /// The instances by name.
    pub(in crate::lab) apps: Vec<(String, SocketAddr)>,
    /// Where faults of the instances are set, in the same order; empty when they cannot be.
    pub(in crate::lab) faults: Vec<SocketAddr>,
    /// The console.
    pub(in crate::lab) console: Option<SocketAddr>,
    /// URL of the Prometheus API, embedded or real.
    pub(in crate::lab) prometheus: String,
    /// URL of the Loki API, embedded or real.
    pub(in crate::lab) loki: String,
    /// URL of the Tempo API, embedded or real.
    pub(in crate::lab) tempo: String,
    /// URL at which OTLP is taken over gRPC.
    pub(in crate::lab) otlp_grpc: String,
    /// URL at which OTLP is taken over HTTP, unless a real Tempo takes it.
    pub(in crate::lab) otlp_http: Option<String>,
}

impl Addresses {
    /// URL at which the faults of instance `number` are set, if they can be.
    pub(in crate::lab) fn faults_url(&self, number: usize) -> Option<String> {
        let address = self.faults.get(number)?;
        Some(format!("http://{address}/faults"))
    }
}

/// A listener with its address.
type Bound = (TcpListener, SocketAddr);

/// Listeners of the embedded servers; `None` where a real server is used.
pub(in crate::lab) struct ServerListeners {
    pub(in crate::lab) prometheus: Option<TcpListener>,
    pub(in crate::lab) loki: Option<TcpListener>,
    pub(in crate::lab) tempo: Option<TcpListener>,
    pub(in crate::lab) otlp_grpc: Option<TcpListener>,
    pub(in crate::lab) otlp_http: Option<TcpListener>,
}

/// All listeners.
pub(in crate::lab) struct Ports {
    pub(in crate::lab) addresses: Addresses,
    pub(in crate::lab) servers: ServerListeners,
    pub(in crate::lab) console: Option<TcpListener>,
    /// Held until the instance that needs the port is started.
    pub(in crate::lab) instances: Vec<TcpListener>,
}

impl Ports {
    /// Binds every address that the lab needs.
    ///
    /// # Errors
    /// An error that names every address that cannot be bound, each with the flag that moves it.
    pub(in crate::lab) fn bind(args: &UpArgs) -> anyhow::Result<Self> {
        let mut taking = Taking {
            args,
            conflicts: String::new(),
        };
        let (mut instances, apps) = taking.instances();
        let (controls, faults) = taking.controls(&apps);
        instances.extend(controls);
        let console = taking.take("the console", args.console_port, "--console-port");
        let servers = taking.servers();
        if !taking.conflicts.is_empty() {
            bail!("not started:{}", taking.conflicts);
        }

        let addresses = Addresses {
            apps,
            faults,
            console: console.as_ref().map(|(_, address)| *address),
            prometheus: url(&servers.prometheus, args.prometheus.as_ref()),
            loki: url(&servers.loki, args.loki.as_ref()),
            tempo: url(&servers.tempo, args.tempo.as_ref()),
            otlp_grpc: url(&servers.otlp_grpc, real_otlp(args).as_ref()),
            otlp_http: servers
                .otlp_http
                .as_ref()
                .map(|(_, address)| format!("http://{address}")),
        };
        let listener = |bound: Option<Bound>| bound.map(|(listener, _)| listener);
        Ok(Self {
            addresses,
            servers: ServerListeners {
                prometheus: listener(servers.prometheus),
                loki: listener(servers.loki),
                tempo: listener(servers.tempo),
                otlp_grpc: listener(servers.otlp_grpc),
                otlp_http: listener(servers.otlp_http),
            },
            console: listener(console),
            instances,
        })
    }
}

/// The port of part `number` when the first has port `first`; 0 is any.
fn after(first: u16, number: u16) -> u16 {
    match first {
        0 => 0,
        // `UpArgs::check` made sure that there are enough ports.
        first => first.saturating_add(number),
    }
}

/// URL of an embedded server, or of the real one in its place.
fn url(embedded: &Option<Bound>, real: Option<&http::Uri>) -> String {
    match embedded {
        Some((_, address)) => format!("http://{address}"),
        None => real
            .map(|uri| uri.to_string().trim_end_matches('/').to_owned())
            .unwrap_or_default(),
    }
}

/// URL at which a real Tempo takes spans.
fn real_otlp(args: &UpArgs) -> Option<http::Uri> {
    args.tempo_otlp.clone().or_else(|| {
        let host = args.tempo.as_ref()?.host()?;
        format!("http://{host}:4317").parse().ok()
    })
}

/// The embedded servers; `None` where a real server is used.
struct Servers {
    prometheus: Option<Bound>,
    loki: Option<Bound>,
    tempo: Option<Bound>,
    otlp_grpc: Option<Bound>,
    otlp_http: Option<Bound>,
}

/// Binds addresses one by one and collects the errors.
struct Taking<'a> {
    args: &'a UpArgs,
    conflicts: String,
}

impl Taking<'_> {
    fn instances(&mut self) -> (Vec<TcpListener>, Vec<(String, SocketAddr)>) {
        let args = self.args;
        let count = if args.no_apps { 0 } else { args.app_count };
        let mut listeners = Vec::new();
        let mut apps = Vec::new();
        for (number, letter) in (0..count).zip(LETTERS) {
            let name = format!("app-{letter}");
            let port = after(args.app_port, number);
            if let Some((listener, address)) = self.take(&name, port, "--app-port") {
                listeners.push(listener);
                apps.push((name, address));
            }
        }
        (listeners, apps)
    }

    /// The ports at which faults of the instances are set. They have no login, so they are on loopback.
    fn controls(&mut self, apps: &[(String, SocketAddr)]) -> (Vec<TcpListener>, Vec<SocketAddr>) {
        let args = self.args;
        let count = if args.faults { apps.len() } else { 0 };
        let bound = (0..).zip(&apps[..count]).filter_map(|(number, (name, _))| {
            let port = after(args.faults_port, number);
            let wanted = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
            self.take_at(&format!("the faults of {name}"), wanted, "--faults-port")
        });
        bound.unzip()
    }

    fn servers(&mut self) -> Servers {
        let args = self.args;
        let mut embedded = |real: &Option<http::Uri>, who, port, flag| match real {
            Some(_) => None,
            None => self.take(who, port, flag),
        };
        Servers {
            prometheus: embedded(
                &args.prometheus,
                "the Prometheus API",
                args.prometheus_port,
                "--prometheus-port",
            ),
            loki: embedded(&args.loki, "the Loki API", args.loki_port, "--loki-port"),
            tempo: embedded(
                &args.tempo,
                "the Tempo API",
                args.tempo_port,
                "--tempo-port",
            ),
            otlp_grpc: embedded(
                &args.tempo,
                "OTLP gRPC",
                args.otlp_grpc_port,
                "--otlp-grpc-port",
            ),
            otlp_http: embedded(
                &args.tempo,
                "OTLP HTTP",
                args.otlp_http_port,
                "--otlp-http-port",
            ),
        }
    }

    fn take(&mut self, who: &str, port: u16, flag: &str) -> Option<Bound> {
        let wanted = SocketAddr::new(self.args.host, port);
        self.take_at(who, wanted, flag)
    }

    fn take_at(&mut self, who: &str, wanted: SocketAddr, flag: &str) -> Option<Bound> {
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
                    "\n  port {}, for {who}: {error}; {flag} moves it",
                    wanted.port()
                );
                None
            }
        }
    }
}
