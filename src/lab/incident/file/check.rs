//! What no field of a file shows alone: names that lead somewhere, answers that are derived, faults that the service
//! takes, and a page that gives nothing away.

use std::collections::{BTreeMap, BTreeSet};

use super::parameters::Scalar;
use super::place::Problem;
use super::questions::Kind;
use super::{Derive, File, HINTS, faults, parameters, questions, solution, text};
use crate::lab::excerpt::visible;

/// Words that no page may have: they would say that it is an exercise.
const GIVEAWAYS: [&str; 5] = ["fault", "inject", "chaos", "incident file", "exercise"];

/// Alerts that there are.
const RULES: &str = include_str!("../../../../etc/prometheus/rules.yml");

/// Everything that is wrong with a file whose fields have been read.
pub(super) fn problems(file: &File) -> Vec<Problem> {
    let mut problems = form(file);
    problems.extend(unprintable(file));
    problems.extend(parameters::problems(&file.parameters));
    problems.extend(file.traffic.problems());
    for (index, question) in file.questions.iter().enumerate() {
        problems.extend(question.problems(index));
    }
    for (index, step) in file.solution.iter().enumerate() {
        problems.extend(step.problems(index));
    }
    problems.extend(names(file));
    problems.extend(derivation(file));
    problems.extend(page(file));
    problems.extend(alerts(file));
    // With other problems these would only follow from them.
    if problems.is_empty() {
        problems.extend(sets(file));
    }
    problems
}

/// Sizes and counts.
fn form(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut within =
        |field: &str, length: usize, range: std::ops::RangeInclusive<usize>, of: &str| {
            if !range.contains(&length) {
                let text = match range.start() == range.end() {
                    true => format!("is to have {} {of}", range.start()),
                    false => format!("is to have {} to {} {of}", range.start(), range.end()),
                };
                problems.push(Problem::new(field, text));
            }
        };
    within("title", file.title.chars().count(), 4..=80, "characters");
    within("page", file.page.chars().count(), 20..=400, "characters");
    within("learn", file.learn.chars().count(), 20..=2000, "characters");
    within("faults", file.faults.len(), 1..=faults::MOST, "entries");
    within(
        "questions",
        file.questions.len(),
        1..=questions::MOST,
        "entries",
    );
    within(
        "solution",
        file.solution.len(),
        1..=solution::MOST,
        "entries",
    );
    within("hints", file.hints.len(), HINTS..=HINTS, "entries");
    for hint in &file.hints {
        within("hints", hint.chars().count(), 10..=300, "characters each");
    }
    if !(1..=5).contains(&file.difficulty) {
        problems.push(Problem::new("difficulty", "is to be from 1 to 5"));
    }
    if !(1..=60).contains(&file.minutes) {
        problems.push(Problem::new("minutes", "are to be from 1 to 60"));
    }
    problems
}

/// Texts that are shown have nothing that could control a terminal.
fn unprintable(file: &File) -> Vec<Problem> {
    let asked = file.questions.iter().flat_map(|it| {
        let choices = it.choices.iter().flat_map(|(name, text)| [name, text]);
        [&it.text, &it.unit].into_iter().chain(choices)
    });
    let shown = [
        ("title", vec![&file.title]),
        ("page", vec![&file.page]),
        ("learn", vec![&file.learn]),
        ("hints", file.hints.iter().collect()),
        ("questions", asked.collect()),
        ("solution", file.solution.iter().map(|it| &it.see).collect()),
    ];
    let is_bad = |text: &&String| visible(text) != text.replace(['\n', '\t'], " ");
    let bad = shown
        .into_iter()
        .filter(|(_, texts)| texts.iter().any(is_bad));
    bad.map(|(field, _)| Problem::new(field, "has a control character; remove it"))
        .collect()
}

/// Every name has a meaning, and every parameter is used.
fn names(file: &File) -> Vec<Problem> {
    let mut texts: Vec<(String, String)> = file.traffic.texts().collect();
    for (index, fault) in file.faults.iter().enumerate() {
        let mut found = Vec::new();
        fault.values().for_each(|it| faults::texts(it, &mut found));
        texts.extend(found.into_iter().map(|it| (format!("faults[{index}]"), it)));
    }
    let broken = texts.len();
    for (index, question) in file.questions.iter().enumerate() {
        let field = format!("questions[{index}].expected");
        texts.push((field, question.expected.to_string()));
    }
    let mut problems = Vec::new();
    let mut used = BTreeSet::new();
    for (index, (field, value)) in texts.iter().enumerate() {
        for name in text::names(value) {
            if !file.parameters.contains_key(name) {
                let text = format!("there is no parameter {name}");
                problems.push(Problem::new(field.clone(), text));
            }
            if index < broken {
                used.insert(name);
            }
        }
    }
    let follow = file.parameters.values().filter_map(|it| it.followed());
    used.extend(follow);
    for name in file.parameters.keys() {
        let is_asked = file
            .questions
            .iter()
            .any(|it| text::names(&it.expected.to_string()).contains(name.as_str()));
        let is_answer = is_asked && file.parameters[name].followed().is_some();
        if !used.contains(name.as_str()) && !is_answer {
            let text = "is used by no fault and by no traffic; remove it";
            problems.push(Problem::new(format!("parameters.{name}"), text));
        }
    }
    let mut keys = BTreeSet::new();
    for (index, question) in file.questions.iter().enumerate() {
        if !keys.insert(&question.key) {
            let text = format!("{} is asked twice", question.key);
            problems.push(Problem::new(format!("questions[{index}].key"), text));
        }
    }
    problems
}

/// Queries use only what earlier steps derived, and each question is answered.
fn derivation(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let mut known = BTreeSet::from(text::RESERVED);
    for (index, step) in file.solution.iter().enumerate() {
        let of_rows = step.derive.iter().flat_map(Derive::names);
        for name in text::names(&step.query).into_iter().chain(of_rows) {
            if !known.contains(name) {
                let text = format!(
                    "${name} is no answer of an earlier step; queries must find out what the seed chose, and may use \
                     only $range and what was derived before"
                );
                problems.push(Problem::new(format!("solution[{index}].query"), text));
            }
        }
        for derive in &step.derive {
            known.insert(&derive.key);
            let question = file.question(&derive.key);
            let Some(constant) = derive.constant() else {
                continue;
            };
            let text = match question {
                Some(question) if question.kind == Kind::Cause => {
                    if constant == question.expected {
                        continue;
                    }
                    "is is not the expected cause"
                }
                _ => "is is only for a question of the kind cause; read other answers from a field",
            };
            let field = format!("solution[{index}].derive");
            problems.push(Problem::new(field, format!("{}: {text}", derive.key)));
        }
    }
    for (index, question) in file.questions.iter().enumerate() {
        if !known.contains(question.key.as_str()) {
            let text = "no step of the solution derives it";
            problems.push(Problem::new(format!("questions[{index}].key"), text));
        }
    }
    problems
}

/// The page is a symptom.
fn page(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    let page = file.page.to_lowercase();
    let mut words: BTreeSet<String> = GIVEAWAYS.map(str::to_owned).into();
    for fault in &file.faults {
        if let Some(kind) = fault.get("kind").and_then(toml::Value::as_str) {
            words.insert(kind.replace('-', " "));
            words.insert(kind.to_owned());
        }
    }
    let causes = file.questions.iter().filter(|it| it.kind == Kind::Cause);
    words.extend(causes.map(|it| it.expected.to_string().to_lowercase()));
    // What an error says to everybody may be part of a page.
    words.remove("error");
    for word in words {
        if has_word(&page, &word) {
            let text = format!("names the cause: {word:?}; it is to tell the symptom");
            problems.push(Problem::new("page", text));
        }
    }
    let ends = |it: &char| matches!(it, '.' | '?' | '!');
    let trimmed = file.page.trim();
    let inner: Vec<char> = trimmed.chars().collect();
    let sentences = inner
        .iter()
        .enumerate()
        .filter(|(at, it)| ends(it) && inner.get(at + 1).is_none_or(|next| next.is_whitespace()))
        .count();
    if sentences != 2 {
        let text = format!("is to be two sentences, and has {sentences}");
        problems.push(Problem::new("page", text));
    }
    problems
}

/// True if a text has a word, or words, and not only as a part of another.
fn has_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, found)| {
        let is_part = |it: char| it.is_alphanumeric();
        !text[..at].ends_with(is_part) && !text[at + found.len()..].starts_with(is_part)
    })
}

/// Alerts are rules, and no alert must fire and not fire.
fn alerts(file: &File) -> Vec<Problem> {
    let known: BTreeSet<&str> = RULES
        .lines()
        .filter_map(|line| line.trim().strip_prefix("- alert: "))
        .collect();
    let mut problems = Vec::new();
    let mut seen = BTreeMap::new();
    for (field, names) in [
        ("alerts.must_fire", &file.alerts.must_fire),
        ("alerts.must_not_fire", &file.alerts.must_not_fire),
    ] {
        for name in names {
            if !known.contains(name.as_str()) {
                let known: Vec<&str> = known.iter().copied().collect();
                let text = format!("there is no alert {name}; there are {}", known.join(", "));
                problems.push(Problem::new(field, text));
            }
            if seen.insert(name, field).is_some() {
                problems.push(Problem::new(field, format!("{name} is named twice")));
            }
        }
    }
    problems
}

/// The service takes the faults of any seed, and the right answers are answers.
fn sets(file: &File) -> Vec<Problem> {
    let mut problems = Vec::new();
    for values in parameters::variants(&file.parameters) {
        for (index, fault) in file.faults.iter().enumerate() {
            let one = File {
                faults: vec![fault.clone()],
                ..file.clone()
            };
            let all = faults::with(&one, &values);
            for instance in all.keys() {
                let letter = instance.strip_prefix("app-").unwrap_or_default();
                let is_instance = letter.len() == 1 && letter.as_bytes()[0].is_ascii_lowercase();
                if instance.as_str() != faults::ALL && !is_instance {
                    let text = format!("{instance:?} is no instance; give all, app-a, app-b, …");
                    problems.push(Problem::new(format!("faults[{index}].instance"), text));
                }
                let set = faults::set(&all, instance, 0).unwrap_or_default();
                if let Err(wrong) = crate::app::check_faults(set.to_string().as_bytes()) {
                    let text = wrong.to_string().replace("faults[0].", "");
                    problems.push(Problem::new(format!("faults[{index}]"), text));
                }
            }
        }
        for (index, question) in file.questions.iter().enumerate() {
            let expected = text::value(&question.expected, &values);
            let is_number = matches!(question.kind, Kind::Number | Kind::Time);
            if is_number && expected.number().is_none() {
                let text = format!("{expected} is no number");
                problems.push(Problem::new(format!("questions[{index}].expected"), text));
            }
            let is_cause = question.kind == Kind::Cause;
            if is_cause && !question.choices.contains_key(&expected.to_string()) {
                let text = format!("{expected} is none of the choices");
                problems.push(Problem::new(format!("questions[{index}].expected"), text));
            }
            if matches!(&expected, Scalar::Text(text) if text.trim().is_empty()) {
                let text = "is empty";
                problems.push(Problem::new(format!("questions[{index}].expected"), text));
            }
        }
        if !problems.is_empty() {
            break;
        }
    }
    problems
}
