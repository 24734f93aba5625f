//! An open loop of requests: the clock alone decides when one is sent, never the responses before it. So an
//! instance that hangs does not hide that it hangs.

use std::time::Duration;

use tokio::task::JoinSet;
use tokio::time::{Interval, MissedTickBehavior, interval};

/// Sends requests at a steady rate. Dropping it gives up the open ones.
pub(super) struct OpenLoop {
    ticks: Interval,
    open: JoinSet<()>,
    most_open: usize,
    turn: usize,
}

impl OpenLoop {
    /// One turn each `period`, with at most `most_open` requests open.
    pub(super) fn new(period: Duration, most_open: usize) -> Self {
        Self {
            ticks: ticks(period),
            open: JoinSet::new(),
            most_open,
            turn: 0,
        }
    }

    /// From now on one turn each `period`.
    pub(super) fn set_period(&mut self, period: Duration) {
        self.ticks = ticks(period);
    }

    /// Waits for the next turn and gives its number; `None` when too many requests are open to send another.
    /// A call that is dropped has taken no turn.
    pub(super) async fn turn(&mut self) -> Option<usize> {
        self.ticks.tick().await;
        while self.open.try_join_next().is_some() {}
        if self.open.len() >= self.most_open {
            return None;
        }
        let turn = self.turn;
        self.turn = turn.wrapping_add(1);
        Some(turn)
    }

    /// Sends no more, and waits for the requests that are open.
    pub(super) async fn finish(mut self) {
        while self.open.join_next().await.is_some() {}
    }

    /// Sends a request and does not wait for it.
    pub(super) fn send(&mut self, request: impl Future<Output = ()> + Send + 'static) {
        self.open.spawn(request);
    }
}

fn ticks(period: Duration) -> Interval {
    let mut ticks = interval(period);
    // After a pause of the machine, missed turns are not made up for.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
    ticks
}

/// The instance, by its number, and the path of a turn. Each instance gets every path in turn.
pub(super) fn of_turn(
    turn: usize,
    instances: usize,
    paths: &[&'static str],
) -> (usize, &'static str) {
    (turn % instances, paths[turn / instances % paths.len()])
}
