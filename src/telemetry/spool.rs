//! Spans on disk that the collector has not taken yet: a batch a file, the oldest is sent first.
//!
//! The folder belongs to one instance, which holds a lock on the file `lock` in it. A batch is written under another
//! name and renamed, so that a file with the name of a batch is whole, also when the process is killed meanwhile.
//! There is no `fsync`: what was written survives the end of the process, not a power failure. The check sum finds
//! what a power failure leaves.
//!
//! Only the thread that exports uses it: requests never wait for the disk.

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use prometheus::IntGauge;
use tracing::{info, warn};

use super::otlp::Spans;

/// A file takes at least so much of a disk, and a multiple of it.
const BLOCK: u64 = 4096;

/// First bytes of a batch. The number is that of the format.
const MAGIC: &[u8] = b"salvo spans 1\n";

/// Bytes before the message: [`MAGIC`], the number of spans, and the check sum of the message.
const HEAD: usize = MAGIC.len() + 16;

/// More batches than a spool will ever write: names with larger numbers are not its own.
const MOST_NUMBERS: u64 = 1 << 62;

/// Largest file that is read, unless the bound of the spool is larger.
const LARGEST: u64 = 64 << 20;

/// Ends of the names of batches, of those that are being written, and of those that cannot be read.
const BATCH: &str = ".spans";
const UNFINISHED: &str = ".spans.unfinished";
const UNREADABLE: &str = ".spans.unreadable";

/// The file that is locked.
const LOCK: &str = "lock";

/// Time without further attempts after a batch could not be written.
const BLOCKED: Duration = Duration::from_secs(1);

/// Time between two log lines about batches that could not be written.
const TOLD_EVERY: Duration = Duration::from_secs(60);

/// Where spans wait that the collector does not take.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpoolSettings {
    /// A folder that no other instance uses. It is made when it is missing.
    pub folder: PathBuf,
    /// Most bytes of all files, each rounded up to whole blocks of 4 KiB.
    pub max_bytes: u64,
}

/// The folder cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// Another process holds the lock.
    #[error(
        "another instance uses {} (SPAN_SPOOL_DIR; --span-spool-dir takes another folder for each instance)", .0.display()
    )]
    InUse(PathBuf),
    /// It cannot be read or written.
    #[error("cannot keep spans in {} (SPAN_SPOOL_DIR, --span-spool-dir)", .0.display())]
    Io(PathBuf, #[source] io::Error),
}

/// A batch on disk.
struct Stored {
    number: u64,
    spans: u64,
    /// Bytes that it takes, in whole blocks.
    size: u64,
}

impl Stored {
    fn name(&self, end: &str) -> String {
        format!("{:020}-{}{end}", self.number, self.spans)
    }

    /// The number and the spans in the name of a batch.
    fn of_name(name: &str) -> Option<(u64, u64)> {
        let (number, spans) = name.strip_suffix(BATCH)?.split_once('-')?;
        let written = Self {
            number: number.parse().ok().filter(|it| *it < MOST_NUMBERS)?,
            spans: spans.parse::<u32>().ok()?.into(),
            size: 0,
        };
        (written.name(BATCH) == name).then_some((written.number, written.spans))
    }
}

/// The oldest batches, as one message.
#[derive(Debug, Default)]
pub(super) struct Oldest {
    /// Number of batches.
    pub(super) files: usize,
    pub(super) spans: u64,
    pub(super) message: Vec<u8>,
}

/// What was in the folder at the start.
#[derive(Debug, Default)]
pub(super) struct Found {
    batches: usize,
    spans: u64,
    unreadable: usize,
    /// Names that are not the spool's.
    foreign: Vec<String>,
}

impl Found {
    /// Logs it.
    pub(super) fn tell(&self, folder: &Path) {
        let folder = folder.display();
        if let Some(first) = self.foreign.first() {
            warn!(
                %folder,
                files = self.foreign.len(),
                first,
                "files in the folder of the spool are not its own and are left alone"
            );
        }
        if self.unreadable > 0 {
            warn!(
                %folder,
                files = self.unreadable,
                "batches of spans that could not be read are still in the folder of the spool; they take of its room until they are removed"
            );
        }
        if self.batches > 0 {
            info!(
                %folder,
                batches = self.batches,
                spans = self.spans,
                "spans of an earlier run wait on disk and are sent now"
            );
        }
    }
}

/// The batches on disk.
pub(super) struct Spool {
    settings: SpoolSettings,
    files: VecDeque<Stored>,
    /// Bytes of all files, those that cannot be read too.
    bytes: u64,
    next: u64,
    waiting: IntGauge,
    /// Until when nothing is written.
    blocked: Option<Instant>,
    told: Option<Instant>,
    _lock: File,
}

impl Spool {
    /// Takes the folder, with what an earlier run left in it. `waiting` is kept at the number of spans on disk.
    ///
    /// # Errors
    /// When another process has it, or it cannot be read or written.
    pub(super) fn open(
        settings: SpoolSettings,
        waiting: IntGauge,
    ) -> Result<(Self, Found), SpoolError> {
        let failed = |error| SpoolError::Io(settings.folder.clone(), error);
        // What requests ask for is nobody else's to read.
        let mut builder = DirBuilder::new();
        builder.recursive(true).mode(0o700);
        builder.create(&settings.folder).map_err(failed)?;
        let lock = settings.folder.join(LOCK);
        // A pipe would wait for a reader, a link lead elsewhere.
        if fs::symlink_metadata(&lock).is_ok_and(|found| !found.is_file()) {
            let text = "`lock` in it is no plain file; remove it";
            return Err(failed(io::Error::new(io::ErrorKind::InvalidInput, text)));
        }
        let lock = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .open(lock)
            .map_err(failed)?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => SpoolError::InUse(settings.folder.clone()),
            TryLockError::Error(error) => failed(error),
        })?;
        let mut files = Vec::new();
        let mut found = Found::default();
        let mut unreadable = 0;
        for entry in fs::read_dir(&settings.folder).map_err(failed)? {
            let entry = entry.map_err(failed)?;
            let name = entry.file_name().to_string_lossy().into_owned();
            // Of the entry itself, not of what a link leads to.
            let metadata = entry.metadata().map_err(failed)?;
            let size = on_disk(metadata.len());
            match Stored::of_name(&name) {
                Some((number, spans)) if metadata.is_file() => files.push(Stored {
                    number,
                    spans,
                    size,
                }),
                _ if metadata.is_file() && name.ends_with(UNFINISHED) => {
                    fs::remove_file(entry.path()).map_err(failed)?;
                }
                _ if metadata.is_file() && name.ends_with(UNREADABLE) => {
                    found.unreadable += 1;
                    unreadable += size;
                }
                _ if name == LOCK => {}
                _ => found.foreign.push(name),
            }
        }
        files.sort_by_key(|file| file.number);
        found.batches = files.len();
        found.spans = files.iter().map(|file| file.spans).sum();
        let spool = Self {
            bytes: unreadable + files.iter().map(|file| file.size).sum::<u64>(),
            next: files.last().map_or(1, |file| file.number + 1),
            files: files.into(),
            settings,
            waiting,
            blocked: None,
            told: None,
            _lock: lock,
        };
        spool.waiting.set(found.spans.cast_signed());
        Ok((spool, found))
    }

    /// Its folder.
    pub(super) fn folder(&self) -> &Path {
        &self.settings.folder
    }

    /// True if no batch is on disk.
    pub(super) fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// False for a while after a batch could not be written.
    pub(super) fn takes(&self) -> bool {
        self.blocked.is_none_or(|until| Instant::now() >= until)
    }

    /// Keeps a batch. False when it could not: the disk is full, or the spool's own bound is reached. Nothing is
    /// thrown away for it, so that the oldest spans are kept.
    pub(super) fn store(&mut self, spans: u64, message: &Spans) -> bool {
        match self.write(spans, message) {
            Ok(()) => {
                self.blocked = None;
                true
            }
            Err(error) => {
                self.blocked = Some(Instant::now() + BLOCKED);
                if self.told.is_none_or(|told| told.elapsed() >= TOLD_EVERY) {
                    self.told = Some(Instant::now());
                    warn!(
                        error = %error,
                        folder = %self.settings.folder.display(),
                        bytes = self.bytes,
                        "spans cannot be kept on disk: those for which memory has no room are lost, and counted"
                    );
                }
                false
            }
        }
    }

    fn write(&mut self, spans: u64, message: &Spans) -> io::Result<()> {
        let mut sum = CheckSum::new();
        let mut length = HEAD as u64;
        message.write(|part| {
            sum.add(part);
            length += part.len() as u64;
        });
        let size = on_disk(length);
        if self.bytes + size > self.settings.max_bytes {
            let bound = self.settings.max_bytes >> 20;
            return Err(io::Error::other(format!(
                "the spool is full: SPAN_SPOOL_MIB is {bound}"
            )));
        }
        let file = Stored {
            number: self.next,
            spans,
            size,
        };
        let unfinished = self.settings.folder.join(file.name(UNFINISHED));
        let written = self.write_to(&unfinished, &file, sum.0, message, length);
        if written.is_err() {
            // There may be room for a smaller one.
            let _ = fs::remove_file(&unfinished);
        }
        written?;
        self.next += 1;
        self.bytes += size;
        self.waiting.add(spans.cast_signed());
        self.files.push_back(file);
        Ok(())
    }

    fn write_to(
        &self,
        unfinished: &Path,
        file: &Stored,
        sum: u64,
        message: &Spans,
        length: u64,
    ) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(length as usize);
        bytes.extend_from_slice(MAGIC);
        bytes.extend_from_slice(&file.spans.to_le_bytes());
        bytes.extend_from_slice(&sum.to_le_bytes());
        message.write(|part| bytes.extend_from_slice(part));
        OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(unfinished)?
            .write_all(&bytes)?;
        fs::rename(unfinished, self.path(file, BATCH))
    }

    /// The oldest batches that can be read, `most` spans of them unless the first has more. They stay until
    /// [`Spool::forget`]. `lost` gets the spans of each batch that cannot be read; its file is renamed and never sent.
    pub(super) fn oldest(&mut self, most: u64, mut lost: impl FnMut(u64)) -> Option<Oldest> {
        loop {
            let mut oldest = Oldest::default();
            let mut unreadable = None;
            for file in &self.files {
                if oldest.files > 0 && oldest.spans + file.spans > most {
                    break;
                }
                let path = self.path(file, BATCH);
                match read(&path, file, LARGEST.max(self.settings.max_bytes)) {
                    // Messages of Protocol Buffers one after the other are one message with the fields of all.
                    Ok(message) => oldest.message.extend_from_slice(&message),
                    Err(error) => {
                        unreadable = Some((path, error));
                        break;
                    }
                }
                oldest.files += 1;
                oldest.spans += file.spans;
            }
            if oldest.files > 0 {
                return Some(oldest);
            }
            let (path, error) = unreadable?;
            lost(self.set_aside(&path, &error));
        }
    }

    /// Renames the oldest batch, which cannot be read, and gives the number of its spans.
    fn set_aside(&mut self, path: &Path, error: &io::Error) -> u64 {
        let Some(file) = self.files.front() else {
            return 0;
        };
        let spans = file.spans;
        warn!(
            file = %path.display(),
            error = %error,
            spans,
            "a batch of spans on disk cannot be read; it is kept as …{UNREADABLE} and not sent"
        );
        // Its room is not free.
        let kept = fs::rename(path, self.path(file, UNREADABLE)).is_ok();
        self.pop(!kept);
        spans
    }

    /// Removes the oldest batches, which were sent.
    pub(super) fn forget(&mut self, files: usize) {
        for _ in 0..files {
            let Some(file) = self.files.front() else {
                return;
            };
            let path = self.path(file, BATCH);
            if let Err(error) = fs::remove_file(&path) {
                warn!(
                    file = %path.display(),
                    error = %error,
                    "spans that were sent cannot be removed from the disk; the next start sends them again"
                );
            }
            self.pop(true);
        }
        self.blocked = None;
    }

    fn pop(&mut self, frees: bool) {
        if let Some(file) = self.files.pop_front() {
            self.waiting.sub(file.spans.cast_signed());
            if frees {
                self.bytes -= file.size;
            }
        }
    }

    fn path(&self, file: &Stored, end: &str) -> PathBuf {
        self.settings.folder.join(file.name(end))
    }
}

/// Bytes that a file of this length takes.
fn on_disk(length: u64) -> u64 {
    length.div_ceil(BLOCK).max(1) * BLOCK
}

/// The message of a batch.
///
/// # Errors
/// When the file is not one that a spool has written as a whole.
fn read(path: &Path, file: &Stored, largest: u64) -> io::Result<Vec<u8>> {
    let damaged = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what);
    // A pipe would be waited for, and a device never end.
    let metadata = fs::symlink_metadata(path)?;
    if !metadata.is_file() || metadata.len() > largest {
        return Err(damaged("it is no file of the spool"));
    }
    let mut bytes = Vec::with_capacity(metadata.len() as usize);
    File::open(path)?.take(largest).read_to_end(&mut bytes)?;
    let Some((head, message)) = bytes.split_at_checked(HEAD) else {
        return Err(damaged("it is too short"));
    };
    let mut sum = CheckSum::new();
    sum.add(message);
    let expected = [
        MAGIC,
        &file.spans.to_le_bytes()[..],
        &sum.0.to_le_bytes()[..],
    ]
    .concat();
    if head != expected {
        return Err(damaged("its content is not what was written"));
    }
    bytes.drain(..HEAD);
    Ok(bytes)
}

/// FNV-1a of 64 bits: it finds what was cut off, left empty or mixed up by chance.
struct CheckSum(u64);

impl CheckSum {
    fn new() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }

    fn add(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_that_a_spool_writes_are_those_of_batches() {
        assert_eq!(
            Stored::of_name("00000000000000000012-512.spans"),
            Some((12, 512))
        );
        for name in [
            "lock",
            "12-512.spans",
            "00000000000000000012-0512.spans",
            "00000000000000000012-+512.spans",
            "00000000000000000012-512.spans.unreadable",
            "00000000000000000012-512",
            "99999999999999999999-1.spans",
            "04611686018427387904-1.spans",
            "00000000000000000012-4294967296.spans",
            "-.spans",
            "spans.spans",
        ] {
            assert_eq!(Stored::of_name(name), None, "{name}");
        }
    }
}
