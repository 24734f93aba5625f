//! Parameters in a query string or a form, read as Go's `url.ParseQuery` reads them.

use percent_encoding::percent_decode;

use super::quote;

/// Names and values in the order of the request.
#[derive(Clone, Debug, Default)]
pub(crate) struct Form {
    /// Names, and values as they were sent: they may be no UTF-8.
    pub(crate) pairs: Vec<(String, Vec<u8>)>,
    /// What is wrong with the first pair that could not be read, in Go's words. Such pairs are left out.
    pub(crate) malformed: Option<String>,
}

impl Form {
    /// Adds the pairs of a text such as `a=b&c=d`.
    pub(crate) fn add(&mut self, encoded: &[u8]) {
        for pair in encoded
            .split(|byte| *byte == b'&')
            .filter(|pair| !pair.is_empty())
        {
            let equals = pair
                .iter()
                .position(|byte| *byte == b'=')
                .unwrap_or(pair.len());
            let (name, value) = pair.split_at(equals);
            let value = value.get(1..).unwrap_or_default();
            let problem = match pair.contains(&b';') {
                true => Some("invalid semicolon separator in query".to_owned()),
                false => bad_escape(name).or_else(|| bad_escape(value)),
            };
            if problem.is_some() {
                self.malformed = self.malformed.take().or(problem);
                continue;
            }
            self.pairs
                .push((quote::valid(&decode(name)), decode(value)));
        }
    }
}

/// Says which `%` has no two hexadecimal digits after it, as `url.QueryUnescape` of Go does.
fn bad_escape(text: &[u8]) -> Option<String> {
    let starts = text.iter().enumerate().filter(|(_, byte)| **byte == b'%');
    let mut escapes = starts.map(|(at, _)| &text[at..text.len().min(at + 3)]);
    let is_bad =
        |escape: &&[u8]| escape.len() < 3 || !escape[1..].iter().all(u8::is_ascii_hexdigit);
    let bad = escapes.find(is_bad)?;
    Some(format!("invalid URL escape {}", quote::quoted(bad)))
}

/// Decodes percent and plus encoding.
fn decode(text: &[u8]) -> Vec<u8> {
    let spaced: Vec<u8> = text
        .iter()
        .map(|byte| if *byte == b'+' { b' ' } else { *byte })
        .collect();
    percent_decode(&spaced).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_decoded_and_those_that_cannot_be_are_left_out() {
        let mut form = Form::default();
        form.add(b"query=%7Ba%3D%22b+c%22%7D&&x&y=%E9");
        let expected: [(&str, &[u8]); 3] = [("query", b"{a=\"b c\"}"), ("x", b""), ("y", b"\xe9")];
        let expected = expected.map(|(name, value)| (name.to_owned(), value.to_vec()));
        assert_eq!(form.pairs, expected);
        assert_eq!(form.malformed, None);
        for (encoded, problem) in [
            (&b"a=%zz&b=%4"[..], "invalid URL escape \"%zz\""),
            (b"a=100%", "invalid URL escape \"%\""),
            (b"%4=1", "invalid URL escape \"%4\""),
            (b"a=1;b=%", "invalid semicolon separator in query"),
        ] {
            let mut form = Form::default();
            form.add(encoded);
            form.add(b"c=1");
            assert_eq!(form.pairs, [("c".to_owned(), b"1".to_vec())]);
            assert_eq!(form.malformed.as_deref(), Some(problem));
        }
    }
}
