//! Spans that wait on disk for the collector: none is lost in an outage or by a kill, the bound is kept, and what is no
//! batch of spans is never sent.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::support::collector::{Collector, Mood};
use crate::support::eventually;
use crate::support::service::{Service, accounted, command};

const ON_DISK: &str = "salvo_telemetry_spans_spooled{app_name=\"app\"}";

/// A folder that is removed when it is dropped.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("spool-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        Self(path)
    }

    fn text(&self) -> &str {
        self.0.to_str().unwrap()
    }

    fn names(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        entries
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    fn batches(&self) -> Vec<PathBuf> {
        let names = self.names().into_iter();
        let batches = names.filter(|name| name.ends_with(".spans"));
        batches.map(|name| self.0.join(name)).collect()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// An address where no collector is yet.
fn nobody() -> SocketAddr {
    Collector::start().address
}

fn started(folder: &Folder, collector: SocketAddr, more: &[(&str, &str)]) -> Service {
    let endpoint = format!("http://{collector}");
    let mut environment = vec![
        ("OTLP_GRPC_ENDPOINT", &*endpoint),
        ("SPAN_SPOOL_DIR", folder.text()),
        ("OTEL_BSP_MAX_EXPORT_BATCH_SIZE", "10"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "300"),
    ];
    environment.extend(more);
    Service::start("app", &environment)
}

fn traffic(app: &Service, count: usize) -> f64 {
    let mut stream = crate::support::http::connect(app.address);
    for _ in 0..count {
        std::io::Write::write_all(&mut stream, b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").unwrap();
        let response = crate::support::http::read(&mut stream).expect("a response");
        assert_eq!(response.status, 200);
    }
    count as f64
}

fn on_disk(app: &Service, count: f64) {
    eventually(&format!("{count} spans on disk"), || {
        (app.metric(ON_DISK) == count).then_some(())
    });
}

/// The number of different spans that arrived.
fn arrived(collector: &Collector) -> f64 {
    let spans = collector.spans();
    let ids: BTreeSet<_> = spans.iter().map(|span| span.span_id()).collect();
    assert_eq!(ids.len(), spans.len(), "a span has arrived twice");
    ids.len() as f64
}

#[test]
fn an_outage_longer_than_an_export_may_take_loses_no_span() {
    let (folder, address) = (Folder::new("outage"), nobody());
    let app = started(&folder, address, &[]);
    let made = traffic(&app, 500);
    on_disk(&app, made);
    assert_eq!(app.spans("app"), [0.0; 3]);
    assert!(folder.batches().len() >= 50);

    let collector = Collector::start_at(address);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    on_disk(&app, 0.0);
    assert_eq!(arrived(&collector), made);
    assert_eq!(folder.names(), BTreeSet::from(["lock".to_owned()]));
    // Then it exports as before.
    let more = traffic(&app, 20);
    assert_eq!(accounted(&app, "app", made + more), [520.0, 0.0, 0.0]);
    let log = app.log();
    let lines = |part: &str| log.iter().filter(|line| line.contains(part)).count();
    assert_eq!(lines("spans wait on disk until the collector answers"), 1);
    assert_eq!(lines("span export works again lost=0"), 1);
}

#[test]
fn what_a_killed_instance_left_on_disk_is_sent_by_the_next() {
    let (folder, address) = (Folder::new("killed"), nobody());
    let mut app = started(&folder, address, &[]);
    let made = traffic(&app, 100);
    on_disk(&app, made);
    app.signal("KILL");
    app.wait();

    let collector = Collector::start_at(address);
    let app = started(&folder, address, &[]);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    assert_eq!(arrived(&collector), made);
    let line = app.line_with("spans of an earlier run wait on disk");
    assert!(line.contains("spans=100"), "{line}");
}

#[test]
fn asked_to_end_during_an_outage_it_leaves_its_spans_on_disk() {
    let (folder, address) = (Folder::new("ended"), nobody());
    let later = [("OTEL_BSP_SCHEDULE_DELAY", "60000")];
    let mut app = started(&folder, address, &later);
    let made = traffic(&app, 25);
    app.signal("TERM");
    assert_eq!(app.wait().code(), Some(0));
    app.line_with("spans flushed exported=0 dropped=0 failed=0 on_disk=25");

    let collector = Collector::start_at(address);
    let _next = started(&folder, address, &later);
    collector.wait_for(25, |_| true);
    assert_eq!(arrived(&collector), made);
}

#[test]
fn a_collector_that_hangs_fills_the_disk_and_not_the_queue() {
    let folder = Folder::new("hangs");
    let collector = Collector::start();
    collector.set_mood(Mood::Hold);
    let settings = [
        ("OTEL_BSP_MAX_QUEUE_SIZE", "1000"),
        ("OTEL_EXPORTER_OTLP_TIMEOUT", "60000"),
    ];
    let app = started(&folder, collector.address, &settings);
    let made = traffic(&app, 2500);
    assert_eq!(app.spans("app"), [0.0; 3]);
    collector.set_mood(Mood::Accept);
    assert_eq!(accounted(&app, "app", made), [made, 0.0, 0.0]);
    assert_eq!(arrived(&collector), made);
}

#[test]
fn a_full_spool_keeps_its_bound_and_the_oldest_spans_and_the_rest_is_counted() {
    let (folder, address) = (Folder::new("full"), nobody());
    let settings = [("SPAN_SPOOL_MIB", "1"), ("OTEL_BSP_MAX_QUEUE_SIZE", "50")];
    let app = started(&folder, address, &settings);
    let padding = "x".repeat(1000);
    let mut stream = crate::support::http::connect(app.address);
    for number in 0..900 {
        let request = format!("GET /items/{number}-{padding} HTTP/1.1\r\nHost: a\r\n\r\n");
        std::io::Write::write_all(&mut stream, request.as_bytes()).unwrap();
        crate::support::http::read(&mut stream).expect("a response");
    }
    app.line_with("the spool is full: SPAN_SPOOL_MIB is 1");
    let kept = app.metric(ON_DISK);
    let batches = folder.batches();
    let in_name = |path: &PathBuf| {
        let name = path.file_name().unwrap().to_str().unwrap();
        let spans = name.split(['-', '.']).nth(1).unwrap();
        spans.parse::<f64>().unwrap()
    };
    assert_eq!(batches.iter().map(in_name).sum::<f64>(), kept);
    let sizes = batches
        .iter()
        .map(|it| it.metadata().unwrap().len().div_ceil(4096) * 4096);
    let bytes: u64 = sizes.sum();
    assert!((900 << 10..=1 << 20).contains(&bytes), "{bytes}");
    let [exported, dropped, failed] = app.spans("app");
    assert_eq!((exported, failed), (0.0, 0.0));
    // What is neither on disk nor in the queue, which has a batch more while one could not be written.
    let least = 900.0 - kept - 60.0;
    assert!((least..=least + 10.0).contains(&dropped), "{dropped}");

    let collector = Collector::start_at(address);
    let [exported, dropped, failed] = accounted(&app, "app", 900.0);
    assert_eq!((exported + dropped, failed), (900.0, 0.0));
    assert_eq!(arrived(&collector), exported);
    let spans = collector.spans();
    let numbers = spans.iter().map(|span| {
        let path = span.attribute("url.path").unwrap();
        let number = path["/items/".len()..].split('-').next().unwrap();
        number.parse::<u32>().unwrap()
    });
    let oldest: BTreeSet<u32> = numbers.filter(|it| *it < 100).collect();
    assert_eq!(oldest, (0..100).collect());
}

#[test]
fn on_a_full_disk_spans_are_lost_and_counted_as_without_a_spool() {
    let (folder, address) = (Folder::new("disk"), nobody());
    // No file may have a byte: each write fails, as on a full disk.
    let program = env!("CARGO_BIN_EXE_salvo-app");
    let mut shell = Command::new("sh");
    shell
        .args(["-c", &format!("trap '' XFSZ; ulimit -f 0; exec {program}")])
        .env_clear()
        .env("EXPOSE_PORT", "0")
        .env("OTLP_GRPC_ENDPOINT", format!("http://{address}"))
        .env("SPAN_SPOOL_DIR", folder.text())
        .env("OTEL_BSP_SCHEDULE_DELAY", "50")
        .env("OTEL_EXPORTER_OTLP_TIMEOUT", "300");
    let app = Service::spawn(shell);
    let made = traffic(&app, 100);
    assert_eq!(accounted(&app, "app", made), [0.0, 0.0, made]);
    assert_eq!(app.metric(ON_DISK), 0.0);
    assert_eq!(folder.names(), BTreeSet::from(["lock".to_owned()]));
    app.line_with("spans cannot be kept on disk");

    let collector = Collector::start_at(address);
    eventually("exporting resumes", || {
        traffic(&app, 1);
        (!collector.spans().is_empty()).then_some(())
    });
}

#[test]
fn spans_that_the_collector_refuses_for_good_do_not_wait_on_disk() {
    let folder = Folder::new("refused");
    let collector = Collector::start();
    collector.set_mood(Mood::Refuse);
    let app = started(&folder, collector.address, &[]);
    let made = traffic(&app, 100);
    assert_eq!(accounted(&app, "app", made), [0.0, 0.0, made]);
    assert_eq!(folder.batches(), Vec::<PathBuf>::new());
}

#[test]
fn what_is_damaged_or_foreign_is_never_sent_and_stays() {
    let (folder, address) = (Folder::new("damaged"), nobody());
    let mut app = started(&folder, address, &[("OTEL_BSP_SCHEDULE_DELAY", "60000")]);
    traffic(&app, 50);
    on_disk(&app, 50.0);
    app.signal("KILL");
    app.wait();

    let batches = folder.batches();
    assert_eq!(batches.len(), 5);
    let bytes = std::fs::read(&batches[1]).unwrap();
    std::fs::write(&batches[1], &bytes[..bytes.len() / 2]).unwrap();
    let mut bytes = std::fs::read(&batches[2]).unwrap();
    let last = bytes.len() - 1;
    bytes[last] ^= 1;
    std::fs::write(&batches[2], bytes).unwrap();
    std::fs::write(&batches[4], []).unwrap();
    let foreign = ["notes.txt", "99999999999999999999-1.spans", "1-1.spans"];
    for name in foreign {
        std::fs::write(folder.0.join(name), "mine").unwrap();
    }
    let link = "00000000000000000000-1.spans";
    std::os::unix::fs::symlink("notes.txt", folder.0.join(link)).unwrap();
    std::fs::create_dir(folder.0.join("folder")).unwrap();
    let unfinished = folder.0.join("00000000000000000009-10.spans.unfinished");
    std::fs::write(&unfinished, "half").unwrap();

    let collector = Collector::start_at(address);
    let app = started(&folder, address, &[]);
    assert_eq!(accounted(&app, "app", 50.0), [20.0, 0.0, 30.0]);
    assert_eq!(arrived(&collector), 20.0);
    on_disk(&app, 0.0);
    let left = folder.names();
    let damaged = left
        .iter()
        .filter(|name| name.ends_with(".spans.unreadable"));
    assert_eq!(damaged.count(), 3, "{left:?}");
    for name in foreign.into_iter().chain([link, "folder"]) {
        assert!(left.contains(name), "{name}: {left:?}");
    }
    assert!(!unfinished.exists());
    assert_eq!(left.len(), 3 + 5 + 1, "{left:?}");
    app.line_with("cannot be read");
    let line = app.line_with("are not its own and are left alone");
    assert!(line.contains("files=5"), "{line}");
}

#[test]
fn two_instances_cannot_share_a_folder() {
    let folder = Folder::new("shared");
    let _first = started(&folder, nobody(), &[]);
    let line = refused(&folder.0);
    assert!(
        line.contains("another instance uses")
            && line.contains(folder.text())
            && line.contains("SPAN_SPOOL_DIR"),
        "{line}"
    );
}

#[test]
fn a_folder_that_cannot_be_used_ends_the_start() {
    let folder = Folder::new("file");
    std::fs::create_dir(&folder.0).unwrap();
    let file = folder.0.join("file");
    std::fs::write(&file, "").unwrap();
    for path in [&*file, &file.join("below"), Path::new("/proc/spool")] {
        let line = refused(path);
        let start = format!("cannot keep spans in {} (SPAN_SPOOL_DIR", path.display());
        assert!(line.starts_with(&start), "{line}");
    }
}

#[test]
fn a_lock_that_is_no_plain_file_ends_the_start() {
    let folder = Folder::new("lock");
    std::fs::create_dir(&folder.0).unwrap();
    let lock = folder.0.join("lock");
    let elsewhere = folder.0.join("elsewhere");
    std::os::unix::fs::symlink(&elsewhere, &lock).unwrap();
    let line = refused(&folder.0);
    assert!(line.contains("`lock` in it is no plain file"), "{line}");
    assert!(!elsewhere.exists());
    std::fs::remove_file(&lock).unwrap();
    // A pipe would keep the start waiting.
    let made = std::process::Command::new("mkfifo").arg(&lock).status();
    assert!(made.unwrap().success());
    let line = refused(&folder.0);
    assert!(line.contains("`lock` in it is no plain file"), "{line}");
}

/// The one line with which the start ends.
fn refused(folder: &Path) -> String {
    let output = command()
        .env("EXPOSE_PORT", "0")
        .env("SPAN_SPOOL_DIR", folder)
        .output()
        .unwrap();
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}
