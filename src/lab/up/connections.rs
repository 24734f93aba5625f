//! Connections of one server: how many there may be, and which one goes when there are too many.
//!
//! When all places are taken the connection goes that was silent for longest, so that connections
//! which nobody uses cannot keep others out. One peer gets a part of the places only, so that the
//! connections of one machine never push out those of others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use salvo::async_trait;
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::fuse::{ArcConnObserver, ConnObserver, FuseAction, FuseConfig, FuseInfo, FusePolicy};
use tokio::sync::watch;

/// Most connections of one server.
const MOST: usize = 1024;

/// Connections over that number that may still be ending.
const ENDING: usize = MOST / 8;

/// How long a new connection waits for those that are ending, and how often it looks.
const MOMENT: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(5);

/// How long a client may take for the head of a request, and be silent between two requests.
const HEAD: Duration = Duration::from_secs(30);

/// How long a client may take to read on.
const WRITE: Duration = Duration::from_secs(30);

/// How long the next part of a body may take. Routes bound the whole of it.
const BODY: Duration = Duration::from_secs(10);

/// How many connections a server takes when the process may open `files` files, for each of `servers`
/// servers that share them.
pub(super) fn most(files: u64, servers: u64) -> usize {
    // A quarter is left for instances, scrapes, the console's own requests and the terminal.
    let share = files.saturating_mul(3) / 4 / servers.max(1);
    let share = usize::try_from(share).unwrap_or(usize::MAX);
    // An eighth of them may be ending.
    (share * 8 / 9).clamp(4, MOST)
}

/// The places of one server.
#[derive(Clone)]
pub(super) struct Connections {
    most: usize,
    most_of_peer: usize,
    table: Arc<Table>,
}

struct Table {
    began: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Open>>,
}

/// A connection that is open.
struct Open {
    peer: IpAddr,
    /// Milliseconds since the table began.
    active: Arc<AtomicU64>,
    end: End,
    ending: bool,
}

/// How to end a connection.
enum End {
    /// Its running request is answered first. What has become a WebSocket is not ended: the routes
    /// that give these away count them.
    Http(ConnCtrl),
    /// At once: a sender of spans sends again what was not answered.
    Grpc(watch::Sender<bool>),
}

impl End {
    fn can(&self) -> bool {
        !matches!(self, Self::Http(ctrl) if ctrl.is_relaxed())
    }

    fn go(&self) {
        match self {
            Self::Http(ctrl) => ctrl.graceful_shutdown(),
            Self::Grpc(end) => {
                end.send_replace(true);
            }
        }
    }
}

/// A place, free again when dropped.
pub(super) struct Place {
    id: u64,
    active: Arc<AtomicU64>,
    table: Arc<Table>,
}

impl Place {
    /// Says that the connection is in use.
    pub(super) fn touch(&self) {
        self.active.store(self.table.now(), Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.table.open.lock().remove(&self.id);
    }
}

impl Table {
    fn now(&self) -> u64 {
        u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX)
    }
}

impl Connections {
    /// Room for `most` connections, three quarters of them for one peer.
    pub(super) fn new(most: usize) -> Self {
        Self {
            most,
            most_of_peer: (most * 3 / 4).max(1),
            table: Arc::new(Table {
                began: Instant::now(),
                next: AtomicU64::new(0),
                open: Mutex::default(),
            }),
        }
    }

    /// Makes room for a connection of a peer. False when there is none: those that were asked to end
    /// still answer requests.
    fn make_room(&self, peer: IpAddr) -> bool {
        let mut open = self.table.open.lock();
        if open.len() >= self.most + self.most.div_ceil(8).min(ENDING) {
            return false;
        }
        let staying = |it: &&Open| !it.ending;
        let of_peer = open.values().filter(staying).filter(|it| it.peer == peer);
        let only = match of_peer.count() >= self.most_of_peer {
            true => Some(peer),
            false if open.values().filter(staying).count() >= self.most => None,
            false => return true,
        };
        let longest_silent = open
            .values_mut()
            .filter(|it| !it.ending && it.end.can() && only.is_none_or(|peer| it.peer == peer))
            .min_by_key(|it| it.active.load(Ordering::Relaxed));
        if let Some(silent) = longest_silent {
            silent.ending = true;
            silent.end.go();
        }
        true
    }

    /// As [`make_room`](Self::make_room), but waits a moment for connections that are ending.
    async fn room(&self, peer: IpAddr) -> bool {
        let until = Instant::now() + MOMENT;
        while !self.make_room(peer) {
            if Instant::now() >= until {
                return false;
            }
            tokio::time::sleep(STEP).await;
        }
        true
    }

    fn place(&self, peer: IpAddr, end: End) -> Place {
        let id = self.table.next.fetch_add(1, Ordering::Relaxed);
        let active = Arc::new(AtomicU64::new(self.table.now()));
        let open = Open {
            peer,
            active: Arc::clone(&active),
            end,
            ending: false,
        };
        self.table.open.lock().insert(id, open);
        Place {
            id,
            active,
            table: Arc::clone(&self.table),
        }
    }

    /// A place for a gRPC connection, with what says that it has to end; none when there is no room.
    pub(super) async fn admit(&self, peer: IpAddr) -> Option<(Place, watch::Receiver<bool>)> {
        let peer = network(peer);
        let (end, ended) = watch::channel(false);
        let has_room = self.room(peer).await;
        has_room.then(|| (self.place(peer, End::Grpc(end)), ended))
    }
}

/// What counts as one peer: an IPv4 address, or the network in which a machine takes any IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

fn peer(address: &SocketAddr) -> IpAddr {
    let address = address.clone().into_std();
    let ip = address.map_or(IpAddr::V6(Ipv6Addr::UNSPECIFIED), |it| it.ip());
    network(ip)
}

#[async_trait]
impl FusePolicy for Connections {
    async fn decide(&self, info: &FuseInfo) -> FuseAction {
        if !self.room(peer(&info.remote_addr)).await {
            return FuseAction::Reject;
        }
        let bounds = FuseConfig::default()
            .with_http1_header_timeout(HEAD)
            .with_write_stall_timeout(WRITE)
            .with_request_body_timeout(BODY);
        FuseAction::Accept(bounds)
    }

    fn observe(&self, info: &FuseInfo, ctrl: &ConnCtrl) -> Option<ArcConnObserver> {
        let end = End::Http(ctrl.clone());
        Some(Arc::new(self.place(peer(&info.remote_addr), end)))
    }
}

impl ConnObserver for Place {
    fn on_read(&self, _bytes: usize) {
        self.touch();
    }

    fn on_write(&self, _bytes: usize) {
        self.touch();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));
    const OTHER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 2));

    #[tokio::test]
    async fn the_longest_silent_connection_of_a_peer_makes_room_for_its_next() {
        let connections = Connections::new(8);
        let mut held = Vec::new();
        for _ in 0..6 {
            held.push(connections.admit(ONE).await.expect("a place"));
        }
        for (number, (place, _)) in held.iter().enumerate() {
            // The third was silent for longest.
            let at = if number == 2 { 1 } else { 100 + number as u64 };
            place.active.store(at, Ordering::Relaxed);
        }
        let (other, stays) = connections.admit(OTHER).await.expect("a place");
        let (seventh, _) = connections.admit(ONE).await.expect("a place");
        let ended = held.iter().map(|(_, end)| *end.borrow());
        assert_eq!(
            ended.collect::<Vec<_>>(),
            [false, false, true, false, false, false]
        );
        assert!(!*stays.borrow());
        drop((other, seventh));
        // Ended ones go; until then there is little room beyond the number.
        while let Some(more) = connections.admit(OTHER).await {
            held.push(more);
        }
        assert_eq!(held.len(), 9);
        held.remove(0);
        assert!(connections.admit(OTHER).await.is_some());
    }

    #[test]
    fn few_files_are_shared_out() {
        assert_eq!(most(1 << 20, 6), MOST);
        assert_eq!(most(1024, 6), 113);
        assert_eq!(most(0, 6), 4);
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), ONE);
    }
}
