//! The bound on the connections of one server, and the choice of the one that is closed when all places are
//! taken.
//!
//! The server closes the connection that was silent for longest, of those without a request in progress, so
//! that idle connections cannot keep others out. One peer gets only a part of the places, so that the
//! connections of one machine never displace those of others.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use salvo::conn::{ConnCtrl, SocketAddr};
use salvo::fuse::{ArcConnObserver, ConnObserver, FuseAction, FuseConfig, FuseInfo, FusePolicy};
use salvo::{Depot, FlowCtrl, Handler, Request, Response, async_trait};
use tokio::sync::watch;

/// Most connections of one server.
const MOST: usize = 1024;

/// Time that a new connection waits for those that are ending, and the pause between two looks.
const MOMENT: Duration = Duration::from_millis(500);
const STEP: Duration = Duration::from_millis(5);

/// Time for the head of a request, and for the silence between two requests.
const HEAD: Duration = Duration::from_secs(30);

/// Time for a client to read on.
const WRITE: Duration = Duration::from_secs(10);

/// Time for the next part of a body. Routes bound the whole of it.
const BODY: Duration = Duration::from_secs(10);

/// Number of connections that a server takes when the process may open `files` files, for each of `servers`
/// servers that share them.
pub(in crate::lab) fn most(files: u64, servers: u64) -> usize {
    // A quarter is left for instances, scrapes, the console's own requests and the terminal.
    let share = files.saturating_mul(3) / 4 / servers.max(1);
    let share = usize::try_from(share).unwrap_or(usize::MAX);
    share.clamp(4, MOST)
}

/// The places of one server.
#[derive(Clone)]
pub(in crate::lab) struct Connections {
    most: usize,
    most_of_peer: usize,
    table: Arc<Table>,
}

struct Table {
    began: Instant,
    next: AtomicU64,
    /// By the address of the client, which no two connections share.
    open: Mutex<HashMap<std::net::SocketAddr, Open>>,
}

/// A connection that is open.
struct Open {
    id: u64,
    peer: IpAddr,
    usage: Arc<Usage>,
    end: End,
    ending: bool,
}

/// State of a connection.
#[derive(Debug)]
struct Usage {
    /// Time of the last bytes, in milliseconds since the table was made.
    active: AtomicU64,
    /// Requests that are being answered.
    requests: AtomicUsize,
}

/// Handle that ends a connection.
enum End {
    /// A WebSocket is not ended: its route bounds their number.
    Http(ConnCtrl),
    /// A sender of spans repeats a request that was not answered.
    Grpc(watch::Sender<bool>),
}

impl End {
    fn can(&self) -> bool {
        !matches!(self, Self::Http(ctrl) if ctrl.is_relaxed())
    }

    fn go(&self) {
        match self {
            Self::Http(ctrl) => ctrl.abort(),
            Self::Grpc(end) => {
                end.send_replace(true);
            }
        }
    }
}

/// A place, free again when dropped.
pub(super) struct Place {
    id: u64,
    address: std::net::SocketAddr,
    usage: Arc<Usage>,
    table: Arc<Table>,
}

impl Place {
    /// Says that the connection is in use.
    pub(super) fn touch(&self) {
        let now = self.table.now();
        self.usage.active.store(now, Ordering::Relaxed);
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.table.open.lock();
        // Another connection may have come from there already.
        if open.get(&self.address).is_some_and(|it| it.id == self.id) {
            open.remove(&self.address);
        }
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

    /// True if there is room for a connection of a peer. If not, a connection is ended that makes room
    /// soon, unless all have requests to answer.
    fn make_room(&self, peer: IpAddr) -> bool {
        let mut open = self.table.open.lock();
        let of_peer = open.values().filter(|it| it.peer == peer).count();
        if of_peer < self.most_of_peer && open.len() < self.most {
            return true;
        }
        let ending = |it: &&Open| it.ending;
        let ending_of_peer = open.values().filter(ending).filter(|it| it.peer == peer);
        let only = match of_peer - ending_of_peer.count() >= self.most_of_peer {
            true => Some(peer),
            false if open.len() - open.values().filter(ending).count() >= self.most => None,
            // Connections that were told to end make room soon.
            false => return false,
        };
        let longest_silent = open
            .values_mut()
            .filter(|it| !it.ending && it.end.can() && only.is_none_or(|peer| it.peer == peer))
            .filter(|it| it.usage.requests.load(Ordering::Relaxed) == 0)
            .min_by_key(|it| it.usage.active.load(Ordering::Relaxed));
        if let Some(silent) = longest_silent {
            silent.ending = true;
            silent.end.go();
        }
        false
    }

    /// As [`make_room`](Self::make_room), but waits a moment until there is room.
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

    fn place(&self, address: std::net::SocketAddr, end: End) -> Place {
        let id = self.table.next.fetch_add(1, Ordering::Relaxed);
        let usage = Arc::new(Usage {
            active: AtomicU64::new(self.table.now()),
            requests: AtomicUsize::new(0),
        });
        let open = Open {
            id,
            peer: network(address.ip()),
            usage: Arc::clone(&usage),
            end,
            ending: false,
        };
        self.table.open.lock().insert(address, open);
        Place {
            id,
            address,
            usage,
            table: Arc::clone(&self.table),
        }
    }

    /// A place for a gRPC connection, with the signal that ends it. `None` when there is no room.
    pub(super) async fn admit(
        &self,
        address: std::net::SocketAddr,
    ) -> Option<(Place, watch::Receiver<bool>)> {
        let (end, ended) = watch::channel(false);
        let has_room = self.room(network(address.ip())).await;
        has_room.then(|| (self.place(address, End::Grpc(end)), ended))
    }

    /// Counts a request on the connection of a client until the answer is there.
    fn answering(&self, client: &SocketAddr) -> Option<Answering> {
        let client = client.clone().into_std()?;
        let open = self.table.open.lock();
        let usage = Arc::clone(&open.get(&client)?.usage);
        usage.requests.fetch_add(1, Ordering::Relaxed);
        Some(Answering(usage))
    }
}

/// A request that is being answered.
struct Answering(Arc<Usage>);

impl Drop for Answering {
    fn drop(&mut self) {
        self.0.requests.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Middleware that keeps connections whose requests are being answered.
pub(super) struct Keep(pub(super) Connections);

#[async_trait]
impl Handler for Keep {
    async fn handle(
        &self,
        req: &mut Request,
        depot: &mut Depot,
        res: &mut Response,
        ctrl: &mut FlowCtrl,
    ) {
        let _answering = self.0.answering(req.remote_addr());
        ctrl.call_next(req, depot, res).await;
    }
}

/// Identity of a peer: an IPv4 address, or the network in which a machine takes any IPv6 address.
fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        address => address,
    }
}

#[async_trait]
impl FusePolicy for Connections {
    async fn decide(&self, info: &FuseInfo) -> FuseAction {
        let Some(client) = info.remote_addr.clone().into_std() else {
            return FuseAction::Reject;
        };
        if !self.room(network(client.ip())).await {
            return FuseAction::Reject;
        }
        let bounds = FuseConfig::default()
            .with_http1_header_timeout(HEAD)
            .with_write_stall_timeout(WRITE)
            .with_request_body_timeout(BODY);
        FuseAction::Accept(bounds)
    }

    fn observe(&self, info: &FuseInfo, ctrl: &ConnCtrl) -> Option<ArcConnObserver> {
        let client = info.remote_addr.clone().into_std()?;
        let end = End::Http(ctrl.clone());
        Some(Arc::new(self.place(client, end)))
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

    const ONE: [u8; 4] = [192, 0, 2, 1];
    const OTHER: [u8; 4] = [192, 0, 2, 2];

    #[tokio::test]
    async fn the_longest_silent_connection_of_a_peer_makes_room_for_its_next() {
        let connections = Connections::new(8);
        let mut port = 0;
        let mut admit = |ip: [u8; 4]| {
            port += 1;
            let connections = connections.clone();
            async move { connections.admit((ip, port).into()).await }
        };
        let mut held = Vec::new();
        for number in 0..6 {
            let (place, end) = admit(ONE).await.expect("a place");
            // The third was silent for longest, after the first, which has a request to answer.
            let at = [0, 100, 1, 100, 100, 100][number];
            place.usage.active.store(at, Ordering::Relaxed);
            held.push((place, end));
        }
        let client: std::net::SocketAddr = (ONE, 1).into();
        let answering = connections.answering(&client.into());
        assert!(answering.is_some());
        let other = admit(OTHER).await.expect("a place");

        // Ends the connection, as its task does when it is told to.
        let (third, mut end) = held.remove(2);
        let ended = tokio::spawn(async move {
            let _ = end.wait_for(|end| *end).await;
            drop(third);
        });
        let seventh = admit(ONE).await.expect("a place");
        assert!(ended.await.is_ok());
        assert!(held.iter().all(|(_, end)| !*end.borrow()));
        let eighth = admit(OTHER).await.expect("a place");
        assert!(!*other.1.borrow());

        // One connection is told to end and does not, so there is no room.
        assert!(admit(OTHER).await.is_none());
        let told = held.iter().chain([&seventh, &other, &eighth]);
        assert_eq!(told.filter(|(_, end)| *end.borrow()).count(), 1);
        assert!(!*held[0].1.borrow(), "it has a request to answer");
    }

    #[test]
    fn few_files_are_shared_out() {
        assert_eq!(most(1 << 20, 6), MOST);
        assert_eq!(most(1024, 6), 128);
        assert_eq!(most(0, 6), 4);
    }

    #[test]
    fn an_ipv6_network_is_one_peer() {
        let network = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(network("2001:db8::1"), network("2001:db8::ffff:1:1"));
        assert_ne!(network("2001:db8::1"), network("2001:db8:0:1::1"));
        assert_eq!(network("::ffff:192.0.2.1"), IpAddr::from(ONE));
    }
}
