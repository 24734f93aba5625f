//! From text to words.

use std::sync::Arc;

use winnow::ascii::{hex_digit1, multispace1};
use winnow::combinator::{alt, cut_err, delimited, fail, opt, preceded, repeat, terminated};
use winnow::error::{ContextError, ErrMode, ModalResult, StrContext};
use winnow::prelude::*;
use winnow::stream::{LocatingSlice, Location};
use winnow::token::{any, one_of, take_till, take_while};

use super::error::ParseError;
use super::tokens::{Tok, Token};
use super::units::{parse_bytes, parse_duration};

type Text<'i> = LocatingSlice<&'i str>;

/// Operators and brackets; a longer one comes before its own beginning.
const SYMBOLS: [&str; 27] = [
    "|=", "|~", "|>", "!=", "!~", "!>", "=~", "==", ">=", "<=", "{", "}", "(", ")", "]", ",", ".",
    "=", "|", ">", "<", "+", "-", "*", "/", "%", "^",
];

/// Splits a query into words.
pub(crate) fn tokenize(text: &str) -> Result<Vec<Token<'_>>, ParseError> {
    let mut input = LocatingSlice::new(text);
    let mut tokens = Vec::new();
    loop {
        skip(&mut input);
        let at = input.current_token_start();
        if input.is_empty() {
            return Ok(tokens);
        }
        match word.parse_next(&mut input) {
            Ok(tok) => tokens.push(Token { tok, at }),
            Err(error) => return Err(ParseError::at(text, at, message(&error, text, at))),
        }
    }
}

fn message(error: &ErrMode<ContextError>, text: &str, at: usize) -> String {
    let said = match error {
        ErrMode::Cut(error) | ErrMode::Backtrack(error) => {
            error.context().find_map(|context| match context {
                StrContext::Label(label) => Some((*label).to_owned()),
                _ => None,
            })
        }
        ErrMode::Incomplete(_) => None,
    };
    said.unwrap_or_else(|| {
        let c = text.get(at..).and_then(|rest| rest.chars().next());
        format!("syntax error: unexpected character {:?}", c.unwrap_or('\0'))
    })
}

fn skip(input: &mut Text<'_>) {
    let comment = preceded('#', take_till(0.., '\n')).void();
    let spaces: Result<(), ErrMode<ContextError>> =
        repeat(0.., alt((multispace1.void(), comment))).parse_next(input);
    // Zero repetitions are a match: there is no error to look at.
    drop(spaces);
}

fn word<'i>(input: &mut Text<'i>) -> ModalResult<Tok<'i>> {
    alt((
        name.map(Tok::Ident),
        quoted.map(|text| Tok::Text(text.into())),
        raw.map(|text| Tok::Text(Arc::from(text))),
        range.map(Tok::Range),
        flag.map(Tok::Flag),
        negative_duration.map(Tok::Duration),
        number,
        symbol.map(Tok::Sym),
    ))
    .parse_next(input)
}

fn name<'i>(input: &mut Text<'i>) -> ModalResult<&'i str> {
    (
        one_of(|c: char| c.is_ascii_alphabetic() || c == '_'),
        take_while(0.., |c: char| c.is_ascii_alphanumeric() || c == '_'),
    )
        .take()
        .parse_next(input)
}

fn symbol(input: &mut Text<'_>) -> ModalResult<&'static str> {
    for symbol in SYMBOLS {
        if opt(symbol).parse_next(input)?.is_some() {
            return Ok(symbol);
        }
    }
    fail.parse_next(input)
}

fn raw<'i>(input: &mut Text<'i>) -> ModalResult<&'i str> {
    delimited(
        '`',
        take_till(0.., '`'),
        cut_err('`').context(StrContext::Label("literal not terminated")),
    )
    .parse_next(input)
}

fn quoted(input: &mut Text<'_>) -> ModalResult<String> {
    let plain = take_till(1.., ['"', '\\', '\n']).map(str::to_owned);
    let escaped = preceded('\\', cut_err(escape)).map(String::from);
    delimited(
        '"',
        repeat(0.., alt((plain, escaped))).fold(String::new, |mut text, part: String| {
            text.push_str(&part);
            text
        }),
        cut_err('"').context(StrContext::Label("literal not terminated")),
    )
    .parse_next(input)
}

/// Go's escapes in interpreted string literals.
fn escape(input: &mut Text<'_>) -> ModalResult<char> {
    fn hex<'i>(digits: usize) -> impl Parser<Text<'i>, char, ErrMode<ContextError>> {
        take_while(digits..=digits, |c: char| c.is_ascii_hexdigit()).verify_map(|digits: &str| {
            u32::from_str_radix(digits, 16)
                .ok()
                .and_then(char::from_u32)
        })
    }
    let octal = take_while(3..=3, '0'..='7')
        .verify_map(|digits: &str| u32::from_str_radix(digits, 8).ok().and_then(char::from_u32));
    let single = any.verify_map(|c| match c {
        'n' => Some('\n'),
        't' => Some('\t'),
        'r' => Some('\r'),
        'a' => Some('\u{7}'),
        'b' => Some('\u{8}'),
        'f' => Some('\u{c}'),
        'v' => Some('\u{b}'),
        '\\' | '"' | '\'' => Some(c),
        _ => None,
    });
    alt((
        preceded('x', hex(2)),
        preceded('u', hex(4)),
        preceded('U', hex(8)),
        octal,
        single,
    ))
    .context(StrContext::Label("invalid syntax"))
    .parse_next(input)
}

fn range(input: &mut Text<'_>) -> ModalResult<i64> {
    delimited(
        '[',
        take_till(0.., ']')
            .verify_map(|text: &str| parse_duration(text.trim()).filter(|range| *range > 0))
            .context(StrContext::Label("not a valid duration string")),
        ']'.context(StrContext::Label("missing closing ']' in duration")),
    )
    .parse_next(input)
    .map_err(|error: ErrMode<ContextError>| match error {
        // A bracket starts nothing else.
        ErrMode::Backtrack(inner) if inner.context().next().is_some() => ErrMode::Cut(inner),
        other => other,
    })
}

fn flag<'i>(input: &mut Text<'i>) -> ModalResult<&'i str> {
    terminated(
        alt(("--strict", "--keep-empty")),
        winnow::combinator::not(one_of(|c: char| c.is_ascii_alphabetic() || c == '-')),
    )
    .parse_next(input)
}

fn negative_duration(input: &mut Text<'_>) -> ModalResult<i64> {
    preceded(
        '-',
        measure.verify_map(|text| parse_duration(&format!("-{text}"))),
    )
    .parse_next(input)
}

/// Digits with the letters that follow, as one word.
fn measure<'i>(input: &mut Text<'i>) -> ModalResult<&'i str> {
    (
        one_of('0'..='9'),
        take_while(0.., |c: char| c.is_alphanumeric() || c == '.'),
    )
        .take()
        .parse_next(input)
}

fn number<'i>(input: &mut Text<'i>) -> ModalResult<Tok<'i>> {
    let with_unit = measure.verify_map(|text: &str| {
        text.contains(|c: char| c.is_alphabetic())
            .then(|| parse_duration(text).map(Tok::Duration))
            .flatten()
            .or_else(|| {
                let unit = text.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
                // Loki writes sizes with capital letters or a k; `5m` has been a duration above.
                (!unit.is_empty())
                    .then(|| parse_bytes(text).map(Tok::Bytes))
                    .flatten()
            })
    });
    alt((with_unit, hex_number, decimal)).parse_next(input)
}

fn hex_number<'i>(input: &mut Text<'i>) -> ModalResult<Tok<'i>> {
    preceded(alt(("0x", "0X")), hex_digit1)
        .verify_map(|digits: &str| u64::from_str_radix(digits, 16).ok())
        .map(|value| Tok::Number(value as f64))
        .parse_next(input)
}

fn decimal<'i>(input: &mut Text<'i>) -> ModalResult<Tok<'i>> {
    let digits = || take_while(0.., '0'..='9');
    let exponent = (
        one_of(['e', 'E']),
        opt(one_of(['+', '-'])),
        take_while(1.., '0'..='9'),
    );
    (digits(), opt(('.', digits())), opt(exponent))
        .take()
        .verify_map(|text: &str| text.parse::<f64>().ok().filter(|value| value.is_finite()))
        .map(Tok::Number)
        .parse_next(input)
}

/// A quoted text at the start of `input`; templates share the lexer's strings.
pub(crate) fn quoted_text(input: &mut &str) -> ModalResult<String> {
    let mut text = LocatingSlice::new(*input);
    let value = alt((quoted, raw.map(str::to_owned))).parse_next(&mut text)?;
    *input = input.get(text.current_token_start()..).unwrap_or_default();
    Ok(value)
}
