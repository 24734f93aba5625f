//! The labels of the lab's log streams.

/// The Compose project of all services of the lab.
const PROJECT: &str = "salvo-observability";

/// An output of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

impl Output {
    /// The value of the label `source`.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Stdout => "stdout",
            Self::Stderr => "stderr",
        }
    }
}

/// The labels that the Loki Docker driver would set for a service of the lab. `host` is the name of
/// the machine and `filename` where the lines are written.
#[must_use]
pub fn contract_labels(
    service: &str,
    output: Output,
    host: &str,
    filename: &str,
) -> Vec<(String, String)> {
    let pairs = [
        ("compose_project", PROJECT.to_owned()),
        ("compose_service", service.to_owned()),
        ("container_name", format!("{PROJECT}-{service}-1")),
        ("source", output.as_str().to_owned()),
        ("host", host.to_owned()),
        ("filename", filename.to_owned()),
    ];
    pairs
        .into_iter()
        .map(|(name, value)| (name.to_owned(), value))
        .collect()
}
