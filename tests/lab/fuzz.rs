//! What fuzzing found and went through, once more: the files in `fuzz/` by the functions that the fuzz targets run.

use std::collections::BTreeSet;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

#[path = "../../fuzz/src/lib.rs"]
mod targets;

use targets::TARGETS;

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

/// The files of a folder, in an order of their own.
fn files(folder: &Path) -> BTreeSet<PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten();
    entries.map(|entry| entry.unwrap().path()).collect()
}

#[test]
fn every_input_of_the_fuzz_targets_keeps_its_promise() {
    let mut broken = Vec::new();
    for (name, target) in TARGETS {
        let inputs = ["corpus", "regressions"].map(|kind| files(&root().join(kind).join(name)));
        assert!(!inputs[0].is_empty(), "{name} has no corpus");
        for input in inputs.iter().flatten() {
            let data = std::fs::read(input).unwrap();
            if catch_unwind(|| target(&data)).is_err() {
                broken.push(input.clone());
            }
        }
    }
    assert!(broken.is_empty(), "{broken:#?}");
}

#[test]
fn every_fuzz_target_is_replayed_and_has_a_program() {
    let names: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
    let named = |folder: &str| -> BTreeSet<String> {
        let files = files(&root().join(folder));
        let name = |path: &PathBuf| path.file_stem().unwrap().to_string_lossy().into_owned();
        files.iter().map(name).collect()
    };
    assert!(named("targets").iter().eq(&names));
    assert!(named("corpus").iter().eq(&names));
    assert!(
        named("regressions")
            .iter()
            .all(|name| names.contains(name.as_str()))
    );
}

#[test]
fn the_inputs_of_the_fuzz_targets_stay_small() {
    let (mut count, mut bytes) = (0, 0);
    for (name, _) in TARGETS {
        for kind in ["corpus", "regressions"] {
            for input in files(&root().join(kind).join(name)) {
                count += 1;
                bytes += std::fs::metadata(input).unwrap().len();
            }
        }
    }
    assert!(
        count <= 400 && bytes <= 1 << 20,
        "{count} files, {bytes} bytes"
    );
}
