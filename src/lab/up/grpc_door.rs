//! Connections of the gRPC receiver, under the same bounds as those of the HTTP servers.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::Stream;
use futures_util::future::BoxFuture;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Sleep, sleep};
use tonic::transport::server::{Connected, TcpConnectInfo};

use super::connections::{Connections, Place};

/// Time for the first bytes of a client.
const FIRST_BYTES: Duration = Duration::from_secs(10);

/// Bytes of the preface with which HTTP/2 begins.
const PREFACE: usize = 24;

/// Pause after a connection could not be accepted, as when the process has no files left.
const PAUSE: Duration = Duration::from_millis(10);

/// The connections that come in on a listener.
pub(in crate::lab) fn incoming(
    listener: TcpListener,
    connections: Connections,
) -> impl Stream<Item = io::Result<Held>> {
    futures_util::stream::unfold((listener, connections), |(listener, connections)| async {
        loop {
            let Ok((stream, address)) = listener.accept().await else {
                sleep(PAUSE).await;
                continue;
            };
            // A peer that is gone already, or for which there is no room, is closed.
            if stream.set_nodelay(true).is_ok()
                && let Some(held) = Held::new(stream, address, &connections).await
            {
                return Some((Ok(held), (listener, connections)));
            }
        }
    })
}

/// A connection in its place.
pub(in crate::lab) struct Held {
    stream: TcpStream,
    place: Place,
    ended: BoxFuture<'static, ()>,
    /// Until the preface is there.
    first: Option<Pin<Box<Sleep>>>,
    read: usize,
}

impl Held {
    async fn new(stream: TcpStream, client: SocketAddr, connections: &Connections) -> Option<Self> {
        let (place, mut end) = connections.admit(client).await?;
        Some(Self {
            stream,
            place,
            ended: Box::pin(async move {
                let _ = end.wait_for(|end| *end).await;
            }),
            first: Some(Box::pin(sleep(FIRST_BYTES))),
            read: 0,
        })
    }

    fn is_over(&mut self, context: &mut Context<'_>) -> bool {
        let late = self.first.as_mut();
        self.ended.as_mut().poll(context).is_ready()
            || late.is_some_and(|late| late.as_mut().poll(context).is_ready())
    }
}

fn closed<T>() -> Poll<io::Result<T>> {
    Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
}

impl AsyncRead for Held {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.is_over(context) {
            return closed();
        }
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if read.is_ready() {
            self.place.touch();
            self.read = self.read.saturating_add(buffer.filled().len() - before);
            if self.read >= PREFACE {
                self.first = None;
            }
        }
        read
    }
}

impl AsyncWrite for Held {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(context, bytes);
        if written.is_ready() {
            self.place.touch();
        }
        written
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        if written.is_ready() {
            self.place.touch();
        }
        written
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl Connected for Held {
    type ConnectInfo = TcpConnectInfo;

    fn connect_info(&self) -> TcpConnectInfo {
        self.stream.connect_info()
    }
}
