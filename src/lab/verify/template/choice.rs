//! Choice of a variable.

use super::super::dashboard::Variable;
use super::Language;

/// A variable with what is chosen for it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The variable's name.
    pub name: String,
    /// The chosen values.
    pub values: Vec<String>,
    /// True if values are part of a regular expression and must be escaped as such.
    pub pattern: bool,
    /// The dashboard's own value of "all", which is not escaped.
    pub literal: bool,
    /// True if the values are a list, even if it has one.
    pub list: bool,
    /// True if all values are chosen.
    pub all: bool,
}

impl Choice {
    /// A variable with the one value `value`.
    #[must_use]
    pub fn one(variable: &Variable, value: &str) -> Self {
        Self {
            name: variable.name.clone(),
            values: vec![value.to_owned()],
            pattern: variable.multi || variable.include_all,
            list: variable.multi,
            ..Self::default()
        }
    }

    /// A variable with all of its values. Without known values, "all" matches anything.
    #[must_use]
    pub fn all(variable: &Variable, values: &[String]) -> Self {
        let anything = values.is_empty().then_some(".+");
        let own = variable.all_value.as_deref().filter(|it| !it.is_empty());
        let mut choice = match own.or(anything) {
            Some(text) => Self {
                literal: true,
                ..Self::one(variable, text)
            },
            None => Self {
                values: values.to_vec(),
                list: true,
                ..Self::one(variable, "")
            },
        };
        choice.list |= !choice.literal;
        choice.all = true;
        choice
    }

    /// As it is written into a query that names no format.
    pub(super) fn in_query(&self, language: Language) -> String {
        let [first] = &self.values[..] else {
            let escaped: Vec<_> = self.values.iter().map(|it| escaped_pattern(it)).collect();
            let joined = escaped.join("|");
            return match language {
                Language::PromQl => format!("({joined})"),
                Language::LogQl => joined,
            };
        };
        if self.literal {
            first.clone()
        } else if self.pattern {
            escaped_pattern(first)
        } else {
            first.replace('\\', "\\\\").replace('"', "\\\"")
        }
    }
}

/// A value as part of a regular expression inside of a quoted string.
fn escaped_pattern(value: &str) -> String {
    let mut escaped = String::with_capacity(value.len());
    for character in value.chars() {
        if character == '\\' {
            escaped.push_str("\\\\\\\\");
            continue;
        }
        match character {
            '"' => escaped.push('\\'),
            _ if "$^*{}[]'+?.()|".contains(character) => escaped.push_str("\\\\"),
            _ => {}
        }
        escaped.push(character);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_cannot_leave_its_quotes() {
        let text = Choice::one(&Variable::default(), "a\"b\\");
        assert_eq!(text.in_query(Language::LogQl), "a\\\"b\\\\");
    }
}
