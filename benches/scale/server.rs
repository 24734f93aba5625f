//! Processes that are measured: an embedded server, or a real one with the lab's configuration.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::client::Client;
use crate::workload::Signal;

/// Most time until a server is ready.
const START: Duration = Duration::from_secs(90);

/// What is started.
#[derive(Clone, Debug)]
pub enum Program {
    Embedded,
    Real { path: PathBuf, version: String },
}

impl Program {
    /// The program of a real server, with the version that is named or that it tells.
    pub fn real(path: &Path, version: Option<&str>) -> anyhow::Result<Self> {
        let told = Command::new(path).arg("--version").output();
        let told = told.with_context(|| format!("{} does not start", path.display()))?;
        let text = [told.stdout, told.stderr].concat();
        let text = String::from_utf8_lossy(&text).into_owned();
        // A build without a release's stamp tells none.
        let told = text
            .split_whitespace()
            .skip_while(|word| *word != "version")
            .nth(1)
            .filter(|word| word.starts_with(|first: char| first.is_ascii_digit()));
        let version = version.or(told);
        Ok(Self::Real {
            path: path.to_owned(),
            version: version.unwrap_or("of unknown version").to_owned(),
        })
    }
}

/// Resident bytes of a process.
pub fn resident(process: u32) -> anyhow::Result<u64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.context("no VmRSS")?.parse::<u64>()? * 1024)
}

/// A running server. It ends when dropped.
pub struct Server {
    child: Child,
    /// The API that answers queries.
    pub api: String,
    /// Where the data goes.
    pub ingest: String,
    embedded: Option<BufReader<std::process::ChildStdout>>,
    folder: Option<PathBuf>,
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        if let Some(folder) = &self.folder {
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

impl Server {
    pub async fn start(program: &Program, signal: Signal, client: &Client) -> anyhow::Result<Self> {
        match program {
            Program::Embedded => Self::embedded(signal),
            Program::Real { path, .. } => Self::real(path, signal, client).await,
        }
    }

    fn embedded(signal: Signal) -> anyhow::Result<Self> {
        let mut child = Command::new(std::env::current_exe()?)
            .args(["serve", signal.name()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let mut out = BufReader::new(child.stdout.take().context("no output")?);
        let mut line = String::new();
        out.read_line(&mut line)?;
        let url = format!("http://{}", line.trim());
        Ok(Self {
            child,
            api: url.clone(),
            ingest: url + signal.path(),
            embedded: Some(out),
            folder: None,
        })
    }

    async fn real(path: &Path, signal: Signal, client: &Client) -> anyhow::Result<Self> {
        let folder =
            std::env::temp_dir().join(format!("scale-{}-{}", signal.name(), std::process::id()));
        std::fs::create_dir_all(&folder)?;
        let (port, grpc, otlp_grpc, otlp) =
            (free_port()?, free_port()?, free_port()?, free_port()?);
        let mut command = Command::new(path);
        let data = folder.join("data");
        let mut ingest = format!("http://127.0.0.1:{port}{}", signal.path());
        match signal {
            Signal::Samples => {
                let config = folder.join("prometheus.yml");
                std::fs::write(&config, "scrape_configs: []\n")?;
                command
                    .arg(format!("--config.file={}", config.display()))
                    .arg(format!("--storage.tsdb.path={}", data.display()))
                    .arg(format!("--web.listen-address=127.0.0.1:{port}"))
                    .args(["--web.enable-remote-write-receiver", "--log.level=error"]);
            }
            Signal::Lines => {
                command
                    .args(["-config.expand-env=true", "-config.file=etc/loki/loki.yaml"])
                    .args([
                        "-distributor.ingestion-rate-limit-mb=10000",
                        "-distributor.ingestion-burst-size-mb=10000",
                    ])
                    .args([
                        "-ingester.per-stream-rate-limit=10GB",
                        "-ingester.per-stream-rate-limit-burst=10GB",
                    ])
                    .arg("-log.level=error")
                    .env("LAB_LOKI_PORT", port.to_string())
                    .env("LAB_LOKI_GRPC_PORT", grpc.to_string())
                    .env("LAB_LOKI_PATH", &data);
            }
            Signal::Spans => {
                // Without limits of ingest, and without the series that Tempo makes of spans: the lab makes none.
                let config = std::fs::read_to_string("etc/tempo/tempo.yaml")?
                    .replace("processors: [service-graphs, span-metrics, local-blocks]", "processors: []")
                    .replace(
                        "\n  defaults:\n",
                        "\n  defaults:\n    ingestion:\n      rate_limit_bytes: 10000000000\n      burst_size_bytes: 10000000000\n      max_traces_per_user: 100000000\n",
                    );
                let file = folder.join("tempo.yaml");
                std::fs::write(&file, config)?;
                command
                    .arg("-config.expand-env=true")
                    .arg(format!("-config.file={}", file.display()))
                    .arg("-log.level=error")
                    .env("LAB_TEMPO_PORT", port.to_string())
                    .env("LAB_TEMPO_GRPC_PORT", grpc.to_string())
                    .env("LAB_OTLP_GRPC_PORT", otlp_grpc.to_string())
                    .env("LAB_OTLP_HTTP_PORT", otlp.to_string())
                    .env("LAB_TEMPO_PATH", &data);
                ingest = format!("http://127.0.0.1:{otlp}{}", signal.path());
            }
        }
        let log = std::fs::File::create(folder.join("log"))?;
        let child = command
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()?;
        let mut server = Self {
            child,
            api: format!("http://127.0.0.1:{port}"),
            ingest,
            embedded: None,
            folder: Some(folder.clone()),
        };
        let ready = match signal {
            Signal::Samples => format!("{}/-/ready", server.api),
            _ => format!("{}/ready", server.api),
        };
        let started = std::time::Instant::now();
        while client.get(&ready).await.is_err() {
            if server.child.try_wait()?.is_some() || started.elapsed() > START {
                let log = std::fs::read_to_string(folder.join("log"))?;
                bail!("{} does not become ready:\n{log}", path.display());
            }
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        Ok(server)
    }

    /// Resident bytes of the process.
    pub fn resident(&self) -> anyhow::Result<u64> {
        resident(self.child.id())
    }

    /// Items that it holds; a real server does not tell.
    pub fn held(&mut self) -> anyhow::Result<Option<u64>> {
        let (Some(out), Some(input)) = (&mut self.embedded, &mut self.child.stdin) else {
            return Ok(None);
        };
        input.write_all(b"\n")?;
        input.flush()?;
        let mut line = String::new();
        out.read_line(&mut line)?;
        Ok(Some(line.trim().parse()?))
    }
}
