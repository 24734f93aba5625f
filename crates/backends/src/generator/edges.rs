//! Requests of which one span has come in, and the other is awaited.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

/// A request from a client to a server: the trace, and the client's span.
pub(super) type Key = (u128, u64);

/// Kind of a request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(super) enum Connection {
    /// Between two services.
    #[default]
    Direct,
    /// Through a queue.
    Messaging,
    /// To a database, told by the client's span alone.
    Database,
    /// From or to something that sends no spans.
    Virtual,
}

impl Connection {
    /// Value of the label `connection_type`.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Direct => "",
            Self::Messaging => "messaging_system",
            Self::Database => "database",
            Self::Virtual => "virtual_node",
        }
    }
}

/// What is known of a request. Times are in seconds.
#[derive(Clone, Debug, Default)]
pub(super) struct Edge {
    pub(super) trace: u128,
    pub(super) client: Option<Arc<str>>,
    pub(super) server: Option<Arc<str>>,
    pub(super) connection: Connection,
    pub(super) client_seconds: f64,
    pub(super) server_seconds: f64,
    pub(super) failed: bool,
    /// Name of the other side in the attributes, in case that it sends no spans.
    pub(super) peer: Option<Arc<str>>,
    number: u64,
}

impl Edge {
    fn is_complete(&self) -> bool {
        self.client.is_some() && self.server.is_some()
    }

    /// Bytes of its names.
    fn bytes(&self) -> usize {
        let names = [&self.client, &self.server, &self.peer];
        names.into_iter().flatten().map(|name| name.len()).sum()
    }
}

/// Outcome of a span.
pub(super) enum Upserted {
    /// Both sides are known.
    Complete {
        /// The request.
        edge: Box<Edge>,
        /// It did not wait.
        new: bool,
    },
    /// It waits.
    Waiting {
        /// It did not wait before.
        new: bool,
    },
    /// Too many wait.
    Full,
}

/// The requests that wait, oldest first.
pub(super) struct Edges {
    waiting: HashMap<Key, Edge>,
    /// Key, number and time of expiry, in milliseconds. Has entries of edges that are no longer there, too.
    order: VecDeque<(Key, u64, i64)>,
    wait: i64,
    most: usize,
    /// Of the names of those that wait.
    bytes: usize,
    next: u64,
}

/// Bytes of names that may wait.
const MAX_BYTES: usize = 16 << 20;

impl Edges {
    pub(super) fn new(wait_millis: i64, most: usize) -> Self {
        Self {
            waiting: HashMap::new(),
            order: VecDeque::new(),
            wait: wait_millis,
            most,
            bytes: 0,
            next: 0,
        }
    }

    /// Adds what a span tells about a request. `now` is in milliseconds.
    pub(super) fn upsert(
        &mut self,
        key: Key,
        now: i64,
        update: impl FnOnce(&mut Edge),
    ) -> Upserted {
        let full = self.waiting.len() >= self.most || self.bytes >= MAX_BYTES;
        match self.waiting.entry(key) {
            Entry::Occupied(mut known) => {
                self.bytes -= known.get().bytes();
                update(known.get_mut());
                if known.get().is_complete() {
                    let edge = Box::new(known.remove());
                    return Upserted::Complete { edge, new: false };
                }
                self.bytes += known.get().bytes();
                Upserted::Waiting { new: false }
            }
            Entry::Vacant(place) => {
                let mut edge = Edge {
                    number: self.next,
                    ..Edge::default()
                };
                update(&mut edge);
                if edge.is_complete() {
                    let edge = Box::new(edge);
                    return Upserted::Complete { edge, new: true };
                }
                if full {
                    return Upserted::Full;
                }
                self.order.push_back((key, self.next, now + self.wait));
                self.next += 1;
                self.bytes += edge.bytes();
                place.insert(edge);
                self.compact();
                Upserted::Waiting { new: true }
            }
        }
    }

    /// Takes the oldest request if it has waited long enough.
    pub(super) fn expired(&mut self, now: i64) -> Option<Edge> {
        while let Some((key, number, expires)) = self.order.front().copied() {
            let alive = is_alive(&self.waiting, key, number);
            if alive && expires > now {
                return None;
            }
            self.order.pop_front();
            if alive && let Some(edge) = self.waiting.remove(&key) {
                self.bytes -= edge.bytes();
                return Some(edge);
            }
        }
        None
    }

    /// Keeps the order from growing with requests that were completed.
    fn compact(&mut self) {
        if self.order.len() > 2 * self.waiting.len() + 1024 {
            let waiting = &self.waiting;
            self.order
                .retain(|(key, number, _)| is_alive(waiting, *key, *number));
        }
    }
}

fn is_alive(waiting: &HashMap<Key, Edge>, key: Key, number: u64) -> bool {
    waiting.get(&key).is_some_and(|edge| edge.number == number)
}
