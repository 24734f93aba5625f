//! The store of the embedded Prometheus: the order of samples, exemplars, and its bounds.

use std::time::Duration;

use crate::support::metrics::series;
use lab_backends::metrics::store::{Appended, Exemplar, ExemplarAppended};
use lab_backends::metrics::{Labels, Limits, Store};

#[test]
fn samples_follow_the_order_rules_of_prometheus() {
    let store = Store::new(Limits::default());
    let (labels, now) = (series("a", 1), 10_000_000);
    for (time, value, outcome) in [
        (now, 1.0, Appended::Stored),
        (now, 1.0, Appended::Repeated),
        (now, 2.0, Appended::Duplicate),
        (now - 1, 1.0, Appended::OutOfOrder),
        (now - 4_000_000, 1.0, Appended::OutOfBounds),
        (now + 700_000, 1.0, Appended::OutOfBounds),
        (now + 1, f64::NAN, Appended::Stored),
        (now + 1, f64::NAN, Appended::Repeated),
    ] {
        assert_eq!(
            store.append(&labels, time, value, now),
            Ok(outcome),
            "{time} {value}"
        );
    }
    let stats = store.stats();
    assert_eq!((stats.samples_ingested, stats.refused_duplicate), (2, 1));
    assert_eq!(
        (stats.refused_out_of_order, stats.refused_out_of_bounds),
        (1, 2)
    );
}

#[test]
fn the_exemplar_ring_keeps_the_newest() {
    let store = Store::new(Limits {
        max_exemplars: 10,
        ..Limits::default()
    });
    let now = 10_000_000;
    let exemplar = |time: i64| Exemplar {
        labels: Labels::from_pairs([("TraceID", format!("{time:032x}"))]),
        value: 1.0,
        timestamp: time,
        has_timestamp: true,
    };
    for step in 0..100 {
        assert_eq!(
            store.add_exemplar(&series("a", step % 3), exemplar(now + step as i64), now),
            ExemplarAppended::Stored
        );
    }
    assert_eq!(store.stats().exemplars, 10);
    assert_eq!(
        store.add_exemplar(&series("a", 0), exemplar(now + 99), now),
        ExemplarAppended::Repeated
    );
    assert_eq!(
        store.add_exemplar(&series("a", 0), exemplar(now + 1), now),
        ExemplarAppended::Refused
    );
    let long = Exemplar {
        labels: Labels::from_pairs([("t", "x".repeat(200))]),
        ..exemplar(now + 200)
    };
    assert_eq!(
        store.add_exemplar(&series("a", 0), long, now),
        ExemplarAppended::Refused
    );
    assert_eq!(store.stats().refused_exemplars, 2);
}

#[test]
fn memory_stays_under_the_limit_and_the_oldest_goes_first() {
    let max_bytes = 4 << 20;
    let store = Store::new(Limits {
        max_bytes,
        ..Limits::default()
    });
    let start = 10_000_000;
    for step in 0..600_i64 {
        let now = start + step * 1_000;
        for index in 0..1_000 {
            // Values that do not pack, on series that come and go.
            let labels = series("a", index + (step as usize / 100) * 500);
            store
                .append(&labels, now, step as f64 * 0.1 + index as f64, now)
                .unwrap();
        }
        assert!(
            store.stats().bytes <= max_bytes as u64 * 102 / 100,
            "{} bytes",
            store.stats().bytes
        );
    }
    let stats = store.stats();
    assert!(stats.evicted_by_bytes > 100_000, "{stats:?}");
    assert_eq!(stats.samples_ingested, 600_000);
    assert!(
        stats.bytes > max_bytes as u64 / 2,
        "no more is thrown away than needed: {stats:?}"
    );
    let (mut times, mut values) = (Vec::new(), Vec::new());
    store
        .series(&series("a", 2_600))
        .unwrap()
        .read(i64::MIN, i64::MAX, &mut times, &mut values);
    assert_eq!(
        times.last(),
        Some(&(start + 599_000)),
        "the newest is there"
    );
    assert!(times[0] > start, "the oldest is gone");
}

#[test]
fn a_flood_of_series_is_bounded_by_bytes_too() {
    let max_bytes = 8 << 20;
    let store = Store::new(Limits {
        max_bytes,
        max_series: usize::MAX,
        ..Limits::default()
    });
    for index in 0..100_000 {
        let now = 10_000_000 + index as i64;
        store
            .append(&series("flood", index), now, 1.0, now)
            .unwrap();
        if index % 1_000 == 0 {
            assert!(store.stats().bytes <= max_bytes as u64 * 102 / 100);
        }
    }
    let stats = store.stats();
    assert!(stats.bytes <= max_bytes as u64 * 102 / 100, "{stats:?}");
    assert!(stats.series < 50_000 && stats.series > 1_000, "{stats:?}");
}

#[test]
fn what_is_older_than_the_retention_goes() {
    let limits = Limits {
        max_age: Duration::from_secs(60),
        ..Limits::default()
    };
    let store = Store::new(limits);
    let start = 10_000_000;
    store.append(&series("old", 1), start, 1.0, start).unwrap();
    let later = start + 120_000;
    store.append(&series("new", 1), later, 1.0, later).unwrap();
    store.evict_expired(later);
    let stats = store.stats();
    assert_eq!((stats.series, stats.evicted_by_age), (1, 1));
    assert_eq!(store.label_values("__name__"), ["new"]);
    store.evict_expired(later + 120_000);
    assert_eq!(store.stats().bytes, 0, "everything is given back");
    assert!(store.label_names().is_empty());
}
