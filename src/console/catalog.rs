//! What there is to look at: the dashboards, and the data sources that they refer to.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use salvo::http::StatusCode;
use salvo::{Request, Response, handler};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::answer;

/// What was given cannot be shown.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// Not a dashboard of Grafana's.
    #[error("dashboard {number} cannot be read")]
    Dashboard {
        /// Its place in the list, from 0.
        number: usize,
        /// Why.
        source: serde_json::Error,
    },
}

/// The part of a dashboard that is listed.
#[derive(Deserialize, Serialize)]
struct Entry {
    uid: String,
    title: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    tags: Vec<String>,
}

/// All dashboards.
pub(super) struct Dashboards {
    entries: Vec<Entry>,
    texts: Arc<BTreeMap<String, Bytes>>,
}

impl Dashboards {
    /// Reads them from their JSON.
    pub(super) fn read(all: Vec<&'static str>) -> Result<Self, CatalogError> {
        let mut entries = Vec::new();
        let mut texts = BTreeMap::new();
        for (number, text) in all.into_iter().enumerate() {
            let entry: Entry = serde_json::from_str(text)
                .map_err(|source| CatalogError::Dashboard { number, source })?;
            texts.insert(entry.uid.clone(), Bytes::from_static(text.as_bytes()));
            entries.push(entry);
        }
        Ok(Self {
            entries,
            texts: Arc::new(texts),
        })
    }

    /// Answers with the list.
    pub(super) fn list(&self) -> DashboardList {
        DashboardList(json!(self.entries))
    }

    /// Answers with the one that a path names.
    pub(super) fn by_uid(&self) -> Dashboard {
        Dashboard(Arc::clone(&self.texts))
    }
}

/// The list of dashboards.
pub(super) struct DashboardList(Value);

/// One dashboard as it is in its file.
pub(super) struct Dashboard(Arc<BTreeMap<String, Bytes>>);

/// The data sources.
pub(super) struct DataSources(pub(super) Value);

#[handler]
impl DashboardList {
    async fn handle(&self, res: &mut Response) {
        answer::fresh(res, &self.0);
    }
}

#[handler]
impl Dashboard {
    async fn handle(&self, req: &mut Request, res: &mut Response) {
        let uid = req.param::<&str>("uid").unwrap_or_default();
        match self.0.get(uid) {
            Some(text) => answer::json_text(res, text.clone()),
            None => {
                let known: Vec<_> = self.0.keys().map(String::as_str).collect();
                let text = format!("no dashboard has this uid; there are: {}", known.join(", "));
                answer::message(res, StatusCode::NOT_FOUND, &text);
            }
        }
    }
}

#[handler]
impl DataSources {
    async fn handle(&self, res: &mut Response) {
        answer::fresh(res, &self.0);
    }
}
