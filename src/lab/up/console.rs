//! Content of the console in this run: the dashboards and data sources of Grafana, and the servers,
//! embedded or real.

use anyhow::Context as _;
use serde_json::Value;

use super::UpArgs;
use super::ports::Addresses;
use crate::console::proxy::{Backend, Kind, Limits};
use crate::console::{Console, Files};
use crate::lab::provisioning::{self, DATA_SOURCES};

/// The console.
///
/// # Errors
/// When the folder of `--console-dir` is none of the console's, or a dashboard cannot be read.
pub(super) fn console(args: &UpArgs, addresses: &Addresses) -> anyhow::Result<Console> {
    let files = match &args.console_dir {
        None => Files::embedded(),
        Some(folder) => Files::folder(folder).context("--console-dir")?,
    };
    let sources = provisioning::sources(DATA_SOURCES, "built-in data sources")?;
    let mut data_sources = serde_json::to_value(sources)?;
    unescape(&mut data_sources);
    let mut dashboards = provisioning::dashboards(None)?;
    if let Some(folder) = &args.dashboards {
        dashboards.extend(provisioning::dashboards(Some(folder))?);
    }
    let backends = [
        (Kind::Prometheus, &addresses.prometheus),
        (Kind::Loki, &addresses.loki),
        (Kind::Tempo, &addresses.tempo),
    ];
    Ok(Console {
        files,
        dashboards,
        data_sources,
        backends: backends
            .into_iter()
            .map(|(kind, url)| Backend::new(kind, url))
            .collect(),
        limits: Limits::default(),
    })
}

/// Unescapes every text, as Grafana does when it reads the file.
fn unescape(value: &mut Value) {
    match value {
        Value::String(text) => *text = provisioning::unescaped(text),
        Value::Array(items) => items.iter_mut().for_each(unescape),
        Value::Object(fields) => fields.values_mut().for_each(unescape),
        _ => {}
    }
}
