//! However the lab or an instance ends: what runs is what should, and nothing is left behind.
#![cfg(target_os = "linux")]

use crate::support::up;
use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use crate::support::up::{Lab, Process};
use crate::support::{eventually, http};
use serde_json::json;

/// Waits until none of the processes is left and nothing listens any more.
fn all_gone(processes: &[Process], addresses: &[SocketAddr]) {
    for process in processes {
        eventually("an instance ends", || (!process.runs()).then_some(()));
    }
    for address in addresses {
        assert!(TcpStream::connect(address).is_err(), "{address} listens");
    }
}

/// Leaves an instance with a request that takes a second.
fn busy(app: SocketAddr) -> TcpStream {
    let mut stream = http::connect(app);
    let request = format!("GET /io_task HTTP/1.1\r\nHost: {app}\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    eventually("the request is being worked on", || {
        let page = http::get(app, "/metrics").body;
        let of_task = |line: &&str| line.contains("/io_task") && line.ends_with(" 1");
        let mut lines = page.lines().filter(of_task);
        lines.find(|line| line.starts_with("salvo_requests_in_progress{"))?;
        Some(())
    });
    stream
}

#[test]
fn asked_to_stop_it_leaves_nothing_behind() {
    for signal in ["TERM", "INT"] {
        let mut lab = Lab::start(&[]);
        let (processes, addresses) = (lab.instances(), lab.addresses());
        assert_eq!((processes.len(), addresses.len()), (3, 9));
        lab.signal(signal);
        assert_eq!(lab.wait().code(), Some(0), "{signal}");
        for process in &processes {
            assert!(!process.runs(), "{signal}: {process:?}");
        }
        all_gone(&processes, &addresses);
    }
}

#[test]
fn a_running_request_is_answered_before_it_stops() {
    let mut lab = Lab::start(&["--app-count", "1"]);
    let mut request = busy(lab.app("app-a"));
    lab.signal("INT");
    let answer = http::read(&mut request).unwrap();
    assert_eq!(answer.status, 200);
    assert_eq!(lab.wait().code(), Some(0));
}

#[test]
fn a_second_interrupt_does_not_wait_for_a_running_request() {
    let mut lab = Lab::start(&["--app-count", "1"]);
    let (processes, addresses) = (lab.instances(), lab.addresses());
    // Stopped, it works on its request for ever.
    processes[0].signal("STOP");
    lab.signal("INT");
    eventually("the first one is heard", || lab.messages("stopping").pop());
    assert!(lab.runs());
    lab.signal("INT");
    assert_eq!(lab.wait().code(), Some(130));
    all_gone(&processes, &addresses);
}

#[test]
fn killed_it_takes_its_instances_along() {
    let mut lab = Lab::start(&[]);
    let (processes, addresses) = (lab.instances(), lab.addresses());
    assert_eq!(processes.len(), 3);
    lab.signal("KILL");
    lab.wait();
    all_gone(&processes, &addresses);
}

#[test]
fn a_crashed_instance_is_started_again_and_that_is_said() {
    let lab = Lab::start(&[]);
    let before = lab.instance("app-b").unwrap();
    before.signal("KILL");
    let said = eventually("the crash is said", || lab.messages("app-b ended").pop());
    assert!(said.contains("signal: 9"), "{said}");
    eventually("the crash is on the page", || {
        let status = lab.status("app-b");
        (status["restarts"] == 1 && status["running"] == true).then_some(())
    });
    eventually("another process answers", || {
        let answer = http::try_send(
            lab.app("app-b"),
            b"GET /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n",
        );
        (answer?.status == 200).then_some(())
    });
    assert_ne!(lab.instance("app-b"), Some(before));
    // Its log still comes in.
    let query = "{compose_service=\"app-b\"} |= \"ready on\"";
    eventually("the lines of both starts", || {
        (lab.entries(query).len() == 2).then_some(())
    });
    for other in ["app-a", "app-c"] {
        assert_eq!(lab.status(other)["restarts"], 0);
    }
    assert_eq!(http::get(lab.app("app-a"), "/chain").status, 200);
}

#[test]
fn each_crash_in_a_row_makes_it_wait_longer() {
    let mut lab = Lab::start(&["--app-count", "1"]);
    for crashes in 1..=4 {
        let process = eventually("it runs", || lab.instance("app-a"));
        process.signal("KILL");
        eventually("the crash is said", || {
            (lab.messages("app-a ended").len() == crashes).then_some(())
        });
    }
    let pauses: Vec<u64> = lab
        .messages("app-a ended")
        .iter()
        .map(|text| {
            let (_, rest) = text.split_once("again in ").unwrap();
            rest.strip_suffix(" ms").unwrap().parse().unwrap()
        })
        .collect();
    assert_eq!(pauses, [250, 500, 1000, 2000]);
    assert_eq!(lab.status("app-a")["running"], false);
    // While it waits there is nothing to wait for.
    lab.signal("TERM");
    assert_eq!(lab.wait().code(), Some(0));
    assert_eq!(lab.messages("app-a ended").len(), 4);
}

#[test]
fn an_instance_that_cannot_start_says_why_and_the_lab_can_be_stopped() {
    let mut lab = Lab::spawn(&["--app-count", "1"], &[("OTEL_TRACES_SAMPLER", "some")]);
    let said = eventually("why it ended", || lab.messages("app-a ended").pop());
    assert!(said.contains("OTEL_TRACES_SAMPLER is \"some\""), "{said}");
    lab.signal("INT");
    assert_eq!(lab.wait().code(), Some(0));
    assert!(lab.events().iter().all(|event| event["event"] != "ready"));
    assert_eq!(lab.instances(), []);
}

#[test]
fn whoever_reads_its_output_may_go_away() {
    use std::process::{Command, Stdio};
    let ports = std::array::from_fn(|_| "0".to_owned());
    let flags = up::on_ports(&ports);
    let mut child = Command::new(env!("CARGO_BIN_EXE_lab"))
        .args(["up", "--app-count", "1"])
        .args(flags)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let instance = eventually("its instance starts", || up::instances_of(child.id()).pop());
    let sent = Command::new("sh")
        .args(["-c", &format!("kill -TERM {}", child.id())])
        .status();
    assert!(sent.unwrap().success());
    let status = eventually("it ends", || child.try_wait().unwrap());
    assert_eq!(status.code(), Some(0));
    all_gone(&[instance], &[]);
}

#[test]
fn the_lab_says_that_it_stops() {
    let mut lab = Lab::start(&["--no-apps"]);
    lab.signal("TERM");
    assert_eq!(lab.wait().code(), Some(0));
    let last = lab.events().pop().unwrap();
    assert_eq!(
        last,
        json!({"event": "message", "text": "stopping; Ctrl-C again kills"})
    );
}

#[test]
fn what_a_shell_sets_for_other_programs_switches_no_pillar_off() {
    let hostile = [
        ("RUST_LOG", "off"),
        ("OTEL_SDK_DISABLED", "true"),
        ("OTEL_TRACES_EXPORTER", "none"),
        ("OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"),
        ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:1"),
        ("OTEL_SERVICE_NAME", "other"),
        ("OTEL_RESOURCE_ATTRIBUTES", "service.name=other"),
    ];
    let lab = Lab::start_with(&["--app-count", "1"], &hostile);
    let app = lab.app("app-a");
    assert_eq!(crate::support::http::get(app, "/items/1").status, 200);
    let stored = |store: &str, kind: &str| {
        lab.metric(&format!(
            "lab_store_items{{kind=\"{kind}\",store=\"{store}\"}}"
        ))
    };
    eventually("a span and lines", || {
        (stored("traces", "span") > 0.0 && stored("logs", "entry") > 0.0).then_some(())
    });
}
