//! `lab up` gives everything that is needed to follow a request, on the ports that were asked for.

use crate::support::grpc;
use crate::support::sent;
use crate::support::up;
use std::array::from_fn;
use std::collections::BTreeSet;
use std::net::{TcpListener, TcpStream};
use std::process::Stdio;

use crate::support::up::{Lab, PORT_FLAGS, on_ports, run, unused_ports};
use crate::support::{eventually, http};
use prost::Message;
use serde_json::{Value, json};

const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";

/// Asks for a path of an instance as the caller of the trace `id`.
fn call(lab: &Lab, app: &str, path: &str, id: &str) -> u16 {
    let parent = format!("00-{id}-b7ad6b7169203331-01");
    http::request(lab.app(app), "GET", path, &[("traceparent", &parent)]).status
}

#[test]
fn every_part_answers_once_the_lab_says_that_it_is_ready() {
    let lab = Lab::start(&[]);
    for app in ["app-a", "app-b", "app-c"] {
        assert_eq!(http::get(lab.app(app), "/readyz").status, 200, "{app}");
        assert_eq!(lab.status(app)["running"], true);
        assert_eq!(lab.status(app)["restarts"], 0);
    }
    for (server, path) in [
        ("console", "/"),
        ("console", "/api/status"),
        ("console", "/metrics"),
        ("prometheus", "/-/ready"),
        ("prometheus", "/metrics"),
        ("loki", "/ready"),
        ("tempo", "/ready"),
    ] {
        assert_eq!(lab.get(server, path).status, 200, "{server} {path}");
    }
    let json = ["Content-Type: application/json"];
    let taken = lab.post("otlp_http", "/v1/traces", &json, b"{}");
    assert_eq!(taken.status, 200, "{}", taken.body);
    TcpStream::connect(lab.server("otlp_grpc")).unwrap();

    let status = lab.json("console", "/api/status", &[]);
    for server in ["prometheus", "loki", "tempo", "otlp_grpc"] {
        assert_eq!(status["servers"][server], lab.ready[server]);
    }
}

#[test]
fn a_chain_is_followed_through_traces_logs_and_metrics() {
    let lab = Lab::start(&[]);
    assert_eq!(call(&lab, "app-a", "/chain", TRACE), 200);

    let spans = eventually("the whole trace", || {
        let spans = lab.spans(TRACE);
        (spans.len() >= 7).then_some(spans)
    });
    let count = |service, kind| {
        let of = spans.iter().filter(|(name, _)| name == service);
        of.filter(|(_, span)| span["kind"] == kind).count()
    };
    assert_eq!(spans.len(), 7, "{spans:#?}");
    assert_eq!(count("app-a", "SPAN_KIND_SERVER"), 2);
    assert_eq!(count("app-a", "SPAN_KIND_CLIENT"), 3);
    assert_eq!(count("app-b", "SPAN_KIND_SERVER"), 1);
    assert_eq!(count("app-c", "SPAN_KIND_SERVER"), 1);

    for app in ["app-a", "app-b", "app-c"] {
        eventually("a line of each service with the trace id", || {
            let query = format!("{{compose_service=\"{app}\"}} |= \"trace_id={TRACE}\"");
            (!lab.entries(&query).is_empty()).then_some(())
        });
    }

    let query = "salvo_requests_duration_seconds_bucket{path=\"/chain\"}";
    eventually("an exemplar with the trace id", || {
        let params = [("query", query), ("start", "0"), ("end", "9999999999")];
        let answer = lab.json("prometheus", "/api/v1/query_exemplars", &params);
        let series = answer["data"].as_array()?.iter();
        let mut exemplars = series.flat_map(|it| it["exemplars"].as_array().unwrap());
        exemplars.find(|it| it["labels"] == json!({ "TraceID": TRACE }))?;
        Some(())
    });
}

#[test]
fn log_lines_have_exactly_the_labels_of_the_contract() {
    let lab = Lab::start(&[]);
    let all = eventually("a stream of each instance", || {
        let answer = lab.json("loki", "/loki/api/v1/series", &[]);
        let series = answer["data"].as_array()?.clone();
        (series.len() >= 3).then_some(series)
    });
    let host = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    for (labels, app) in all.iter().zip(["app-a", "app-b", "app-c"]) {
        let found = labels["host"].as_str().unwrap();
        assert!(!found.is_empty() && (host.is_empty() || host.trim() == found));
        let expected = json!({
            "compose_project": "salvo-observability",
            "compose_service": app,
            "container_name": format!("salvo-observability-{app}-1"),
            "source": "stdout",
            "host": found,
            "filename": "/dev/stdout",
            "service_name": app,
        });
        assert_eq!(*labels, expected);
    }
    assert_eq!(all.len(), 3, "{all:#?}");
}

#[test]
fn an_error_of_several_lines_is_one_entry() {
    let lab = Lab::start(&[]);
    assert_eq!(call(&lab, "app-b", "/error_test", TRACE), 500);
    let query = format!("{{compose_service=\"app-b\"}} |= \"{TRACE}\" |= \"ERROR\"");
    let entries = eventually("the error", || {
        let entries = lab.entries(&query);
        (!entries.is_empty()).then_some(entries)
    });
    assert_eq!(entries.len(), 1, "{entries:#?}");
    assert_eq!(entries[0].matches("\n  caused by: ").count(), 2);
    let torn = lab.entries("{compose_service=\"app-b\"} |~ \"^  caused by\"");
    assert_eq!(torn, Vec::<String>::new());
}

#[test]
fn log_lines_in_json_are_entries_too() {
    let lab = Lab::start(&["--log-format", "json", "--app-count", "1"]);
    assert_eq!(call(&lab, "app-a", "/error_test", TRACE), 500);
    let query = format!("{{compose_service=\"app-a\"}} | json | trace_id=\"{TRACE}\"");
    let entries = eventually("the lines of the request", || {
        let entries = lab.entries(&query);
        (!entries.is_empty()).then_some(entries)
    });
    for entry in entries {
        serde_json::from_str::<Value>(&entry).unwrap();
    }
}

#[test]
fn all_taken_ports_are_named_at_once_with_the_flags_that_move_them() {
    let held: [TcpListener; 7] = from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let ports = held.each_ref().map(|it| it.local_addr().unwrap().port());
    let ports = ports.map(|port| port.to_string());
    let output = run(&[&["--app-count", "1"], &*on_ports(&ports)].concat());
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "");
    let errors = String::from_utf8(output.stderr).unwrap();
    for (flag, port) in PORT_FLAGS.iter().zip(&ports) {
        let named = |line: &&str| line.contains(&format!("port {port},")) && line.contains(flag);
        assert_eq!(errors.lines().filter(named).count(), 1, "{errors}");
    }
}

#[test]
fn a_taken_port_of_a_later_instance_is_named_with_the_instance() {
    let [port] = unused_ports(0);
    let _held = TcpListener::bind(("127.0.0.1", port)).unwrap();
    let mut ports = from_fn(|_| "0".to_owned());
    ports[0] = (port - 1).to_string();
    let output = run(&[&["--app-count", "2"], &*on_ports(&ports)].concat());
    assert_eq!(output.status.code(), Some(1));
    let errors = String::from_utf8(output.stderr).unwrap();
    let named = format!("port {port}, for app-b: ");
    assert!(errors.contains(&named), "{errors}");
    assert!(!errors.contains("--loki-port"), "{errors}");
}

#[test]
fn bad_values_are_refused_with_the_value_and_what_would_do() {
    for (flags, expected) in [
        ("--retention 5x", "'5x' --retention 60s"),
        ("--retention 59s", "'59s' --retention 60s"),
        ("--retention 99999999999999999999h", "--retention 168h"),
        ("--retention 1€", "'1€' --retention"),
        ("--loki https://x", "'https://x' --loki http://host:port"),
        ("--loki http://x/behind", "--loki http://host:port"),
        ("--loki http://me:secret@x", "--loki http://host:port"),
        ("--prometheus http://me@x", "--prometheus http://host:port"),
        ("--tempo http://x/?a=b", "--tempo http://host:port"),
        (
            "--tempo-otlp http://me:secret@x",
            "--tempo-otlp http://host:port",
        ),
        ("--tempo localhost:3200", "--tempo http://host:port"),
        ("--tempo-otlp http://x:4317", "--tempo"),
        ("--app-count 0", "'0' --app-count 1..=26"),
        ("--app-count 27", "'27' --app-count 1..=26"),
        ("--no-apps --app-count 2", "--no-apps --app-count"),
        ("--app-port 65535", "--app-port 65535 65533"),
        ("--app-port 70000", "'70000' --app-port 65535"),
        ("--store-mib 7", "'7' --store-mib 8"),
        ("--log-format xml", "'xml' --log-format json"),
        ("--host here", "'here' --host"),
        ("--quiet --json", "--quiet --json"),
        ("--unknown", "--unknown"),
    ] {
        let output = run(&flags.split(' ').collect::<Vec<_>>());
        let errors = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(2), "{flags}: {errors}");
        assert_eq!(String::from_utf8_lossy(&output.stdout), "", "{flags}");
        for part in expected.split(' ') {
            assert!(errors.contains(part), "{flags}: {part} is not in {errors}");
        }
    }
}

/// Jobs whose targets are up.
fn jobs_up(lab: &Lab) -> BTreeSet<String> {
    let answer = lab.json("prometheus", "/api/v1/query", &[("query", "up == 1")]);
    let series = answer["data"]["result"].as_array().unwrap();
    let job = |it: &Value| it["metric"]["job"].as_str().unwrap().to_owned();
    series.iter().map(job).collect()
}

#[test]
fn any_number_of_instances_is_scraped_and_calls_each_other() {
    for (count, last) in [("1", "app-a"), ("5", "app-e")] {
        let lab = Lab::start(&["--app-count", count]);
        let apps = lab.ready["apps"].as_object().unwrap().keys();
        let mut jobs: BTreeSet<String> = apps.cloned().collect();
        assert_eq!(jobs.len().to_string(), count);
        assert!(jobs.contains(last));
        jobs.insert("prometheus".to_owned());
        eventually("all are scraped", || (jobs_up(&lab) == jobs).then_some(()));
        assert_eq!(call(&lab, last, "/chain", TRACE), 200);
        eventually("the whole trace", || {
            (lab.spans(TRACE).len() == 7).then_some(())
        });
    }
}

#[test]
fn without_instances_there_are_only_the_backends() {
    let lab = Lab::start(&["--no-apps"]);
    assert_eq!(lab.ready["apps"], json!({}));
    assert_eq!(lab.instances(), []);
    eventually("the lab itself is scraped", || {
        (jobs_up(&lab) == BTreeSet::from(["prometheus".to_owned()])).then_some(())
    });
}

#[test]
fn spans_of_a_foreign_program_are_found() {
    let lab = Lab::start(&["--no-apps"]);
    let sent = sent::spans(1, 1, 1_795_360_000_000_000_000);
    let rejected = grpc::export(lab.server("otlp_grpc"), sent).unwrap();
    assert_eq!(rejected, 0);
    let found = lab.spans(&sent::trace_id(1));
    assert_eq!(found.len(), 1);
    assert_eq!(
        (found[0].0.as_str(), &found[0].1["name"]),
        ("flood", &json!("flood"))
    );

    let sent = sent::spans(2, 1, 1_795_360_000_000_000_000).encode_to_vec();
    let header = "Content-Type: application/x-protobuf";
    let answer = lab.post("otlp_http", "/v1/traces", &[header], &sent);
    assert_eq!(answer.status, 200);
    assert_eq!(lab.spans(&sent::trace_id(2)).len(), 1);
}

#[test]
fn a_real_server_takes_the_place_of_the_embedded_one() {
    let real = Lab::start(&["--no-apps"]);
    // The ports that the embedded ones would use are taken: the lab must not want them.
    let held: [TcpListener; 7] = from_fn(|_| TcpListener::bind("127.0.0.1:0").unwrap());
    let mut ports = held
        .each_ref()
        .map(|it| it.local_addr().unwrap().port().to_string());
    ports[0] = "0".to_owned();
    ports[1] = "0".to_owned();
    let url = |name: &str| real.ready[name].as_str().unwrap();
    let mut flags = on_ports(&ports);
    flags.extend(["--loki", url("loki"), "--prometheus", url("prometheus")]);
    flags.extend(["--tempo", url("tempo"), "--tempo-otlp", url("otlp_grpc")]);
    flags.extend(["--app-count", "2"]);
    let lab = Lab::start(&flags);
    for server in ["loki", "tempo", "otlp_grpc", "prometheus"] {
        assert_eq!(lab.ready[server], real.ready[server], "{server}");
    }
    assert_eq!(lab.ready["otlp_http"], Value::Null);
    assert_eq!(call(&lab, "app-a", "/chain", TRACE), 200);
    eventually("the trace in the other Tempo", || {
        (real.spans(TRACE).len() == 7).then_some(())
    });
    for app in ["app-a", "app-b"] {
        let query = format!("{{compose_service=\"{app}\"}} |= \"{TRACE}\"");
        eventually("lines in the other Loki", || {
            (!real.entries(&query).is_empty()).then_some(())
        });
    }
    // Nothing is embedded here, so there is no store to tell of.
    let page = lab.get("console", "/metrics").body;
    assert!(!page.contains("lab_store_bytes{"), "{page}");
}

#[test]
fn the_last_lines_reach_a_real_loki() {
    let real = Lab::start(&["--no-apps"]);
    let url = real.ready["loki"].as_str().unwrap();
    let mut lab = Lab::start(&["--app-count", "1", "--loki", url]);
    assert_eq!(call(&lab, "app-a", "/items/1", TRACE), 200);
    lab.signal("TERM");
    assert_eq!(lab.wait().code(), Some(0));
    let query = format!("{{compose_service=\"app-a\"}} |= \"{TRACE}\"");
    assert_eq!(real.entries(&query).len(), 1);
}

#[test]
fn quiet_says_nothing() {
    let ports: [u16; 7] = unused_ports(1);
    let console = ([127, 0, 0, 1], ports[1]).into();
    let ports = ports.map(|port| port.to_string());
    let mut command = up::command(&[&["--quiet", "--app-count", "1"], &*on_ports(&ports)].concat());
    command.stderr(Stdio::piped());
    let mut lab = Lab::of(command);
    eventually("the lab is up", || {
        let request = b"GET /api/status HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n";
        (http::try_send(console, request)?.status == 200).then_some(())
    });
    lab.signal("TERM");
    assert_eq!(lab.wait().code(), Some(0));
    assert_eq!(lab.output(), "");
    assert_eq!(lab.errors(), "");
}

#[test]
fn a_pipe_gets_plain_text_with_every_address() {
    let ports = from_fn(|_| "0".to_owned());
    let breakable = ["--faults", "--faults-port", "0"];
    let lab = Lab::of(up::command(&[&breakable, &*on_ports(&ports)].concat()));
    let text = eventually("the last line", || {
        let text = lab.output();
        text.contains("\nopen first: ").then_some(text)
    });
    assert!(!text.contains('\x1b') && !text.contains('\r'), "{text:?}");
    let parts = "app-a,app-b,app-c,console,Prometheus API,Loki API,Tempo API,OTLP gRPC,OTLP HTTP";
    for part in parts.split(',') {
        let said = |line: &&str| line.contains(part) && line.contains(" http://127.0.0.1:");
        assert!(text.lines().any(|line| said(&line)), "{part}: {text}");
    }
    assert!(text.contains("\nCtrl-C stops\n"), "{text}");
    let console = text.lines().find(|line| line.starts_with("  console "));
    let console = console
        .and_then(|line| line.split(' ').next_back())
        .unwrap();
    assert!(
        text.ends_with(&format!("\nopen first: {console}\n")),
        "{text}"
    );
    let tries = text.lines().filter(|line| line.starts_with("  curl "));
    assert_eq!(tries.count(), 3, "{text}");
    let play = format!("\n  lab incident start slow-shop --console {console}\n");
    assert!(text.contains(&play), "{text}");
}
