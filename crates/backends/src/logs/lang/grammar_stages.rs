//! The grammar of pipelines.

use std::sync::Arc;

use super::ast::{
    Extraction, LabelFormat, LineFilter, LineMatch, LineOperand, NamedMatcher, Parser, Stage,
};
use super::grammar::{Parsed, Words, match_op, matcher};
use super::grammar_labels::label_filter;
use super::tokens::Tok;
use super::validate;

/// Parses stages up to the end, a range or an `unwrap`.
pub(crate) fn stages(words: &mut Words<'_, '_>) -> Parsed<Vec<Stage>> {
    let mut stages = Vec::new();
    loop {
        if let Some(op) = line_match(words.peek()) {
            words.advance();
            line_filter(words, op, &mut stages)?;
        } else if words.is("|") && !is_unwrap(words) {
            words.advance();
            stages.push(piped(words)?);
        } else {
            return Ok(stages);
        }
    }
}

/// Tests whether `| unwrap` comes next.
pub(crate) fn is_unwrap(words: &Words<'_, '_>) -> bool {
    words.is("|") && *words.peek_at(1) == Tok::Word("unwrap")
}

fn line_match(tok: &Tok<'_>) -> Option<LineMatch> {
    Some(match tok {
        Tok::Word("|=") => LineMatch::Contains,
        Tok::Word("!=") => LineMatch::ContainsNot,
        Tok::Word("|~") => LineMatch::Regex,
        Tok::Word("!~") => LineMatch::NotRegex,
        Tok::Word("|>") => LineMatch::Pattern,
        Tok::Word("!>") => LineMatch::NotPattern,
        _ => return None,
    })
}

/// Parses the operand of a line filter, with its alternatives.
fn line_filter(words: &mut Words<'_, '_>, op: LineMatch, stages: &mut Vec<Stage>) -> Parsed<()> {
    let mut alternatives = vec![line_operand(words)?];
    while words.take("or") {
        words.count_operator()?;
        alternatives.push(line_operand(words)?);
    }
    if op.is_positive() {
        stages.push(Stage::LineFilter(LineFilter { op, alternatives }));
        return Ok(());
    }
    // For `!=` and `!~` no alternative may match, so each becomes a filter of its own.
    stages.extend(alternatives.into_iter().map(|operand| {
        let alternatives = vec![operand];
        Stage::LineFilter(LineFilter { op, alternatives })
    }));
    Ok(())
}

fn line_operand(words: &mut Words<'_, '_>) -> Parsed<LineOperand> {
    match words.peek() {
        Tok::Text(_) => words.text().map(LineOperand::Text),
        Tok::Function("ip") => {
            words.advance();
            words.expect("(")?;
            let pattern = words.text()?;
            words.expect(")")?;
            Ok(LineOperand::Ip(pattern))
        }
        _ => words.unexpected(&["STRING", "ip"]),
    }
}

/// A stage after its `|`.
fn piped(words: &mut Words<'_, '_>) -> Parsed<Stage> {
    let Tok::Word(keyword) = *words.peek() else {
        return label_filter(words).map(Stage::LabelFilter);
    };
    match keyword {
        "json" => {
            words.advance();
            extractions(words).map(|found| Stage::Parser(Parser::Json(found)))
        }
        "logfmt" => {
            words.advance();
            logfmt(words).map(Stage::Parser)
        }
        "unpack" => {
            words.advance();
            Ok(Stage::Parser(Parser::Unpack))
        }
        "regexp" => {
            words.advance();
            let expression = words.text()?;
            validate::regexp(&expression)?;
            Ok(Stage::Parser(Parser::Regexp(expression)))
        }
        "pattern" => {
            words.advance();
            let expression = words.text()?;
            validate::pattern(&expression)?;
            Ok(Stage::Parser(Parser::Pattern(expression)))
        }
        "line_format" => {
            words.advance();
            words.text().map(Stage::LineFormat)
        }
        "decolorize" => {
            words.advance();
            Ok(Stage::Decolorize)
        }
        "label_format" => {
            words.advance();
            label_formats(words).map(Stage::LabelFormat)
        }
        "drop" => {
            words.advance();
            named_matchers(words).map(Stage::Drop)
        }
        "keep" => {
            words.advance();
            named_matchers(words).map(Stage::Keep)
        }
        _ => label_filter(words).map(Stage::LabelFilter),
    }
}

fn logfmt(words: &mut Words<'_, '_>) -> Parsed<Parser> {
    let (mut strict, mut keep_empty) = (false, false);
    while let Tok::Flag(flag) = *words.peek() {
        strict |= flag == "--strict";
        keep_empty |= flag == "--keep-empty";
        words.advance();
    }
    Ok(Parser::Logfmt {
        strict,
        keep_empty,
        extractions: extractions(words)?,
    })
}

/// `a, b="path"`, or nothing.
fn extractions(words: &mut Words<'_, '_>) -> Parsed<Vec<Extraction>> {
    let mut extractions = Vec::new();
    if !matches!(words.peek(), Tok::Ident(_)) {
        return Ok(extractions);
    }
    loop {
        let label = words.ident()?;
        let path = match words.take("=") {
            true => words.text()?,
            false => Arc::from(label.as_str()),
        };
        extractions.push(Extraction { label, path });
        if !words.take(",") {
            return Ok(extractions);
        }
    }
}

fn label_formats(words: &mut Words<'_, '_>) -> Parsed<Vec<(String, LabelFormat)>> {
    let mut formats = Vec::new();
    loop {
        let target = words.ident()?;
        words.expect("=")?;
        let format = match words.peek() {
            Tok::Ident(_) => LabelFormat::Rename(words.ident()?),
            Tok::Text(_) => LabelFormat::Template(words.text()?),
            _ => return words.unexpected(&["IDENTIFIER", "STRING"]),
        };
        formats.push((target, format));
        if !words.take(",") {
            return Ok(formats);
        }
    }
}

fn named_matchers(words: &mut Words<'_, '_>) -> Parsed<Vec<NamedMatcher>> {
    let mut named = Vec::new();
    loop {
        // An operator after the name belongs to the name, even where a filter could begin.
        named.push(match match_op(words.peek_at(1)) {
            Some(_) => NamedMatcher::Matcher(matcher(words)?),
            None => NamedMatcher::Name(words.ident()?),
        });
        if !words.take(",") {
            return Ok(named);
        }
    }
}
