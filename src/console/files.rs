//! The files of `console/`: as they were when this was built, or as they are in a folder now.

use std::borrow::Cow;
use std::io;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use rust_embed::{Embed, EmbeddedFile};

/// Largest file that is read from a folder, in bytes.
const LARGEST: u64 = 8 << 20;

/// Without the types, which are for the editor.
#[derive(Embed)]
#[folder = "console/"]
#[exclude = "*.d.ts"]
struct Embedded;

/// Where the browser's part comes from.
#[derive(Debug)]
pub struct Files(Source);

#[derive(Debug)]
enum Source {
    Embedded,
    /// Canonical.
    Folder(PathBuf),
}

/// A folder cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// Not there, or not to be read.
    #[error("{} cannot be read", folder.display())]
    Unreadable {
        /// What was given.
        folder: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Something else is in it.
    #[error("{} has no index.html; give the folder console/ of the sources", folder.display())]
    NoConsole {
        /// What was given.
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
    /// Those that were built in.
    #[must_use]
    pub fn embedded() -> Self {
        Self(Source::Embedded)
    }

    /// Those of a folder, read anew for each request.
    ///
    /// # Errors
    /// [`FilesError`], when it is no folder of the console's.
    pub fn folder(folder: &Path) -> Result<Self, FilesError> {
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

    /// Whether a file stays what it is.
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

/// Reads a file unless it is elsewhere, as through a link.
fn within(folder: &Path, file: &Path) -> Option<File> {
    let file = file.canonicalize().ok()?;
    let about = file.metadata().ok()?;
    if !file.starts_with(folder) || !about.is_file() || about.len() > LARGEST {
        return None;
    }
    let read = rust_embed::utils::read_file_from_fs(&file).ok()?;
    Some(read.into())
}
