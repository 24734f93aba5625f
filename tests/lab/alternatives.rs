//! The measured figures in `docs/alternatives.md` are those of the file that the measurement has written.

use serde_json::Value;

fn read(name: &str) -> String {
    let path = format!("{}/docs/{name}", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A count with commas.
fn count(value: &Value) -> String {
    let digits = format!("{:.0}", value.as_f64().unwrap());
    let mut text = String::new();
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[test]
fn the_measured_tables_are_those_of_the_file() {
    let kept: Value = serde_json::from_str(&read("own-program.json")).unwrap();
    let page = read("alternatives.md");
    let (lab, full) = (&kept["lab"], &kept["lab"]["full"]);
    let number = |value: &Value, digits: usize| format!("{:.*}", digits, value.as_f64().unwrap());
    let (ready, found) = (&lab["ready_ms"], &lab["found_ms"]);
    let mut expected = vec![
        format!(
            "| {} ms ({} – {}) |",
            number(&ready["median"], 0),
            number(&ready["least"], 0),
            number(&ready["most"], 0)
        ),
        format!(
            "| {} ms (at most {}) |",
            number(&found["median"], 1),
            number(&found["most"], 0)
        ),
        format!("| memory at rest | {} MB |", number(&lab["rest_mb"], 0)),
        format!("1,000 spans/s | {} MB |", number(&lab["busy_mb"], 0)),
        format!(
            "| the program on disk | {} MB |",
            number(&lab["program_mb"], 0)
        ),
        format!(
            "The lab used {} cores of the two and at most {} MB.",
            number(&full["cores"], 2),
            count(&full["most_mb"])
        ),
    ];
    for (name, signal) in full["signals"].as_object().unwrap() {
        expected.push(format!(
            "| {name} | {} | {} | {} | {} | {} | {} ms |",
            count(&signal["asked_per_second"]),
            count(&signal["accepted_per_second"]),
            count(&signal["accepted"]),
            count(&signal["refused"]),
            count(&full["lost"][name]),
            number(&signal["p99_ms"], 0)
        ));
    }
    for line in expected {
        assert!(page.contains(&line), "not in docs/alternatives.md: {line}");
    }
}
