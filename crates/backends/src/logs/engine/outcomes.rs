//! What became of lines, kept by the texts that decided it: most lines of a stream have the same level or route as one
//! before them, and need not go through the pipeline again.

use crate::logs::lines::pattern::Pattern;

/// Outcomes that are kept, a power of two. A newer one takes the place of an older one.
const KEPT: usize = 64;

/// Longest key that is kept: a longer one hardly comes again, and the memory stays small.
const LONGEST: usize = 256;

/// Ends the captures of a pattern; no capture is as long.
const END: u32 = u32::MAX;

/// The series and the value of a line; `None` if a stage dropped it.
pub(crate) type Outcome = Option<(usize, f64)>;

/// The latest outcomes of one chunk.
#[derive(Default)]
pub(crate) struct Outcomes {
    /// The key of the line that was looked up last; empty if it is too long.
    key: Vec<u8>,
    place: usize,
    kept: Vec<Kept>,
}

#[derive(Clone, Default)]
struct Kept {
    /// Empty if there is none.
    key: Vec<u8>,
    outcome: Outcome,
}

impl Outcomes {
    /// Begins another chunk: it numbers its sets of metadata anew.
    pub(crate) fn forget(&mut self) {
        for kept in &mut self.kept {
            kept.key.clear();
        }
    }

    /// The outcome of an earlier line of the chunk that has the same metadata, and the same captures in all `patterns`.
    pub(crate) fn of(
        &mut self,
        metadata: u32,
        patterns: &[Pattern],
        line: &str,
    ) -> Option<Outcome> {
        self.key.clear();
        self.key.extend_from_slice(&metadata.to_le_bytes());
        for pattern in patterns {
            // Lengths and ends make the key unambiguous for any content, and if a pattern finds less.
            pattern.captures(line, |_, value| {
                let length = u32::try_from(value.len()).unwrap_or(END);
                self.key.extend_from_slice(&length.to_le_bytes());
                let value = value.as_bytes();
                self.key.extend(value.get(..LONGEST).unwrap_or(value));
            });
            self.key.extend_from_slice(&END.to_le_bytes());
        }
        if self.key.len() > LONGEST {
            self.key.clear();
            return None;
        }
        self.place = place(&self.key);
        let kept = self.kept.get(self.place)?;
        (kept.key == self.key).then_some(kept.outcome)
    }

    /// Keeps the outcome of the line that was looked up last.
    pub(crate) fn keep(&mut self, outcome: Outcome) {
        if self.key.is_empty() {
            return;
        }
        self.kept.resize(KEPT, Kept::default());
        if let Some(kept) = self.kept.get_mut(self.place) {
            kept.key.clone_from(&self.key);
            kept.outcome = outcome;
        }
    }
}

/// The place of a key. Keys that share one only cost time, so a hash that is easy to collide is good enough.
fn place(key: &[u8]) -> usize {
    let (words, rest) = key.as_chunks::<4>();
    let words = words.iter().map(|word| u32::from_le_bytes(*word));
    let rest = rest.iter().map(|byte| u32::from(*byte));
    let hash = words.chain(rest).fold(0_u64, |hash, word| {
        (hash.rotate_left(5) ^ u64::from(word)).wrapping_mul(0x517c_c1b7_2722_0a95)
    });
    (hash >> 32) as usize % KEPT
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pattern(text: &str) -> Pattern {
        Pattern::parser(text).unwrap()
    }

    /// The outcome is the number of the first line with the same key.
    fn numbers(patterns: &[Pattern], lines: &[(u32, &str)]) -> Vec<usize> {
        let mut outcomes = Outcomes::default();
        let mut number = |(at, (metadata, line)): (usize, &(u32, &str))| {
            let known = outcomes.of(*metadata, patterns, line);
            let (first, _) = known.flatten().unwrap_or((at, 0.0));
            if known.is_none() {
                outcomes.keep(Some((at, 0.0)));
            }
            first
        };
        lines.iter().enumerate().map(&mut number).collect()
    }

    #[test]
    fn the_texts_of_the_captures_and_the_metadata_decide() {
        let patterns = [pattern("<_> <level> <_>")];
        let lines = [
            (1, "a INFO x"),
            (1, "b INFO y"),
            (1, "c WARN y"),
            (2, "d INFO x"),
            (1, "e WARN z"),
            (1, "f"),
            (1, "g"),
        ];
        assert_eq!(numbers(&patterns, &lines), [0, 0, 2, 3, 2, 5, 5]);
        assert_eq!(numbers(&[], &lines[..4]), [0, 0, 0, 3]);
    }

    #[test]
    fn texts_that_join_alike_are_kept_apart() {
        let one = [pattern("<a> <b>")];
        assert_eq!(
            numbers(&one, &[(1, "ab c"), (1, "a bc"), (1, "abc")]),
            [0, 1, 2]
        );
        // The first pattern finds one text or two, the second the other way round.
        let two = [pattern("<a>-<b>"), pattern("<c>+<d>")];
        assert_eq!(numbers(&two, &[(1, "x-y"), (1, "x+y")]), [0, 1]);
    }

    #[test]
    fn a_long_text_is_not_kept_and_a_full_table_forgets() {
        let patterns = [pattern("<all>")];
        let long = "x".repeat(LONGEST);
        let mut outcomes = Outcomes::default();
        assert_eq!(outcomes.of(1, &patterns, &long), None);
        outcomes.keep(None);
        assert_eq!(outcomes.of(1, &patterns, &long), None);
        for number in 0..10 * KEPT {
            let line = number.to_string();
            assert_eq!(outcomes.of(1, &patterns, &line), None);
            outcomes.keep(Some((number, 1.0)));
            assert_eq!(outcomes.of(1, &patterns, &line), Some(Some((number, 1.0))));
        }
        assert_eq!(outcomes.kept.len(), KEPT);
        outcomes.forget();
        assert_eq!(outcomes.of(1, &patterns, "0"), None);
    }
}
