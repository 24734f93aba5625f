//! Wrong flags, as a program is told of them.

use std::process::Command;

use serde_json::Value;

#[test]
fn flags_that_are_wrong_are_told_in_json_too() {
    let lab = env!("CARGO_BIN_EXE_lab");
    let said = |args: &[&str]| {
        let output = Command::new(lab).env_clear().args(args).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{args:?}");
        let errors = String::from_utf8(output.stderr).unwrap();
        assert!(errors.contains("help"), "{args:?}: {errors}");
        String::from_utf8(output.stdout).unwrap()
    };
    for (args, expected) in [
        (
            &["incident", "--json", "answer", "foo"][..],
            "invalid value 'foo' for '<KEY=VALUE>...': give KEY=VALUE, as service=app-b",
        ),
        (
            &["incident", "start", "--json"],
            "the following required arguments were not provided: <NAME>",
        ),
        (&["incident", "--json"], "requires a subcommand"),
        (&["verify", "--json", "--timeout", "soon"], "'soon'"),
        (&["load", "--json", "--rate", "-1"], "'-1'"),
        (
            &["soak", "--json", "--nothing"],
            "unexpected argument '--nothing' found",
        ),
        (&["flood", "--json", "--nothing"], "unexpected argument"),
    ] {
        let told = said(args);
        let json: Value =
            serde_json::from_str(&told).unwrap_or_else(|error| panic!("{args:?}: {error}: {told}"));
        assert_eq!(json["ok"], false, "{told}");
        let error = json["error"].as_str().unwrap();
        assert!(error.contains(expected), "{args:?}: {error}");
        assert!(!error.contains("Usage") && !error.contains('\n'), "{error}");
    }
    // Without the flag, where it is one of another program, and where JSON are events, all is on standard error.
    for args in [
        &["incident", "answer", "foo"][..],
        &["verify", "--nothing", "--", "--json"],
        &["up", "--json", "--app-count", "none"],
    ] {
        assert_eq!(said(args), "");
    }
}
