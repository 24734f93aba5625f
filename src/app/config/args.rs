//! The service's flags.

use clap::Args;

/// The service's flags. Each stands for the environment variable of the same name in capitals,
/// or for the ones named, the first that is set.
#[derive(Args, Clone, Debug, Default)]
pub struct ServiceArgs {
    /// Service name [env: OTEL_SERVICE_NAME, APP_NAME] [default: app]
    #[arg(long, value_name = "NAME")]
    pub app_name: Option<String>,
    /// Address to listen on [env: EXPOSE_HOST] [default: 127.0.0.1]
    #[arg(long, value_name = "IP")]
    pub expose_host: Option<String>,
    /// Port to listen on, 0 for any free one [env: EXPOSE_PORT] [default: 8000]
    #[arg(long, value_name = "PORT")]
    pub expose_port: Option<String>,
    /// Collector that takes spans over OTLP gRPC; empty turns the export off
    /// [env: OTEL_EXPORTER_OTLP_TRACES_ENDPOINT, OTEL_EXPORTER_OTLP_ENDPOINT, OTLP_GRPC_ENDPOINT]
    /// [default: http://127.0.0.1:4317]
    #[arg(long, value_name = "URL")]
    pub otlp_grpc_endpoint: Option<String>,
    /// First host that /chain calls, host, host:port or a URL [env: TARGET_ONE_HOST]
    /// [default: 127.0.0.1:8001]
    #[arg(long, value_name = "HOST")]
    pub target_one_host: Option<String>,
    /// Second host that /chain calls [env: TARGET_TWO_HOST] [default: 127.0.0.1:8002]
    #[arg(long, value_name = "HOST")]
    pub target_two_host: Option<String>,
    /// Log line: text or json [env: LOG_FORMAT] [default: text]
    #[arg(long, value_name = "FORMAT")]
    pub log_format: Option<String>,
    /// Filter of log lines [env: RUST_LOG] [default: info]
    #[arg(long, value_name = "FILTER")]
    pub rust_log: Option<String>,
    /// Attributes of all spans, key=value,… [env: OTEL_RESOURCE_ATTRIBUTES]
    #[arg(long, value_name = "LIST")]
    pub otel_resource_attributes: Option<String>,
    /// Sampler [env: OTEL_TRACES_SAMPLER] [default: parentbased_always_on]
    #[arg(long, value_name = "NAME")]
    pub otel_traces_sampler: Option<String>,
    /// Share of traces that a ratio sampler keeps, 0 to 1 [env: OTEL_TRACES_SAMPLER_ARG]
    /// [default: 1]
    #[arg(long, value_name = "RATIO")]
    pub otel_traces_sampler_arg: Option<String>,
    /// Propagation formats: tracecontext, baggage, none [env: OTEL_PROPAGATORS]
    /// [default: tracecontext,baggage]
    #[arg(long, value_name = "LIST")]
    pub otel_propagators: Option<String>,
    /// Spans that may wait for export [env: OTEL_BSP_MAX_QUEUE_SIZE] [default: 2048]
    #[arg(long, value_name = "SPANS")]
    pub otel_bsp_max_queue_size: Option<String>,
    /// Spans sent at once [env: OTEL_BSP_MAX_EXPORT_BATCH_SIZE] [default: 512]
    #[arg(long, value_name = "SPANS")]
    pub otel_bsp_max_export_batch_size: Option<String>,
    /// Longest wait for a batch to fill, in ms [env: OTEL_BSP_SCHEDULE_DELAY] [default: 5000]
    #[arg(long, value_name = "MS")]
    pub otel_bsp_schedule_delay: Option<String>,
    /// Longest time for one export, in ms [env: OTEL_BSP_EXPORT_TIMEOUT] [default: 30000]
    #[arg(long, value_name = "MS")]
    pub otel_bsp_export_timeout: Option<String>,
    /// Folder in which spans wait that the collector does not take; each instance needs its own
    /// [env: SPAN_SPOOL_DIR]
    #[arg(long, value_name = "FOLDER")]
    pub span_spool_dir: Option<String>,
    /// Most MiB of that folder; further spans are lost [env: SPAN_SPOOL_MIB] [default: 64]
    #[arg(long, value_name = "MIB")]
    pub span_spool_mib: Option<String>,
    /// Requests answered at a time; more get 503 [env: MAX_CONCURRENT_REQUESTS] [default: 1024]
    #[arg(long, value_name = "COUNT")]
    pub max_concurrent_requests: Option<String>,
    /// Largest request head; a larger one gets 431 [env: MAX_HEADER_BYTES] [default: 16384]
    #[arg(long, value_name = "BYTES")]
    pub max_header_bytes: Option<String>,
    /// Largest request body; a larger one gets 413 [env: MAX_BODY_BYTES] [default: 65536]
    #[arg(long, value_name = "BYTES")]
    pub max_body_bytes: Option<String>,
    /// Longest time for a request, in ms; then 504 [env: REQUEST_TIMEOUT] [default: 30000]
    #[arg(long, value_name = "MS")]
    pub request_timeout: Option<String>,
    /// Longest time for one call of /chain, in ms; then 504 [env: TARGET_TIMEOUT] [default: 5000]
    #[arg(long, value_name = "MS")]
    pub target_timeout: Option<String>,
    /// How long /io_task waits, in ms [env: IO_TASK_WAIT] [default: 1000]
    #[arg(long, value_name = "MS")]
    pub io_task_wait: Option<String>,
    /// /cpu_task counts the primes below this number [env: CPU_TASK_PRIMES] [default: 400000]
    #[arg(long, value_name = "NUMBER")]
    pub cpu_task_primes: Option<String>,
    /// Host names that requests may have beside IP addresses, localhost and names without a dot: name,
    /// *.name, or * for any, separated by commas [env: ALLOWED_HOSTS]
    #[arg(long, value_name = "LIST")]
    pub allowed_hosts: Option<String>,
    /// Origins of web pages that may send requests, as http://localhost:5173, or * for any, separated
    /// by commas [env: ALLOWED_ORIGINS]
    #[arg(long, value_name = "LIST")]
    pub allowed_origins: Option<String>,
    /// Loopback address, as 127.0.0.1:8100, at which faults can be set: for learning to find them
    /// [env: FAULTS_ADDRESS]
    #[cfg(feature = "faults")]
    #[arg(long, value_name = "ADDRESS")]
    pub faults: Option<String>,
}
