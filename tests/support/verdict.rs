//! Runs `lab verify` and reads its report.

use std::process::{Command, Output};

use serde_json::Value;

use super::lab::Lab;

/// What `lab verify` said.
pub struct Verdict {
    pub code: Option<i32>,
    pub report: Value,
    pub text: String,
}

/// Runs `lab verify` as a command that is ready.
pub fn run(mut command: Command) -> Verdict {
    let Output {
        status,
        stdout,
        stderr,
    } = command.output().expect("lab runs");
    let stdout = String::from_utf8(stdout).expect("text");
    Verdict {
        code: status.code(),
        report: serde_json::from_str(&stdout).unwrap_or(Value::Null),
        text: stdout + &String::from_utf8_lossy(&stderr),
    }
}

/// What `lab verify` says of a lab.
pub fn verify(lab: &Lab, flags: &[&str]) -> Verdict {
    let mut command = lab.verify();
    command.arg("--json").args(flags);
    run(command)
}

impl Verdict {
    pub fn promises(&self) -> &[Value] {
        self.report["promises"]
            .as_array()
            .map_or(&[], Vec::as_slice)
    }

    /// Ids of the promises in a state.
    pub fn ids(&self, state: &str) -> Vec<&str> {
        self.promises()
            .iter()
            .filter(|promise| promise["state"] == state)
            .filter_map(|promise| promise["id"].as_str())
            .collect()
    }

    pub fn promise(&self, id: &str) -> &Value {
        let found = self.promises().iter().find(|promise| promise["id"] == id);
        found.unwrap_or_else(|| panic!("no promise {id}: {}", self.text))
    }

    /// Exactly this promise fails; what else is not kept follows from it or from what does.
    pub fn only(&self, id: &str) {
        assert_eq!(self.ids("broken"), [id], "{}", self.pretty());
        assert_eq!(self.code, Some(1));
        assert_eq!(self.report["ok"], false);
        let broken = self.promise(id);
        for told in ["asked", "came", "check"] {
            assert!(
                broken[told].as_str().is_some_and(|it| !it.is_empty()),
                "{told}: {broken}"
            );
        }
    }

    pub fn pretty(&self) -> String {
        serde_json::to_string_pretty(&self.report).unwrap_or_default() + &self.text
    }
}

/// Long enough for everything that works to be seen on a busy machine; what does not work is waited
/// for as long.
pub const PATIENCE: [&str; 2] = ["--timeout", "25s"];
