//! Dashboards, and the data sources that they refer to.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use salvo::http::StatusCode;
use salvo::{Request, Response, handler};
use serde::Serialize;
use serde_json::{Value, json};

use super::answer;

/// Errors of reading dashboards.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The file is not a Grafana dashboard.
    #[error("dashboard {file} is no JSON object")]
    Dashboard {
        /// The name of its file.
        file: String,
    },
}

/// A dashboard in the list.
#[derive(Serialize)]
struct Entry {
    uid: String,
    title: String,
    description: String,
    tags: Value,
}

/// All dashboards.
pub(super) struct Dashboards {
    entries: Vec<Entry>,
    texts: Arc<BTreeMap<String, Bytes>>,
}

impl Dashboards {
    /// Reads dashboards from pairs of file name and content. A dashboard without a uid gets its file name as uid.
    pub(super) fn read(all: Vec<(String, Value)>) -> Result<Self, CatalogError> {
        let mut entries: Vec<Entry> = Vec::new();
        let mut texts = BTreeMap::new();
        for (file, content) in all {
            if !content.is_object() {
                return Err(CatalogError::Dashboard { file });
            }
            // The response of Grafana's API, or a Kubernetes-style resource, wraps the dashboard.
            let inner = ["dashboard", "spec"].into_iter().map(|name| &content[name]);
            let inner = inner
                .into_iter()
                .find(|it| it.is_object())
                .unwrap_or(&content);
            let text = |name: &str| inner[name].as_str().filter(|it| !it.is_empty());
            let name = file.strip_suffix(".json").unwrap_or(&file);
            let entry = Entry {
                uid: text("uid").unwrap_or(name).to_owned(),
                title: text("title").unwrap_or(name).to_owned(),
                description: text("description").unwrap_or_default().to_owned(),
                tags: match &inner["tags"] {
                    Value::Array(tags) => json!(tags),
                    _ => json!([]),
                },
            };
            texts.insert(entry.uid.clone(), Bytes::from(content.to_string()));
            entries.retain(|it| it.uid != entry.uid);
            entries.push(entry);
        }
        Ok(Self {
            entries,
            texts: Arc::new(texts),
        })
    }

    /// The handler of the list.
    pub(super) fn list(&self) -> DashboardList {
        DashboardList(json!(self.entries))
    }

    /// The handler of one dashboard, by the uid in the path.
    pub(super) fn by_uid(&self) -> Dashboard {
        Dashboard(Arc::clone(&self.texts))
    }
}

/// Handler: the list of dashboards.
pub(super) struct DashboardList(Value);

/// Handler: one dashboard, as in its file.
pub(super) struct Dashboard(Arc<BTreeMap<String, Bytes>>);

/// Handler: the data sources.
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
