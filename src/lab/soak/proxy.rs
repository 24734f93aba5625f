//! A TCP proxy that breaks the connections to the server behind it.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::{JoinHandle, JoinSet};
use tokio::time;

/// Bytes of a connection that are read at once.
const READ: usize = 16 << 10;

/// Pause before another attempt to listen on the port again.
const PAUSE: Duration = Duration::from_millis(10);

/// Bytes that no protocol of the lab begins with, and that are no UTF-8.
const GARBAGE: [u8; 64] = [0xfe; 64];

/// The way in which the proxy treats connections.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mode {
    /// It forwards.
    Forward,
    /// It forwards after a pause, for each read.
    Slow(Duration),
    /// Connections stay open and nothing passes. What was sent passes when it forwards again.
    Freeze,
    /// Nobody listens, and open connections are closed: the server is gone.
    Gone,
    /// Connections are closed as soon as they are there.
    Refuse,
    /// Connections get bytes without sense.
    Garbage,
    /// Connections go to another server.
    Elsewhere(SocketAddr),
}

impl Mode {
    /// True for the modes in which connections to the server stay open.
    fn keeps(self) -> bool {
        matches!(self, Self::Forward | Self::Slow(_) | Self::Freeze)
    }
}

/// A running proxy. It ends when it is dropped.
pub(super) struct Proxy {
    address: SocketAddr,
    mode: watch::Sender<Mode>,
    task: JoinHandle<()>,
}

impl Proxy {
    /// Stands before the server at `server`, on a free port of loopback.
    ///
    /// # Errors
    /// When there is no port.
    pub(super) async fn before(server: SocketAddr) -> anyhow::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await;
        let listener = listener.context("no port for a proxy")?;
        let address = listener.local_addr()?;
        let (mode, modes) = watch::channel(Mode::Forward);
        let task = tokio::spawn(listen(listener, address, server, modes));
        Ok(Self {
            address,
            mode,
            task,
        })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on it treats connections in this way, those that are open too.
    pub(super) fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn listen(
    mut listener: TcpListener,
    address: SocketAddr,
    server: SocketAddr,
    mut modes: watch::Receiver<Mode>,
) {
    // Its connections end with it.
    let mut open = JoinSet::new();
    loop {
        if *modes.borrow_and_update() == Mode::Gone {
            drop(listener);
            if modes.wait_for(|mode| *mode != Mode::Gone).await.is_err() {
                return;
            }
            listener = loop {
                match TcpListener::bind(address).await {
                    Ok(listener) => break listener,
                    Err(_) => time::sleep(PAUSE).await,
                }
            };
        }
        tokio::select! {
            accepted = listener.accept() => match accepted {
                Ok((client, _)) => {
                    open.spawn(connection(client, server, modes.clone()));
                }
                Err(_) => time::sleep(PAUSE).await,
            },
            changed = modes.changed() => if changed.is_err() {
                return;
            },
            Some(_) = open.join_next() => {}
        }
    }
}

/// One connection, until an end closes it or the mode does.
async fn connection(client: TcpStream, server: SocketAddr, mut modes: watch::Receiver<Mode>) {
    let mode = *modes.borrow_and_update();
    let ended = modes.clone();
    match mode {
        Mode::Gone | Mode::Refuse => {}
        Mode::Garbage => tokio::select! {
            () = garbage(client) => {}
            () = left(ended, |now| now == Mode::Garbage) => {}
        },
        Mode::Elsewhere(other) => tokio::select! {
            () = forward(client, other, modes) => {}
            () = left(ended, |now| now == mode) => {}
        },
        Mode::Forward | Mode::Slow(_) | Mode::Freeze => tokio::select! {
            () = forward(client, server, modes) => {}
            () = left(ended, Mode::keeps) => {}
        },
    }
}

/// Done when the mode is no longer one of those that `stay`.
async fn left(mut modes: watch::Receiver<Mode>, stay: impl Fn(Mode) -> bool) {
    let _ = modes.wait_for(|mode| !stay(*mode)).await;
}

/// Answers whatever the client sends with garbage, once, and closes.
async fn garbage(mut client: TcpStream) {
    if client.read(&mut [0; READ]).await.is_ok_and(|read| read > 0) {
        let _ = client.write_all(&GARBAGE).await;
    }
}

async fn forward(client: TcpStream, server: SocketAddr, mut modes: watch::Receiver<Mode>) {
    // A frozen server accepts nothing.
    if thawed(&mut modes).await.is_err() {
        return;
    }
    let Ok(server) = TcpStream::connect(server).await else {
        return;
    };
    if client.set_nodelay(true).is_err() || server.set_nodelay(true).is_err() {
        return;
    }
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    tokio::join!(
        pass(from_client, to_server, modes.clone()),
        pass(from_server, to_client, modes),
    );
}

/// Passes the bytes of one direction on.
async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut modes: watch::Receiver<Mode>) {
    let mut bytes = vec![0; READ];
    while let Ok(read @ 1..) = from.read(&mut bytes).await {
        let Ok(pause) = thawed(&mut modes).await else {
            return;
        };
        time::sleep(pause).await;
        if to.write_all(&bytes[..read]).await.is_err() {
            return;
        }
    }
    let _ = to.shutdown().await;
}

/// Waits while the proxy is frozen, and gives the pause before the bytes are passed on.
async fn thawed(modes: &mut watch::Receiver<Mode>) -> Result<Duration, watch::error::RecvError> {
    let mode = *modes.wait_for(|mode| *mode != Mode::Freeze).await?;
    Ok(match mode {
        Mode::Slow(pause) => pause,
        _ => Duration::ZERO,
    })
}
