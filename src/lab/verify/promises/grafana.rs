//! Grafana: healthy, its data sources answer, the dashboards are there
//! (<https://grafana.com/docs/grafana/latest/developers/http_api/>).

use serde_json::Value;

use super::super::dashboard::Dashboard;
use super::super::finding::Finding;
use super::super::http::{Response, Server};
use super::{Attempt, Run};
use crate::lab::excerpt::excerpt;
use crate::lab::provisioning::DataSource;

fn server(run: &Run) -> Result<&Server, Finding> {
    let grafana = run.lab.grafana.as_ref();
    grafana.ok_or_else(|| Finding::new("--grafana", "no URL of Grafana is given").settled())
}

/// Grafana and its database are well.
pub(crate) async fn health(run: &Run) -> Attempt {
    let grafana = server(run)?;
    let answer = grafana.get("/api/health", &[]).await?;
    let json = answer.json()?;
    match json["database"].as_str() {
        Some("ok") => Ok(format!(
            "version {}",
            json["version"].as_str().unwrap_or("?")
        )),
        _ => Err(answer.finding(format!("database: {}", json["database"]))),
    }
}

/// Every provisioned data source is there and its server answers.
pub(crate) async fn data_sources(run: &Run) -> Attempt {
    let grafana = server(run)?;
    let mut uids = Vec::new();
    for source in &run.provisioning.sources {
        let path = format!("/api/datasources/uid/{}", source.uid);
        let answer = grafana.get(&path, &[]).await?;
        // Grafana reads its provisioning files before it serves requests, so waiting does not help.
        if matches!(answer.status, 401 | 403 | 404) {
            let came = format!("HTTP {}: {}", answer.status, excerpt(&answer.body));
            return Err(answer.finding(came).settled());
        }
        let json = answer.json()?;
        if json["type"] != source.kind.as_str() {
            return Err(answer.finding(format!("type {} instead of {}", json["type"], source.kind)));
        }
        let answer = grafana.get(&format!("{path}/health"), &[]).await?;
        if has_no_health(&answer) {
            answers_through_proxy(grafana, source).await?;
        } else if answer.json()?["status"] != "OK" {
            return Err(answer.finding(excerpt(&answer.body)));
        }
        uids.push(source.uid.as_str());
    }
    Ok(uids.join(", "))
}

/// True if the plugin has no health check, as Tempo's until Grafana 12.2: a final answer, which says nothing of
/// the server.
fn has_no_health(answer: &Response) -> bool {
    let said = serde_json::from_str::<Value>(&answer.body).unwrap_or_default();
    answer.status == 404 && said["messageId"] == "plugin.notImplemented"
}

/// The server itself answers a request through Grafana's data source proxy.
async fn answers_through_proxy(grafana: &Server, source: &DataSource) -> Result<(), Finding> {
    let path = match source.kind.as_str() {
        "tempo" => "api/echo",
        "loki" => "loki/api/v1/labels",
        "prometheus" => "api/v1/status/buildinfo",
        kind => {
            let asked = format!("the health of the data source {:?}", source.uid);
            let came = format!("its type {kind} has no health check, and no other query is known");
            return Err(Finding::new(asked, came).settled());
        }
    };
    let path = format!("/api/datasources/proxy/uid/{}/{path}", source.uid);
    let answer = grafana.get(&path, &[]).await?;
    match answer.status {
        200 => Ok(()),
        status => Err(answer.finding(format!("HTTP {status}: {}", excerpt(&answer.body)))),
    }
}

/// Every dashboard is there, under its uid if its file gives it one.
pub(crate) async fn dashboards(run: &Run) -> Attempt {
    let grafana = server(run)?;
    let mut uids = Vec::new();
    for (file, content) in &run.provisioning.dashboards {
        let dashboard = Dashboard::read(content)
            .map_err(|problem| Finding::new(file.as_str(), problem).settled())?;
        if dashboard.uid.is_empty() {
            uids.push(found_by_title(grafana, &dashboard.title).await?);
            continue;
        }
        let answer = grafana
            .get(&format!("/api/dashboards/uid/{}", dashboard.uid), &[])
            .await?;
        let json = answer.json()?;
        if json["dashboard"]["title"] != dashboard.title.as_str() {
            return Err(answer.finding(format!(
                "title {} instead of {:?}",
                json["dashboard"]["title"], dashboard.title
            )));
        }
        uids.push(dashboard.uid);
    }
    Ok(uids.join(", "))
}

/// The uid that Grafana has given to a dashboard whose file has none.
async fn found_by_title(grafana: &Server, title: &str) -> Result<String, Finding> {
    let params = [("type", "dash-db"), ("query", title)];
    let answer = grafana.get("/api/search", &params).await?;
    let json = answer.json()?;
    let mut all = json.as_array().into_iter().flatten();
    let found = all.find(|it| it["title"] == title);
    let uid = found.and_then(|it| it["uid"].as_str());
    uid.map(str::to_owned)
        .ok_or_else(|| answer.finding(format!("no dashboard with the title {title:?}")))
}
