//! Grafana: healthy, its data sources answer, the dashboards are there
//! (<https://grafana.com/docs/grafana/latest/developers/http_api/>).

use super::super::dashboard::Dashboard;
use super::super::finding::{Finding, excerpt};
use super::super::http::Server;
use super::{Attempt, Run};

/// Grafana and its database are well.
pub async fn health(grafana: &Server) -> Attempt {
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
pub async fn data_sources(run: &Run, grafana: &Server) -> Attempt {
    let mut uids = Vec::new();
    for source in &run.provisioning.sources {
        let path = format!("/api/datasources/uid/{}", source.uid);
        let answer = grafana.get(&path, &[]).await?;
        let json = answer.json()?;
        if json["type"] != source.kind.as_str() {
            return Err(answer.finding(format!("type {} instead of {}", json["type"], source.kind)));
        }
        let answer = grafana.get(&format!("{path}/health"), &[]).await?;
        let json = answer.json()?;
        if json["status"] != "OK" {
            return Err(answer.finding(excerpt(&answer.body)));
        }
        uids.push(source.uid.as_str());
    }
    Ok(uids.join(", "))
}

/// Every dashboard is there under its uid.
pub async fn dashboards(run: &Run, grafana: &Server) -> Attempt {
    let mut uids = Vec::new();
    for (file, content) in &run.provisioning.dashboards {
        let dashboard = Dashboard::read(content)
            .map_err(|problem| Finding::new(file.as_str(), problem).settled())?;
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
