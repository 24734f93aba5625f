//! The files that Grafana is provisioned with: data sources with their correlations, dashboards.

use std::path::Path;

use rust_embed::Embed;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::file_text::file_text;

/// Largest file that is read, in bytes; dashboards of other people have up to some megabytes.
const LARGEST: u64 = 16 << 20;

/// The data sources as they were when this was built.
pub const DATA_SOURCES: &str = include_str!("../../etc/grafana/datasources.yaml");

/// The dashboards as they were when this was built: whatever file is in the folder.
#[derive(Embed)]
#[folder = "dashboards/"]
#[include = "*.json"]
struct Embedded;

/// A file that cannot be read or understood.
#[derive(Debug, thiserror::Error)]
#[error("{flag}: {problem}")]
pub struct Unusable {
    /// The flag that names the file.
    pub flag: &'static str,
    /// The file, and what is wrong with it.
    pub problem: String,
}

impl Unusable {
    /// A problem with the file that `flag` names.
    #[must_use]
    pub fn new(flag: &'static str, problem: impl Into<String>) -> Self {
        Self {
            flag,
            problem: problem.into(),
        }
    }
}

/// Provisioning of Grafana: data sources and dashboards.
pub struct Provisioning {
    /// Data sources in the order of the file.
    pub sources: Vec<DataSource>,
    /// Dashboards: file name and content.
    pub dashboards: Vec<(String, Value)>,
}

/// A data source of `datasources.yaml`
/// (<https://grafana.com/docs/grafana/latest/administration/provisioning/#data-sources>).
#[derive(Clone, Debug, Deserialize, Serialize)]
pub struct DataSource {
    /// Identifier.
    pub uid: String,
    /// Name.
    #[serde(default)]
    pub name: String,
    /// `prometheus`, `loki` or `tempo`.
    #[serde(rename = "type")]
    pub kind: String,
    /// True for the data source of queries that name none.
    #[serde(rename = "isDefault", default)]
    pub is_default: bool,
    /// Settings of its type.
    #[serde(rename = "jsonData", default)]
    pub settings: Value,
}

#[derive(Deserialize)]
struct File {
    datasources: Vec<DataSource>,
}

impl Provisioning {
    /// The data sources of the folder `etc` and the dashboards of a folder, or those built in.
    ///
    /// # Errors
    /// [`Unusable`] for a file that is not there or not understood.
    pub fn load(etc: Option<&Path>, folder: Option<&Path>) -> Result<Self, Unusable> {
        let sources = match etc {
            None => sources(DATA_SOURCES, "built-in data sources")?,
            Some(folder) => {
                let file = folder.join("grafana/datasources.yaml");
                sources(&read(&file, "--etc")?, &file.display().to_string())?
            }
        };
        let dashboards = dashboards(folder)?;
        Ok(Self {
            sources,
            dashboards,
        })
    }

    /// The first data source of a type.
    #[must_use]
    pub fn source(&self, kind: &str) -> Option<&DataSource> {
        self.sources.iter().find(|source| source.kind == kind)
    }

    /// The data source with a uid.
    #[must_use]
    pub fn by_uid(&self, uid: &str) -> Option<&DataSource> {
        self.sources.iter().find(|source| source.uid == uid)
    }
}

/// Reads the text of a `datasources.yaml`.
///
/// # Errors
/// [`Unusable`] when it is no such file.
pub fn sources(text: &str, name: &str) -> Result<Vec<DataSource>, Unusable> {
    let file: File = serde_saphyr::from_str(text)
        .map_err(|error| Unusable::new("--etc", format!("{name}: {error}")))?;
    Ok(file.datasources)
}

/// Reads a value of a provisioning file as Grafana does: `$$` stands for a dollar sign.
#[must_use]
pub fn unescaped(text: &str) -> String {
    text.replace("$$", "$")
}

fn read(file: &Path, flag: &'static str) -> Result<String, Unusable> {
    file_text(file, LARGEST)
        .map_err(|error| Unusable::new(flag, format!("{}: {error}", file.display())))
}

/// The dashboards of a folder, or those built in: file name and content.
///
/// # Errors
/// [`Unusable`] for a folder without a dashboard, or a file that is no JSON.
pub fn dashboards(folder: Option<&Path>) -> Result<Vec<(String, Value)>, Unusable> {
    let Some(folder) = folder else {
        let mut names: Vec<_> = Embedded::iter().collect();
        names.sort();
        let files = names
            .iter()
            .filter_map(|name| Some((name, Embedded::get(name)?)));
        return files
            .map(|(name, file)| dashboard(name, &String::from_utf8_lossy(&file.data)))
            .collect();
    };
    let wrong =
        |problem: String| Unusable::new("--dashboards", format!("{}: {problem}", folder.display()));
    let mut found = Vec::new();
    let entries = std::fs::read_dir(folder).map_err(|error| wrong(error.to_string()))?;
    for entry in entries {
        let path = entry.map_err(|error| wrong(error.to_string()))?.path();
        if path
            .extension()
            .is_some_and(|extension| extension == "json")
        {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            found.push(dashboard(&name, &read(&path, "--dashboards")?)?);
        }
    }
    if found.is_empty() {
        return Err(wrong("no dashboard (*.json) in it".to_owned()));
    }
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

fn dashboard(name: &str, text: &str) -> Result<(String, Value), Unusable> {
    // Some editors begin a file with a byte order mark.
    let content = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| Unusable::new("--dashboards", format!("{name}: {error}")))?;
    Ok((name.to_owned(), content))
}
