//! The files that Grafana is provisioned with: data sources with their correlations, dashboards.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::args::{UsageError, VerifyArgs};

/// The data sources as they were when this was built.
pub const DATA_SOURCES: &str = include_str!("../../../etc/grafana/datasources.yaml");

/// The dashboards as they were when this was built, by file name.
pub const DASHBOARDS: [(&str, &str); 2] = [
    (
        "salvo-observability.json",
        include_str!("../../../dashboards/salvo-observability.json"),
    ),
    (
        "salvo-telemetry.json",
        include_str!("../../../dashboards/salvo-telemetry.json"),
    ),
];

/// What Grafana is provisioned with.
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
    /// What others refer to it by.
    pub uid: String,
    /// What people call it.
    #[serde(default)]
    pub name: String,
    /// `prometheus`, `loki` or `tempo`.
    #[serde(rename = "type")]
    pub kind: String,
    /// Whether it is asked where a dashboard names none.
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
    /// The files that the flags name, or those built in.
    ///
    /// # Errors
    /// [`UsageError::File`] for a file that is not there or not understood.
    pub fn load(args: &VerifyArgs) -> Result<Self, UsageError> {
        let sources = match &args.etc {
            None => sources(DATA_SOURCES, "built-in data sources")?,
            Some(folder) => {
                let file = folder.join("grafana/datasources.yaml");
                sources(&read(&file, "--etc")?, &file.display().to_string())?
            }
        };
        let dashboards = dashboards(args.dashboards.as_deref())?;
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
/// [`UsageError::File`] when it is no such file.
pub fn sources(text: &str, name: &str) -> Result<Vec<DataSource>, UsageError> {
    let file: File = serde_saphyr::from_str(text)
        .map_err(|error| UsageError::file("--etc", format!("{name}: {error}")))?;
    Ok(file.datasources)
}

/// What Grafana makes of a value in a provisioning file: `$$` stands for a dollar sign.
#[must_use]
pub fn unescaped(text: &str) -> String {
    text.replace("$$", "$")
}

fn read(file: &Path, flag: &'static str) -> Result<String, UsageError> {
    std::fs::read_to_string(file)
        .map_err(|error| UsageError::file(flag, format!("{}: {error}", file.display())))
}

/// The dashboards of a folder, or those built in: file name and content.
///
/// # Errors
/// [`UsageError::File`] for a folder without a dashboard, or a file that is no JSON.
pub fn dashboards(folder: Option<&Path>) -> Result<Vec<(String, Value)>, UsageError> {
    let Some(folder) = folder else {
        return DASHBOARDS
            .iter()
            .map(|(name, text)| dashboard(name, text))
            .collect();
    };
    let wrong = |problem: String| {
        UsageError::file("--dashboards", format!("{}: {problem}", folder.display()))
    };
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

fn dashboard(name: &str, text: &str) -> Result<(String, Value), UsageError> {
    // Some editors begin a file with a byte order mark.
    let content = serde_json::from_str(text.trim_start_matches('\u{feff}'))
        .map_err(|error| UsageError::file("--dashboards", format!("{name}: {error}")))?;
    Ok((name.to_owned(), content))
}
