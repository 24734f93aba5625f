//! `lab incident` from the command line.

use std::path::PathBuf;
use std::process::{Command, Output};

use serde_json::{Value, json};

/// A state of its own, removed when dropped.
pub struct Player(pub PathBuf);

impl Player {
    pub fn new(name: &str) -> Self {
        let process = std::process::id();
        Self(std::env::temp_dir().join(format!("lab-incident-{process}-{name}")))
    }

    pub fn output(&self, args: &[&str]) -> Output {
        Command::new(env!("CARGO_BIN_EXE_lab"))
            .env_clear()
            .env("LAB_STATE", &self.0)
            .arg("incident")
            .args(args)
            .output()
            .expect("done")
    }

    /// The exit code, and what is said as JSON.
    pub fn json(&self, args: &[&str]) -> (i32, Value) {
        let output = self.output(&[&["--json"], args].concat());
        let said = serde_json::from_slice(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr).into_owned();
        let said = said.unwrap_or_else(|error| panic!("{args:?}: {error}: {errors}"));
        (output.status.code().expect("done"), said)
    }

    /// What is said when all is well.
    pub fn good(&self, args: &[&str]) -> Value {
        let (code, said) = self.json(args);
        assert_eq!(code, 0, "{args:?}: {said}");
        said
    }

    /// The error of a command that is not carried out.
    pub fn refused(&self, args: &[&str]) -> String {
        let (code, said) = self.json(args);
        assert_eq!((code, &said["ok"]), (2, &json!(false)), "{args:?}: {said}");
        said["error"].as_str().expect("done").to_owned()
    }

    pub fn runner(&self) -> Option<u32> {
        let text = std::fs::read(self.0.join("incident/incident.json")).expect("done");
        let run: Value = serde_json::from_slice(&text).expect("done");
        run["runner"].as_u64().map(|id| id as u32)
    }
}

impl Drop for Player {
    fn drop(&mut self) {
        let _ = self.output(&["stop"]);
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
