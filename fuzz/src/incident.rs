//! Incident files, as people write them.

use salvo_observability::lab::incident::file::File;

/// A problem is at a line that there is. What has none chooses a value of every question, the same for the same seed.
pub fn incident(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    match File::read(text) {
        Err(problems) => {
            assert!(!problems.is_empty());
            let lines = text.lines().count().max(1);
            for problem in problems {
                assert!(
                    problem.line.is_none_or(|it| (1..=lines).contains(&it)),
                    "{problem}"
                );
            }
        }
        Ok(file) => {
            for seed in [0, 7, u64::MAX] {
                assert_eq!(file.values(seed), file.values(seed));
            }
            assert!(
                file.questions
                    .iter()
                    .all(|it| file.question(&it.key).is_some())
            );
        }
    }
}
