//! The servers that are measured: how to build them, how to start them, what they do.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use tokio::process::Command;

use super::machine::first_line;

/// Where the peers are built.
const BUILT: &str = "target/peers";

/// The languages and frameworks that people would take instead: `--without` takes their names.
pub const PEERS: [&str; 4] = ["axum", "go", "node", "fastapi"];

/// A server that is measured.
pub struct Subject {
    /// Its short name, and the name of its service.
    pub name: &'static str,
    /// Its name for readers.
    pub title: &'static str,
    /// It serves `/metrics`.
    pub metrics: bool,
    /// It writes a log line a request.
    pub logs: bool,
    /// The share of the traces that it exports.
    pub traces: f64,
    /// Further environment.
    environment: &'static [(&'static str, &'static str)],
}

/// All of them, in the order of the report.
pub const SUBJECTS: [Subject; 11] = [
    Subject::plain("hyper", "bare hyper"),
    Subject::plain("salvo", "Salvo alone"),
    Subject {
        name: "metrics",
        title: "Salvo, metrics",
        metrics: true,
        logs: false,
        traces: 0.0,
        environment: &[
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
            // The line that says where it listens is not of a handler.
            (
                "RUST_LOG",
                "warn,salvo_observability::app=info,salvo_observability::app::handlers=warn",
            ),
        ],
    },
    Subject {
        name: "logs",
        title: "Salvo, metrics, logs",
        metrics: true,
        logs: true,
        traces: 0.0,
        environment: &[
            ("OTEL_SDK_DISABLED", "true"),
            ("OTEL_TRACES_SAMPLER", "always_off"),
        ],
    },
    Subject {
        name: "sampled",
        title: "Salvo, metrics, logs, 1 % of traces",
        metrics: true,
        logs: true,
        traces: 0.01,
        environment: &[
            ("OTEL_TRACES_SAMPLER", "parentbased_traceidratio"),
            ("OTEL_TRACES_SAMPLER_ARG", "0.01"),
        ],
    },
    Subject::whole("everything", "Salvo, metrics, logs, all traces"),
    Subject {
        // Any free port: nobody sets a fault.
        environment: &[("FAULTS_ADDRESS", "127.0.0.1:0")],
        ..Subject::whole("faults", "the same, with faults that can be set")
    },
    Subject::whole("axum", "axum with its usual crates"),
    Subject::whole("go", "Go, net/http with otelhttp"),
    Subject::whole("node", "Node, http with its SDK"),
    Subject::whole("fastapi", "FastAPI with its SDK"),
];

impl Subject {
    const fn plain(name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            metrics: false,
            logs: false,
            traces: 0.0,
            environment: &[],
        }
    }

    const fn whole(name: &'static str, title: &'static str) -> Self {
        Self {
            name,
            title,
            metrics: true,
            logs: true,
            traces: 1.0,
            environment: &[],
        }
    }

    /// The tool that building and starting it needs and that is not there.
    pub fn missing(&self) -> Option<&'static str> {
        let tools: &[(&str, &str)] = match self.name {
            "go" => &[("go", "version")],
            "node" => &[("node", "--version"), ("npm", "--version")],
            "fastapi" => &[("python3", "--version")],
            _ => &[],
        };
        tools
            .iter()
            .find(|(tool, ask)| first_line(tool, &[ask]).is_none())
            .map(|(tool, _)| *tool)
    }

    /// Builds it. What belongs to the workspace was built with this program.
    ///
    /// # Errors
    /// When a tool fails.
    pub async fn build(&self) -> anyhow::Result<()> {
        let source = Path::new("benches/peers").join(self.name);
        let target = Path::new(BUILT).join(self.name);
        match self.name {
            "axum" => {
                let manifest = source.join("Cargo.toml");
                run(Command::new("cargo")
                    .args([
                        "build",
                        "--release",
                        "--quiet",
                        "--locked",
                        "--manifest-path",
                    ])
                    .arg(manifest)
                    .arg("--target-dir")
                    .arg(target))
                .await
            }
            "go" => {
                let program = std::env::current_dir()?.join(target).join("server");
                run(Command::new("go")
                    .arg("build")
                    .arg("-C")
                    .arg(source)
                    .arg("-o")
                    .arg(program))
                .await
            }
            "node" => {
                std::fs::create_dir_all(&target)?;
                for file in ["package.json", "package-lock.json", "server.js"] {
                    std::fs::copy(source.join(file), target.join(file)).with_context(|| file)?;
                }
                run(Command::new("npm")
                    .args(["ci", "--silent", "--no-audit", "--no-fund", "--prefix"])
                    .arg(target))
                .await
            }
            "fastapi" => {
                run(Command::new("python3").args(["-m", "venv"]).arg(&target)).await?;
                run(Command::new(target.join("bin/pip"))
                    .args([
                        "install",
                        "--quiet",
                        "--disable-pip-version-check",
                        "--require-hashes",
                        "-r",
                    ])
                    .arg(source.join("requirements.txt")))
                .await
            }
            _ => Ok(()),
        }
    }

    /// The command that starts it: the environment that all have in common, and its own.
    ///
    /// # Errors
    /// When this program does not know where it is.
    pub fn command(&self, collector: &str, targets: [&str; 2]) -> anyhow::Result<Command> {
        let mut command = self.program()?;
        command.env_clear();
        for variable in ["PATH", "HOME"] {
            command.envs(std::env::var_os(variable).map(|value| (variable, value)));
        }
        command
            .env("OTEL_SERVICE_NAME", self.name)
            .env("OTEL_EXPORTER_OTLP_ENDPOINT", format!("http://{collector}"))
            .env("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")
            .env("EXPOSE_PORT", "0")
            .env("TARGET_ONE_HOST", targets[0])
            .env("TARGET_TWO_HOST", targets[1])
            .env("IO_TASK_WAIT", "0")
            .env("CPU_TASK_PRIMES", "0")
            .envs(self.environment.iter().copied());
        Ok(command)
    }

    fn program(&self) -> anyhow::Result<Command> {
        let built = Path::new(BUILT).join(self.name);
        Ok(match self.name {
            "hyper" => Command::new(beside("performance-hyper")?),
            "salvo" => Command::new(beside("performance-salvo")?),
            "axum" => Command::new(built.join("release/peer-axum")),
            "go" => Command::new(built.join("server")),
            "node" => {
                let mut command = Command::new("node");
                command.arg(built.join("server.js"));
                command
            }
            "fastapi" => {
                let mut command = Command::new(built.join("bin/python"));
                command.arg("benches/peers/fastapi/server.py");
                command
            }
            "faults" => Command::new(beside("salvo-app-faults")?),
            _ => Command::new(beside("salvo-app")?),
        })
    }

    /// What it is made of, from the lock files.
    ///
    /// # Errors
    /// When a lock file does not name what it should.
    pub fn versions(&self) -> anyhow::Result<Vec<String>> {
        let rust = || tool("rustc", "--version", 1).map(|it| format!("Rust {it}"));
        let peer = |file: &str| Path::new("benches/peers").join(self.name).join(file);
        let (mut versions, file, names): (Vec<String>, PathBuf, &[&str]) = match self.name {
            "hyper" => (vec![rust()?], "Cargo.lock".into(), &["hyper"]),
            "axum" => (
                vec![rust()?],
                peer("Cargo.lock"),
                &[
                    "axum",
                    "axum-tracing-opentelemetry",
                    "axum-prometheus",
                    "tracing-opentelemetry",
                    "opentelemetry-otlp",
                ],
            ),
            "go" => (
                vec![format!(
                    "Go {}",
                    tool("go", "version", 2)?.trim_start_matches("go")
                )],
                peer("go.mod"),
                &["otelhttp", "client_golang", "go.opentelemetry.io/otel/sdk"],
            ),
            "node" => (
                vec![format!(
                    "Node {}",
                    tool("node", "--version", 0)?.trim_start_matches('v')
                )],
                peer("package-lock.json"),
                &["@opentelemetry/sdk-node", "prom-client", "pino"],
            ),
            "fastapi" => (
                vec![format!("Python {}", tool("python3", "--version", 1)?)],
                peer("requirements.txt"),
                &[
                    "fastapi",
                    "uvicorn",
                    "prometheus-client",
                    "opentelemetry-sdk",
                ],
            ),
            _ => (vec![rust()?], "Cargo.lock".into(), &["salvo"]),
        };
        let lock = std::fs::read_to_string(&file).with_context(|| file.display().to_string())?;
        for name in names {
            let version =
                locked(&lock, name).with_context(|| format!("{}: {name}", file.display()))?;
            versions.push(format!("{name} {version}"));
        }
        Ok(versions)
    }
}

/// A program that was built together with this one.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    Ok(std::env::current_exe()?.with_file_name(name))
}

/// A word of what a tool says about its version.
fn tool(name: &str, ask: &str, word: usize) -> anyhow::Result<String> {
    let line = first_line(name, &[ask]).with_context(|| format!("{name} {ask}"))?;
    let word = line.split_whitespace().nth(word);
    Ok(word
        .with_context(|| format!("{name} {ask}: {line}"))?
        .to_owned())
}

/// The version of a package in a lock file: of cargo, npm, pip or Go, whose lines differ so that one look finds each.
fn locked(lock: &str, name: &str) -> Option<String> {
    let after = |start: &str| {
        let (_, rest) = lock.split_once(start)?;
        let version = rest.split(['"', ' ', '\\', '\n']).next()?;
        Some(version.trim_start_matches('v').to_owned())
    };
    after(&format!("name = \"{name}\"\nversion = \""))
        .or_else(|| {
            after(&format!(
                "\"node_modules/{name}\": {{\n      \"version\": \""
            ))
        })
        .or_else(|| after(&format!("\n{name}==")))
        .or_else(|| after(&format!("{name} v")))
}

async fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.kill_on_drop(true).status().await;
    let status = status.with_context(|| format!("{:?}", command.as_std()))?;
    if !status.success() {
        bail!("{:?} ended with {status}", command.as_std());
    }
    Ok(())
}
