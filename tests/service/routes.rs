//! Every route answers as `docs/service.md` says, and bad input gets a clear error.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::time::{Duration, Instant};

use crate::support::http::{request, send};
use crate::support::service::Service;
use serde_json::json;

#[test]
fn the_quick_routes_answer_what_the_contract_says() {
    let app = Service::start("app", &[]);
    let root = app.get("/");
    assert_eq!((root.status, root.json()), (200, json!({"Hello": "World"})));
    assert_eq!(
        root.header("content-type"),
        Some("application/json; charset=utf-8")
    );
    for (target, answer) in [
        ("/items/1", json!({"item_id": 1, "q": null})),
        ("/items/-5?q=a%20b", json!({"item_id": -5, "q": "a b"})),
        ("/items/7?q=%22%3Cb%3E", json!({"item_id": 7, "q": "\"<b>"})),
        ("/items/7?q=a&q=b", json!({"item_id": 7, "q": "a"})),
    ] {
        let response = app.get(target);
        assert_eq!(
            (response.status, response.json()),
            (200, answer),
            "{target}"
        );
    }
    let cpu = app.get("/cpu_task");
    // There are 33,860 primes below 400,000.
    assert_eq!((cpu.status, cpu.json()), (200, json!({"primes": 33860})));
}

#[test]
fn the_work_of_the_tasks_can_be_set() {
    let settings = [
        ("IO_TASK_WAIT", "0"),
        ("CPU_TASK_PRIMES", "10"),
        ("REQUEST_TIMEOUT", "500"),
    ];
    let app = Service::start("app", &settings);
    assert_eq!(app.get("/io_task").status, 200);
    assert_eq!(app.get("/cpu_task").json(), json!({"primes": 4}));
    let idle = Service::start("app", &[("CPU_TASK_PRIMES", "0")]);
    assert_eq!(idle.get("/cpu_task").json(), json!({"primes": 0}));
}

#[test]
fn an_item_id_that_is_no_integer_is_422_and_named() {
    let app = Service::start("app", &[]);
    for id in [
        "abc",
        "1.5",
        "99999999999999999999",
        "%00",
        "1%0a2",
        "%F0%9F%A6%80",
    ] {
        let response = app.get(&format!("/items/{id}"));
        assert_eq!(response.status, 422, "{id}");
        let detail = response.json()["detail"].as_str().unwrap().to_owned();
        assert!(detail.starts_with("item_id is \""), "{detail}");
    }
}

#[test]
fn waiting_routes_do_not_hold_up_others() {
    let app = Service::start("app", &[]);
    let waiting: Vec<_> = (0..64)
        .map(|_| {
            let address = app.address;
            std::thread::spawn(move || {
                let started = Instant::now();
                let response = crate::support::http::get(address, "/io_task");
                (response.status, started.elapsed())
            })
        })
        .collect();
    for thread in waiting {
        let (status, took) = thread.join().unwrap();
        assert_eq!(status, 200);
        assert!(took >= Duration::from_secs(1), "{took:?}");
        // One after the other on two threads they would take 32 s.
        assert!(took < Duration::from_secs(16), "{took:?}");
    }
}

#[test]
fn random_status_gives_each_of_its_statuses() {
    let app = Service::start("app", &[]);
    let mut seen = std::collections::BTreeSet::new();
    for _ in 0..200 {
        seen.insert(app.get("/random_status").status);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [200, 300, 400, 500]);
}

#[test]
fn random_sleep_answers_within_five_seconds() {
    let app = Service::start("app", &[]);
    let response = app.get("/random_sleep");
    assert_eq!(
        (response.status, response.json()),
        (200, json!({"path": "/random_sleep"}))
    );
}

#[test]
fn error_test_is_500_and_keeps_the_cause_to_itself() {
    let app = Service::start("app", &[]);
    let response = app.get("/error_test");
    assert_eq!(
        (response.status, response.json()),
        (500, json!({"detail": "Internal Server Error"}))
    );
}

#[test]
fn an_unknown_path_is_404_and_a_wrong_method_405_both_as_json() {
    let app = Service::start("app", &[]);
    for target in ["/nope", "/items", "/items/1/2", "/livez/x", "/%ff%00"] {
        let response = app.get(target);
        assert_eq!(response.status, 404, "{target}");
        assert_eq!(response.json(), json!({"detail": "Not Found"}), "{target}");
    }
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        let response = request(app.address, method, "/items/1", &[]);
        assert_eq!(response.status, 405, "{method}");
        assert_eq!(response.header("allow"), Some("GET, HEAD"));
        assert_eq!(response.json(), json!({"detail": "Method Not Allowed"}));
    }
}

#[test]
fn probes_answer_and_leave_no_line_in_the_log() {
    let app = Service::start("app", &[]);
    for probe in ["/livez", "/readyz", "/metrics"] {
        assert_eq!(app.get(probe).status, 200, "{probe}");
        assert_eq!(app.get(&format!("{probe}/")).status, 200, "{probe}/");
        assert_eq!(request(app.address, "POST", probe, &[]).status, 405);
    }
    app.get("/items/1");
    app.line_with("- items");
    let log = app.log().join("\n");
    for probe in ["livez", "readyz", "metrics"] {
        assert!(!log.contains(probe), "{log}");
    }
}

#[test]
fn the_description_lists_every_route_and_the_page_loads_nothing_from_elsewhere() {
    let app = Service::start("app", &[]);
    let description = app.get("/openapi.json").json();
    for path in [
        "/",
        "/items/{item_id}",
        "/io_task",
        "/cpu_task",
        "/random_status",
        "/random_sleep",
        "/error_test",
        "/chain",
        "/metrics",
        "/livez",
        "/readyz",
    ] {
        assert!(description["paths"][path]["get"].is_object(), "{path}");
    }
    let responses = &description["paths"]["/items/{item_id}"]["get"]["responses"];
    assert!(responses["422"].is_object(), "{responses}");
    let page = app.get("/docs/");
    assert_eq!(page.status, 200);
    assert!(page.body.contains("/openapi.json"), "{}", page.body);
    let elsewhere =
        page.body.matches("src=\"http").count() + page.body.matches("href=\"http").count();
    assert_eq!(elsewhere, 0, "{}", page.body);
}

#[test]
fn chain_with_a_target_that_fails_is_502_and_names_it() {
    let failing = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let nobody = failing.local_addr().unwrap().to_string();
    drop(failing);
    let app = Service::start("app", &[("TARGET_ONE_HOST", &nobody)]);
    let response = app.get("/chain");
    assert_eq!(response.status, 502);
    assert_eq!(
        response.json(),
        json!({"detail": format!("http://{nobody}/io_task cannot be reached")})
    );
}

#[test]
fn chain_with_a_target_that_is_slow_is_504_and_names_it() {
    let silent = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = silent.local_addr().unwrap().to_string();
    let app = Service::start(
        "app",
        &[("TARGET_ONE_HOST", &address), ("TARGET_TIMEOUT", "200")],
    );
    let response = app.get("/chain");
    assert_eq!(response.status, 504);
    assert_eq!(
        response.json(),
        json!({"detail": format!("http://{address}/io_task did not answer within 200 ms")})
    );
}

#[test]
fn chain_with_a_target_that_answers_an_error_is_502_with_its_status() {
    let other = Service::start("other", &[("REQUEST_TIMEOUT", "100")]);
    let host = other.host();
    let app = Service::start("app", &[("TARGET_ONE_HOST", &host)]);
    let response = app.get("/chain");
    assert_eq!(response.status, 502);
    assert_eq!(
        response.json(),
        json!({"detail": format!("http://{host}/io_task answered with status 504 Gateway Timeout")})
    );
}

#[test]
fn a_redirect_of_a_target_is_not_followed() {
    let trap = TcpListener::bind("127.0.0.1:0").unwrap();
    trap.set_nonblocking(true).unwrap();
    let elsewhere = trap.local_addr().unwrap();
    let target = TcpListener::bind("127.0.0.1:0").unwrap();
    let host = target.local_addr().unwrap().to_string();
    std::thread::spawn(move || {
        let (mut stream, _) = target.accept().unwrap();
        let _ = stream.read(&mut [0; 4096]);
        let head = format!("HTTP/1.1 302 Found\r\nLocation: http://{elsewhere}/\r\n");
        let _ = stream.write_all(format!("{head}Content-Length: 0\r\n\r\n").as_bytes());
    });
    let app = Service::start("app", &[("TARGET_ONE_HOST", &host)]);
    let response = app.get("/chain");
    assert_eq!(response.status, 502, "{}", response.body);
    assert_eq!(
        response.json(),
        json!({"detail": format!("http://{host}/io_task answered with status 302 Found")})
    );
    assert!(trap.accept().is_err(), "the redirect was followed");
}

#[test]
fn garbage_on_the_socket_is_400_and_the_service_lives() {
    let mut app = Service::start("app", &[]);
    for garbage in [
        &b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03\r\n\r\n"[..],
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nBad Header: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: -1\r\n\r\n",
    ] {
        let response = send(app.address, garbage);
        assert_eq!(response.status, 400, "{garbage:?}");
    }
    assert!(app.runs());
    assert_eq!(app.get("/").status, 200);
}

#[test]
fn head_is_answered_like_get_but_without_a_body() {
    let app = Service::start("app", &[]);
    for target in [
        "/",
        "/items/1?q=x",
        "/items/x",
        "/cpu_task",
        "/error_test",
        "/livez",
        "/readyz",
        "/docs/",
        "/openapi.json",
        "/nope",
    ] {
        let get = app.get(target);
        let mut stream = crate::support::http::connect(app.address);
        let head = format!("HEAD {target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n");
        std::io::Write::write_all(&mut stream, head.as_bytes()).unwrap();
        let mut text = String::new();
        std::io::Read::read_to_string(&mut stream, &mut text).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        assert_eq!(body, "", "{target}");
        let head = crate::support::http::Response::of_head(head).expect("a response");
        assert_eq!(head.status, get.status, "{target}");
        assert_eq!(
            head.header("content-type"),
            get.header("content-type"),
            "{target}"
        );
    }
    let counted = app.metric("salvo_requests_total{app_name=\"app\",method=\"HEAD\",path=\"/\"}");
    assert_eq!(counted, 1.0);
}
