//! Settings: flags win over the environment, standard variables over the seed's, and a value that
//! is not allowed ends the start with one clear line.

use crate::support::http::get;
use crate::support::service::{Service, command};

#[test]
fn a_bad_value_ends_the_start_with_code_2_and_one_line_that_says_what_is_allowed() {
    for (variable, value, allowed) in [
        ("EXPOSE_PORT", "70000", "a port from 0 to 65535"),
        ("EXPOSE_PORT", "http", "a port from 0 to 65535"),
        ("EXPOSE_HOST", "localhost:80", "an IP address"),
        ("OTLP_GRPC_ENDPOINT", "not a url", "http://host:port"),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "https://collector:4317",
            "http://host:port",
        ),
        (
            "OTEL_EXPORTER_OTLP_ENDPOINT",
            "collector:99999",
            "http://host:port",
        ),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf", "grpc"),
        ("OTEL_TRACES_EXPORTER", "jaeger", "otlp, none"),
        ("OTEL_EXPORTER_OTLP_COMPRESSION", "zstd", "gzip, none"),
        (
            "OTEL_TRACES_SAMPLER",
            "sometimes",
            "parentbased_traceidratio",
        ),
        ("OTEL_TRACES_SAMPLER_ARG", "2", "a number from 0 to 1"),
        ("OTEL_RESOURCE_ATTRIBUTES", "novalue", "key=value pairs"),
        ("OTEL_PROPAGATORS", "b3", "tracecontext, baggage, or none"),
        ("OTEL_BSP_MAX_QUEUE_SIZE", "0", "a number from 1 to"),
        (
            "OTEL_BSP_MAX_EXPORT_BATCH_SIZE",
            "4096",
            "a number from 1 to 2048",
        ),
        ("OTEL_BSP_SCHEDULE_DELAY", "-1", "milliseconds"),
        ("SPAN_SPOOL_MIB", "0", "a number from 1 to 1048576"),
        ("OTEL_SDK_DISABLED", "perhaps", "true, false"),
        (
            "TARGET_ONE_HOST",
            "http://a:1/path",
            "host, host:port or http://host:port",
        ),
        (
            "TARGET_TWO_HOST",
            "user@host",
            "host, host:port or http://host:port",
        ),
        ("LOG_FORMAT", "xml", "text, json"),
        ("RUST_LOG", "a=b=c", "a level"),
        ("TZ", "Mars/Olympus", "a time zone"),
        ("MAX_HEADER_BYTES", "10", "a number from 8192 to 1048576"),
        ("REQUEST_TIMEOUT", "forever", "milliseconds"),
        ("EXPOSE_PORT", "1\n2", "a port from 0 to 65535"),
    ] {
        let output = command().env(variable, value).output().unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{variable}={value}: {text}");
        assert_eq!(text.lines().count(), 1, "{text}");
        let start = format!("{variable} is {value:?}; allowed: ");
        assert!(text.starts_with(&start) && text.contains(allowed), "{text}");
    }
}

#[test]
fn a_port_in_use_is_named_with_the_flag_that_moves_it() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let output = command()
        .env("EXPOSE_PORT", address.port().to_string())
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text.lines().count(), 1, "{text}");
    assert!(
        text.contains(&address.to_string()) && text.contains("--expose-port"),
        "{text}"
    );
}

#[test]
fn flags_win_and_standard_variables_win_over_the_seeds() {
    let name_of = |environment: &[(&str, &str)], flags: &[&str]| {
        let mut command = command();
        command
            .env("EXPOSE_PORT", "0")
            .env("OTLP_GRPC_ENDPOINT", "")
            .envs(environment.iter().copied())
            .args(flags);
        let app = Service::spawn(command);
        let page = app.openmetrics();
        let info = page
            .lines()
            .find(|line| line.starts_with("salvo_app_info"))
            .unwrap();
        info.split('"').nth(1).unwrap().to_owned()
    };
    let seed = ("APP_NAME", "seed");
    let standard = ("OTEL_SERVICE_NAME", "standard");
    let attribute = ("OTEL_RESOURCE_ATTRIBUTES", "service.name=attribute");
    assert_eq!(name_of(&[], &[]), "app");
    assert_eq!(name_of(&[seed], &[]), "seed");
    assert_eq!(name_of(&[seed, attribute], &[]), "attribute");
    assert_eq!(name_of(&[seed, attribute, standard], &[]), "standard");
    assert_eq!(name_of(&[seed, standard], &["--app-name", "flag"]), "flag");
    assert_eq!(name_of(&[seed, ("OTEL_SERVICE_NAME", "")], &[]), "seed");
}

#[test]
fn a_collector_can_be_named_as_the_seed_did() {
    let collector = crate::support::collector::Collector::start();
    let host = collector.address.to_string();
    let app = Service::start("app", &[("OTLP_GRPC_ENDPOINT", &host)]);
    app.get("/");
    collector.wait_for(1, |_| true);
    let app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", "127.0.0.1:1"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.endpoint()),
        ],
    );
    app.get("/");
    collector.wait_for(2, |_| true);
}

#[test]
fn one_that_listens_everywhere_still_calls_itself_on_loopback() {
    let other = Service::start("b", &[]);
    let host = other.host();
    let app = Service::start(
        "app",
        &[
            ("EXPOSE_HOST", "0.0.0.0"),
            ("TARGET_ONE_HOST", &host),
            ("TARGET_TWO_HOST", &host),
        ],
    );
    let loopback = ([127, 0, 0, 1], app.address.port()).into();
    assert_eq!(get(loopback, "/chain").status, 200);
}

#[test]
fn help_names_every_variable() {
    let output = command().arg("--help").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    for variable in [
        "APP_NAME",
        "OTEL_SERVICE_NAME",
        "EXPOSE_PORT",
        "OTLP_GRPC_ENDPOINT",
        "TARGET_ONE_HOST",
        "OTEL_TRACES_SAMPLER_ARG",
        "OTEL_BSP_MAX_QUEUE_SIZE",
        "SPAN_SPOOL_DIR",
        "SPAN_SPOOL_MIB",
        "LOG_FORMAT",
        "RUST_LOG",
        "MAX_BODY_BYTES",
    ] {
        assert!(text.contains(variable), "{variable}");
    }
}

#[test]
fn a_time_zone_that_is_no_plain_file_is_refused_and_not_waited_for() {
    let folder = std::env::temp_dir().join(format!("time-zone-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let pipe = folder.join("Pipe");
    let made = std::process::Command::new("mkfifo").arg(&pipe).status();
    assert!(made.unwrap().success());
    let pipe = pipe.to_str().unwrap();
    for zone in [
        pipe.to_owned(),
        format!(":{pipe}"),
        "/dev/zero".to_owned(),
        "/".to_owned(),
        "Pipe".to_owned(),
        "../Pipe".to_owned(),
    ] {
        let output = command()
            .env("TZ", &zone)
            .env("TZDIR", &folder)
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{zone}: {text}");
        assert!(text.starts_with("TZ is "), "{text}");
    }
    std::fs::remove_dir_all(&folder).unwrap();
}

#[test]
fn a_time_zone_is_a_name_a_file_or_a_rule() {
    let folder = std::path::Path::new("/usr/share/zoneinfo");
    let mut zones = vec!["UTC", "utc", "CET-1CEST,M3.5.0,M10.5.0/3", "<+0330>-3:30"];
    // Where the database is.
    if folder.join("Europe/Berlin").is_file() {
        zones.extend([
            "Europe/Berlin",
            ":Europe/Berlin",
            "/usr/share/zoneinfo/Europe/Berlin",
        ]);
    }
    for zone in zones {
        let app = Service::start("app", &[("TZ", zone)]);
        assert_eq!(app.get("/").status, 200, "{zone}");
    }
}

#[test]
fn too_few_files_are_named_as_the_cause_with_what_to_do() {
    let binary = env!("CARGO_BIN_EXE_salvo-app");
    for files in [8, 9, 10] {
        let output = std::process::Command::new("sh")
            .args(["-c", &format!("ulimit -n {files}; exec {binary}")])
            .env_clear()
            .env("EXPOSE_PORT", "0")
            .output()
            .unwrap();
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(1), "{files}: {text}");
        assert!(text.contains("ulimit -n"), "{files}: {text}");
        assert!(!text.contains("--expose-port"), "{files}: {text}");
        assert_eq!(text.matches("Too many open files").count(), 1, "{text}");
    }
}

#[test]
fn spans_are_sent_compressed_when_that_is_asked_for() {
    let encoding = |compression: &str| {
        let collector = crate::support::collector::Collector::start();
        let app = Service::start(
            "app",
            &[
                ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
                ("OTEL_EXPORTER_OTLP_COMPRESSION", compression),
            ],
        );
        app.get("/");
        let spans = collector.wait_for(1, |_| true);
        assert_eq!(spans[0].span.name, "GET /");
        collector.header("grpc-encoding")
    };
    assert_eq!(encoding("gzip").as_deref(), Some("gzip"));
    assert_eq!(encoding("none"), None);
}

#[test]
fn headers_for_the_collector_are_sent_and_a_wrong_one_is_not_shown() {
    let collector = crate::support::collector::Collector::start();
    let app = Service::start(
        "app",
        &[
            ("OTLP_GRPC_ENDPOINT", &collector.endpoint()),
            (
                "OTEL_EXPORTER_OTLP_HEADERS",
                "Authorization=Bearer%20abc, x-scope-orgid=lab",
            ),
        ],
    );
    app.get("/");
    collector.wait_for(1, |_| true);
    assert_eq!(
        collector.header("authorization").as_deref(),
        Some("Bearer abc")
    );
    assert_eq!(collector.header("x-scope-orgid").as_deref(), Some("lab"));

    let output = command()
        .env("OTEL_EXPORTER_OTLP_HEADERS", "secret")
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{text}");
    assert!(text.starts_with("OTEL_EXPORTER_OTLP_HEADERS is "), "{text}");
    assert!(!text.contains("secret"), "{text}");
}
