//! The incidents that there are: those built in, and files of one's own.

use std::path::{Path, PathBuf};

use rust_embed::Embed;

use super::file::{File, LARGEST};
use super::refusal::Refusal;
use crate::lab::file_text::file_text;

/// The incidents as they were when this was built: whatever file is in the folder.
#[derive(Embed)]
#[folder = "incidents/"]
#[include = "*.toml"]
struct Embedded;

/// Where incidents come from.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    folder: Option<PathBuf>,
}

/// An incident with its name and the text of its file.
#[derive(Clone, Debug)]
pub struct Incident {
    /// Name of its file without the ending.
    pub name: String,
    /// Text of its file.
    pub text: String,
    /// Its content.
    pub file: File,
}

impl Catalogue {
    /// The incidents built in, and those of a folder; one of the same name takes the place of one built in.
    #[must_use]
    pub fn new(folder: Option<PathBuf>) -> Self {
        Self { folder }
    }

    /// All incidents, easy ones first.
    ///
    /// # Errors
    /// When a file cannot be read or has a problem.
    pub fn all(&self) -> Result<Vec<Incident>, Refusal> {
        let (all, problems) = self.readable()?;
        match problems.into_iter().next() {
            Some(problem) => Err(problem),
            None => Ok(all),
        }
    }

    /// All incidents that can be read, easy ones first, and why the others cannot: a mistake in one file takes no other
    /// away.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn readable(&self) -> Result<(Vec<Incident>, Vec<Refusal>), Refusal> {
        let (mut all, mut problems) = (Vec::new(), Vec::new());
        for name in self.names()? {
            match self.named(&name) {
                Ok(incident) => all.push(incident),
                Err(problem) => problems.push(problem),
            }
        }
        all.sort_by(|one, other| {
            let key = |it: &Incident| (it.file.difficulty, it.name.clone());
            key(one).cmp(&key(other))
        });
        Ok((all, problems))
    }

    /// Names of all incidents.
    fn names(&self) -> Result<Vec<String>, Refusal> {
        let mut names: Vec<String> = Embedded::iter()
            .filter_map(|file| file.strip_suffix(".toml").map(str::to_owned))
            .collect();
        if let Some(folder) = &self.folder {
            let wrong =
                |error| Refusal::usage(format!("--incidents {}: {error}", folder.display()));
            let before = names.len();
            for entry in std::fs::read_dir(folder).map_err(wrong)? {
                let path = entry.map_err(wrong)?.path();
                if path.extension().is_some_and(|it| it == "toml") {
                    names.extend(path.file_stem().map(|it| it.to_string_lossy().into_owned()));
                }
            }
            if names.len() == before {
                let text = format!(
                    "--incidents {}: no incident (*.toml) in it",
                    folder.display()
                );
                return Err(Refusal::usage(text));
            }
        }
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The incident with a name, or the one at a path that ends with `.toml`.
    ///
    /// # Errors
    /// When there is none of that name (with what may be meant), or its file has a problem.
    pub fn named(&self, name: &str) -> Result<Incident, Refusal> {
        if name.ends_with(".toml") || name.contains('/') {
            return of_path(Path::new(name));
        }
        if let Some(folder) = &self.folder {
            let path = folder.join(format!("{name}.toml"));
            if path.is_file() {
                return of_path(&path);
            }
        }
        match Embedded::get(&format!("{name}.toml")) {
            Some(file) => of_text(name, &String::from_utf8_lossy(&file.data), name),
            None => Err(unknown(name, &self.names()?)),
        }
    }

    /// The incident that a seed chooses.
    ///
    /// # Errors
    /// As [`Self::named`].
    pub fn random(&self, seed: u64) -> Result<Incident, Refusal> {
        let names = self.names()?;
        let number = super::file::parameters::mixed(seed) % names.len().max(1) as u64;
        match names.get(number as usize) {
            Some(name) => self.named(name),
            None => Err(Refusal::usage("there is no incident to choose from")),
        }
    }
}

/// Reads and checks the file at a path.
///
/// # Errors
/// When it cannot be read or has problems; all of them are named.
pub fn of_path(path: &Path) -> Result<Incident, Refusal> {
    let shown = path.display().to_string();
    let unreadable = |error: std::io::Error| Refusal::usage(format!("{shown}: {error}"));
    let text = file_text(path, LARGEST as u64).map_err(unreadable)?;
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    of_text(&name, &text, &shown)
}

/// An incident of the text of its file.
///
/// # Errors
/// When the text has problems; `shown` names it.
pub(super) fn of_text(name: &str, text: &str, shown: &str) -> Result<Incident, Refusal> {
    match File::read(text) {
        Ok(file) => Ok(Incident {
            name: name.to_owned(),
            text: text.to_owned(),
            file,
        }),
        Err(problems) => {
            let lines: Vec<String> = problems.iter().map(|it| format!("{shown}: {it}")).collect();
            Err(Refusal::usage(lines.join("\n")))
        }
    }
}

fn unknown(name: &str, names: &[String]) -> Refusal {
    let close = names
        .iter()
        .map(|known| (distance(name, known), known))
        .min()
        .filter(|(distance, known)| *distance <= 3 || known.starts_with(name));
    let advice = match close {
        Some((_, known)) => format!("did you mean {known}?"),
        None => "`lab incident list` names them all; a file of your own is named by its path, with .toml".to_owned(),
    };
    Refusal::missing(format!("there is no incident {name:?}; {advice}"))
}

/// Levenshtein's distance: letters to change, add or remove.
fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().take(64).collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (at, letter) in one.chars().take(64).enumerate() {
        let mut diagonal = row[0];
        row[0] = at + 1;
        for (column, wanted) in other.iter().enumerate() {
            let replaced = diagonal + usize::from(letter != *wanted);
            diagonal = row[column + 1];
            row[column + 1] = replaced.min(row[column] + 1).min(diagonal + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_incident_that_is_built_in_has_no_problem() {
        let all = Catalogue::default().all();
        let all = all.unwrap_or_else(|refusal| panic!("{refusal}"));
        assert!(all.len() >= 12, "{}", all.len());
    }

    #[test]
    fn a_name_that_is_nearly_right_is_named() {
        let names = ["slow-route", "one-item"].map(str::to_owned);
        for (name, expected) in [
            ("slow-rout", "did you mean slow-route?"),
            ("slow", "did you mean slow-route?"),
            ("oneitem", "did you mean one-item?"),
            ("quite-another", "lab incident list"),
        ] {
            let refusal = unknown(name, &names).to_string();
            assert!(refusal.contains(expected), "{name}: {refusal}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
