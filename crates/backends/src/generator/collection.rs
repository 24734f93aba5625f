//! Writes series again and again.

use std::sync::Arc;
use std::time::Duration;

use tokio::task::JoinHandle;

use super::Generator;
use crate::metrics::now_ms;

/// New series are written so soon after their first span.
const TICK: Duration = Duration::from_secs(1);

/// The running collection of a generator's series. It ends when this is dropped.
pub struct Collection {
    task: JoinHandle<()>,
}

impl Collection {
    /// Starts to write. Must be called inside a Tokio runtime.
    #[must_use]
    pub fn start(generator: Arc<Generator>) -> Self {
        let task = tokio::spawn(async move {
            let mut ticks = tokio::time::interval(TICK);
            ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            loop {
                ticks.tick().await;
                let generator = Arc::clone(&generator);
                // A panic shows on standard error; the next collection is tried all the same.
                let _panicked = tokio::task::spawn_blocking(move || generator.tick(now_ms())).await;
            }
        });
        Self { task }
    }
}

impl Drop for Collection {
    fn drop(&mut self) {
        self.task.abort();
    }
}
