//! The console's files, dashboards and data sources, on the port that a browser opens.

use crate::support::up;
use std::collections::BTreeSet;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use crate::support::http::{self, Response};
use crate::support::up::{Lab, run};
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use regex::Regex;
use serde_json::{Value, json};

/// A file of the sources.
fn source(path: &str) -> Vec<u8> {
    fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join(path)).unwrap()
}

fn get(at: SocketAddr, path: &str, headers: &[(&str, &str)]) -> Response {
    http::request(at, "GET", path, headers)
}

#[test]
fn each_view_is_the_page_and_each_file_has_its_type() {
    let lab = Lab::start(&["--no-apps"]);
    let page = String::from_utf8(source("console/index.html")).unwrap();
    for view in [
        "/",
        "/d/any",
        "/d/any/its-title",
        "/traces",
        "/traces/0af7",
        "/traces/compare",
        "/services",
        "/logs",
        "/explore",
        "/map",
        "/alerts",
        "/incidents",
        "/traffic",
    ] {
        for view in [view.to_owned(), format!("{view}?from=now-5m&var-app=a%2Fb")] {
            let answer = lab.get("console", &view);
            assert_eq!((answer.status, &answer.body), (200, &page), "{view}");
            assert_eq!(
                answer.header("content-type"),
                Some("text/html; charset=utf-8")
            );
        }
    }
    for (file, expected) in [
        ("main.js", "text/javascript; charset=utf-8"),
        ("style.css", "text/css; charset=utf-8"),
        ("icon.svg", "image/svg+xml"),
        (
            "vendor/uplot/uPlot.esm.js",
            "text/javascript; charset=utf-8",
        ),
        ("vendor/uplot/LICENSE", "application/octet-stream"),
    ] {
        let answer = lab.get("console", &format!("/assets/{file}"));
        assert_eq!(answer.status, 200, "{file}");
        assert_eq!(answer.bytes, source(&format!("console/{file}")), "{file}");
        assert_eq!(answer.header("content-type"), Some(expected), "{file}");
    }
}

/// Files of a folder and of those in it, but for the types, which are not served.
fn files(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path());
    entries
        .flat_map(|path| match path.is_dir() {
            true => files(&path),
            false => vec![path],
        })
        .filter(|path| !path.to_string_lossy().ends_with(".d.ts"))
        .collect()
}

/// A file without the lines that are comments and nothing else.
fn without_comments(text: &str) -> String {
    let mut inside = false;
    let code = text.lines().filter(|line| {
        let line = line.trim();
        let whole = inside || line.starts_with("/*");
        inside = whole && !line.ends_with("*/");
        !whole && !line.starts_with("//")
    });
    code.collect::<Vec<_>>().join("\n")
}

/// Bytes of a file as it is sent, compressed for itself.
fn travelling(path: &Path) -> usize {
    let text = without_comments(&fs::read_to_string(path).unwrap());
    let mut compressed = GzEncoder::new(Vec::new(), Compression::best());
    compressed.write_all(text.as_bytes()).unwrap();
    compressed.finish().unwrap().len()
}

/// Adds a module and all that it imports, before it runs or later. Views are imported when they are opened.
fn add_with_imports(module: &Path, found: &mut BTreeSet<PathBuf>) {
    if !found.insert(module.to_owned()) {
        return;
    }
    let text = fs::read_to_string(module).unwrap();
    let first = Regex::new(r#"(?m)^(?:import|export)\b[^;]*?from "(\.[^"]+\.js)""#).unwrap();
    let later = Regex::new(r#"\bimport\("(\.[^"]+\.js)"\)"#).unwrap();
    let later = later
        .captures_iter(&text)
        .filter(|_| !module.ends_with("console/main.js"));
    for import in first.captures_iter(&text).chain(later) {
        let path = module.parent().unwrap().join(&import[1]);
        add_with_imports(&path.canonicalize().unwrap(), found);
    }
}

#[test]
fn what_travels_for_a_view_is_at_most_50_kb_and_comments_cost_nothing() {
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
    let main = fs::read_to_string(console.join("main.js")).unwrap();
    let views = Regex::new(r#"import\("(\./[^"]+\.js)"\)"#).unwrap();
    let is_own = |path: &PathBuf| !path.starts_with(console.join("vendor"));
    let all: Vec<PathBuf> = files(&console).into_iter().filter(is_own).collect();
    let mut opened = 0;
    for view in views.captures_iter(&main) {
        let mut modules = BTreeSet::new();
        add_with_imports(&console.join("main.js"), &mut modules);
        add_with_imports(
            &console.join(&view[1]).canonicalize().unwrap(),
            &mut modules,
        );
        let modules = modules.into_iter().filter(is_own);
        // The page and its styles are the same for each view.
        let others = all
            .iter()
            .filter(|path| path.extension() != Some("js".as_ref()));
        let bytes: usize = modules.map(|path| travelling(&path)).sum::<usize>()
            + others.map(|path| travelling(path)).sum::<usize>();
        assert!(bytes <= 50_000, "{}: {bytes} bytes", &view[1]);
        assert!(
            bytes > 10_000,
            "{}: {bytes} bytes, imports are missed",
            &view[1]
        );
        opened += 1;
    }
    assert!(opened >= 8, "{opened} views");
    let bytes: usize = all.iter().map(|path| travelling(path)).sum();
    assert!(bytes <= 100_000, "all together: {bytes} bytes");
}

#[test]
fn every_file_is_served_but_for_the_types_of_the_editor() {
    let lab = Lab::start(&["--no-apps"]);
    let console = Path::new(env!("CARGO_MANIFEST_DIR")).join("console");
    for file in files(&console) {
        let name = file.strip_prefix(&console).unwrap().to_str().unwrap();
        let answer = lab.get("console", &format!("/assets/{name}"));
        assert_eq!(answer.bytes, fs::read(&file).unwrap(), "{name}");
    }
    assert_eq!(lab.get("console", "/assets/types.d.ts").status, 404);
}

#[test]
fn a_file_is_sent_compressed_and_only_once() {
    let lab = Lab::start(&["--no-apps"]);
    let at = lab.server("console");
    let path = "/assets/vendor/uplot/uPlot.esm.js";
    let plain = get(at, path, &[]);
    assert_eq!(plain.header("content-encoding"), None);
    let gzip = ("Accept-Encoding", "gzip, deflate, br");
    for _ in 0..2 {
        let compressed = get(at, path, &[gzip]);
        assert_eq!(compressed.header("content-encoding"), Some("gzip"));
        assert!(compressed.bytes.len() * 2 < plain.bytes.len());
        let mut content = Vec::new();
        GzDecoder::new(&*compressed.bytes)
            .read_to_end(&mut content)
            .unwrap();
        assert_eq!(content, plain.bytes);
    }

    let tag = |headers: &[(&str, &str)]| {
        let answer = get(at, path, headers);
        assert_eq!(answer.header("vary"), Some("Accept-Encoding"));
        assert_eq!(answer.header("cache-control"), Some("no-cache"));
        answer.header("etag").unwrap().to_owned()
    };
    let (one, other) = (tag(&[]), tag(&[gzip]));
    assert_ne!(one, other, "other bytes, another strong tag");
    for (known, expected) in [
        (one.clone(), 304),
        (format!("\"a\", {one}"), 304),
        (format!("W/{one}"), 304),
        ("*".to_owned(), 304),
        (other, 200),
        ("\"a\"".to_owned(), 200),
        (String::new(), 200),
    ] {
        let answer = get(at, path, &[("If-None-Match", &known)]);
        assert_eq!(answer.status, expected, "{known}");
        assert_eq!(answer.bytes.is_empty(), expected == 304);
        assert_eq!(answer.header("etag"), Some(&*one));
    }

    let text = format!("HEAD {path} HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n\r\n");
    let mut stream = http::connect(at);
    stream.write_all(text.as_bytes()).unwrap();
    let mut head = String::new();
    stream.read_to_string(&mut head).unwrap();
    let length = format!("\r\ncontent-length: {}\r\n", plain.bytes.len());
    assert!(
        head.starts_with("HTTP/1.1 200 ") && head.contains(&length),
        "{head}"
    );
    assert!(head.ends_with("\r\n\r\n"), "{head}");
}

#[test]
fn no_answer_lets_anything_in_from_elsewhere() {
    let lab = Lab::start(&["--no-apps", "--loki", "http://127.0.0.1:1"]);
    let at = lab.server("console");
    let expected = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
         connect-src 'self'; font-src 'self'; base-uri 'none'; form-action 'none'; \
         frame-ancestors 'none'";
    let known = get(at, "/assets/main.js", &[]);
    let known = ("If-None-Match", known.header("etag").unwrap());
    let proxy = "/api/datasources/proxy/uid";
    for (method, path, headers, status) in [
        ("GET", "/".to_owned(), vec![], 200),
        ("GET", "/assets/main.js".to_owned(), vec![known], 304),
        ("GET", "/assets/none".to_owned(), vec![], 404),
        ("GET", "/none".to_owned(), vec![], 404),
        ("GET", "/api/none".to_owned(), vec![], 404),
        ("PUT", "/api/status".to_owned(), vec![], 405),
        ("GET", "/api/status".to_owned(), vec![], 200),
        ("GET", "/metrics".to_owned(), vec![], 200),
        ("GET", "/api/dashboards/none".to_owned(), vec![], 404),
        ("POST", "/".to_owned(), vec![("Origin", "http://x")], 403),
        ("GET", format!("{proxy}/tempo/ready"), vec![], 200),
        ("GET", format!("{proxy}/tempo/api/traces/z"), vec![], 400),
        ("GET", format!("{proxy}/tempo/none"), vec![], 403),
        ("GET", format!("{proxy}/loki/ready"), vec![], 502),
    ] {
        let answer = http::request(at, method, &path, &headers);
        assert_eq!(answer.status, status, "{method} {path}: {}", answer.body);
        let header = |name| answer.header(name).unwrap_or_default();
        assert_eq!(header("content-security-policy"), expected, "{path}");
        assert_eq!(header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(header("referrer-policy"), "no-referrer", "{path}");
    }
}

#[test]
fn what_does_not_exist_is_told() {
    let lab = Lab::start(&["--no-apps"]);
    for path in ["/api/none", "/api/dashboards/none", "/api/traffic/none"] {
        let answer = lab.get("console", path);
        assert_eq!(answer.status, 404, "{path}");
        assert!(answer.json()["message"].is_string(), "{path}");
    }
    for path in [
        "/none",
        "/d",
        "/traces/a/b",
        "/assets",
        "/assets/",
        "/assets/vendor",
        "/assets/none.js",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/assets/..%2fCargo.toml",
        "/assets//etc/passwd",
        "/assets/%2fetc/passwd",
    ] {
        let answer = lab.get("console", path);
        assert_eq!(answer.status, 404, "{path}");
        assert_eq!(
            answer.header("content-type"),
            Some("text/plain; charset=utf-8")
        );
        assert!(!answer.body.is_empty(), "{path}");
    }
}

#[test]
fn dashboards_are_those_of_the_files() {
    let lab = Lab::start(&["--no-apps"]);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("dashboards");
    let mut expected = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let file = fs::read(entry.unwrap().path()).unwrap();
        let dashboard: Value = serde_json::from_slice(&file).unwrap();
        let uid = dashboard["uid"].as_str().unwrap();
        let answer = lab.get("console", &format!("/api/dashboards/{uid}"));
        assert_eq!((answer.status, answer.json()), (200, dashboard.clone()));
        assert_eq!(answer.header("content-type"), Some("application/json"));
        let field = |name: &str| dashboard[name].clone();
        expected.push(json!({
            "uid": field("uid"),
            "title": field("title"),
            "description": field("description"),
            "tags": field("tags"),
        }));
    }
    let mut listed = lab.json("console", "/api/dashboards", &[]);
    let by_uid = |it: &Value| it["uid"].to_string();
    listed.as_array_mut().unwrap().sort_by_key(by_uid);
    expected.sort_by_key(by_uid);
    assert_eq!(listed, json!(expected));
}

#[test]
fn dashboards_of_a_folder_are_shown_too_whatever_their_age() {
    let folder = Folder::new("dashboards");
    folder.write("old.json", r#"{"title": "Old", "rows": []}"#);
    folder.write(
        "from-api.json",
        "\u{feff}{\"dashboard\": {\"uid\": \"api\", \"title\": \"API\", \"panels\": []}}",
    );
    folder.write(
        "own.json",
        r#"{"uid": "salvo-telemetry", "title": "Mine", "panels": []}"#,
    );
    let lab = Lab::start(&["--no-apps", "--dashboards", folder.0.to_str().unwrap()]);
    let listed = lab.json("console", "/api/dashboards", &[]);
    let listed: Vec<_> = listed
        .as_array()
        .unwrap()
        .iter()
        .map(|it| (it["uid"].clone(), it["title"].clone()))
        .collect();
    assert_eq!(
        json!(listed),
        json!([
            ["salvo-observability", "Salvo Observability"],
            ["api", "API"],
            ["old", "Old"],
            ["salvo-telemetry", "Mine"]
        ])
    );
    let answer = lab.get("console", "/api/dashboards/old");
    assert_eq!(answer.json(), json!({"title": "Old", "rows": []}));
}

#[test]
fn data_sources_tell_the_ways_between_them_and_no_address() {
    let lab = Lab::start(&["--no-apps"]);
    let answer = lab.get("console", "/api/datasources");
    assert!(!answer.body.contains("LAB_") && !answer.body.contains("$$"));
    let sources = answer.json();
    let by_uid = |uid: &str| {
        let mut all = sources.as_array().unwrap().iter();
        all.find(|it| it["uid"] == uid).unwrap().clone()
    };
    for (uid, name) in [
        ("prometheus", "Prometheus"),
        ("loki", "Loki"),
        ("tempo", "Tempo"),
    ] {
        let source = by_uid(uid);
        assert_eq!(
            (&source["type"], &source["name"]),
            (&json!(uid), &json!(name))
        );
        assert_eq!(source["url"], Value::Null);
    }
    let destination = &by_uid("prometheus")["jsonData"]["exemplarTraceIdDestinations"][0];
    assert_eq!(
        *destination,
        json!({"name": "TraceID", "datasourceUid": "tempo", "urlDisplayLabel": "Show the trace"})
    );
    let to_logs = &by_uid("tempo")["jsonData"]["tracesToLogsV2"];
    assert_eq!(
        to_logs["tags"][0],
        json!({"key": "service.name", "value": "service_name"})
    );
    let field = &by_uid("loki")["jsonData"]["derivedFields"][0];
    assert_eq!(field["matcherRegex"], r#"trace_id"?[=:]"?([0-9a-f]{32})"#);
    assert_eq!(field["url"], "${__value.raw}");
}

#[test]
fn names_that_a_stranger_can_lead_here_are_refused() {
    let lab = Lab::start(&["--no-apps"]);
    let at = lab.server("console");
    let ask = |host: &str| {
        let text = format!("GET /api/status HTTP/1.1\r\n{host}Connection: close\r\n\r\n");
        http::send(at, text.as_bytes())
    };
    let port = at.port();
    for (host, status) in [
        (format!("Host: localhost:{port}\r\n"), 200),
        (format!("Host: 127.0.0.1:{port}\r\n"), 200),
        (format!("Host: [::1]:{port}\r\n"), 200),
        (format!("Host: lab.example:{port}\r\n"), 403),
        (format!("Host: localhost.example:{port}\r\n"), 403),
        ("Host: localhost\r\nHost: lab.example\r\n".to_owned(), 403),
        (String::new(), 403),
    ] {
        let answer = ask(&host);
        assert_eq!(answer.status, status, "{host}");
        if status == 403 {
            let text = answer.json()["message"].to_string();
            assert!(text.contains("localhost"), "{text}");
        }
    }
}

#[test]
fn other_pages_change_and_ask_nothing_through_a_browser() {
    let lab = Lab::start(&["--app-count", "1"]);
    let own = format!("Origin: http://{}", lab.server("console"));
    let steady = br#"{"on":false,"rate":7}"#;
    let query = b"query=up";
    let put = |header: &str| {
        let at = lab.server("console");
        let headers = format!("Host: {at}\r\nConnection: close\r\n{header}");
        let length = steady.len();
        let head = format!(
            "PUT /api/traffic/steady HTTP/1.1\r\n{headers}\r\nContent-Length: {length}\r\n\r\n"
        );
        http::send(at, &[head.as_bytes(), steady].concat()).status
    };
    let proxied = "/api/datasources/proxy/uid/prometheus/api/v1/query";
    let form = "Content-Type: application/x-www-form-urlencoded";
    for (header, status) in [
        (&*own, 200),
        ("Origin: http://evil.example", 403),
        ("Origin: http://127.0.0.1:1", 403),
        ("Origin: null", 403),
        ("Sec-Fetch-Site: cross-site", 403),
        ("Sec-Fetch-Site: same-origin", 200),
    ] {
        assert_eq!(put(header), status, "{header}");
        let answer = lab.post("console", proxied, &[header, form], query);
        assert_eq!(answer.status, status, "{header}: {}", answer.body);
    }
    let order = br#"{"app":"app-a","path":"/"}"#;
    let foreign = ["Origin: http://evil.example"];
    let refused = lab.post("console", "/api/traffic/requests", &foreign, order);
    assert_eq!(refused.status, 403);
    // A link from another page opens the console all the same.
    let link = [
        ("Sec-Fetch-Site", "cross-site"),
        ("Sec-Fetch-Mode", "navigate"),
    ];
    assert_eq!(get(lab.server("console"), "/traces", &link).status, 200);
}

/// A folder of the test's own, gone with it.
struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        let name = format!("lab-console-{name}-{}", std::process::id());
        let path = std::env::temp_dir().join(name);
        fs::create_dir_all(&path).unwrap();
        Self(path.canonicalize().unwrap())
    }

    fn write(&self, file: &str, text: &str) {
        let file = self.0.join(file);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, text).unwrap();
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn a_folder_is_served_as_it_is_now() {
    let folder = Folder::new("now");
    folder.write("index.html", "one");
    folder.write("deep/er/it.js", "1");
    let lab = Lab::start(&["--no-apps", "--console-dir", folder.0.to_str().unwrap()]);
    assert_eq!(lab.get("console", "/traces").body, "one");
    assert_eq!(lab.get("console", "/assets/deep/er/it.js").body, "1");
    let tag = lab.get("console", "/").header("etag").unwrap().to_owned();
    folder.write("index.html", "two");
    folder.write("new.css", "{}");
    let answer = get(lab.server("console"), "/", &[("If-None-Match", &tag)]);
    assert_eq!((answer.status, &*answer.body), (200, "two"));
    assert_eq!(lab.get("console", "/assets/new.css").body, "{}");
    assert_eq!(
        lab.get("console", "/assets/main.js").status,
        404,
        "only what is there"
    );
    fs::remove_file(folder.0.join("new.css")).unwrap();
    assert_eq!(lab.get("console", "/assets/new.css").status, 404);
}

#[test]
fn a_folder_is_served_and_nothing_beside_it() {
    let folder = Folder::new("beside");
    folder.write("secret", "secret");
    folder.write("console/index.html", "page");
    folder.write("console/inside.txt", "inside");
    folder.write("console-too/secret", "secret");
    let console = folder.0.join("console");
    std::os::unix::fs::symlink(folder.0.join("secret"), console.join("link")).unwrap();
    std::os::unix::fs::symlink(&folder.0, console.join("up")).unwrap();
    std::os::unix::fs::symlink(console.join("inside.txt"), console.join("own")).unwrap();
    let lab = Lab::start(&["--no-apps", "--console-dir", console.to_str().unwrap()]);
    assert_eq!(lab.get("console", "/assets/inside.txt").body, "inside");
    assert_eq!(lab.get("console", "/assets/own").body, "inside");
    let absolute = folder.0.join("secret");
    for path in [
        "link",
        "up/secret",
        "../secret",
        "%2e%2e/secret",
        "..%2fsecret",
        "%2e%2e%2fsecret",
        "x/../../secret",
        "../console-too/secret",
        absolute.to_str().unwrap(),
        "up",
        ".",
    ] {
        let answer = lab.get("console", &format!("/assets/{path}"));
        assert_eq!(answer.status, 404, "{path}: {}", answer.body);
    }
}

#[test]
fn a_folder_that_is_no_console_ends_the_start() {
    let folder = Folder::new("none");
    let absent = folder.0.join("absent");
    for path in [folder.0.to_str().unwrap(), absent.to_str().unwrap()] {
        let ports = std::array::from_fn(|_| "0".to_owned());
        let flags = [&["--console-dir", path][..], &*up::on_ports(&ports)].concat();
        let output = run(&flags);
        assert_eq!(output.status.code(), Some(1));
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(
            errors.contains("--console-dir") && errors.contains(path),
            "{errors}"
        );
    }
}
