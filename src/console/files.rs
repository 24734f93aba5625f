//! The files of `console/`: embedded at build time, or read from a folder.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rust_embed::{Embed, EmbeddedFile};

/// Largest file that is read from a folder, in bytes.
const LARGEST: u64 = 8 << 20;

/// Type declarations are left out: only editors and tsc need them.
#[derive(Embed)]
#[folder = "console/"]
#[exclude = "*.d.ts"]
struct Embedded;

/// Source of the console's files.
#[derive(Debug)]
pub struct Files(Source);

#[derive(Debug)]
enum Source {
    Embedded,
    /// Canonical.
    Folder(PathBuf),
}

/// Errors of a folder that cannot be served.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FilesError {
    /// The folder does not exist or is not readable.
    #[error("{} cannot be read", folder.display())]
    Unreadable {
        /// The given folder.
        folder: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The folder does not contain the console.
    #[error("{} has no index.html; give the folder console/ of the sources", folder.display())]
    NoConsole {
        /// The given folder.
        folder: PathBuf,
    },
}

/// One file.
pub(super) struct File {
    pub(super) content: Bytes,
    /// Hash of the content.
    pub(super) hash: [u8; 32],
}

impl From<EmbeddedFile> for File {
    fn from(file: EmbeddedFile) -> Self {
        Self {
            hash: file.metadata.sha256_hash(),
            content: match file.data {
                Cow::Borrowed(bytes) => Bytes::from_static(bytes),
                Cow::Owned(bytes) => bytes.into(),
            },
        }
    }
}

impl Files {
    /// The embedded files.
    #[must_use]
    pub fn embedded() -> Self {
        Self(Source::Embedded)
    }

    /// The files of a folder, read again for each request.
    ///
    /// # Errors
    /// [`FilesError`], if the folder is unreadable or does not contain the console.
    pub(crate) fn folder(folder: &Path) -> Result<Self, FilesError> {
        let canonical = folder
            .canonicalize()
            .map_err(|source| FilesError::Unreadable {
                folder: folder.to_owned(),
                source,
            })?;
        if !canonical.join("index.html").is_file() {
            let folder = folder.to_owned();
            return Err(FilesError::NoConsole { folder });
        }
        Ok(Self(Source::Folder(canonical)))
    }

    /// True if the content of files never changes.
    pub(super) fn are_fixed(&self) -> bool {
        matches!(self.0, Source::Embedded)
    }

    /// The file at a path below the folder, if there is one.
    pub(super) async fn read(&self, path: &[Cow<'_, str>]) -> Option<File> {
        match &self.0 {
            Source::Embedded => Embedded::get(&path.join("/")).map(File::from),
            Source::Folder(folder) => {
                let mut file = folder.clone();
                file.extend(path.iter().map(|segment| &**segment));
                let folder = folder.clone();
                let read = tokio::task::spawn_blocking(move || within(&folder, &file));
                read.await.ok()?
            }
        }
    }
}

/// Reads a file; none if it is outside of the folder, such as behind a symbolic link.
fn within(folder: &Path, file: &Path) -> Option<File> {
    let file = file.canonicalize().ok()?;
    let about = file.metadata().ok()?;
    if !file.starts_with(folder) || !about.is_file() || about.len() > LARGEST {
        return None;
    }
    let read = rust_embed::utils::read_file_from_fs(&file).ok()?;
    Some(read.into())
}
