//! Last lines of an instance on standard error: mostly the reason why it ended.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use lab_backends::logs::shipper::{PipelineStats, Sink};
use lab_backends::logs::store::{Entry, LabelSet};

/// Characters that are kept; a terminal shows them on a few lines.
const LONGEST: usize = 300;

/// A sink that passes entries on and keeps the last one.
pub(super) struct LastWords {
    sink: Arc<dyn Sink>,
    line: Mutex<String>,
}

impl LastWords {
    pub(super) fn new(sink: Arc<dyn Sink>) -> Self {
        Self {
            sink,
            line: Mutex::default(),
        }
    }

    /// The last line, without control characters, which a terminal would interpret. Empty if there was none.
    pub(super) fn line(&self) -> String {
        self.line.lock().clone()
    }
}

impl Sink for LastWords {
    fn send<'a>(&'a self, labels: &'a LabelSet, entries: Vec<Entry>) -> BoxFuture<'a, ()> {
        if let Some(entry) = entries.last() {
            let visible = entry.line.chars().filter(|it| !it.is_control());
            *self.line.lock() = visible.take(LONGEST).collect();
        }
        self.sink.send(labels, entries)
    }

    fn stats(&self) -> PipelineStats {
        self.sink.stats()
    }
}
