//! Common parts of the metrics tests: a fixture HTTP server, the embedded server behind a real
//! listener, and a real Prometheus beside it.
#![allow(dead_code, reason = "each test binary uses a part of it")]

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use lab_backends::metrics::{
    Labels, Limits, QueryLimits, Rules, ScrapeConfig, Store, TargetSet, router,
};
use salvo::prelude::{Listener as _, Server, TcpListener};
use serde_json::Value;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// Content type of OpenMetrics.
pub const OPEN_METRICS: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What the fixture answers to one request.
pub struct Page {
    pub status: u16,
    pub content_type: &'static str,
    pub body: Vec<u8>,
    /// Waited before the answer.
    pub delay: Duration,
}

impl Page {
    pub fn open_metrics(body: impl Into<Vec<u8>>) -> Self {
        Self {
            status: 200,
            content_type: OPEN_METRICS,
            body: body.into(),
            delay: Duration::ZERO,
        }
    }
}

/// Starts an HTTP server that answers each path with what `page` makes of it; returns `host:port`.
pub async fn fixture(page: impl Fn(&str) -> Page + Send + Sync + 'static) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let page = Arc::new(page);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let page = page.clone();
            tokio::spawn(async move {
                let mut head = Vec::new();
                let mut piece = [0; 4096];
                while !head.windows(4).any(|end| end == b"\r\n\r\n") {
                    match socket.read(&mut piece).await {
                        Ok(0) | Err(_) => return,
                        Ok(length) => head.extend_from_slice(&piece[..length]),
                    }
                }
                let head = String::from_utf8_lossy(&head).into_owned();
                let path = head.split(' ').nth(1).unwrap_or("/").to_owned();
                let page = page(&path);
                tokio::time::sleep(page.delay).await;
                let top = format!(
                    "HTTP/1.1 {} X\r\nContent-Type: {}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
                    page.status,
                    page.content_type,
                    page.body.len()
                );
                let _ = socket.write_all(top.as_bytes()).await;
                let _ = socket.write_all(&page.body).await;
            });
        }
    });
    address
}

/// An HTTP client for tests.
pub struct Http {
    client: Client<HttpConnector, Full<Bytes>>,
    pub base: String,
}

impl Http {
    pub fn new(base: impl Into<String>) -> Self {
        Self {
            client: Client::builder(TokioExecutor::new()).build(HttpConnector::new()),
            base: base.into(),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Option<(StatusCode, Bytes)> {
        let response = self.client.request(request).await.ok()?;
        let status = response.status();
        let body = response.into_body().collect().await.ok()?.to_bytes();
        Some((status, body))
    }

    /// GET; `None` when nothing answers.
    pub async fn try_get(&self, path: &str) -> Option<(StatusCode, Bytes)> {
        let request = Request::get(format!("{}{path}", self.base))
            .body(Full::default())
            .unwrap();
        self.send(request).await
    }

    /// GET with parameters, JSON back.
    pub async fn get(&self, path: &str, params: &[(&str, &str)]) -> (StatusCode, Value) {
        let path = if params.is_empty() {
            path.to_owned()
        } else {
            format!("{path}?{}", form(params))
        };
        let (status, body) = self.try_get(&path).await.expect("an answer");
        let json = serde_json::from_slice(&body).unwrap_or(Value::Null);
        (status, json)
    }

    /// POST of a form, JSON back.
    pub async fn post(&self, path: &str, params: &[(&str, &str)]) -> (StatusCode, Value) {
        let (status, body) = self
            .post_raw(
                path,
                "application/x-www-form-urlencoded",
                form(params).into_bytes(),
            )
            .await;
        (status, serde_json::from_slice(&body).unwrap_or(Value::Null))
    }

    pub async fn post_raw(
        &self,
        path: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> (StatusCode, Bytes) {
        let request = Request::post(format!("{}{path}", self.base))
            .header("content-type", content_type)
            .body(Full::from(body))
            .unwrap();
        self.send(request).await.expect("an answer")
    }
}

/// Percent-encodes a form.
pub fn form(params: &[(&str, &str)]) -> String {
    let encode = |text: &str| {
        text.bytes()
            .map(|byte| match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' => {
                    char::from(byte).to_string()
                }
                other => format!("%{other:02X}"),
            })
            .collect::<String>()
    };
    params
        .iter()
        .map(|(name, value)| format!("{}={}", encode(name), encode(value)))
        .collect::<Vec<_>>()
        .join("&")
}

/// The embedded server on a port of its own.
pub struct Embedded {
    pub store: Arc<Store>,
    pub targets: Arc<TargetSet>,
    pub rules: Arc<Rules>,
    pub queries: QueryLimits,
    pub http: Http,
}

/// A series with a number.
pub fn series(name: &str, index: usize) -> Labels {
    Labels::from_pairs([("__name__", name), ("i", &index.to_string())])
}

impl Embedded {
    /// Without targets.
    pub async fn empty() -> Self {
        Self::start("scrape_configs: []", Limits::default()).await
    }

    pub async fn start(yaml: &str, limits: Limits) -> Self {
        Self::start_with(yaml, limits, QueryLimits::default()).await
    }

    pub async fn start_with(yaml: &str, limits: Limits, queries: QueryLimits) -> Self {
        Self::start_all(yaml, limits, queries, Rules::default()).await
    }

    /// Without targets, with the rules of a file that are evaluated each minute.
    pub async fn with_rules(yaml: &str) -> Self {
        let minute = Duration::from_secs(60);
        let rules = Rules::parse(
            "rules.yml",
            yaml,
            minute,
            "http://localhost:9090/prometheus",
        );
        let (limits, queries) = (Limits::default(), QueryLimits::default());
        Self::start_all("scrape_configs: []", limits, queries, rules.unwrap()).await
    }

    async fn start_all(yaml: &str, limits: Limits, queries: QueryLimits, rules: Rules) -> Self {
        let store = Arc::new(Store::new(limits));
        let targets = Arc::new(TargetSet::new(&ScrapeConfig::parse(yaml).unwrap()));
        let acceptor = TcpListener::new("127.0.0.1:0").bind().await;
        let address = acceptor.local_addr().unwrap();
        let rules = Arc::new(rules);
        let routes = router(
            store.clone(),
            targets.clone(),
            rules.clone(),
            queries.clone(),
        );
        tokio::spawn(async move { Server::new(acceptor).serve(routes).await });
        Self {
            store,
            targets,
            rules,
            queries,
            http: Http::new(format!("http://{address}")),
        }
    }

    pub async fn scrape(&self) {
        self.targets.scrape_once(&self.store).await;
    }

    /// The vector of an instant query now: labels without `job` and `instance`, and value.
    pub async fn vector(&self, query: &str) -> Vec<(String, f64)> {
        let (status, json) = self.http.get("/api/v1/query", &[("query", query)]).await;
        assert_eq!(status, 200, "{query}: {json}");
        let list = json["data"]["result"].as_array().unwrap();
        list.iter()
            .map(|item| {
                let mut metric = item["metric"].as_object().unwrap().clone();
                metric.remove("job");
                metric.remove("instance");
                let value = item["value"][1].as_str().unwrap().parse().unwrap();
                (Value::Object(metric).to_string(), value)
            })
            .collect()
    }
}

/// A real Prometheus; killed when dropped.
pub struct Real {
    child: Child,
    folder: PathBuf,
    pub http: Http,
}

impl Drop for Real {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.folder);
    }
}

/// Whether a program can be run; when it cannot, CI fails and a person's run says that it skips.
pub fn program(name: &str, variable: &str) -> Option<String> {
    let path = std::env::var(variable).unwrap_or_else(|_| name.to_owned());
    let found = Command::new(&path)
        .arg("--version")
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()
        .is_ok();
    if found {
        return Some(path);
    }
    assert!(
        std::env::var_os("CI").is_none(),
        "CI needs the program {name:?} on PATH or in {variable}"
    );
    println!("skipped: no program {name:?} on PATH or in {variable}");
    None
}

impl Real {
    /// Starts it with this configuration and waits until it is ready.
    pub async fn start(binary: &str, name: &str, yaml: &str) -> Self {
        let folder = std::env::temp_dir().join(format!("lab-{name}-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        std::fs::write(folder.join("prometheus.yml"), yaml).unwrap();
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .unwrap()
            .local_addr()
            .unwrap()
            .port();
        let child = Command::new(binary)
            .arg(format!(
                "--config.file={}",
                folder.join("prometheus.yml").display()
            ))
            .arg(format!(
                "--storage.tsdb.path={}",
                folder.join("data").display()
            ))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"))
            .arg("--enable-feature=exemplar-storage")
            .arg("--log.level=error")
            .spawn()
            .unwrap();
        let real = Self {
            child,
            folder,
            http: Http::new(format!("http://127.0.0.1:{port}")),
        };
        until("the real Prometheus is ready", async || {
            real.http
                .try_get("/-/ready")
                .await
                .is_some_and(|(status, _)| status == 200)
        })
        .await;
        real
    }
}

/// Waits until a condition holds, half a minute at most.
pub async fn until(what: &str, mut holds: impl AsyncFnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while !holds().await {
        assert!(Instant::now() < deadline, "waited in vain until {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// The time in milliseconds.
pub fn now_ms() -> i64 {
    lab_backends::metrics::now_ms()
}
