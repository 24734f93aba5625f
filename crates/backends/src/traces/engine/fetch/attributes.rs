//! Attributes as they are read: those with a column of their own one by one, the others together.

use opentelemetry_proto::tonic::common::v1::AnyValue;

use super::super::eval::Subject;
use super::super::value::Computed;
use super::columns::{self, Column};
use super::seen::Name;
use super::test::Test;
use super::{Condition, Fetch};
use crate::traces::lang::ast::{AttributeScope, Const, Field};
use crate::traces::store::{Attribute, Value};

/// Value of an attribute that is not there, where a column or `= nil` asks for it.
const NIL: Computed<'static> = Computed::Text("nil");

fn column(scope: AttributeScope, name: &str) -> Option<Column> {
    match scope {
        AttributeScope::Resource => columns::of_resource(name),
        AttributeScope::Span => columns::of_span(name),
        _ => None,
    }
}

impl Condition<'_> {
    /// The column that answers this, if the attribute has one and the types agree.
    fn column(&self, scope: AttributeScope) -> Option<Column> {
        let column = column(scope, self.name)?;
        let agree = match (&self.test, column) {
            (Test::Compare(_, Const::Text(_), _), Column::Text)
            | (Test::Compare(_, Const::Int(_), _), Column::Int) => true,
            (Test::Compare(..), _) => false,
            _ => true,
        };
        agree.then_some(column)
    }
}

impl Fetch<'_> {
    /// Reads the attributes of one carrier. False if it has not what it must have.
    pub(super) fn attributes<'a>(
        &self,
        subject: &Subject<'a>,
        conditions: &[Condition<'_>],
        scope: AttributeScope,
        attributes: &'a [Attribute],
        values: &mut Vec<(Name, Computed<'a>)>,
    ) -> bool {
        let about = conditions
            .iter()
            .filter(|c| matches!(c.field, Field::Attribute(..)));
        let mut others: Vec<&Condition<'_>> = Vec::new();
        for condition in about {
            let name = Name::Attribute(scope, condition.id);
            let column = condition.column(scope);
            if let Some(column) = column {
                let own = attributes
                    .iter()
                    .find(|a| Some(a.key) == condition.key && column.holds(&a.value));
                let holds = match own.map(|own| &own.value) {
                    Some(Value::Text(word)) => {
                        condition.test.text(Some(subject.dictionary.text(*word)))
                    }
                    Some(Value::Int(n)) => condition.test.int(Some(*n)),
                    _ if column == Column::Int => condition.test.int(None),
                    _ => condition.test.text(None),
                };
                let value = own.map_or(NIL, |own| Computed::attribute(&own.value));
                match holds {
                    true if !values.contains(&(name, value)) => values.push((name, value)),
                    false if self.all && !self.another(conditions, condition, scope) => {
                        return false;
                    }
                    _ => {}
                }
            } else if condition.test == Test::Missing {
                // Where there are no attributes at all nothing is read.
                let mut general = attributes.iter().filter(|a| general(subject, scope, a));
                let some = general.clone().next().is_some();
                if some && !general.any(|a| Some(a.key) == condition.key) {
                    values.push((name, NIL));
                } else if self.all {
                    return false;
                }
            } else {
                others.push(condition);
            }
        }
        others.is_empty() || self.general(subject, &others, scope, attributes, values)
    }

    /// True if another condition of a span is about the same column: they are read together.
    fn another(
        &self,
        conditions: &[Condition<'_>],
        one: &Condition<'_>,
        scope: AttributeScope,
    ) -> bool {
        let same = |c: &&Condition<'_>| c.name == one.name && c.column(scope).is_some();
        scope == AttributeScope::Span && conditions.iter().filter(same).count() > 1
    }

    /// Reads the attributes without a column. A value is read if it fits a comparison with any of
    /// them, whatever its name.
    fn general<'a>(
        &self,
        subject: &Subject<'a>,
        conditions: &[&Condition<'_>],
        scope: AttributeScope,
        attributes: &'a [Attribute],
        values: &mut Vec<(Name, Computed<'a>)>,
    ) -> bool {
        let types = Types::new(conditions);
        let before = values.len();
        if types.number() > 0 {
            for attribute in attributes.iter().filter(|a| general(subject, scope, a)) {
                let of = conditions.iter().find(|c| c.key == Some(attribute.key));
                let Some(condition) = of else {
                    continue;
                };
                let value = wanted(subject, conditions, &attribute.value);
                // A comparison of a single type needs a value, otherwise the name is enough.
                if value == Computed::Nil && self.all && types.number() == 1 {
                    continue;
                }
                values.push((Name::Attribute(scope, condition.id), value));
            }
        }
        !self.all || types.number() == 0 || values.len() > before
    }
}

/// True if an attribute has no column of its own.
fn general(subject: &Subject<'_>, scope: AttributeScope, attribute: &Attribute) -> bool {
    let column = match scope {
        AttributeScope::Resource | AttributeScope::Span => {
            column(scope, subject.dictionary.text(attribute.key))
        }
        _ => None,
    };
    column.is_none_or(|column| !column.holds(&attribute.value))
}

/// The types of values that conditions are about.
struct Types([bool; 4]);

impl Types {
    fn new(conditions: &[&Condition<'_>]) -> Self {
        let mut types = [false; 4];
        for condition in conditions {
            match &condition.test {
                Test::Compare(_, Const::Text(_), _) => types[0] = true,
                Test::Compare(_, Const::Int(_), _) => types[1] = true,
                Test::Compare(_, Const::Float(_), _) => types[2] = true,
                Test::Compare(_, Const::Bool(_), _) => types[3] = true,
                Test::Compare(..) | Test::Missing => {}
                Test::Any | Test::Exists => types = [true; 4],
            }
        }
        Self(types)
    }

    fn number(&self) -> usize {
        self.0.iter().filter(|is| **is).count()
    }
}

/// The value of an attribute as far as it is wanted; of an array the elements that are. An array of
/// mixed types, which Tempo keeps only to show it, and a list of pairs have none.
fn wanted<'a>(
    subject: &Subject<'a>,
    conditions: &[&Condition<'_>],
    value: &'a Value,
) -> Computed<'a> {
    let passes = |value: Computed<'a>| {
        conditions.iter().any(|condition| {
            let test = &condition.test;
            let applies = test.is_general()
                || matches!(
                    (test, value),
                    (
                        Test::Compare(_, Const::Text(_), _),
                        Computed::Word(_) | Computed::Text(_)
                    ) | (Test::Compare(_, Const::Int(_), _), Computed::Int(_))
                        | (Test::Compare(_, Const::Float(_), _), Computed::Float(_))
                        | (Test::Compare(_, Const::Bool(_), _), Computed::Bool(_))
                );
            applies
                && match value {
                    Computed::Int(n) => test.int(Some(n)),
                    Computed::Float(n) => test.float(n),
                    Computed::Bool(b) => test.bool(b),
                    value => test.text(value.as_text(subject.dictionary)),
                }
        })
    };
    match Computed::attribute(value) {
        Computed::Nil => Computed::Nil,
        Computed::Array(elements) if !of_one_type(elements) => Computed::Nil,
        Computed::Array(elements) => {
            let mut kept = elements
                .iter()
                .map(Computed::element)
                .filter(|e| passes(*e));
            match (kept.next(), kept.next()) {
                (Some(only), None) => only,
                (Some(_), Some(_)) => Computed::Array(elements),
                (None, _) => Computed::Nil,
            }
        }
        value if passes(value) => value,
        _ => Computed::Nil,
    }
}

fn of_one_type(elements: &[AnyValue]) -> bool {
    let kind = |element: &AnyValue| match Computed::element(element) {
        Computed::Text(_) => Some(0),
        Computed::Int(_) => Some(1),
        Computed::Float(_) => Some(2),
        Computed::Bool(_) => Some(3),
        _ => None,
    };
    let mut kinds = elements.iter().map(kind);
    match kinds.next() {
        Some(Some(first)) => kinds.all(|kind| kind == Some(first)),
        _ => false,
    }
}
