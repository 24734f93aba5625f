//! Traces: whole, with the attributes of the contract, and found by TraceQL.

use std::collections::BTreeMap;

use super::super::finding::Finding;
use super::super::tempo::{self, Span, Trace};
use super::{Attempt, Run};

/// Calls of `/chain`, in this order.
const CALLS: [&str; 3] = ["/", "/io_task", "/cpu_task"];

/// Spans of a `/chain` trace: its own, and for each call one on either side.
const SPANS: usize = 1 + 2 * CALLS.len();

/// The expectation that a span does not meet, in words.
type Lack = String;

/// The trace of `/chain` is there with all spans, parents, kinds and attributes.
pub(crate) async fn whole(run: &Run) -> Attempt {
    let trace = tempo::trace(&run.lab.tempo, &run.sent.chain).await?;
    match chain_lack(run, &trace) {
        None => Ok(format!(
            "{SPANS} spans of {}",
            run.chain_services().join(", ")
        )),
        Some(lack) => Err(Finding::new(trace.asked, lack)),
    }
}

fn chain_lack(run: &Run, trace: &Trace) -> Option<Lack> {
    let spans = &trace.spans;
    if spans.len() != SPANS {
        let names: Vec<_> = spans
            .iter()
            .map(|span| format!("{} {:?}", span.service(), span.name))
            .collect();
        return Some(format!(
            "{} spans instead of {SPANS}: {}",
            spans.len(),
            names.join(", ")
        ));
    }
    let services = run.chain_services();
    let Some(root) = spans.iter().find(|span| span.parent_id.is_empty()) else {
        return Some("no root: each span has a parent".to_owned());
    };
    let chain = server_lack(root, &services[0], "/chain", "200");
    if chain.is_some() {
        return chain;
    }
    for (index, path) in CALLS.into_iter().enumerate() {
        let Some(server) = spans
            .iter()
            .find(|span| span.is_server() && span.name == format!("GET {path}"))
        else {
            return Some(format!("no server span \"GET {path}\""));
        };
        // With fewer than three instances some are called twice.
        let service = match services.get(index) {
            Some(service) if services.len() == CALLS.len() => service.as_str(),
            _ => server.service(),
        };
        let Some(client) = spans.iter().find(|span| span.span_id == server.parent_id) else {
            return Some(format!("the parent of \"GET {path}\" is not in the trace"));
        };
        let lack = server_lack(server, service, path, "200")
            .or_else(|| client_lack(client, &services[0], path))
            .or_else(|| {
                (client.parent_id != root.span_id)
                    .then(|| format!("the call of {path} is not a child of \"GET /chain\""))
            });
        if lack.is_some() {
            return lack;
        }
    }
    None
}

fn server_lack(span: &Span, service: &str, route: &str, status: &str) -> Option<Lack> {
    let who = format!("server span \"{}\" of {}", span.name, span.service());
    if !span.is_server() || span.name != format!("GET {route}") {
        return Some(format!(
            "{who} is of kind {}; expected a server span \"GET {route}\"",
            span.kind
        ));
    }
    let exact = [
        ("http.request.method", "GET"),
        ("http.route", route),
        ("url.scheme", "http"),
        ("http.response.status_code", status),
    ];
    let given = ["url.path"];
    attribute_lack(&who, &span.attributes, &exact, &given)
        .or_else(|| resource_lack(&who, span, service))
}

fn client_lack(span: &Span, service: &str, path: &str) -> Option<Lack> {
    let who = format!("client span \"{}\" of {}", span.name, span.service());
    if !span.is_client() || span.name != "GET" {
        return Some(format!(
            "{who} is of kind {}; expected a client span \"GET\"",
            span.kind
        ));
    }
    let exact = [("http.request.method", "GET")];
    let given = ["server.address", "server.port", "url.full"];
    let lack = attribute_lack(&who, &span.attributes, &exact, &given)
        .or_else(|| resource_lack(&who, span, service));
    let url = span.attributes.get("url.full").map_or("", String::as_str);
    lack.or_else(|| {
        (!url.ends_with(path)).then(|| format!("{who} has url.full {url:?}, not one of {path}"))
    })
}

fn resource_lack(who: &str, span: &Span, service: &str) -> Option<Lack> {
    let exact = [("service.name", service), ("compose_service", service)];
    let given = ["service.version", "service.instance.id"];
    attribute_lack(
        &format!("the resource of {who}"),
        &span.resource,
        &exact,
        &given,
    )
}

fn attribute_lack(
    who: &str,
    attributes: &BTreeMap<String, String>,
    exact: &[(&str, &str)],
    given: &[&str],
) -> Option<Lack> {
    let value = |name: &str| attributes.get(name).map_or("", String::as_str);
    let wrong = exact.iter().find(|(name, wanted)| value(name) != *wanted);
    if let Some((name, wanted)) = wrong {
        return Some(format!(
            "{who} has {name}={:?}, not {wanted:?}",
            value(name)
        ));
    }
    let missing = given.iter().find(|name| value(name).is_empty());
    missing.map(|name| format!("{who} has no {name}"))
}

/// The span of `/error_test` is an error and holds the exception with its causes.
pub(crate) async fn exception(run: &Run) -> Attempt {
    const ROUTE: &str = "/error_test";
    let trace = tempo::trace(&run.lab.tempo, &run.sent.error).await?;
    let lacks = |came: String| Finding::new(trace.asked.clone(), came);
    let Some(span) = trace.spans.iter().find(|span| span.is_server()) else {
        return Err(lacks("no server span".to_owned()));
    };
    if let Some(lack) = server_lack(span, &run.sent.services[0], ROUTE, "500") {
        return Err(lacks(lack));
    }
    if span.status != "STATUS_CODE_ERROR" || !span.attributes.contains_key("error.type") {
        return Err(lacks(format!(
            "status {:?} and error.type {:?} on \"{}\"",
            span.status,
            span.attributes.get("error.type"),
            span.name
        )));
    }
    let Some((_, event)) = span.events.iter().find(|(name, _)| name == "exception") else {
        return Err(lacks(format!("no exception event on \"{}\"", span.name)));
    };
    let given = [
        "exception.type",
        "exception.message",
        "exception.stacktrace",
    ];
    if let Some(lack) = attribute_lack("the exception event", event, &[], &given) {
        return Err(lacks(lack));
    }
    if !event["exception.stacktrace"].contains("caused by") {
        return Err(lacks(
            "exception.stacktrace does not tell the causes".to_owned(),
        ));
    }
    Ok(event["exception.message"].clone())
}

/// TraceQL finds the trace of `/chain` by every service that took part.
pub(crate) async fn search_by_service(run: &Run) -> Attempt {
    for service in run.chain_services() {
        let query = format!("{{ resource.service.name = {service:?} }}");
        search(run, &query, &run.sent.chain).await?;
    }
    Ok(run.chain_services().join(", "))
}

/// TraceQL finds a trace by its route.
pub(crate) async fn search_by_route(run: &Run) -> Attempt {
    search(
        run,
        "{ span.http.route = \"/items/{item_id}\" }",
        &run.sent.item,
    )
    .await
}

/// TraceQL finds the trace of `/error_test` by its status.
pub(crate) async fn search_by_error(run: &Run) -> Attempt {
    search(run, "{ status = error }", &run.sent.error).await
}

/// TraceQL finds the trace of `/chain` by its duration: one of its calls waits a second.
pub(crate) async fn search_by_duration(run: &Run) -> Attempt {
    search(run, "{ duration > 900ms }", &run.sent.chain).await
}

/// TraceQL gives the rate of the steady requests to each instance.
pub(crate) async fn counted(run: &Run) -> Attempt {
    const QUERY: &str = "{ span.http.route = \"/items/{item_id}\" && kind = server } \
                         | rate() by (resource.service.name)";
    let (asked, series) = tempo::metrics(&run.lab.tempo, QUERY, run.window()).await?;
    let mut rates = Vec::new();
    for service in &run.sent.services {
        let found = series.iter().find(|(name, _)| name == service);
        match found {
            Some((_, most)) if *most > 0.0 => rates.push(format!("{service} {most:.1}/s")),
            _ => {
                let names: Vec<_> = series.iter().map(|(name, _)| name.as_str()).collect();
                let came = format!("no rate of {service}, only of {names:?}");
                return Err(Finding::new(asked, came));
            }
        }
    }
    Ok(rates.join(", "))
}

/// Searches only the short time of the followed requests, so that other traffic cannot push their traces out
/// of the limit of results.
async fn search(run: &Run, query: &str, id: &str) -> Attempt {
    let window = (run.sent.began - 1, run.sent.answered + 2);
    tempo::search(&run.lab.tempo, query, window, id).await
}
