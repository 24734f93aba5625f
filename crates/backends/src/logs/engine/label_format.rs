//! `label_format`: renames labels and sets labels from templates.

use super::budget::Budget;
use super::error::QueryError;
use super::fields::{ERROR, Fields};
use super::template::{Failure, Kind, Template, text_or_label};
use crate::logs::lang::LabelFormat;

/// One change.
#[derive(Clone, Debug)]
enum Change {
    Rename { to: String, from: String },
    Set { label: String, template: Template },
}

/// All changes of one stage.
#[derive(Clone, Debug)]
pub(crate) struct LabelChanges(Vec<Change>);

impl LabelChanges {
    /// Compiles the changes.
    ///
    /// # Errors
    /// A label that must not be changed or is changed twice, or an invalid template.
    pub(crate) fn new(formats: &[(String, LabelFormat)]) -> Result<Self, String> {
        for (at, (label, _)) in formats.iter().enumerate() {
            if label == ERROR {
                return Err(format!("{label} cannot be formatted"));
            }
            let mut before = formats.iter().take(at);
            if before.any(|(other, _)| other == label) {
                return Err(format!(
                    "multiple label name '{label}' not allowed in a single format operation"
                ));
            }
        }
        let change = |(label, format): &(String, LabelFormat)| match format {
            LabelFormat::Rename(from) => Ok(Change::Rename {
                to: label.clone(),
                from: from.clone(),
            }),
            LabelFormat::Template(text) => Ok(Change::Set {
                label: label.clone(),
                template: Template::new(Kind::Label, text)
                    .map_err(|reason| format!("invalid template for label '{label}': {reason}"))?,
            }),
        };
        let changes = formats.iter().map(change);
        changes.collect::<Result<_, String>>().map(Self)
    }

    /// Applies the changes. As in Loki, all templates see the labels as they are when the first
    /// of them is reached; renames see what came before them.
    pub(crate) fn apply(
        &self,
        (ts, line): (i64, &str),
        fields: &mut Fields<'_>,
        budget: &mut Budget,
    ) -> Result<(), QueryError> {
        let mut made: Option<std::vec::IntoIter<Result<String, Failure>>> = None;
        for change in &self.0 {
            match change {
                Change::Rename { to, from } => {
                    if let Some(value) = fields.label(from).map(str::to_owned) {
                        budget.make(value.len(), "label_format")?;
                        fields.set(to, &value);
                        fields.remove(from);
                    }
                }
                Change::Set { label, .. } => {
                    let texts = made.get_or_insert_with(|| {
                        let templates = self.0.iter().filter_map(|change| match change {
                            Change::Rename { .. } => None,
                            Change::Set { template, .. } => Some(template),
                        });
                        let texts = templates.map(|one| one.render(fields, line, ts, budget));
                        texts.collect::<Vec<_>>().into_iter()
                    });
                    // `texts` has one text for each `Set`, in the same order.
                    if let Some(text) = texts.next()
                        && let Some(text) = text_or_label(text, fields)?
                    {
                        fields.set(label, &text);
                    }
                }
            }
        }
        Ok(())
    }
}
