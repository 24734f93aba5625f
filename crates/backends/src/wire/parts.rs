//! Work that is shared by the processors.

use std::num::NonZero;
use std::thread;

/// Most threads of one computation: [`Queries`](super::Queries) lets several run at once.
const MOST_THREADS: usize = 8;

/// Cuts `items` into runs of about the same weight, one for each processor, and works on all of them at once. A
/// run weighs at least `least`, so that little work does not pay for threads. The results have the order of the
/// items.
///
/// # Panics
/// `work` panicked.
pub(crate) fn in_parts<T: Sync, R: Send>(
    items: &[T],
    weight: impl Fn(&T) -> usize,
    least: usize,
    work: impl Fn(&[T]) -> R + Sync,
) -> Vec<R> {
    let all: usize = items.iter().map(&weight).sum();
    let processors = thread::available_parallelism().map_or(1, NonZero::get);
    let parts = (all / least.max(1)).clamp(1, processors.min(MOST_THREADS));
    let mut runs = cut(items, &weight, all.div_ceil(parts)).into_iter();
    let Some(first) = runs.next() else {
        return vec![work(&[])];
    };
    thread::scope(|scope| {
        let work = &work;
        let others: Vec<_> = runs.map(|run| scope.spawn(move || work(run))).collect();
        let mut results = vec![work(first)];
        for other in others {
            match other.join() {
                Ok(result) => results.push(result),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
        results
    })
}

/// Runs of at least `share`, except for the last one.
fn cut<T>(items: &[T], weight: impl Fn(&T) -> usize, share: usize) -> Vec<&[T]> {
    let mut runs = Vec::new();
    let (mut from, mut sum) = (0, 0);
    for (at, item) in items.iter().enumerate() {
        sum += weight(item);
        if sum >= share || at + 1 == items.len() {
            runs.extend(items.get(from..=at));
            (from, sum) = (at + 1, 0);
        }
    }
    runs
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_item_is_worked_on_once_and_in_order() {
        for count in [0, 1, 2, 7, 1000] {
            let items: Vec<usize> = (0..count).collect();
            for least in [0, 1, 100, usize::MAX] {
                let parts = in_parts(&items, |item| item % 5, least, <[usize]>::to_vec);
                assert_eq!(parts.concat(), items, "{count} {least}");
            }
        }
    }

    #[test]
    fn little_work_is_done_by_one_thread() {
        let items = [1_usize; 100];
        assert_eq!(in_parts(&items, |_| 1, 101, <[usize]>::len), [100]);
    }

    #[test]
    fn runs_have_about_the_same_weight() {
        let weights = |items: &[usize], share| -> Vec<usize> {
            let runs = cut(items, |item| *item, share).into_iter();
            runs.map(|run| run.iter().sum()).collect()
        };
        assert_eq!(weights(&[1; 10], 5), [5, 5]);
        assert_eq!(weights(&[9, 1, 1, 1], 6), [9, 3]);
        assert_eq!(weights(&[1, 1, 1, 9], 6), [12]);
        assert_eq!(weights(&[], 6), [0; 0]);
    }
}
