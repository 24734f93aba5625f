//! Reads Alloy's configuration language as far as the lab's files use it
//! (<https://grafana.com/docs/alloy/latest/get-started/configuration-syntax/>), with the environment filled in.

use std::collections::BTreeMap;

use regex::Regex;
use serde_json::{Map, Value, json};

/// An attribute, or a block with what is in it. The name of a component is `loki.write.lab`, with its label.
#[derive(Debug)]
pub enum Item {
    Attribute(String, Value),
    Block(String, Vec<Item>),
}

/// Reads a file; `env` is what `sys.env` sees.
pub fn read(text: &str, env: &BTreeMap<&str, &str>) -> Vec<Item> {
    let token =
        Regex::new(r#"//[^\n]*|\s+|`[^`]*`|"(?:[^"\\]|\\.)*"|[A-Za-z_][\w.]*|\d+|[\[\]{}(),=+]"#)
            .expect("tokens");
    let mut tokens = Vec::new();
    let mut end = 0;
    for found in token.find_iter(text) {
        assert_eq!(found.start(), end, "not understood: {}", &text[end..]);
        end = found.end();
        let found = found.as_str();
        if !found.trim().is_empty() && !found.starts_with("//") {
            tokens.push(found);
        }
    }
    assert_eq!(end, text.len(), "not understood: {}", &text[end..]);
    let mut reader = Reader {
        tokens,
        next: 0,
        env,
    };
    let body = reader.body();
    assert_eq!(reader.next, reader.tokens.len(), "a closing brace too many");
    body
}

/// The body of the only block with a name, which a component may have without its label.
pub fn block<'i>(items: &'i [Item], name: &str) -> &'i [Item] {
    let mut found = items.iter().filter_map(|item| match item {
        Item::Block(other, body) if is_named(other, name) => Some(body.as_slice()),
        _ => None,
    });
    let body = found.next().unwrap_or_else(|| panic!("no {name}"));
    assert!(found.next().is_none(), "{name} twice");
    body
}

fn is_named(block: &str, name: &str) -> bool {
    let label = block.strip_prefix(name);
    label.is_some_and(|label| {
        label.is_empty() || label.starts_with('.') && !label[1..].contains('.')
    })
}

/// The attributes of a body.
pub fn attributes(items: &[Item]) -> Value {
    let attributes = items.iter().filter_map(|item| match item {
        Item::Attribute(name, value) => Some((name.clone(), value.clone())),
        Item::Block(..) => None,
    });
    Value::Object(attributes.collect())
}

struct Reader<'t> {
    tokens: Vec<&'t str>,
    next: usize,
    env: &'t BTreeMap<&'t str, &'t str>,
}

impl<'t> Reader<'t> {
    fn peek(&self) -> &'t str {
        self.tokens.get(self.next).copied().unwrap_or_default()
    }

    fn take(&mut self) -> &'t str {
        let token = self.peek();
        assert!(!token.is_empty(), "the file ends too early");
        self.next += 1;
        token
    }

    fn takes(&mut self, token: &str) -> bool {
        let found = self.peek() == token;
        self.next += usize::from(found);
        found
    }

    fn body(&mut self) -> Vec<Item> {
        let mut items = Vec::new();
        while !matches!(self.peek(), "" | "}") {
            let mut name = self.take().to_owned();
            if self.takes("=") {
                items.push(Item::Attribute(name, self.expression()));
                continue;
            }
            if self.peek().starts_with('"') {
                name = format!("{name}.{}", self.take().trim_matches('"'));
            }
            assert!(self.takes("{"), "{name} has no body");
            let body = self.body();
            assert!(self.takes("}"), "{name} has no end");
            items.push(Item::Block(name, body));
        }
        items
    }

    fn expression(&mut self) -> Value {
        let mut value = self.term();
        while self.takes("+") {
            value = json!(format!("{}{}", text(&value), text(&self.term())));
        }
        value
    }

    fn term(&mut self) -> Value {
        match self.take() {
            "[" => Value::Array(self.list("]")),
            "{" => {
                let mut object = Map::new();
                while !self.takes("}") {
                    let name = self.take().to_owned();
                    assert!(self.takes("="), "{name} has no value");
                    object.insert(name, self.expression());
                    self.takes(",");
                }
                Value::Object(object)
            }
            raw if raw.starts_with('`') => json!(raw.trim_matches('`')),
            quoted if quoted.starts_with('"') => {
                serde_json::from_str(quoted).expect("a string without Go's own escapes")
            }
            number if number.parse::<u64>().is_ok() => json!(number.parse::<u64>().ok()),
            name if self.takes("(") => {
                let arguments = self.list(")");
                self.call(name, &arguments)
            }
            "constants.hostname" => json!("the-machine"),
            // What refers to another component.
            name => json!(name),
        }
    }

    fn list(&mut self, end: &str) -> Vec<Value> {
        let mut values = Vec::new();
        while !self.takes(end) {
            values.push(self.expression());
            self.takes(",");
        }
        values
    }

    fn call(&self, name: &str, arguments: &[Value]) -> Value {
        let arguments: Vec<&str> = arguments.iter().map(text).collect();
        match name {
            "sys.env" => json!(self.env.get(arguments[0]).copied().unwrap_or_default()),
            "coalesce" => json!(arguments.iter().find(|it| !it.is_empty())),
            "file.path_join" => json!(arguments.join("/")),
            other => panic!("{other} is not known here"),
        }
    }
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}"))
}
