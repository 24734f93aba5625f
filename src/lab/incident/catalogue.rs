//! The incidents that there are: those built in, and files of one's own.

use std::collections::HashMap;
use std::fs::Metadata;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use rust_embed::Embed;

use super::file::{File, LARGEST};
use super::refusal::Refusal;
use crate::lab::excerpt::visible;
use crate::lab::file_text::file_text;

/// The incidents as they were when this was built: whatever file is in the folder.
#[derive(Embed)]
#[folder = "incidents/"]
#[include = "*.toml"]
struct Embedded;

/// Most files of one's own in a folder.
const MOST_FILES: usize = 1000;

/// A file that was changed in this time is read again: its time is too coarse to tell a second change.
const SETTLING: Duration = Duration::from_secs(2);

/// Where incidents come from.
#[derive(Clone, Debug, Default)]
pub struct Catalogue {
    folder: Option<PathBuf>,
    /// Clones share it.
    read: Arc<Mutex<HashMap<Source, Read>>>,
}

/// What was read: a file of one's own, or an incident built in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Source {
    File(PathBuf),
    BuiltIn(String),
}

/// What a source gave, and by what a file shows that it is still the same; those built in never change.
#[derive(Clone, Debug)]
struct Read {
    stamp: Option<Stamp>,
    outcome: Result<Incident, Refusal>,
}

/// When a file was changed, and its bytes.
type Stamp = (SystemTime, u64);

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
        Self {
            folder,
            read: Arc::default(),
        }
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
        let names = self.names()?;
        self.forget_others(&names);
        for name in names {
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
            if names.len() > before + MOST_FILES {
                let text = format!(
                    "--incidents {}: has more than {MOST_FILES} incidents (*.toml), which is the most; name a folder \
                     with fewer",
                    folder.display()
                );
                return Err(Refusal::usage(text));
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
            if let Some(about) = path.metadata().ok().filter(Metadata::is_file) {
                return self.of_own(path, &about);
            }
            if path.symlink_metadata().is_ok() {
                return Err(Refusal::usage(format!(
                    "{}: is no file; remove it, or give it another ending",
                    path.display()
                )));
            }
        }
        let source = Source::BuiltIn(name.to_owned());
        if let Some(outcome) = self.kept(&source, None) {
            return outcome;
        }
        match Embedded::get(&format!("{name}.toml")) {
            Some(file) => {
                let outcome = of_text(name, &String::from_utf8_lossy(&file.data), name);
                self.keep(source, None, &outcome);
                outcome
            }
            None => Err(unknown(name, &self.names()?)),
        }
    }

    /// The incident of a file in the folder, which is read only if it is another than at the last look: the console
    /// looks at all of them every two seconds.
    fn of_own(&self, path: PathBuf, about: &Metadata) -> Result<Incident, Refusal> {
        let changed = about.modified().ok();
        let stamp = changed.map(|changed| (changed, about.len()));
        let source = Source::File(path.clone());
        if stamp.is_some()
            && let Some(outcome) = self.kept(&source, stamp)
        {
            return outcome;
        }
        let text = text_of(&path)?;
        let outcome = of_file(&path, &text);
        let settled = |at: SystemTime| at.elapsed().is_ok_and(|age| age > SETTLING);
        if changed.is_some_and(settled) {
            self.keep(source, stamp, &outcome);
        }
        outcome
    }

    fn kept(&self, source: &Source, stamp: Option<Stamp>) -> Option<Result<Incident, Refusal>> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = read.get(source).filter(|kept| kept.stamp == stamp)?;
        Some(kept.outcome.clone())
    }

    fn keep(&self, source: Source, stamp: Option<Stamp>, outcome: &Result<Incident, Refusal>) {
        let outcome = outcome.clone();
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.insert(source, Read { stamp, outcome });
    }

    /// Forgets the files that the folder does not have any more.
    fn forget_others(&self, names: &[String]) {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        read.retain(|source, _| match source {
            Source::BuiltIn(_) => true,
            Source::File(path) => {
                let name = path.file_stem().unwrap_or_default().to_string_lossy();
                names.iter().any(|it| *it == name)
            }
        });
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
    of_file(path, &text_of(path)?)
}

fn text_of(path: &Path) -> Result<String, Refusal> {
    let unreadable = |error| Refusal::usage(format!("{}: {error}", path.display()));
    file_text(path, LARGEST as u64).map_err(unreadable)
}

fn of_file(path: &Path, text: &str) -> Result<Incident, Refusal> {
    let name = path.file_stem().unwrap_or_default().to_string_lossy();
    let shown = visible(&path.display().to_string());
    // It is printed in many places.
    if visible(&name) != name {
        let text = "its name has a control character; give it another";
        return Err(Refusal::usage(format!("{shown}: {text}")));
    }
    of_text(&name, text, &shown)
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
        .filter(|(distance, known)| {
            // Of a short name most letters would be others.
            *distance <= 3.min(name.chars().count() / 2)
                || !name.is_empty() && known.starts_with(name)
        });
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

    /// A folder of its own, with one file whose last change was long ago.
    struct Own(PathBuf, SystemTime);

    impl Own {
        fn new(name: &str) -> Self {
            let folder =
                std::env::temp_dir().join(format!("lab-own-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            Self(folder, SystemTime::now() - Duration::from_secs(3600))
        }

        fn path(&self) -> PathBuf {
            self.0.join("mine.toml")
        }

        /// Writes the file with a title, as if it was changed some seconds after the first time.
        fn write(&self, title: &str, after_s: u64) {
            let slow = Embedded::get("slow-shop.toml").unwrap();
            let slow = String::from_utf8(slow.data.to_vec()).unwrap();
            let text = slow.replace("The shop is slow", title);
            std::fs::write(self.path(), text).unwrap();
            self.touch(self.1 + Duration::from_secs(after_s));
        }

        fn touch(&self, at: SystemTime) {
            let file = std::fs::File::options().write(true).open(self.path());
            file.unwrap().set_modified(at).unwrap();
        }

        fn title(&self, catalogue: &Catalogue) -> String {
            catalogue.named("mine").unwrap().file.title
        }
    }

    impl Drop for Own {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn a_file_that_did_not_change_is_not_read_again_and_a_changed_one_is() {
        let own = Own::new("kept");
        let catalogue = Catalogue::new(Some(own.0.clone()));
        own.write("One is slow", 0);
        assert_eq!(own.title(&catalogue), "One is slow");
        // The same length and time: only reading it would tell the difference.
        own.write("Two is slow", 0);
        assert_eq!(own.title(&catalogue.clone()), "One is slow");
        own.write("Two is slow", 1);
        assert_eq!(own.title(&catalogue), "Two is slow");
        own.write("It is slow", 1);
        assert_eq!(own.title(&catalogue), "It is slow", "another length");
        // One with a mistake is kept as well, and so is its end.
        own.write("", 2);
        let mistake = catalogue.named("mine").unwrap_err();
        assert_eq!(catalogue.named("mine").unwrap_err(), mistake);
        own.write("Well again", 3);
        assert_eq!(own.title(&catalogue), "Well again");
    }

    #[test]
    fn a_file_that_was_changed_just_now_is_read_again() {
        let own = Own::new("new");
        let catalogue = Catalogue::new(Some(own.0.clone()));
        let now = SystemTime::now();
        for title in ["One is slow", "Two is slow"] {
            own.write(title, 0);
            own.touch(now);
            assert_eq!(own.title(&catalogue), title);
        }
    }

    #[test]
    fn what_a_folder_has_no_more_is_forgotten() {
        let own = Own::new("gone");
        let catalogue = Catalogue::new(Some(own.0.clone()));
        own.write("One is slow", 0);
        let is_kept = || {
            let source = Source::File(own.path());
            catalogue.read.lock().unwrap().contains_key(&source)
        };
        catalogue.all().unwrap();
        assert!(is_kept());
        std::fs::rename(own.path(), own.0.join("other.toml")).unwrap();
        catalogue.all().unwrap();
        assert!(!is_kept());
    }

    #[test]
    fn a_name_that_would_change_what_a_terminal_shows_is_none() {
        let own = Own::new("escape");
        own.write("One is slow", 0);
        let path = own.0.join("\u{1b}[31mred.toml");
        std::fs::rename(own.path(), &path).unwrap();
        let refusal = of_path(&path).unwrap_err().to_string();
        assert!(refusal.contains("control character"), "{refusal}");
        assert!(!refusal.contains('\u{1b}'), "{refusal:?}");
    }

    #[test]
    fn what_is_no_file_is_named_as_such_and_takes_no_other_away() {
        let own = Own::new("folder");
        own.write("One is slow", 0);
        std::fs::create_dir(own.0.join("inner.toml")).unwrap();
        std::os::unix::fs::symlink("/nowhere", own.0.join("link.toml")).unwrap();
        let (all, problems) = Catalogue::new(Some(own.0.clone())).readable().unwrap();
        assert!(all.iter().any(|it| it.name == "mine"));
        let problems: Vec<String> = problems.iter().map(Refusal::to_string).collect();
        assert_eq!(problems.len(), 2, "{problems:?}");
        for (problem, name) in problems.iter().zip(["inner.toml", "link.toml"]) {
            assert!(
                problem.contains(&format!("{name}: is no file")),
                "{problem}"
            );
        }
    }

    #[test]
    fn a_folder_has_a_bounded_number_of_files() {
        let own = Own::new("many");
        for number in 0..=MOST_FILES {
            std::fs::write(own.0.join(format!("{number}.toml")), "").unwrap();
        }
        let refusal = Catalogue::new(Some(own.0.clone())).all().unwrap_err();
        assert!(refusal.to_string().contains("more than 1000"), "{refusal}");
    }

    #[test]
    fn a_name_that_is_nearly_right_is_named() {
        let names = ["slow-route", "one-item"].map(str::to_owned);
        for (name, expected) in [
            ("slow-rout", "did you mean slow-route?"),
            ("slow", "did you mean slow-route?"),
            ("oneitem", "did you mean one-item?"),
            ("quite-another", "lab incident list"),
            ("nope", "lab incident list"),
            ("", "lab incident list"),
        ] {
            let refusal = unknown(name, &names).to_string();
            assert!(refusal.contains(expected), "{name}: {refusal}");
        }
        assert_eq!(distance("kitten", "sitting"), 3);
    }
}
