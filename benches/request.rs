//! Cost of telemetry per request, without a network: the service is called as its server calls it.

use std::sync::Arc;

use criterion::{Criterion, criterion_group, criterion_main};
use http::uri::Scheme;
use hyper::service::Service as _;
use jiff::tz::TimeZone;
use opentelemetry::trace::TracerProvider;
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider};
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::http::ReqBody;
use salvo::{Router, Service, handler};
use salvo_observability::telemetry::log_line::{LogFormat, LogLine};
use salvo_observability::telemetry::metrics::Metrics;
use salvo_observability::telemetry::observe::Observe;
use salvo_observability::telemetry::propagation::Propagation;
use salvo_observability::telemetry::server_span::ServerSpan;
use tracing_subscriber::layer::SubscriberExt;

#[handler]
async fn hello() -> &'static str {
    tracing::info!("hello world");
    "hello"
}

fn bare() -> Service {
    Service::new(Router::new().get(hello))
}

fn observe() -> Observe {
    let metrics = Metrics::new("app", "1").expect("metrics");
    Observe::new(Arc::new(metrics))
}

fn traced(sampler: Sampler) -> Service {
    let provider = SdkTracerProvider::builder().with_sampler(sampler).build();
    let span = ServerSpan::new(provider.tracer("bench"), Propagation::default());
    bare().hoop(observe().with_spans(span, |_| true))
}

fn hoop(criterion: &mut Criterion) {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .build()
        .expect("runtime");
    let mut group = criterion.benchmark_group("request");
    let mut measure = |name: &str, service: Service| {
        let nowhere = SocketAddr::Unknown;
        let handler = service.hyper_handler(
            nowhere.clone(),
            nowhere,
            Scheme::HTTP,
            None,
            ConnCtrl::new(),
            None,
        );
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                let request = http::Request::get("http://127.0.0.1/")
                    .header("host", "127.0.0.1")
                    .body(ReqBody::None)
                    .expect("request");
                runtime.block_on(handler.call(request)).expect("response")
            });
        });
    };
    measure("no telemetry", bare());
    measure("metrics", bare().hoop(observe()));
    measure("metrics, span not sampled", traced(Sampler::AlwaysOff));
    measure("metrics, span sampled", traced(Sampler::AlwaysOn));
    let lines = tracing_subscriber::fmt::layer()
        .event_format(LogLine::new(LogFormat::Text, "app", TimeZone::UTC))
        .with_writer(std::io::sink);
    let logging = tracing_subscriber::registry().with(lines);
    let _guard = tracing::subscriber::set_default(logging);
    measure("metrics, span sampled, log line", traced(Sampler::AlwaysOn));
    group.finish();
}

criterion_group!(benches, hoop);
criterion_main!(benches);
