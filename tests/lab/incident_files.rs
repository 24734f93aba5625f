//! Files of incidents: what is wrong with one, and those that are built in.

use std::path::Path;

use salvo_observability::lab::incident::Catalogue;

use crate::support::player::Player;

#[test]
fn check_names_what_is_wrong_with_a_file_by_line_and_field() {
    let player = Player::new("check");
    std::fs::create_dir_all(&player.0).unwrap();
    let file = player.0.join("own.toml");
    let good = Path::new(env!("CARGO_MANIFEST_DIR")).join("incidents/slow-shop.toml");
    let good = std::fs::read_to_string(good).unwrap();
    let path = file.to_str().unwrap();
    std::fs::write(&file, &good).unwrap();
    assert_eq!(player.good(&["check", path])["name"], "own");
    for (from, to, expected) in [
        (
            "difficulty = 1",
            "difficulty = 9",
            "line 2: difficulty: is to be from 1 to 5",
        ),
        (
            "difficulty = 1",
            "difficult = 1",
            "line 2: unknown field `difficult`",
        ),
        (
            "difficulty = 1",
            "difficulty = \"one\"",
            "line 2: difficulty: invalid type: string \"one\", expected a whole number up to 255",
        ),
        (
            "Nothing fails, it is only slow.",
            "It is the latency.",
            "page: names the cause",
        ),
        (
            "Nothing fails, it is only slow.",
            "",
            "page: is to be two sentences, and has 1",
        ),
        (
            "kind = \"latency\"",
            "kind = \"magic\"",
            "faults[0]: kind is \"magic\"",
        ),
        (
            "jitter_ms = 40",
            "jitter_ms = 99999",
            "faults[0]: jitter_ms is 99999",
        ),
        ("jitter_ms = 40", "jitters = 40", "jitters is no field"),
        (
            "one_of = [\"/\", \"/items/{item_id}\"]",
            "one_of = [\"/\", \"/nowhere\"]",
            "/nowhere",
        ),
        (
            "\"$ms\"\njitter",
            "\"$other\"\njitter",
            "there is no parameter other",
        ),
        (
            "ms = \"$ms\"\njitter",
            "ms = 500\njitter",
            "parameters.ms: is used by no fault",
        ),
        (
            "mix = \"root=5",
            "mix = \"rooot=5",
            "traffic.mix: there is no route \"rooot\"",
        ),
        (
            "rate = 30",
            "rate = 3000",
            "traffic.rate: is to be from 1 to 200",
        ),
        ("tolerance = \"35%\"", "", "questions[1].tolerance"),
        (
            "kind = \"route\"",
            "kind = \"riddle\"",
            "unknown variant `riddle`",
        ),
        (
            "1000 * sum by (path)",
            "1000 * sum bye (path)",
            "solution[0].query",
        ),
        (
            "{ kind = server && span",
            "{ kind = server && && span",
            "solution[1].query",
        ),
        (
            "\"$route\" && duration",
            "\"$elsewhere\" && duration",
            "$elsewhere is no answer of an earlier step",
        ),
        (
            "{ key = \"ms\", field",
            "{ key = \"other\", field",
            "questions[1].key: no step of the solution derives it",
        ),
        (
            "{ key = \"ms\", field = \"value\", pick = \"max\" }",
            "{ key = \"ms\", is = \"600\" }",
            "only for a question of the kind cause",
        ),
        (
            "\"ErrorRatioHigh\", ",
            "\"EverythingBad\", ",
            "there is no alert EverythingBad",
        ),
        (
            "title = \"",
            "title = \"\\u001b[31m",
            "title: has a control character",
        ),
        (
            "hints = [",
            "hints = [\n  \"One hint more than there may be.\",",
            "hints: is to have 3 entries",
        ),
    ] {
        assert!(good.contains(from), "{from}");
        std::fs::write(&file, good.replacen(from, to, 1)).unwrap();
        let refused = player.refused(&["check", path]);
        assert!(refused.contains(expected), "{from} -> {to}: {refused}");
        assert!(refused.contains("own.toml: line "), "{refused}");
    }
    // What has no end is read no further than a file may be.
    let endless = player.refused(&["check", "/dev/zero"]);
    assert!(endless.contains("larger than the 65536 bytes"), "{endless}");
    // Incidents of one's own are started by their path, and listed from their folder.
    std::fs::write(&file, &good).unwrap();
    let folder = player.0.to_str().unwrap();
    let listed = player.good(&["list", "--incidents", folder]).to_string();
    assert!(listed.contains("\"own\""), "{listed}");
}

#[test]
fn the_incidents_that_are_listed_are_those_built_in() {
    let document = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/incidents.md");
    let document = std::fs::read_to_string(document).unwrap();
    let all = Catalogue::default().all().unwrap();
    for incident in &all {
        let file = &incident.file;
        let row = format!(
            "| `{}` | {} | {} | {} |",
            incident.name, file.title, file.difficulty, file.minutes
        );
        assert!(document.lines().any(|line| line == row), "{row}");
    }
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    let listed = rows.filter(|line| line.matches(" | ").count() == 3).count();
    assert_eq!(listed, all.len());
    // The examples of the help are of some that there are.
    let help = Player::new("help").output(&["--help"]);
    let help = String::from_utf8_lossy(&help.stdout).into_owned();
    let started = help
        .lines()
        .filter_map(|line| line.trim().strip_prefix("lab incident start "));
    let started: Vec<&str> = started.collect();
    assert!(!started.is_empty(), "{help}");
    for name in started {
        assert!(all.iter().any(|it| it.name == name), "{name}");
    }
}
