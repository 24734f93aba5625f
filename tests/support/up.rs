//! The real `lab up` as a child process on free ports, and what can be asked about it.

#![allow(dead_code, reason = "each test file uses its own part of this")]

use std::io::{BufRead, BufReader, Read};
use std::net::{SocketAddr, TcpListener};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;

use crate::support::eventually;
use crate::support::http::{self, Response};

/// Flags that move a part to another port.
pub const PORT_FLAGS: [&str; 7] = [
    "--app-port",
    "--console-port",
    "--prometheus-port",
    "--loki-port",
    "--tempo-port",
    "--otlp-grpc-port",
    "--otlp-http-port",
];

/// Those flags with as many ports.
pub fn on_ports(ports: &[String; 7]) -> Vec<&str> {
    let pairs = PORT_FLAGS.iter().zip(ports);
    pairs.flat_map(|(flag, port)| [*flag, port]).collect()
}

/// `lab up` with none of the surrounding environment that would change its settings.
pub fn command(flags: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_lab"));
    command.env_clear().arg("up").args(flags);
    command
}

/// Runs `lab up` to its end, which has to come by itself.
pub fn run(flags: &[&str]) -> Output {
    let mut command = command(flags);
    command.stdin(Stdio::null());
    command.output().expect("the lab starts")
}

/// Free ports for parts that cannot be asked for theirs; below those that the system gives away.
pub fn unused_ports<const N: usize>(group: u16) -> [u16; N] {
    let first = 20_000 + (std::process::id() % 100) as u16 * 100 + group * 20;
    let mut free = (first..).filter(|port| TcpListener::bind(("127.0.0.1", *port)).is_ok());
    std::array::from_fn(|_| free.next().expect("a free port"))
}

/// Parameters behind a path, everything unusual escaped.
pub fn with(path: &str, params: &[(&str, &str)]) -> String {
    let escape = |text: &str| -> String {
        let byte = |byte: u8| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        };
        text.bytes().map(byte).collect()
    };
    let pairs: Vec<_> = params
        .iter()
        .map(|(name, value)| format!("{name}={}", escape(value)))
        .collect();
    format!("{path}?{}", pairs.join("&"))
}

/// The address in a URL.
pub fn address(url: &Value) -> SocketAddr {
    let url = url.as_str().expect("a URL");
    let host = url.strip_prefix("http://").expect("plain HTTP");
    host.parse().expect("an address")
}

/// A process of the lab.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Process {
    pub id: u32,
    command: String,
}

impl Process {
    /// Whether it is still there; its number may have passed on to another.
    pub fn runs(&self) -> bool {
        command_line(self.id) == self.command
    }

    pub fn signal(&self, name: &str) {
        signal(self.id, name);
    }
}

/// The words of a process' command line; none of a process that is gone or not waited for.
fn command_line(id: u32) -> String {
    let bytes = std::fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    String::from_utf8_lossy(&bytes).replace('\0', " ")
}

/// The instances that a process has started, by name.
pub fn instances_of(parent: u32) -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").expect("/proc");
    let ids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let of_parent = ids.filter(|id: &u32| {
        let stat = std::fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
        // What follows the name in brackets: state, parent.
        let rest = stat.rsplit_once(") ").map_or("", |(_, rest)| rest);
        rest.split(' ').nth(1) == Some(parent.to_string().as_str())
    });
    let processes = of_parent.map(|id| Process {
        id,
        command: command_line(id),
    });
    let mut instances: Vec<_> = processes
        .filter(|process| process.command.contains(" --app-name "))
        .collect();
    instances.sort_by(|a, b| a.command.cmp(&b.command));
    instances
}

fn signal(id: u32, name: &str) {
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -{name} {id}")])
        .status();
    assert!(sent.expect("kill").success());
}

/// A running lab; it is killed when dropped.
pub struct Lab {
    child: Child,
    output: Arc<Mutex<String>>,
    /// The event that says where everything is.
    pub ready: Value,
}

impl Lab {
    /// Starts with free ports and further flags, which win, and waits until everything is ready.
    pub fn start(flags: &[&str]) -> Self {
        Self::start_with(flags, &[])
    }

    /// As [`Self::start`], with environment.
    pub fn start_with(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut lab = Self::spawn(flags, environment);
        lab.ready = eventually("the lab is ready", || lab.event("ready"));
        lab
    }

    /// Starts and does not wait.
    pub fn spawn(flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut all = vec!["--json"];
        for flag in PORT_FLAGS {
            if !flags.contains(&flag) {
                all.extend([flag, "0"]);
            }
        }
        all.extend(flags);
        let mut command = command(&all);
        command.envs(environment.iter().copied());
        Self::of(command)
    }

    /// As [`Self::start_with`], of another file with the program.
    pub fn start_from(program: &Path, flags: &[&str], environment: &[(&str, &str)]) -> Self {
        let mut command = Command::new(program);
        command.env_clear().args(["up", "--json"]);
        command.args(PORT_FLAGS.iter().flat_map(|flag| [*flag, "0"]));
        command.args(flags).envs(environment.iter().copied());
        let mut lab = Self::of(command);
        lab.ready = eventually("the lab is ready", || lab.event("ready"));
        lab
    }

    /// Starts a command of the lab's.
    pub fn of(mut command: Command) -> Self {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the lab starts");
        let stdout = child.stdout.take().expect("stdout");
        let output = Arc::new(Mutex::new(String::new()));
        let gathered = Arc::clone(&output);
        std::thread::spawn(move || {
            let mut lines = BufReader::new(stdout);
            let mut line = String::new();
            while lines.read_line(&mut line).is_ok_and(|bytes| bytes > 0) {
                gathered.lock().expect("output").push_str(&line);
                line.clear();
            }
        });
        Self {
            child,
            output,
            ready: Value::Null,
        }
    }

    /// All of standard output so far.
    pub fn output(&self) -> String {
        self.output.lock().expect("output").clone()
    }

    /// All of standard error, which the command must have piped, when the lab has ended.
    pub fn errors(&mut self) -> String {
        let mut errors = String::new();
        let stderr = self.child.stderr.as_mut().expect("stderr");
        stderr.read_to_string(&mut errors).expect("text");
        errors
    }

    /// What was said as JSON so far.
    pub fn events(&self) -> Vec<Value> {
        let output = self.output();
        // The last line may still be coming.
        let whole = output.rfind('\n').map_or("", |end| &output[..end]);
        let read = |line| serde_json::from_str(line).expect("JSON");
        whole.lines().map(read).collect()
    }

    fn event(&self, name: &str) -> Option<Value> {
        let mut events = self.events().into_iter();
        events.find(|event| event["event"] == name)
    }

    /// The messages that contain `part`.
    pub fn messages(&self, part: &str) -> Vec<String> {
        let events = self.events();
        let texts = events.iter().filter_map(|event| event["text"].as_str());
        let found = texts.filter(|text| text.contains(part));
        found.map(str::to_owned).collect()
    }

    /// Where an instance listens.
    pub fn app(&self, name: &str) -> SocketAddr {
        address(&self.ready["apps"][name])
    }

    /// Where a server listens: `console`, `prometheus`, `loki`, `tempo`, `otlp_grpc`, `otlp_http`.
    pub fn server(&self, name: &str) -> SocketAddr {
        address(&self.ready[name])
    }

    /// Everywhere that something listens.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        let apps = self.ready["apps"].as_object().expect("instances");
        let own = self.ready.as_object().expect("an event").values();
        let urls = own.filter(|value| value.is_string() && **value != "ready");
        urls.chain(apps.values()).map(address).collect()
    }

    pub fn get(&self, server: &str, target: &str) -> Response {
        http::get(self.server(server), target)
    }

    /// JSON that must be there.
    pub fn json(&self, server: &str, path: &str, params: &[(&str, &str)]) -> Value {
        let response = self.get(server, &with(path, params));
        assert_eq!(response.status, 200, "{path}: {}", response.body);
        response.json()
    }

    /// Sends a body.
    pub fn post(&self, server: &str, path: &str, headers: &[&str], body: &[u8]) -> Response {
        self.try_post(server, path, headers, body).expect("answer")
    }

    /// As [`Self::post`]; a connection that breaks is an answer too.
    pub fn try_post(
        &self,
        server: &str,
        path: &str,
        headers: &[&str],
        body: &[u8],
    ) -> Option<Response> {
        let address = self.server(server);
        let headers: String = headers.iter().map(|it| format!("{it}\r\n")).collect();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        http::try_send(address, &[head.as_bytes(), body].concat())
    }

    /// What the lab's own page says about an instance.
    pub fn status(&self, name: &str) -> Value {
        let status = self.json("console", "/api/status", &[]);
        let mut all = status["instances"].as_array().expect("instances").iter();
        let found = all.find(|it| it["name"] == name);
        found.expect("the instance").clone()
    }

    /// A value of the lab's own metrics; `series` is the part before it.
    pub fn metric(&self, series: &str) -> f64 {
        let page = self.get("console", "/metrics").body;
        let mut values = page
            .lines()
            .filter_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
        let value = values.next();
        let value = value.unwrap_or_else(|| panic!("no {series} in:\n{page}"));
        value.trim().parse().expect("a number")
    }

    /// What a store refused for a reason.
    pub fn refused(&self, store: &str, reason: &str) -> f64 {
        self.metric(&format!(
            "lab_store_refused_total{{reason=\"{reason}\",store=\"{store}\"}}"
        ))
    }

    /// The log entries that a query finds in the last minutes, oldest first.
    pub fn entries(&self, query: &str) -> Vec<String> {
        let params = [("query", query), ("limit", "1000")];
        let answer = self.json("loki", "/loki/api/v1/query_range", &params);
        let streams = answer["data"]["result"].as_array().expect("streams");
        let mut values: Vec<&Value> = streams
            .iter()
            .flat_map(|stream| stream["values"].as_array().expect("values"))
            .collect();
        values.sort_by_key(|value| value[0].as_str().map(str::to_owned));
        let lines = values.iter().map(|value| value[1].as_str().expect("line"));
        lines.map(str::to_owned).collect()
    }

    /// The spans of a trace in Tempo's JSON with the name of their service; none before it came.
    pub fn spans(&self, trace_id: &str) -> Vec<(String, Value)> {
        let response = self.get("tempo", &format!("/api/traces/{trace_id}"));
        if response.status == 404 {
            return Vec::new();
        }
        assert_eq!(response.status, 200, "{}", response.body);
        let trace = response.json();
        let mut spans = Vec::new();
        for batch in trace["batches"].as_array().expect("batches") {
            let resource = batch["resource"]["attributes"]
                .as_array()
                .expect("resource");
            let service = resource.iter().find(|it| it["key"] == "service.name");
            let service = service.expect("service.name")["value"]["stringValue"].clone();
            for scope in batch["scopeSpans"].as_array().expect("scopes") {
                for span in scope["spans"].as_array().expect("spans") {
                    spans.push((service.as_str().expect("name").to_owned(), span.clone()));
                }
            }
        }
        spans
    }

    /// The process of an instance, if it runs.
    pub fn instance(&self, name: &str) -> Option<Process> {
        let wanted = format!(" --app-name {name} ");
        let mut processes = self.instances().into_iter();
        processes.find(|process| process.command.contains(&wanted))
    }

    /// The processes of the instances.
    pub fn instances(&self) -> Vec<Process> {
        instances_of(self.child.id())
    }

    /// The id of its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in bytes.
    pub fn memory(&self) -> u64 {
        let path = format!("/proc/{}/status", self.child.id());
        let mut status = String::new();
        let mut file = std::fs::File::open(path).expect("the lab runs");
        file.read_to_string(&mut status).expect("status");
        let mut lines = status.lines();
        let line = lines.find_map(|line| line.strip_prefix("VmRSS:"));
        let kilobytes = line.expect("VmRSS").trim().trim_end_matches(" kB");
        kilobytes.parse::<u64>().expect("a number") * 1024
    }

    /// Sends a signal by its name.
    pub fn signal(&self, name: &str) {
        signal(self.child.id(), name);
    }

    /// Waits for the process to end.
    pub fn wait(&mut self) -> ExitStatus {
        let child = &mut self.child;
        eventually("the lab ends", || child.try_wait().expect("wait"))
    }

    /// Whether the process still runs.
    pub fn runs(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
