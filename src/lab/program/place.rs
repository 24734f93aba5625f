//! The addresses of the lab that runs. Its console tells them.

use anyhow::{Context as _, bail};

use crate::lab::verify::http::Server;

/// A lab.
pub(super) struct Place {
    /// URL of the console.
    pub(super) console: String,
    /// URL at which OTLP is taken over HTTP, unless real servers take it.
    pub(super) otlp_http: Option<String>,
    /// URL at which OTLP is taken over gRPC.
    pub(super) otlp_grpc: String,
    pub(super) tempo: Server,
    pub(super) loki: Server,
    pub(super) prometheus: Server,
}

impl Place {
    /// Asks a console.
    ///
    /// # Errors
    /// No lab answers there.
    pub(super) async fn find(console: &str) -> anyhow::Result<Self> {
        let server = Server::new(console)?;
        let status = match server.get("/api/status", &[]).await {
            Ok(response) => response.json(),
            Err(finding) => Err(finding),
        };
        let status = match status {
            Ok(status) => status,
            Err(finding) => bail!(
                "no lab at {console} ({}): start one with `lab up --no-apps`, or name its console with --console",
                finding.came
            ),
        };
        let address = |name: &str| {
            let address = status["servers"][name].as_str();
            address.with_context(|| format!("{console} is no console of a lab: it names no {name}"))
        };
        let server = |name: &str| anyhow::Ok(Server::new(address(name)?)?);
        Ok(Self {
            console: console.trim_end_matches('/').to_owned(),
            otlp_http: address("otlp_http").ok().map(str::to_owned),
            otlp_grpc: address("otlp_grpc")?.to_owned(),
            tempo: server("tempo")?,
            loki: server("loki")?,
            prometheus: server("prometheus")?,
        })
    }
}
