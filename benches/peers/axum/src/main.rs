//! The routes of the speed report on axum, with the crates that people usually take for telemetry: spans by
//! `axum-tracing-opentelemetry` and `tracing-opentelemetry`, metrics by `axum-prometheus`, lines by
//! `tracing-subscriber`. Prints its address.

use std::net::SocketAddr;
use std::sync::Arc;

use anyhow::Context as _;
use axum::extract::State;
use axum::http::StatusCode;
use axum::routing::get;
use axum::{Json, Router};
use axum_prometheus::PrometheusMetricLayer;
use axum_tracing_opentelemetry::middleware::OtelAxumLayer;
use axum_tracing_opentelemetry::tracing_opentelemetry_instrumentation_sdk::find_current_trace_id;
use opentelemetry::trace::TracerProvider;
use opentelemetry_http::HeaderInjector;
use opentelemetry_otlp::SpanExporter;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::SdkTracerProvider;
use serde_json::{Value, json};
use tracing::{Instrument, Span, error, info, info_span};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{EnvFilter, Layer};

/// The client, and the URLs that `/chain` calls.
struct Chain {
    client: reqwest::Client,
    urls: [String; 3],
}

async fn root() -> Json<Value> {
    info!(trace_id = find_current_trace_id(), "hello world");
    Json(json!({"Hello": "World"}))
}

async fn io_task() -> Json<&'static str> {
    info!(trace_id = find_current_trace_id(), "io task");
    Json("IO bound task finish!")
}

async fn cpu_task() -> Json<Value> {
    info!(trace_id = find_current_trace_id(), "cpu task");
    Json(json!({"primes": 0}))
}

async fn chain(State(chain): State<Arc<Chain>>) -> Result<Json<Value>, StatusCode> {
    for url in &chain.urls {
        call(&chain.client, url).await.map_err(|failure| {
            error!("{failure:#}");
            StatusCode::BAD_GATEWAY
        })?;
    }
    info!(trace_id = find_current_trace_id(), "chain finished");
    Ok(Json(json!({"path": "/chain"})))
}

async fn call(client: &reqwest::Client, url: &str) -> anyhow::Result<()> {
    let span = info_span!(
        "GET",
        otel.kind = "client",
        http.request.method = "GET",
        url.full = url,
        http.response.status_code = tracing::field::Empty,
    );
    async {
        let mut request = client.get(url).build()?;
        let context = Span::current().context();
        opentelemetry::global::get_text_map_propagator(|propagator| {
            propagator.inject_context(&context, &mut HeaderInjector(request.headers_mut()));
        });
        let response = client.execute(request).await?.error_for_status()?;
        Span::current().record("http.response.status_code", response.status().as_u16());
        response.bytes().await?;
        Ok(())
    }
    .instrument(span)
    .await
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    // The exporter and the provider read OTEL_EXPORTER_OTLP_ENDPOINT and OTEL_SERVICE_NAME.
    let exporter = SpanExporter::builder().with_tonic().build()?;
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .build();
    opentelemetry::global::set_text_map_propagator(TraceContextPropagator::new());
    // The exporter's own requests are no spans.
    let filter = || EnvFilter::new("info,otel::tracing=trace,h2=off,hyper=off,tonic=off");
    tracing_subscriber::registry()
        .with(
            tracing_opentelemetry::layer()
                .with_tracer(provider.tracer("peer-axum"))
                .with_filter(filter()),
        )
        .with(
            tracing_subscriber::fmt::layer()
                .json()
                .with_filter(filter()),
        )
        .try_init()?;

    let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0))).await?;
    let own = listener.local_addr()?;
    let target = |name: &str| std::env::var(name).with_context(|| name.to_owned());
    let chain_state = Arc::new(Chain {
        client: reqwest::Client::new(),
        urls: [
            format!("http://{own}/"),
            format!("http://{}/io_task", target("TARGET_ONE_HOST")?),
            format!("http://{}/cpu_task", target("TARGET_TWO_HOST")?),
        ],
    });
    println!("{own}");
    let (metrics, page) = PrometheusMetricLayer::pair();
    let routes = Router::new()
        .route("/", get(root))
        .route("/io_task", get(io_task))
        .route("/cpu_task", get(cpu_task))
        .route("/chain", get(chain))
        .with_state(chain_state)
        .layer(OtelAxumLayer::default())
        .layer(metrics)
        .route("/metrics", get(async move || page.render()));
    axum::serve(listener, routes).await?;
    Ok(())
}
