//! `topk` and `bottomk`: at each time on its own the series with the greatest or least values stay.

use std::cmp::Ordering;

use opentelemetry_proto::tonic::common::v1::{AnyValue, any_value::Value};

use super::TimeSeries;
use crate::traces::lang::Ranked;

/// Takes away the values of the series that do not stay.
pub(super) fn rank(all: &mut [TimeSeries], ranked: Ranked, intervals: usize) {
    let limit = usize::try_from(ranked.limit).unwrap_or(usize::MAX);
    if all.len() <= limit {
        return;
    }
    // The place of each series among equal values.
    let mut by_labels: Vec<usize> = (0..all.len()).collect();
    by_labels.sort_by(|a, b| compare(&all[*a].labels, &all[*b].labels));
    let mut place = vec![0; all.len()];
    for (nth, series) in by_labels.into_iter().enumerate() {
        place[series] = nth;
    }
    let mut order: Vec<usize> = Vec::with_capacity(all.len());
    for interval in 0..intervals {
        let value = |series: usize| all[series].values[interval];
        order.clear();
        order.extend((0..all.len()).filter(|series| !value(*series).is_nan()));
        if order.len() <= limit {
            continue;
        }
        order.sort_by(|a, b| {
            let ascending = value(*a)
                .partial_cmp(&value(*b))
                .unwrap_or(Ordering::Equal)
                .then(place[*a].cmp(&place[*b]));
            match ranked.top {
                true => ascending.reverse(),
                false => ascending,
            }
        });
        for series in order.drain(limit..) {
            all[series].values[interval] = f64::NAN;
        }
    }
}

/// The order of equal values: texts that come first in the alphabet are the greater, as in Tempo.
fn compare(a: &[(String, AnyValue)], b: &[(String, AnyValue)]) -> Ordering {
    let label = |(a, b): (&(String, AnyValue), &(String, AnyValue))| {
        let (type_a, text_a, number_a) = parts(&a.1);
        let (type_b, text_b, number_b) = parts(&b.1);
        text_b
            .cmp(text_a)
            .then_with(|| b.0.cmp(&a.0))
            .then(type_a.cmp(&type_b))
            .then(number_a.cmp(&number_b))
    };
    let first = a.iter().zip(b).map(label).find(|order| order.is_ne());
    first.unwrap_or_else(|| {
        // A label that is missing has no text and no name.
        let rest = a.len().cmp(&b.len());
        let more = if rest.is_gt() {
            &a[b.len()..]
        } else {
            &b[a.len().min(b.len())..]
        };
        let empty = more
            .first()
            .is_none_or(|(name, value)| name.is_empty() && parts(value).1.is_empty());
        match empty {
            true => rest,
            false => rest.reverse(),
        }
    })
}

/// Type, text and number of a value, in Tempo's order of types.
fn parts(value: &AnyValue) -> (u8, &str, u64) {
    match &value.value {
        Some(Value::IntValue(n)) => (3, "", n.cast_unsigned()),
        Some(Value::DoubleValue(n)) => (4, "", n.to_bits()),
        Some(Value::StringValue(text)) => (5, text, 0),
        Some(Value::BoolValue(b)) => (6, "", u64::from(*b)),
        _ => (0, "", 0),
    }
}
