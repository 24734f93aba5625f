//! Decisions by the seed: the same seed, the same fault and the same number of a request give the same one.

use std::time::Duration;

/// What a number is drawn for, so that one decision tells nothing of another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Draw {
    /// If the request is concerned.
    Share,
    /// How much longer it takes.
    Jitter,
    /// If an attempt of a call fails, by hop and attempt.
    Attempt(u8, u32),
}

/// A number from 0 up to and without 1.
pub(super) fn unit(seed: u64, fault: usize, request: u64, draw: Draw) -> f64 {
    let draw = match draw {
        Draw::Share => 1,
        Draw::Jitter => 2,
        Draw::Attempt(hop, attempt) => 3 + (u64::from(hop) << 32) + (u64::from(attempt) << 8),
    };
    let mixed = [fault as u64, request, draw]
        .into_iter()
        .fold(mix(seed), |mixed, part| mix(mixed ^ mix(part)));
    // As many bits as a number between 0 and 1 can have.
    (mixed >> 11) as f64 / (1_u64 << 53) as f64
}

/// `ms` give or take up to `jitter_ms`, by a number from [`unit()`].
pub(super) fn delay(ms: u64, jitter_ms: u64, unit: f64) -> Duration {
    let jitter = (unit * 2.0 - 1.0) * jitter_ms as f64;
    Duration::from_secs_f64(((ms as f64 + jitter) / 1000.0).max(0.0))
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014): each bit of the input changes half of the output's.
fn mix(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_the_requests_is_hit_and_another_seed_hits_others() {
        let hits = |seed, fault| -> Vec<u64> {
            let hit = |request: &u64| unit(seed, fault, *request, Draw::Share) < 0.3;
            (0..10_000).filter(hit).collect()
        };
        for (seed, fault) in [(0, 0), (7, 0), (7, 1), (u64::MAX, 31)] {
            let count = hits(seed, fault).len();
            assert!((2_800..3_200).contains(&count), "{seed} {fault}: {count}");
        }
        assert_eq!(hits(7, 0), hits(7, 0));
        assert_ne!(hits(7, 0), hits(8, 0));
        assert_ne!(hits(7, 0), hits(7, 1));
    }

    #[test]
    fn a_delay_is_around_its_middle() {
        assert_eq!(delay(100, 0, 0.9), Duration::from_millis(100));
        assert_eq!(delay(100, 100, 0.0), Duration::ZERO);
        assert_eq!(delay(100, 50, 0.0), Duration::from_millis(50));
        assert!(delay(100, 50, 0.999_999) <= Duration::from_millis(150));
    }
}
