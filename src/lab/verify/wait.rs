//! Waits for telemetry, which becomes visible only after a while.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::finding::Finding;

const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(1);

/// Repeats `attempt` until it succeeds, its finding is settled, or the deadline is over. Then it gives the last
/// finding. At least one attempt is made.
pub(super) async fn until<T, F>(deadline: Instant, mut attempt: F) -> Result<T, Finding>
where
    F: AsyncFnMut() -> Result<T, Finding>,
{
    let mut pause = FIRST_PAUSE;
    let mut last: Option<Finding> = None;
    loop {
        let finding = match timeout_at(deadline, attempt()).await {
            Ok(Ok(value)) => return Ok(value),
            Ok(Err(finding)) => finding,
            Err(_) => {
                return Err(last.unwrap_or_else(|| {
                    Finding::new("an answer in time", "none before --timeout was over")
                }));
            }
        };
        if finding.settled || Instant::now() + pause >= deadline {
            return Err(finding);
        }
        last = Some(finding);
        sleep(pause).await;
        pause = (pause * 3 / 2).min(LONGEST_PAUSE);
    }
}
