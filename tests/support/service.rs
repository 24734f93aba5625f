//! The real `salvo-app` binary as a child process on a free port.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};

use super::http::{self, Response};
use super::{PATIENCE, eventually};

/// A running instance; it is killed when dropped.
pub struct Service {
    child: Child,
    pub address: SocketAddr,
    lines: Arc<Mutex<Vec<String>>>,
}

/// The command with none of the surrounding environment that would change its settings.
pub fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_salvo-app"));
    command.env_clear();
    command
}

impl Service {
    /// Starts an instance named `name` with further environment, and waits until it is ready.
    pub fn start(name: &str, environment: &[(&str, &str)]) -> Self {
        let mut command = command();
        command
            .env("APP_NAME", name)
            .env("EXPOSE_PORT", "0")
            .env("OTLP_GRPC_ENDPOINT", "")
            .env("OTEL_BSP_SCHEDULE_DELAY", "50")
            .envs(environment.iter().copied());
        Self::spawn(command)
    }

    /// Starts `command` and waits until it says where it listens.
    pub fn spawn(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the service starts");
        let stdout = child.stdout.take().expect("stdout");
        let lines = Arc::new(Mutex::new(Vec::new()));
        let gathered = Arc::clone(&lines);
        std::thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                gathered.lock().expect("lines").push(line);
            }
        });
        let address = eventually("the service says where it listens", || {
            let lines = lines.lock().expect("lines");
            lines.iter().find_map(|line| {
                let (_, rest) = line.split_once("ready on http://")?;
                rest.split(['"', ' ']).next()?.parse().ok()
            })
        });
        Self {
            child,
            address,
            lines,
        }
    }

    pub fn get(&self, target: &str) -> Response {
        http::get(self.address, target)
    }

    /// `host:port`, as the target variables take it.
    pub fn host(&self) -> String {
        self.address.to_string()
    }

    /// All of the log so far.
    pub fn log(&self) -> Vec<String> {
        self.lines.lock().expect("lines").clone()
    }

    /// Waits for a log line that contains `part`.
    pub fn line_with(&self, part: &str) -> String {
        eventually(&format!("a log line with {part:?}"), || {
            self.log().into_iter().find(|line| line.contains(part))
        })
    }

    /// The metrics page as OpenMetrics.
    pub fn openmetrics(&self) -> String {
        let accept = [("Accept", "application/openmetrics-text; version=1.0.0")];
        http::request(self.address, "GET", "/metrics", &accept).body
    }

    /// The value of a series, 0 when it is not there. `series` is the part before the value.
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.openmetrics();
        page.lines()
            .find_map(|line| line.strip_prefix(series)?.strip_prefix(' '))
            .map_or(0.0, |rest| {
                let value = rest.split(' ').next().unwrap_or_default();
                value.parse().expect("a number")
            })
    }

    /// Spans by what became of them: exported, dropped, failed.
    pub fn spans(&self, name: &str) -> [f64; 3] {
        ["exported", "dropped", "failed"].map(|outcome| {
            self.metric(&format!(
                "salvo_telemetry_spans_total{{app_name=\"{name}\",outcome=\"{outcome}\"}}"
            ))
        })
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        let sent = Command::new("sh")
            .arg("-c")
            .arg(format!("kill -{name} {}", self.child.id()))
            .status()
            .expect("kill");
        assert!(sent.success());
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the service ends", || child.try_wait().expect("wait"))
    }

    /// Whether the process still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> f64 {
        self.metric("process_resident_memory_bytes")
    }
}

impl Drop for Service {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Three instances that call each other round and send their spans to `endpoint`.
pub fn trio(endpoint: &str) -> [Service; 3] {
    let export = ("OTLP_GRPC_ENDPOINT", endpoint);
    let b = Service::start("app-b", &[export]);
    let c = Service::start("app-c", &[export]);
    let (host_b, host_c) = (b.host(), c.host());
    let a = Service::start(
        "app-a",
        &[
            export,
            ("TARGET_ONE_HOST", &host_b),
            ("TARGET_TWO_HOST", &host_c),
        ],
    );
    [a, b, c]
}

/// Waits until `service` has accounted for `count` spans.
pub fn accounted(service: &Service, name: &str, count: f64) -> [f64; 3] {
    eventually(
        &format!("{count} spans accounted for in {PATIENCE:?}"),
        || {
            let spans = service.spans(name);
            (spans.iter().sum::<f64>() >= count).then_some(spans)
        },
    )
}
