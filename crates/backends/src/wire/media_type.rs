//! `Content-Type` as Go's `mime.ParseMediaType` reads it.

use std::collections::HashMap;

/// The type in lower case, without its parameters.
///
/// # Errors
/// The message of Go.
pub(crate) fn parse(header: &str) -> Result<String, &'static str> {
    let (kind, _) = header.split_once(';').unwrap_or((header, ""));
    check(kind.trim())?;
    let mut rest = header.get(kind.len()..).unwrap_or_default();
    let mut params: HashMap<String, String> = HashMap::new();
    loop {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let Some((name, value, behind)) = parameter(rest) else {
            // Go ignores a semicolon at the end.
            if rest.trim() == ";" {
                break;
            }
            return Err("mime: invalid media parameter");
        };
        rest = behind;
        let earlier = params.insert(name, value.clone());
        if earlier.is_some_and(|earlier| earlier != value) {
            return Err("mime: duplicate parameter name");
        }
    }
    Ok(kind.trim().to_lowercase())
}

fn check(kind: &str) -> Result<(), &'static str> {
    let (first, rest) = token(kind);
    if first.is_empty() {
        return Err("mime: no media type");
    }
    if rest.is_empty() {
        return Ok(());
    }
    let rest = rest.strip_prefix('/');
    let (second, rest) = token(rest.ok_or("mime: expected slash after first token")?);
    match (second.is_empty(), rest.is_empty()) {
        (true, _) => Err("mime: expected token after slash"),
        (_, false) => Err("mime: unexpected content after media subtype"),
        _ => Ok(()),
    }
}

fn is_token(c: char) -> bool {
    c.is_ascii_graphic() && !"()<>@,;:\\\"/[]?=".contains(c)
}

/// The token at the start, and what follows it.
fn token(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c| !is_token(c)).unwrap_or(text.len()))
}

/// `; name=value` at the start: the name, the value, and what follows.
fn parameter(text: &str) -> Option<(String, String, &str)> {
    let (name, rest) = token(text.strip_prefix(';')?.trim_start());
    if name.is_empty() {
        return None;
    }
    let rest = rest.trim_start().strip_prefix('=')?.trim_start();
    let (value, behind) = match rest.strip_prefix('"') {
        Some(inner) => quoted(inner)?,
        None => {
            let (value, behind) = token(rest);
            (value.to_owned(), behind)
        }
    };
    let is_missing = value.is_empty() && behind.len() == rest.len();
    (!is_missing).then(|| (name.to_lowercase(), value, behind))
}

/// A quoted value after its opening quote, and what follows.
fn quoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..).unwrap_or_default())),
            '\r' | '\n' => return None,
            // Some browsers do not escape the backslashes of Windows' paths.
            '\\' => match chars.clone().next() {
                Some((_, next)) if !is_token(next) => {
                    value.push(next);
                    chars.next();
                }
                _ => value.push(c),
            },
            c => value.push(c),
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn media_types_are_read_and_refused_as_go_does() {
        let cases = [
            ("application/json; charset=utf-8", Ok("application/json")),
            (" Application/JSON ;", Ok("application/json")),
            ("json", Ok("json")),
            ("a/b; x=\"1;2\"; x=\"1;2\"", Ok("a/b")),
            ("", Err("mime: no media type")),
            ("/json", Err("mime: no media type")),
            ("a b", Err("mime: expected slash after first token")),
            ("application/", Err("mime: expected token after slash")),
            (
                "application/json, text/plain",
                Err("mime: unexpected content after media subtype"),
            ),
            ("a/b; =", Err("mime: invalid media parameter")),
            ("a/b; x", Err("mime: invalid media parameter")),
            ("a/b; x=\"1", Err("mime: invalid media parameter")),
            ("a/b; x=1; x=2", Err("mime: duplicate parameter name")),
        ];
        for (header, expected) in cases {
            assert_eq!(
                parse(header).as_deref(),
                expected.as_ref().copied(),
                "{header:?}"
            );
        }
    }
}
