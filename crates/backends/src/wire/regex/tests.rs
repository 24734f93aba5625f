//! Compared with the answers of Go's `regexp`, in the fork that Prometheus, Loki and Tempo link
//! (`tests/golden/regex.json`): what is refused and why, what matches, where, and what the groups hold.

use serde_json::Value;

use super::{Expression, Problem, compile, compile_anchored, translate};

fn golden() -> Value {
    serde_json::from_str(include_str!("../../../tests/golden/regex.json")).unwrap()
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap()
}

/// One hexadecimal digit for four texts.
fn bits(texts: &[Value], matches: impl Fn(&str) -> bool) -> String {
    let digit = |four: &[Value]| {
        let bits = four.iter().enumerate();
        let sum: u32 = bits
            .map(|(place, one)| u32::from(matches(text(one))) << place)
            .sum();
        char::from_digit(sum, 16).unwrap()
    };
    texts.chunks(4).map(digit).collect()
}

/// The results that are compared for one pattern.
fn answer(pattern: &str, case: &Value, texts: &[Value]) -> Result<(), String> {
    let expression = match Expression::new(pattern) {
        Ok(expression) => expression,
        Err(error) => {
            let ours = error.to_string();
            let ours = ours.strip_prefix("error parsing regexp: ").unwrap_or(&ours);
            return match case["e"].as_str() {
                Some(theirs) if theirs == ours => Ok(()),
                theirs => Err(format!("refused with {ours}, not {theirs:?}")),
            };
        }
    };
    if let Some(theirs) = case["e"].as_str() {
        return Err(format!("accepted, not refused with {theirs}"));
    }
    let regex = expression.regex();
    let mut found = bits(texts, |text| regex.is_match(text));
    match compile_anchored(pattern) {
        Ok(anchored) => found += &bits(texts, |text| anchored.is_match(text)),
        Err(error) => found += &format!(" {error}"),
    }
    if found != text(&case["f"]) {
        return Err(format!("matches {found}, not {}", case["f"]));
    }
    for wanted in case["m"].as_array().into_iter().flatten() {
        let wanted: Vec<i64> = wanted
            .as_array()
            .unwrap()
            .iter()
            .map(|one| one.as_i64().unwrap())
            .collect();
        let subject = text(&texts[usize::try_from(wanted[0]).unwrap()]);
        let captures = regex.captures(subject).ok_or("no match")?;
        let mut places: Vec<i64> = captures
            .iter()
            .flat_map(|group| group.map_or([-1, -1], |it| [it.start() as i64, it.end() as i64]))
            .collect();
        // The engine leaves out a last group that `{0}` forbids.
        places.resize(2 + 2 * expression.names().len(), -1);
        if places != wanted[1..] {
            return Err(format!("{subject:?} gives {places:?}, not {wanted:?}"));
        }
    }
    Ok(())
}

#[test]
fn patterns_are_accepted_refused_and_matched_as_by_go() {
    let golden = golden();
    let texts = golden["texts"].as_array().unwrap();
    let cases = golden["patterns"].as_array().unwrap();
    let wrong: Vec<String> = cases
        .iter()
        .filter_map(|case| {
            let pattern = text(&case["p"]);
            let problem = answer(pattern, case, texts).err()?;
            Some(format!(
                "{pattern:?} as {:?}: {problem}",
                translate(pattern)
            ))
        })
        .collect();
    assert!(cases.len() > 1000);
    assert!(
        wrong.is_empty(),
        "{} differ:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[test]
fn templates_are_filled_as_by_go() {
    let golden = golden();
    let templates = golden["templates"].as_array().unwrap();
    for case in golden["expanded"].as_array().unwrap() {
        let expression = Expression::anchored(text(&case["p"])).unwrap();
        let captures = expression.regex().captures(text(&case["s"])).unwrap();
        for (template, wanted) in templates.iter().zip(case["o"].as_array().unwrap()) {
            let mut filled = String::new();
            expression.expand(text(template), &captures, &mut filled);
            assert_eq!(filled, text(wanted), "{case} {template}");
        }
    }
}

#[test]
fn label_replace_lets_a_pattern_leave_its_group_and_a_matcher_does_not() {
    assert!(Expression::anchored("a)|(b").is_ok());
    assert_eq!(
        compile_anchored("a)|(b").unwrap_err().to_string(),
        "error parsing regexp: unexpected ): `a)|(b`"
    );
}

#[test]
fn an_expression_is_bounded_in_depth_and_in_memory() {
    let deep = |levels: usize| format!("{}a{}", "(".repeat(levels), ")".repeat(levels));
    assert!(compile(&deep(248)).is_ok());
    let refused = compile(&deep(100_000)).unwrap_err();
    assert_eq!(refused.problem(), &Problem::NestingDepth);
    let refused = compile(r"(\pL{100}){10}").unwrap_err();
    assert_eq!(refused.problem(), &Problem::Large);
    assert!(
        refused
            .to_string()
            .starts_with("error parsing regexp: expression too large: `")
    );
}

proptest::proptest! {
    /// The engine accepts every pattern that the parser accepts: a translation never has a syntax
    /// error.
    #[test]
    fn no_pattern_is_refused_in_words_that_are_not_gos(
        pattern in r#"([a-zA-Z0-9(){}\[\]|*+?.^$\\<>:=!,&~#_ é-]|\\[a-zA-Z]|\\p\{\^?(Lu|Greek|Cs)\}|\[:\^?word:\]|\(\?[imsUP<-]{1,3}[:>)]){0,24}"#,
    ) {
        for anchored in [false, true] {
            let compiled = if anchored { compile_anchored(&pattern) } else { compile(&pattern) };
            if let Err(error) = compiled {
                proptest::prop_assert!(!matches!(error.problem(), Problem::Internal(_)), "{}", error);
            }
        }
    }
}
