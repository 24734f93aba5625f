//! Writes the log to standard output without ever making a request wait.
//!
//! Lines are appended to a buffer; a thread of its own writes what is there. Under load it writes
//! many lines with one call, at rest it writes a line at once. When whoever reads standard output
//! falls so far behind that the buffer is full, lines are dropped and counted.

use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};
use prometheus::IntCounter;
use tracing_subscriber::fmt::MakeWriter;

/// Bytes that may wait for standard output.
const CAPACITY: usize = 4 << 20;

/// Time that lines gather after a write. At rest the thread waits for a line instead.
const GATHER: Duration = Duration::from_millis(2);

/// Bytes of the buffers that are kept for the next lines.
const KEEP: usize = 64 << 10;

#[derive(Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// Events in `bytes`.
    events: u64,
    /// True while the thread sleeps until a line arrives.
    idle: bool,
    closed: bool,
    finished: bool,
}

struct Shared {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    finished: Condvar,
    dropped: IntCounter,
}

/// Takes the log's lines. Clones write to the same output.
#[derive(Clone)]
pub struct LogWriter(Arc<Shared>);

impl LogWriter {
    /// Starts the thread that writes to standard output. `dropped` counts the lines that are lost.
    ///
    /// # Errors
    /// When standard output or the thread cannot be had.
    pub fn start(dropped: IntCounter) -> io::Result<Self> {
        io::stdout().flush()?;
        // The standard library's handle flushes at every line; a file writes a whole buffer at once.
        let stdout = File::from(io::stdout().as_fd().try_clone_to_owned()?);
        let shared = Arc::new(Shared {
            waiting: Mutex::default(),
            filled: Condvar::new(),
            finished: Condvar::new(),
            dropped,
        });
        let writing = Arc::clone(&shared);
        thread::Builder::new()
            .name("log-writer".to_owned())
            .spawn(move || writing.write_all(stdout))?;
        Ok(Self(shared))
    }

    /// Takes no more lines and waits until all are written, for `timeout` at most.
    pub fn close(&self, timeout: Duration) {
        let deadline = Instant::now() + timeout;
        let mut waiting = self.0.waiting.lock();
        waiting.closed = true;
        self.0.filled.notify_one();
        while !waiting.finished {
            if self
                .0
                .finished
                .wait_until(&mut waiting, deadline)
                .timed_out()
            {
                return;
            }
        }
    }
}

impl Shared {
    fn write_all(&self, mut output: File) {
        let mut chunk = Vec::new();
        loop {
            let events = {
                let mut waiting = self.waiting.lock();
                while waiting.bytes.is_empty() && !waiting.closed {
                    waiting.idle = true;
                    self.filled.wait(&mut waiting);
                }
                waiting.idle = false;
                if waiting.bytes.is_empty() {
                    waiting.finished = true;
                    self.finished.notify_all();
                    return;
                }
                std::mem::swap(&mut waiting.bytes, &mut chunk);
                std::mem::take(&mut waiting.events)
            };
            if output.write_all(&chunk).is_err() {
                // Part of them may have been written. The reader of standard output is gone.
                self.dropped.inc_by(events);
            }
            chunk.clear();
            chunk.shrink_to(KEEP);
            if !self.waiting.lock().closed {
                thread::sleep(GATHER);
            }
        }
    }
}

/// One line at a time: the formatter hands an event over as a whole.
impl Write for &LogWriter {
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        let mut waiting = self.0.waiting.lock();
        if waiting.closed || waiting.bytes.len() + line.len() > CAPACITY {
            drop(waiting);
            self.0.dropped.inc();
        } else {
            waiting.bytes.extend_from_slice(line);
            waiting.events += 1;
            if waiting.idle {
                waiting.idle = false;
                drop(waiting);
                self.0.filled.notify_one();
            }
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for LogWriter {
    type Writer = &'a Self;

    fn make_writer(&'a self) -> Self::Writer {
        self
    }
}
