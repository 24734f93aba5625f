//! A person sends requests from the console, and finds what became of them.

use crate::support::eventually;
use crate::support::http::{self, Response};
use crate::support::up::Lab;
use serde_json::{Value, json};

fn send(lab: &Lab, app: &str, path: &str) -> Response {
    let order = json!({ "app": app, "path": path }).to_string();
    lab.post("console", "/api/traffic/requests", &[], order.as_bytes())
}

fn set(lab: &Lab, body: &str) -> Response {
    let at = lab.server("console");
    let head = format!("PUT /api/traffic/steady HTTP/1.1\r\nHost: {at}\r\nConnection: close\r\n");
    let length = body.len();
    http::send(
        at,
        format!("{head}Content-Length: {length}\r\n\r\n{body}").as_bytes(),
    )
}

fn steady(lab: &Lab) -> Value {
    lab.json("console", "/api/traffic", &[])["steady"].clone()
}

#[test]
fn a_sent_request_is_told_with_its_trace_which_is_then_found() {
    let lab = Lab::start(&[]);
    let traffic = lab.json("console", "/api/traffic", &[]);
    assert_eq!(traffic["apps"], json!(["app-a", "app-b", "app-c"]));
    assert_eq!(
        traffic["steady"],
        json!({"on": false, "rate": 5.0, "sent": 0, "failed": 0})
    );

    let answer = send(&lab, "app-b", "/chain");
    assert_eq!(answer.status, 200, "{}", answer.body);
    let told = answer.json();
    assert_eq!(
        (&told["app"], &told["path"]),
        (&json!("app-b"), &json!("/chain"))
    );
    assert_eq!(told["status"], 200);
    assert!(told["duration_ms"].as_f64().unwrap() >= 1000.0, "{told}");
    assert!(told["body"].as_str().unwrap().contains("/chain"), "{told}");
    let id = told["trace_id"].as_str().unwrap();
    let spans = eventually("the whole trace", || {
        let spans = lab.spans(id);
        (spans.len() == 7).then_some(spans)
    });
    assert!(spans.iter().any(|(service, _)| service == "app-b"));
    eventually("it is found by its root", || {
        let query = "{ rootServiceName = \"app-b\" && rootName = \"GET /chain\" }";
        let found = lab.json("tempo", "/api/search", &[("q", query)]);
        // Leading zeros are left out, as Tempo does.
        let found = found["traces"][0]["traceID"].as_str()?;
        (found == id.trim_start_matches('0')).then_some(())
    });
    eventually("its lines", || {
        let query = format!("{{compose_service=\"app-b\"}} |= \"trace_id={id}\"");
        (!lab.entries(&query).is_empty()).then_some(())
    });
}

#[test]
fn every_offered_path_and_any_item_is_answered_by_the_service() {
    let lab = Lab::start(&["--app-count", "1"]);
    let traffic = lab.json("console", "/api/traffic", &[]);
    let paths = traffic["paths"].as_array().unwrap();
    assert_eq!(paths.len(), 9);
    let offered = paths.iter().map(|path| path.as_str().unwrap());
    for path in offered.chain(["/items/42", "/items/4%202"]) {
        let answer = send(&lab, "app-a", path);
        assert_eq!(answer.status, 200, "{path}: {}", answer.body);
        let told = answer.json();
        let expected: &[u16] = match path {
            "/items/abc" | "/items/4%202" => &[422],
            "/error_test" => &[500],
            "/random_status" => &[200, 300, 400, 500],
            _ => &[200],
        };
        let status = told["status"].as_u64().unwrap() as u16;
        assert!(expected.contains(&status), "{path}: {told}");
    }
}

#[test]
fn what_cannot_be_sent_is_told() {
    let lab = Lab::start(&["--app-count", "1"]);
    for (body, status, part) in [
        (r#"{"app":"app-z","path":"/"}"#, 404, "app-a"),
        (r#"{"app":"app-a","path":"/metrics"}"#, 400, "/chain"),
        (r#"{"app":"app-a","path":"//127.0.0.1:1/"}"#, 400, "/chain"),
        (r#"{"app":"app-a","path":"/items/"}"#, 400, "/items/ID"),
        (r#"{"app":"app-a","path":"/items/1/2"}"#, 400, "/items/ID"),
        (
            r#"{"app":"app-a","path":"/items/1 HTTP/1.1"}"#,
            400,
            "/items/ID",
        ),
        (r#"{"app":"app-a"}"#, 400, "path"),
        (r#"{"app":"app-a","path":"/","host":"x"}"#, 400, "host"),
        ("", 400, "JSON"),
        ("not", 400, "JSON"),
    ] {
        let answer = lab.post("console", "/api/traffic/requests", &[], body.as_bytes());
        assert_eq!(answer.status, status, "{body}: {}", answer.body);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(part), "{body}: {message}");
    }
    let long = format!(r#"{{"app":"{}","path":"/"}}"#, "a".repeat(10_000));
    let answer = lab.post("console", "/api/traffic/requests", &[], long.as_bytes());
    assert_eq!(answer.status, 413);
    assert!(answer.json()["message"].is_string());
}

#[test]
fn an_instance_that_is_down_is_told() {
    let lab = Lab::start(&["--app-count", "1"]);
    // It is started again after a pause that grows with each crash.
    let answer = eventually("a request meets no instance", || {
        if let Some(instance) = lab.instance("app-a") {
            instance.signal("KILL");
        }
        let answer = send(&lab, "app-a", "/");
        (answer.status != 200).then_some(answer)
    });
    assert_eq!(answer.status, 502, "{}", answer.body);
    let message = answer.json()["message"].as_str().unwrap().to_owned();
    assert!(message.contains("app-a at http://127.0.0.1:"), "{message}");
    eventually("it is back", || {
        (send(&lab, "app-a", "/").status == 200).then_some(())
    });
}

#[test]
fn a_steady_load_goes_on_and_off() {
    let lab = Lab::start(&[]);
    let answer = set(&lab, r#"{"on":true,"rate":50}"#);
    assert_eq!(answer.status, 200, "{}", answer.body);
    assert_eq!(answer.json()["steady"]["on"], true);
    assert_eq!(answer.json()["steady"]["rate"], 50.0);
    assert_eq!(answer.json()["apps"], json!(["app-a", "app-b", "app-c"]));
    eventually("every path on every instance", || {
        (steady(&lab)["sent"].as_u64()? >= 27).then_some(())
    });
    eventually("all routes of all instances are scraped", || {
        let query = "count(salvo_requests_total{path!~\"/metrics|/readyz\"})";
        let answer = lab.json("prometheus", "/api/v1/query", &[("query", query)]);
        let count = answer["data"]["result"][0]["value"][1].as_str()?.to_owned();
        // Eight routes on each; two paths have the same one.
        (count == "24").then_some(())
    });

    // The rate stays when it is not named.
    assert_eq!(set(&lab, r#"{"on":false}"#).json()["steady"]["rate"], 50.0);
    let sent = eventually("nothing is on its way any more", || {
        let (before, after) = (steady(&lab), steady(&lab));
        (before["sent"] == after["sent"]).then_some(after["sent"].clone())
    });
    assert_eq!(send(&lab, "app-a", "/io_task").json()["status"], 200);
    assert_eq!(
        steady(&lab),
        json!({"on": false, "rate": 50.0, "sent": sent, "failed": 0})
    );

    set(&lab, r#"{"on":true,"rate":0.1}"#);
    eventually("it goes on", || {
        (steady(&lab)["sent"].as_u64() > sent.as_u64()).then_some(())
    });
}

#[test]
fn a_load_that_finds_nobody_is_counted_as_failed() {
    let lab = Lab::start(&["--app-count", "1"]);
    set(&lab, r#"{"on":true,"rate":50}"#);
    let state = eventually("requests fail", || {
        if let Some(instance) = lab.instance("app-a") {
            instance.signal("KILL");
        }
        let state = steady(&lab);
        (state["failed"].as_u64()? > 0).then_some(state)
    });
    assert!(
        state["failed"].as_u64() <= state["sent"].as_u64(),
        "{state}"
    );
}

#[test]
fn a_pace_that_is_not_allowed_changes_nothing() {
    let lab = Lab::start(&["--app-count", "1"]);
    for (body, part) in [
        (r#"{"on":true,"rate":50.1}"#, "0.1 to 50"),
        (r#"{"on":true,"rate":0}"#, "0.1 to 50"),
        (r#"{"on":true,"rate":-1}"#, "0.1 to 50"),
        (r#"{"on":true,"rate":1e999}"#, "JSON"),
        (r#"{"on":true,"rate":"5"}"#, "JSON"),
        (r#"{"rate":5}"#, "on"),
        ("{}", "on"),
    ] {
        let answer = set(&lab, body);
        assert_eq!(answer.status, 400, "{body}: {}", answer.body);
        let message = answer.json()["message"].as_str().unwrap().to_owned();
        assert!(message.contains(part), "{body}: {message}");
    }
    assert_eq!(steady(&lab)["on"], false);
    assert_eq!(steady(&lab)["rate"], 5.0);

    let lab = Lab::start(&["--no-apps"]);
    let answer = set(&lab, r#"{"on":true}"#);
    assert_eq!(answer.status, 400);
    assert_eq!(lab.json("console", "/api/traffic", &[])["apps"], json!([]));
}
