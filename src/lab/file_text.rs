//! Files that somebody names, read up to a bound.

use std::fs::File;
use std::io::{Error, Read as _, Result};
use std::path::Path;

/// The text of a file of at most `largest` bytes. What has no end of its own, such as a device, is read no further.
///
/// # Errors
/// When it cannot be read, is larger or is not UTF-8; a folder is named as one.
pub(super) fn file_text(path: &Path, largest: u64) -> Result<String> {
    let file = File::open(path)?;
    if file.metadata()?.is_dir() {
        return Err(Error::other("is a folder; name a file"));
    }
    let mut bytes = Vec::new();
    file.take(largest.saturating_add(1))
        .read_to_end(&mut bytes)?;
    if bytes.len() as u64 > largest {
        let text = format!("is larger than the {largest} bytes that are allowed");
        return Err(Error::other(text));
    }
    String::from_utf8(bytes).map_err(|_| Error::other("is not text in UTF-8"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_up_to_its_bound() {
        let folder = std::env::temp_dir();
        let file = folder.join(format!("lab-file-text-{}", std::process::id()));
        std::fs::write(&file, "12345678").unwrap();
        assert_eq!(file_text(&file, 8).unwrap(), "12345678");
        let larger = file_text(&file, 7).unwrap_err().to_string();
        assert_eq!(larger, "is larger than the 7 bytes that are allowed");
        std::fs::write(&file, b"a\xff").unwrap();
        let binary = file_text(&file, 7).unwrap_err().to_string();
        assert_eq!(binary, "is not text in UTF-8");
        std::fs::remove_file(&file).unwrap();
        let endless = file_text(Path::new("/dev/zero"), 7).unwrap_err();
        assert_eq!(endless.to_string(), larger);
        let folder = file_text(&folder, 7).unwrap_err().to_string();
        assert_eq!(folder, "is a folder; name a file");
    }
}
