//! The grammar of pipelines.

use std::sync::Arc;

use winnow::combinator::{alt, cut_err, delimited, opt, preceded, repeat, separated};
use winnow::prelude::*;

use super::ast::{
    CompareOp, Extraction, LabelFilter, LabelFormat, LineFilter, LineMatch, MatchOp, Matcher,
    NamedMatcher, Parser as LineParser, Stage,
};
use super::error::ParseError;
use super::grammar::{
    Parsed, Words, ident, keyword, matcher, nested, next_is, pick, refuse, sym, text,
};
use super::tokens::Tok;

/// All stages up to the end, a range or an `unwrap`.
pub(crate) fn stages(input: &mut Words<'_, '_>) -> Parsed<Vec<Stage>> {
    let mut stages = Vec::new();
    loop {
        if is_unwrap(input) {
            return Ok(stages);
        }
        match opt(stage).parse_next(input)? {
            Some(stage) => stages.push(stage),
            None => return Ok(stages),
        }
    }
}

/// Whether `| unwrap` comes next.
pub(crate) fn is_unwrap(input: &Words<'_, '_>) -> bool {
    next_is(input, "|")
        && input.input.get(1).is_some_and(
            |token| matches!(token.tok, Tok::Ident(name) if name.eq_ignore_ascii_case("unwrap")),
        )
}

fn stage(input: &mut Words<'_, '_>) -> Parsed<Stage> {
    alt((
        line_filter.map(Stage::LineFilter),
        preceded(sym("|"), cut_err(piped)),
        pattern_filter,
    ))
    .parse_next(input)
}

fn line_filter(input: &mut Words<'_, '_>) -> Parsed<LineFilter> {
    let op = alt((
        sym("|=").value(LineMatch::Contains),
        sym("!=").value(LineMatch::ContainsNot),
        sym("|~").value(LineMatch::Regex),
        sym("!~").value(LineMatch::NotRegex),
    ))
    .parse_next(input)?;
    if let Some(name) = opt(keyword("ip")).parse_next(input)? {
        return unsupported(input, name);
    }
    let alternatives = cut_err(separated(1.., text, keyword("or"))).parse_next(input)?;
    Ok(LineFilter { op, alternatives })
}

fn pattern_filter(input: &mut Words<'_, '_>) -> Parsed<Stage> {
    let op = alt((sym("|>"), sym("!>"))).parse_next(input)?;
    unsupported(input, op)
}

fn unsupported<T>(input: &Words<'_, '_>, what: &str) -> Parsed<T> {
    let reason = format!("`{what}` is not supported by the embedded backend");
    refuse(input, ParseError::plain(reason))
}

/// A stage after its `|`.
fn piped(input: &mut Words<'_, '_>) -> Parsed<Stage> {
    let parser = alt((
        json,
        logfmt,
        preceded(keyword("regexp"), cut_err(text)).map(LineParser::Regexp),
        preceded(keyword("pattern"), cut_err(text)).map(LineParser::Pattern),
    ));
    alt((
        parser.map(Stage::Parser),
        preceded(keyword("line_format"), cut_err(text)).map(Stage::LineFormat),
        preceded(
            keyword("label_format"),
            cut_err(separated(1.., label_format, sym(","))),
        )
        .map(Stage::LabelFormat),
        preceded(
            keyword("drop"),
            cut_err(separated(1.., named_matcher, sym(","))),
        )
        .map(Stage::Drop),
        preceded(
            keyword("keep"),
            cut_err(separated(1.., named_matcher, sym(","))),
        )
        .map(Stage::Keep),
        refused_stage,
        label_filter.map(Stage::LabelFilter),
    ))
    .parse_next(input)
}

fn refused_stage(input: &mut Words<'_, '_>) -> Parsed<Stage> {
    let name = alt((keyword("unpack"), keyword("decolorize"))).parse_next(input)?;
    unsupported(input, name)
}

fn json(input: &mut Words<'_, '_>) -> Parsed<LineParser> {
    preceded(keyword("json"), separated(0.., extraction, sym(",")))
        .map(LineParser::Json)
        .parse_next(input)
}

fn logfmt(input: &mut Words<'_, '_>) -> Parsed<LineParser> {
    let flag = || {
        pick("FUNCTION_FLAG", |tok| match tok {
            Tok::Flag(flag) => Some((*flag).to_owned()),
            _ => None,
        })
    };
    keyword("logfmt").parse_next(input)?;
    let flags: Vec<String> = repeat(0.., flag()).parse_next(input)?;
    let extractions = separated(0.., extraction, sym(",")).parse_next(input)?;
    Ok(LineParser::Logfmt {
        strict: flags.iter().any(|flag| flag == "--strict"),
        keep_empty: flags.iter().any(|flag| flag == "--keep-empty"),
        extractions,
    })
}

fn extraction(input: &mut Words<'_, '_>) -> Parsed<Extraction> {
    let label = ident(input)?;
    let path = opt(preceded(sym("="), cut_err(text))).parse_next(input)?;
    let path = path.unwrap_or_else(|| Arc::from(label.as_str()));
    Ok(Extraction { label, path })
}

fn label_format(input: &mut Words<'_, '_>) -> Parsed<(String, LabelFormat)> {
    let target = ident(input)?;
    cut_err(sym("=")).parse_next(input)?;
    let format = cut_err(alt((
        ident.map(LabelFormat::Rename),
        text.map(LabelFormat::Template),
    )))
    .parse_next(input)?;
    Ok((target, format))
}

fn named_matcher(input: &mut Words<'_, '_>) -> Parsed<NamedMatcher> {
    let has_value = input
        .input
        .get(1)
        .is_some_and(|token| matches!(token.tok, Tok::Sym("=" | "!=" | "=~" | "!~")));
    if has_value {
        return matcher.map(NamedMatcher::Matcher).parse_next(input);
    }
    ident.map(NamedMatcher::Name).parse_next(input)
}

/// Conditions: `or` binds less than `and`, a comma or mere juxtaposition.
pub(crate) fn label_filter(input: &mut Words<'_, '_>) -> Parsed<LabelFilter> {
    let mut filters: Vec<LabelFilter> = vec![conjunction(input)?];
    while opt(keyword("or")).parse_next(input)?.is_some() {
        filters.push(cut_err(conjunction).parse_next(input)?);
    }
    Ok(one_or(filters, LabelFilter::Or))
}

fn conjunction(input: &mut Words<'_, '_>) -> Parsed<LabelFilter> {
    let mut filters = vec![condition(input)?];
    loop {
        let joined = opt(alt((keyword("and"), sym(",")))).parse_next(input)?;
        if joined.is_some() {
            filters.push(cut_err(condition).parse_next(input)?);
        } else if starts_condition(input) {
            filters.push(condition(input)?);
        } else {
            return Ok(one_or(filters, LabelFilter::And));
        }
    }
}

fn one_or(
    mut filters: Vec<LabelFilter>,
    several: impl FnOnce(Vec<LabelFilter>) -> LabelFilter,
) -> LabelFilter {
    if filters.len() > 1 {
        return several(filters);
    }
    filters.pop().unwrap_or(LabelFilter::And(Vec::new()))
}

fn starts_condition(input: &Words<'_, '_>) -> bool {
    match input.input.first().map(|token| &token.tok) {
        Some(Tok::Sym("(")) => true,
        Some(Tok::Ident(name)) => !name.eq_ignore_ascii_case("or"),
        _ => false,
    }
}

fn condition(input: &mut Words<'_, '_>) -> Parsed<LabelFilter> {
    if next_is(input, "(") {
        return delimited(sym("("), nested(label_filter), cut_err(sym(")"))).parse_next(input);
    }
    let name = ident(input)?;
    let op = cut_err(comparison).parse_next(input)?;
    if let Some(ip) = opt(keyword("ip")).parse_next(input)? {
        return unsupported(input, ip);
    }
    cut_err(|input: &mut Words<'_, '_>| right_side(input, &name, op)).parse_next(input)
}

/// An operator of a condition: of texts, of numbers or of both.
#[derive(Clone, Copy)]
enum Comparison {
    Texts(MatchOp),
    Numbers(CompareOp),
    Both(MatchOp, CompareOp),
}

fn comparison(input: &mut Words<'_, '_>) -> Parsed<Comparison> {
    alt((
        sym("==").value(Comparison::Numbers(CompareOp::Equal)),
        sym("=").value(Comparison::Both(MatchOp::Equal, CompareOp::Equal)),
        sym("!=").value(Comparison::Both(MatchOp::NotEqual, CompareOp::NotEqual)),
        sym("=~").value(Comparison::Texts(MatchOp::Regex)),
        sym("!~").value(Comparison::Texts(MatchOp::NotRegex)),
        sym(">").value(Comparison::Numbers(CompareOp::Greater)),
        sym(">=").value(Comparison::Numbers(CompareOp::GreaterOrEqual)),
        sym("<").value(Comparison::Numbers(CompareOp::Less)),
        sym("<=").value(Comparison::Numbers(CompareOp::LessOrEqual)),
    ))
    .parse_next(input)
}

fn right_side(input: &mut Words<'_, '_>, name: &str, op: Comparison) -> Parsed<LabelFilter> {
    let (of_texts, of_numbers) = match op {
        Comparison::Texts(op) => (Some(op), None),
        Comparison::Numbers(op) => (None, Some(op)),
        Comparison::Both(text, number) => (Some(text), Some(number)),
    };
    if let Some(op) = of_texts {
        let value = if of_numbers.is_some() {
            opt(text).parse_next(input)?
        } else {
            Some(text(input)?)
        };
        if let Some(value) = value {
            let name = name.to_owned();
            let matcher = Matcher { name, op, value };
            if let Err(reason) = matcher.compile() {
                return refuse(input, reason);
            }
            return Ok(LabelFilter::Match(matcher));
        }
    }
    let Some(op) = of_numbers else {
        return pick("STRING", |_| None)(input);
    };
    let sign = opt(alt((sym("-").value(-1.0), sym("+").value(1.0)))).parse_next(input)?;
    pick("NUMBER, DURATION or BYTES", |tok| match (tok, sign) {
        (Tok::Number(value), sign) => Some(LabelFilter::Number(
            name.to_owned(),
            op,
            sign.unwrap_or(1.0) * value,
        )),
        (Tok::Duration(nanos), None) => Some(LabelFilter::Duration(name.to_owned(), op, *nanos)),
        (Tok::Bytes(bytes), None) => Some(LabelFilter::Bytes(name.to_owned(), op, *bytes)),
        _ => None,
    })(input)
}
