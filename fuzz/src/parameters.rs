//! Requests to the three APIs: method, address and form are the input's.

use http::{Method, Request};

use super::worlds::{LOKI, PROMETHEUS, TEMPO};

/// The first byte chooses the server, the first line has method and address, the rest is a form. An error says what is
/// wrong.
pub fn parameters(data: &[u8]) {
    let Some((server, rest)) = data.split_first() else {
        return;
    };
    let server = [&LOKI, &PROMETHEUS, &TEMPO][usize::from(server % 3)];
    let end = rest
        .iter()
        .position(|byte| *byte == b'\n')
        .unwrap_or(rest.len());
    let (line, form) = rest.split_at(end);
    let Some(at) = line.iter().position(|byte| *byte == b' ') else {
        return;
    };
    let (method, address) = line.split_at(at);
    let Ok(method) = Method::from_bytes(method) else {
        return;
    };
    let request = Request::builder().method(method).uri(&address[1..]);
    let request = request.header("content-type", "application/x-www-form-urlencoded");
    let Ok(request) = request.body(form.strip_prefix(b"\n").unwrap_or(form).to_vec()) else {
        return;
    };
    let answer = server.send(request);
    assert!(answer.status != 400 || !answer.body.is_empty());
}
