//! The time zone that `TZ` names.
//!
//! The file is opened here and not by the time library, which opens any kind of file: reading from a pipe
//! would never end.

use std::fs::File;
use std::io::Read;
use std::path::{Component, Path};

use jiff::tz::TimeZone;

/// Folder of the database, unless `TZDIR` names one.
const FOLDERS: [&str; 3] = [
    "/usr/share/zoneinfo",
    "/usr/share/lib/zoneinfo",
    "/etc/zoneinfo",
];

/// Most bytes of a zone's file; the largest have 4 KB.
const LARGEST: u64 = 1 << 20;

/// A time zone with or without a colon in front, by its name in the database in `folder`, by its file,
/// or as a rule.
pub(super) fn parse(text: &str, folder: Option<&str>) -> Option<TimeZone> {
    let name = text.strip_prefix(':').unwrap_or(text);
    let path = Path::new(name);
    if path.is_absolute() {
        return read(path, name);
    }
    if name.eq_ignore_ascii_case("UTC") {
        return Some(TimeZone::UTC);
    }
    let is_name = path
        .components()
        .all(|part| matches!(part, Component::Normal(_)));
    let given = folder.filter(|folder| !folder.is_empty());
    let folders = given.map_or_else(|| FOLDERS.to_vec(), |folder| vec![folder]);
    let found = folders
        .into_iter()
        .filter(|_| is_name)
        .find_map(|folder| read(&Path::new(folder).join(name), name));
    found.or_else(|| TimeZone::posix(name).ok())
}

/// The zone in a file. Only a plain file is read, because reading a pipe or a device may never end.
fn read(path: &Path, name: &str) -> Option<TimeZone> {
    let is_plain = path
        .metadata()
        .is_ok_and(|it| it.is_file() && (1..=LARGEST).contains(&it.len()));
    if !is_plain {
        return None;
    }
    let mut bytes = Vec::new();
    let file = File::open(path).ok()?;
    file.take(LARGEST).read_to_end(&mut bytes).ok()?;
    TimeZone::tzif(name, &bytes).ok()
}
