//! The fields of a line whatever its format: JSON first, else logfmt, as Loki's field detection
//! tries them.

use std::collections::BTreeMap;

use super::fields::{Fields, Origin};
use super::hints::Hints;
use super::parsers::{LineParser, joined};
use crate::logs::lines::json::{self, Kind};
use crate::logs::store::LabelSet;

/// The fields that a parser found in a line.
pub(crate) struct LineFields {
    /// The parser's name in a query.
    pub(crate) parser: &'static str,
    /// Names and values, sorted by name.
    pub(crate) fields: Vec<(String, String)>,
    /// The keys on the way to each field of a JSON line, by the field's name.
    pub(crate) paths: BTreeMap<String, Vec<String>>,
}

/// Reads the fields of a line of a stream with these labels. `None` if no parser reads the line.
pub(crate) fn line_fields(line: &str, labels: &LabelSet) -> Option<LineFields> {
    let json = read(&LineParser::Json, line, labels).map(|fields| LineFields {
        parser: "json",
        fields,
        paths: paths(line, labels),
    });
    let logfmt = || {
        let parser = LineParser::Logfmt {
            strict: false,
            keep_empty: false,
        };
        let fields = read(&parser, line, labels)?;
        Some(LineFields {
            parser: "logfmt",
            fields,
            paths: BTreeMap::new(),
        })
    };
    json.or_else(logfmt)
}

fn read(parser: &LineParser, line: &str, labels: &LabelSet) -> Option<Vec<(String, String)>> {
    let mut fields = Fields::default();
    fields.reset(labels, &[]);
    parser.parse(line, &mut fields, &Hints::default());
    if fields.error().is_some() {
        return None;
    }
    let found = fields.all().into_iter();
    let found = found.filter(|(.., origin)| *origin == Origin::Parsed);
    Some(
        found
            .map(|(name, value, _)| (name.to_owned(), value.to_owned()))
            .collect(),
    )
}

fn paths(line: &str, labels: &LabelSet) -> BTreeMap<String, Vec<String>> {
    let mut paths = BTreeMap::new();
    let mut fields = Fields::default();
    fields.reset(labels, &[]);
    // The line was read before without an error.
    let _ = json::walk(line, &mut Vec::new(), &mut |path, key, value| {
        if value.kind != Kind::Object {
            let name = joined(path, key);
            let name = fields.free_name(&name).into_owned();
            let keys = path.iter().map(String::as_str).chain([key]);
            paths
                .entry(name)
                .or_insert_with(|| keys.map(str::to_owned).collect());
        }
        Ok(true)
    });
    paths
}
