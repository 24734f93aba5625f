//! The figures as text, and where they stand in the documents. A test of the repository compiles this module too, and
//! compares what stands in the documents with what the file of figures says.
//!
//! In a document `<!-- report: NAME -->…<!-- /report -->` holds what the report writes: a figure ([`figures`]) or a
//! table ([`tables`]).

pub mod figures;
pub mod results;
pub mod tables;

use std::io;
use std::path::{Path, PathBuf};

use results::Results;

/// Begins a place that the report writes.
pub const OPEN: &str = "<!-- report: ";
/// Ends the name of such a place.
pub const NAMED: &str = " -->";
/// Ends such a place.
pub const CLOSE: &str = "<!-- /report -->";

/// README and all of `docs/`.
///
/// # Errors
/// When a folder cannot be read.
pub fn documents(root: &Path) -> io::Result<Vec<PathBuf>> {
    let mut found = vec![root.join("README.md")];
    let mut folders = vec![root.join("docs")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder)? {
            let path = entry?.path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|it| it == "md") {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// A piece of a document.
#[derive(Debug, PartialEq)]
pub enum Piece<'a> {
    /// What people wrote.
    Written(&'a str),
    /// A place that the report writes, by its name.
    Reported(&'a str),
}

/// The pieces of a document.
///
/// # Errors
/// For a place that does not end before the next one begins.
pub fn pieces(text: &str) -> Result<Vec<Piece<'_>>, String> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some((written, after)) = rest.split_once(OPEN) {
        let begins_line = written.is_empty() || written.ends_with('\n');
        pieces.push(Piece::Written(written));
        let (name, after) = after
            .split_once(NAMED)
            .ok_or("a marker of the report has no end")?;
        let (inside, after) = after
            .split_once(CLOSE)
            .filter(|(inside, _)| !inside.contains(OPEN))
            .ok_or_else(|| format!("the marker {name:?} is not closed"))?;
        // A table has lines of its own. A figure stands within a line: Markdown takes a line that begins with a mark as
        // HTML, and its text is not formatted then.
        if begins_line != tables::is_table(name) || inside.contains('\n') != tables::is_table(name)
        {
            return Err(format!(
                "the marker {name:?} stands where it cannot: a figure within a line, a table on lines of its own"
            ));
        }
        pieces.push(Piece::Reported(name));
        rest = after;
    }
    pieces.push(Piece::Written(rest));
    Ok(pieces)
}

/// The document with what the report says at its places.
///
/// # Errors
/// For a place that is not closed, or whose name the report does not know.
pub fn fill(text: &str, results: &Results) -> Result<String, String> {
    let mut filled = String::new();
    for piece in pieces(text)? {
        match piece {
            Piece::Written(written) => filled.push_str(written),
            Piece::Reported(name) => {
                let figure = match tables::is_table(name) {
                    true => format!("\n\n{}\n", tables::table(name, results)?),
                    false => figures::figure(name, results)?,
                };
                filled.push_str(&[OPEN, name, NAMED, &figure, CLOSE].concat());
            }
        }
    }
    Ok(filled)
}
