//! What a request may cost is bounded, and the status says which bound was reached.

use std::io::Write;

use crate::support::eventually;
use crate::support::http::{self, request, send};
use crate::support::service::Service;
use serde_json::json;

#[test]
fn a_head_beyond_the_limit_is_431() {
    let app = Service::start("app", &[("MAX_HEADER_BYTES", "8192")]);
    let head = |bytes: usize| {
        let (start, end) = ("GET / HTTP/1.1\r\nHost: a\r\nX-Long: ", "\r\n\r\n");
        let value = "a".repeat(bytes - start.len() - end.len());
        [start, &value, end].concat().into_bytes()
    };
    assert_eq!(send(app.address, &head(8192)).status, 200);
    for bytes in [8193, 9_000, 20_000] {
        assert_eq!(send(app.address, &head(bytes)).status, 431, "{bytes}");
    }
    let names: Vec<_> = (0..200).map(|number| format!("x-{number}")).collect();
    let many: Vec<_> = names.iter().map(|name| (name.as_str(), "1")).collect();
    assert_eq!(request(app.address, "GET", "/", &many).status, 431);
    assert_eq!(app.get("/").status, 200);
}

#[test]
fn a_body_beyond_the_limit_is_413_whether_its_length_is_declared_or_not() {
    let app = Service::start("app", &[("MAX_BODY_BYTES", "1000")]);
    let detail = json!({"detail": "the body is larger than 1000 bytes"});
    let with_body = |length: usize| {
        let head = format!("GET / HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n");
        send(
            app.address,
            &[head.as_bytes(), &vec![b'x'; length]].concat(),
        )
    };
    assert_eq!(with_body(1000).status, 200);
    let refused = with_body(1001);
    assert_eq!((refused.status, refused.json()), (413, detail.clone()));
    assert_eq!(refused.header("connection"), Some("close"));

    let mut chunked = b"GET / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
    for _ in 0..5 {
        chunked.extend_from_slice(b"100\r\n");
        chunked.extend_from_slice(&[b'x'; 256]);
        chunked.extend_from_slice(b"\r\n");
    }
    let refused = send(app.address, &chunked);
    assert_eq!((refused.status, refused.json()), (413, detail));

    // A length alone is enough: nothing of a huge body has to be sent.
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000000\r\n\r\n";
    assert_eq!(send(app.address, head).status, 413);
}

#[test]
fn a_request_beyond_its_time_is_504() {
    let app = Service::start("app", &[("REQUEST_TIMEOUT", "100")]);
    let response = app.get("/io_task");
    assert_eq!(response.status, 504);
    let detail = "no answer within 100 ms, which is the most a request may take";
    assert_eq!(response.json(), json!({ "detail": detail }));
    let counted = "salvo_responses_total{app_name=\"app\",method=\"GET\",path=\"/io_task\",status_code=\"504\"}";
    assert_eq!(app.metric(counted), 1.0);
}

#[test]
fn a_body_that_never_comes_is_504() {
    let app = Service::start("app", &[("REQUEST_TIMEOUT", "100")]);
    let head = b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\n";
    assert_eq!(send(app.address, head).status, 504);
}

#[test]
fn requests_beyond_the_number_at_a_time_are_503_and_probes_still_answer() {
    let app = Service::start("app", &[("MAX_CONCURRENT_REQUESTS", "2")]);
    let mut busy: Vec<_> = (0..2).map(|_| http::connect(app.address)).collect();
    for stream in &mut busy {
        stream
            .write_all(b"GET /io_task HTTP/1.1\r\nHost: a\r\n\r\n")
            .unwrap();
    }
    let gauge = "salvo_requests_in_progress{app_name=\"app\",method=\"GET\",path=\"/io_task\"}";
    eventually("two in progress", || {
        (app.metric(gauge) == 2.0).then_some(())
    });
    let refused = app.get("/");
    assert_eq!(refused.status, 503);
    assert_eq!(refused.header("retry-after"), Some("1"));
    assert_eq!(app.get("/readyz").status, 200);
    for stream in &mut busy {
        assert_eq!(http::read(stream).expect("a response").status, 200);
    }
    assert_eq!(app.get("/").status, 200);
}

#[test]
fn connections_that_send_nothing_do_not_keep_others_out() {
    let app = Service::start("app", &[]);
    let idle: Vec<_> = (0..500).map(|_| http::connect(app.address)).collect();
    assert_eq!(app.get("/").status, 200);
    drop(idle);
}
