//! What the commands print for people.

use std::fmt::Write as _;

use serde_json::Value;

use super::alerts::Earlier;
use super::catalogue::Incident;
use super::desk::Verdicts;
use super::file::Kind;
use super::judge;
use super::view::{Asked, Listed, Stage, View};
use crate::lab::excerpt::visible;

/// Without an incident.
pub(super) const NONE: &str =
    "no incident runs; `lab incident list` names them, `lab incident start NAME` starts one\n";

pub(super) fn list(all: &[Listed], problems: &[String]) -> String {
    let width = all.iter().map(|it| it.name.chars().count()).max();
    let width = width.unwrap_or_default();
    let mut text = format!(
        "{:<width$}  {:<10} {:>7}  {:<9}  title\n",
        "name", "difficulty", "minutes", "questions"
    );
    for it in all {
        let stars = "*".repeat(usize::from(it.difficulty));
        let _ = writeln!(
            text,
            "{:<width$}  {stars:<10} {:>7}  {:<9}  {}",
            it.name, it.minutes, it.questions, it.title
        );
    }
    for problem in problems {
        text.push_str("\nnot listed:\n");
        for line in problem.lines() {
            let _ = writeln!(text, "  {}", visible(line));
        }
    }
    text
}

pub(super) fn checked(incident: &Incident) -> String {
    let file = &incident.file;
    format!(
        "{}: no problem found; {} questions, {} steps of the solution\n",
        incident.name,
        file.questions.len(),
        file.solution.len()
    )
}

pub(super) fn status(view: &View, earlier: &Result<Vec<Earlier>, String>) -> String {
    let mut text = format!(
        "{} (seed {}): {}{}\n\n  {}\n\n",
        view.incident.name,
        view.seed,
        stage(view),
        match view.started_ms {
            0 => String::new(),
            at => format!("; began at {} UTC", judge::clock(at as f64 / 1000.0)),
        },
        visible(&view.page)
    );
    for asked in &view.asked {
        let unit = unit(asked);
        let (mark, answer) = match &asked.answer {
            Some(answer) => ("✓", format!("  {}", visible(answer))),
            None => ("?", String::new()),
        };
        let _ = writeln!(
            text,
            "  {mark} {:<12} {}{unit}{answer}",
            asked.key, asked.text
        );
        if asked.answer.is_none() {
            for (name, explanation) in &asked.choices {
                let _ = writeln!(text, "      {name:<16} {explanation}");
            }
            if !asked.wrong.is_empty() {
                let _ = writeln!(text, "      not {}", visible(&asked.wrong.join(", ")));
            }
        }
    }
    for (number, hint) in view.hints.iter().enumerate() {
        let _ = writeln!(text, "\n  hint {}: {hint}", number + 1);
    }
    let _ = writeln!(text, "\n{}", score(view));
    if !view.links.is_empty() {
        text.push_str("look:\n");
    }
    for link in &view.links {
        let _ = writeln!(text, "  {:<10} {}", link.name, link.url);
    }
    match earlier {
        Ok(all) if all.is_empty() => {}
        Ok(all) => {
            text.push_str("alerts since before this incident, which it has not caused:\n");
            for it in all {
                let _ = writeln!(text, "  {}", visible(&alert(it)));
            }
        }
        Err(problem) => {
            let _ = writeln!(
                text,
                "which alerts are from before this incident is not known: Prometheus does not tell ({})",
                visible(problem)
            );
        }
    }
    if view.stage == Stage::Open {
        text.push_str("answer: lab incident answer KEY=VALUE…\n");
    }
    if !view.runner && view.active {
        text.push_str(
            "the runner is gone, so no traffic is sent any more; end the incident with `lab incident stop`\n",
        );
    }
    text
}

fn alert(alert: &Earlier) -> String {
    let labels = alert.labels.iter();
    let labels: Vec<String> = labels
        .map(|(name, value)| format!("{name}=\"{value}\""))
        .collect();
    format!(
        "{} ({}), {} since {} UTC",
        alert.name,
        labels.join(" "),
        alert.state,
        judge::clock(alert.since_ms as f64 / 1000.0)
    )
}

/// The unit of an answer, in brackets.
fn unit(asked: &Asked) -> String {
    match asked.unit.as_str() {
        "" if asked.kind == Kind::Time => " [UTC]".to_owned(),
        "" => String::new(),
        unit => format!(" [{}]", visible(unit)),
    }
}

/// What a step gave: of a question for a time, the time of day in the place of Unix seconds.
fn derived_as(asked: &[Asked], key: &str, value: &str) -> String {
    let is_time = |it: &&Asked| it.key == key && it.kind == Kind::Time;
    match (asked.iter().find(is_time), value.parse()) {
        (Some(_), Ok(seconds)) => format!("{key} = {} UTC", judge::clock(seconds)),
        _ => format!("{key} = {value}"),
    }
}

fn stage(view: &View) -> &'static str {
    match view.stage {
        Stage::Starting => "starting",
        Stage::Open if view.healthy => "healthy: the same traffic, and nothing is broken",
        Stage::Open => "to be solved",
        Stage::Solved => "solved",
        Stage::GivenUp => "given up",
        Stage::Stopped => "stopped",
        Stage::Over => "its time is over",
    }
}

fn score(view: &View) -> String {
    let number = |name: &str| view.score[name].as_u64().unwrap_or_default();
    let seconds = number("seconds");
    format!(
        "{} of {} points; {} min {} s, hints: {} taken, {} left; wrong answers: {}",
        number("points"),
        number("of"),
        seconds / 60,
        seconds % 60,
        view.hints.len(),
        view.hints_left,
        number("wrong")
    )
}

pub(super) fn hint(hint: &str, view: &View) -> String {
    format!("{hint}\n\n{}\n", score(view))
}

pub(super) fn verdicts(verdicts: &Verdicts, view: &View) -> String {
    let mut text = String::new();
    for (key, right) in verdicts {
        let said = if *right { "right" } else { "wrong" };
        let _ = writeln!(text, "{key}: {said}");
    }
    let open = view.asked.iter().filter(|it| it.answer.is_none());
    let open: Vec<&str> = open.map(|it| it.key.as_str()).collect();
    match view.stage {
        Stage::Solved => {
            let _ = writeln!(
                text,
                "\nsolved: {}\n`lab incident solution` shows a way to it, `lab incident stop` heals the lab",
                score(view)
            );
        }
        _ => {
            let _ = writeln!(text, "\nstill open: {}", open.join(", "));
        }
    }
    text
}

pub(super) fn solution(view: &View) -> String {
    let Some(solution) = &view.solution else {
        return String::new();
    };
    let mut text = format!("{}: {}\n\n", view.incident.name, visible(&view.page));
    for asked in &view.asked {
        let answer = solution.answers.get(&asked.key).map(String::as_str);
        let _ = writeln!(
            text,
            "  {:<12} {}{}",
            asked.key,
            visible(answer.unwrap_or_default()),
            unit(asked)
        );
    }
    for (number, step) in solution.steps.iter().enumerate() {
        let string = |name: &str| step[name].as_str().unwrap_or_default();
        let _ = writeln!(
            text,
            "\n{}. {}:\n     {}\n   {}",
            number + 1,
            string("signal"),
            visible(string("query").trim()),
            visible(string("see").trim())
        );
        if let Some(link) = step["link"].as_str() {
            let _ = writeln!(text, "   look: {link}");
        }
        let derived = step["derived"].as_object().into_iter().flatten();
        let derived: Vec<String> = derived
            .map(|(key, value)| derived_as(&view.asked, key, value.as_str().unwrap_or_default()))
            .collect();
        match &step["problem"] {
            Value::String(problem) => {
                let _ = writeln!(text, "   now: {}", visible(problem));
            }
            _ if !derived.is_empty() => {
                let _ = writeln!(text, "   now: {}", visible(&derived.join(", ")));
            }
            _ => {}
        }
    }
    let _ = writeln!(text, "\n{}\n\n{}", solution.learn, score(view));
    text
}

pub(super) fn stopped(view: &View) -> String {
    format!(
        "{} has ended, and the lab is healed: {}\n",
        view.incident.name,
        score(view)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_that_was_derived_is_a_time_of_day() {
        let asked = |key: &str, kind| Asked {
            key: key.to_owned(),
            text: String::new(),
            kind,
            unit: String::new(),
            choices: std::collections::BTreeMap::new(),
            answer: None,
            wrong: Vec::new(),
        };
        let asked = [asked("since", Kind::Time), asked("ms", Kind::Number)];
        for (key, value, expected) in [
            ("since", "1795949696.223", "since = 10:54:56 UTC"),
            ("ms", "1795949696.223", "ms = 1795949696.223"),
            ("trace", "5e", "trace = 5e"),
        ] {
            assert_eq!(derived_as(&asked, key, value), expected);
        }
    }
}
