//! Terminal output of `lab up`: a line for each part as it starts, then all addresses.

use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use serde_json::json;

use super::UpArgs;
use super::ports::Addresses;

#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Quiet,
    Json,
    Text { colours: bool },
}

/// Writes what happens, in the form that the flags choose.
#[derive(Clone)]
pub(in crate::lab) struct Progress(Form);

impl Progress {
    pub(in crate::lab) fn new(args: &UpArgs) -> Self {
        Self(if args.quiet {
            Form::Quiet
        } else if args.json {
            Form::Json
        } else {
            Form::Text {
                colours: io::stdout().is_terminal(),
            }
        })
    }

    /// A part is ready at `address`.
    pub(in crate::lab) fn part(&self, name: &str, address: &str) {
        match self.0 {
            Form::Quiet => {}
            Form::Json => line(json!({"event": "part", "name": name, "address": address})),
            Form::Text { colours: true } => line(format!("\x1b[32m✓\x1b[0m {name:<18} {address}")),
            Form::Text { colours: false } => line(format!("✓ {name:<18} {address}")),
        }
    }

    /// Something happened that a person should know.
    pub(in crate::lab) fn say(&self, text: &str) {
        match self.0 {
            Form::Quiet => {}
            Form::Json => line(json!({"event": "message", "text": text})),
            Form::Text { .. } => line(text),
        }
    }

    /// Something went wrong that a person should know even when nothing else is said.
    pub(in crate::lab) fn warn(&self, text: &str) {
        match self.0 {
            Form::Quiet => eprintln!("{text}"),
            Form::Json | Form::Text { .. } => self.say(text),
        }
    }

    /// Everything is ready.
    pub(in crate::lab) fn ready(&self, addresses: &Addresses, took: Duration) {
        let apps: serde_json::Map<_, _> = addresses
            .apps
            .iter()
            .map(|(name, address)| (name.clone(), json!(format!("http://{address}"))))
            .collect();
        let faults: serde_json::Map<_, _> = addresses
            .apps
            .iter()
            .enumerate()
            .filter_map(|(number, (name, _))| {
                Some((name.clone(), json!(addresses.faults_url(number)?)))
            })
            .collect();
        let console = addresses.console.map(|address| format!("http://{address}"));
        match self.0 {
            Form::Quiet => {}
            Form::Json => line(json!({
                "event": "ready",
                "milliseconds": took.as_millis() as u64,
                "apps": apps,
                "faults": faults,
                "console": console,
                "prometheus": addresses.prometheus,
                "loki": addresses.loki,
                "tempo": addresses.tempo,
                "otlp_grpc": addresses.otlp_grpc,
                "otlp_http": addresses.otlp_http,
            })),
            Form::Text { .. } => {
                line(format!("\nready after {} ms\n", took.as_millis()));
                for (name, address) in &addresses.apps {
                    line(format!(
                        "  {name:<16} http://{address}   (its routes: /docs)"
                    ));
                }
                for (name, url) in &faults {
                    let url = url.as_str().unwrap_or_default();
                    line(format!("  faults of {name:<6} {url}"));
                }
                for (name, address) in [
                    ("console", console.clone().unwrap_or_default()),
                    ("Prometheus API", addresses.prometheus.clone()),
                    ("Loki API", addresses.loki.clone()),
                    ("Tempo API", addresses.tempo.clone()),
                    ("OTLP gRPC", addresses.otlp_grpc.clone()),
                    ("OTLP HTTP", addresses.otlp_http.clone().unwrap_or_default()),
                ] {
                    if !address.is_empty() {
                        line(format!("  {name:<16} {address}"));
                    }
                }
                line("\nto try in another terminal:\n");
                if let Some((_, app)) = addresses.apps.first() {
                    line(format!("  curl -s http://{app}/chain"));
                }
                line(format!(
                    "  curl -sG {}/loki/api/v1/query_range --data-urlencode 'query={{compose_project=\"salvo-observability\"}} |= \"chain\"'",
                    addresses.loki
                ));
                line(format!(
                    "  curl -sG {}/api/search --data-urlencode 'q={{ span.http.route = \"/chain\" }}'",
                    addresses.tempo
                ));
                if !addresses.faults.is_empty()
                    && let Some(console) = &console
                {
                    line(format!(
                        "  lab incident start slow-shop --console {console}"
                    ));
                }
                line("\nCtrl-C stops");
                if let Some(console) = console {
                    line(format!("\nopen first: {console}"));
                }
            }
        }
    }
}

/// Writes a line to standard output. The lab goes on when its reader has gone away.
fn line(text: impl std::fmt::Display) {
    let mut out = io::stdout().lock();
    let _ = writeln!(out, "{text}");
    let _ = out.flush();
}
