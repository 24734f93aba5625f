//! Reads request bodies, bounded in bytes, in time, and in the memory that all of them hold
//! together.
//!
//! A client decides how large its body is, how slowly it sends it, and how much it grows when it is
//! decompressed and decoded. So memory is reserved before it is allocated, at each of three stages:
//! reading, decompressing, decoding. A body that waits at one stage holds no memory of a later
//! stage, so no two bodies can wait for each other.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use salvo::Request;
use salvo::http::header::CONTENT_LENGTH;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, timeout, timeout_at};

use super::room::{FREE, Room, UNIT};

/// A body must make progress by this many bytes within `Patience::portion`.
const PORTION: usize = 64 << 10;

/// Timeouts of a client.
#[derive(Clone, Copy, Debug)]
struct Patience {
    /// For each portion, and for the end of the body after the last one.
    portion: Duration,
    /// For a whole body.
    whole: Duration,
    /// For memory to become free.
    room: Duration,
}

const PATIENCE: Patience = Patience {
    portion: Duration::from_secs(5),
    whole: Duration::from_secs(20),
    room: Duration::from_secs(2),
};

/// Counts the bytes of a body that other code reads or decompresses, and holds their reservation
/// until it is dropped.
#[derive(Debug)]
pub struct Meter {
    room: Room,
    bytes: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Meter {
    fn of(room: &Room) -> Self {
        Self {
            room: room.clone(),
            bytes: 0,
            held: None,
        }
    }

    /// Counts bytes that have been read.
    ///
    /// # Errors
    /// [`BodyError::Busy`]: the memory is not free.
    pub fn count(&mut self, bytes: usize) -> Result<(), BodyError> {
        self.bytes = self.bytes.saturating_add(bytes);
        let has = self.held.as_ref().map_or(0, |it| it.num_permits() * UNIT);
        let needs = self.bytes.saturating_sub(FREE).saturating_sub(has);
        if needs == 0 {
            return Ok(());
        }
        let more = self.room.try_take(needs).ok_or(BodyError::Busy)?;
        match &mut self.held {
            Some(held) => held.merge(more),
            None => self.held = Some(more),
        }
        Ok(())
    }
}

/// Reads the bodies of one server.
#[derive(Clone, Debug)]
pub struct Intake {
    arriving: Room,
    unpacking: Room,
    decoding: Room,
    most: usize,
    most_unpacked: usize,
    most_decoded: usize,
    patience: Patience,
}

/// A complete body.
#[derive(Debug)]
pub struct WholeBody {
    /// The body.
    pub bytes: Bytes,
    /// Its reservation; dropped with the body.
    _held: Option<OwnedSemaphorePermit>,
}

/// A memory reservation for a decompressed or decoded body. It is released on drop.
#[derive(Debug)]
pub struct Reservation(
    #[expect(dead_code, reason = "held until dropped")] Option<OwnedSemaphorePermit>,
);

/// A body that was not read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BodyError {
    /// The body exceeds the limit, in bytes.
    #[error("the body has more bytes than {0}")]
    TooLarge(usize),
    /// The client sent it too slowly.
    #[error("reading the body took too long")]
    Slow,
    /// Other bodies use all memory of the intake.
    #[error("too many bodies are being read; send it again")]
    Busy,
    /// The connection ended before the body did.
    #[error("the body ended before it was complete: {0}")]
    Broken(String),
}

impl Intake {
    /// Bounds each body to `most` bytes as sent, `most_unpacked` bytes decompressed and
    /// `most_decoded` bytes decoded. All bodies together may hold twice the bound of one while they
    /// are read, and the bound of one at each further stage.
    #[must_use]
    pub fn new(most: usize, most_unpacked: usize, most_decoded: usize) -> Self {
        Self {
            arriving: Room::new(most.saturating_mul(2)),
            unpacking: Room::new(most_unpacked),
            decoding: Room::new(most_decoded),
            most,
            most_unpacked,
            most_decoded,
            patience: PATIENCE,
        }
    }

    /// Largest decompressed body in bytes.
    #[must_use]
    pub fn most_unpacked(&self) -> usize {
        self.most_unpacked
    }

    /// Largest memory of a decoded body in bytes.
    #[must_use]
    pub fn most_decoded(&self) -> usize {
        self.most_decoded
    }

    /// Waits for memory to decompress a body to `bytes`.
    pub async fn unpacking(&self, bytes: usize) -> Reservation {
        Reservation(self.unpacking.take(bytes).await)
    }

    /// Waits for memory for messages of `bytes`.
    pub async fn decoding(&self, bytes: usize) -> Reservation {
        Reservation(self.decoding.take(bytes).await)
    }

    /// A meter for a body that other code reads.
    #[must_use]
    pub fn meter(&self) -> Meter {
        Meter::of(&self.arriving)
    }

    /// A meter for a body that other code decompresses.
    #[must_use]
    pub fn unpacked_meter(&self) -> Meter {
        Meter::of(&self.unpacking)
    }

    /// Reads the body of a request.
    ///
    /// # Errors
    /// [`BodyError`]. The connection is closed after the response if the body was not read to its end.
    pub async fn read(&self, req: &mut Request) -> Result<WholeBody, BodyError> {
        let announced = req.header::<usize>(CONTENT_LENGTH);
        if announced.is_some_and(|bytes| bytes > self.most) {
            return Err(BodyError::TooLarge(self.most));
        }
        let end = Instant::now() + self.patience.whole;
        let gathered = timeout_at(end, self.gather(req, announced)).await;
        gathered.unwrap_or(Err(BodyError::Slow))
    }

    async fn gather(
        &self,
        req: &mut Request,
        announced: Option<usize>,
    ) -> Result<WholeBody, BodyError> {
        let mut body = req.take_body();
        let mut bytes = Vec::new();
        let mut held: Option<OwnedSemaphorePermit> = None;
        let mut portion_until = Instant::now() + self.patience.portion;
        let mut portion_end = PORTION;
        loop {
            let frame = match timeout_at(portion_until, body.frame()).await {
                Ok(Some(Ok(frame))) => frame,
                Ok(Some(Err(error))) => return Err(BodyError::Broken(error.to_string())),
                Ok(None) => break,
                Err(_) => return Err(BodyError::Slow),
            };
            let Ok(data) = frame.into_data() else {
                continue;
            };
            let length = bytes.len() + data.len();
            if length > self.most {
                return Err(BodyError::TooLarge(self.most));
            }
            if length > bytes.capacity() {
                let capacity = grown(bytes.capacity(), length, announced.unwrap_or(self.most));
                self.hold(&mut held, capacity).await?;
                // The capacity must equal the reservation.
                bytes.reserve_exact(capacity - bytes.len());
                // The time spent waiting for memory does not count against the client.
                portion_until = portion_until.max(Instant::now() + self.patience.portion);
            }
            bytes.extend_from_slice(&data);
            if length >= portion_end {
                portion_end = length + PORTION;
                portion_until = Instant::now() + self.patience.portion;
            }
        }
        Ok(WholeBody {
            bytes: bytes.into(),
            _held: held,
        })
    }

    /// Extends the reservation to a buffer of `capacity` bytes.
    async fn hold(
        &self,
        held: &mut Option<OwnedSemaphorePermit>,
        capacity: usize,
    ) -> Result<(), BodyError> {
        let has = held.as_ref().map_or(0, |it| it.num_permits() * UNIT);
        let needs = capacity.saturating_sub(FREE).saturating_sub(has);
        if needs == 0 {
            return Ok(());
        }
        let more = timeout(self.patience.room, self.arriving.take(needs)).await;
        let more = more.ok().flatten().ok_or(BodyError::Busy)?;
        match held {
            Some(held) => held.merge(more),
            None => *held = Some(more),
        }
        Ok(())
    }
}

/// New capacity of a buffer that must hold `length` bytes: half as large again, but not larger than
/// the whole body.
fn grown(capacity: usize, length: usize, whole: usize) -> usize {
    (capacity + capacity / 2)
        .max(FREE)
        .min(whole.max(length))
        .max(length)
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::{Body, Frame};
    use salvo::http::ReqBody;

    use super::*;

    const MIB: usize = 1 << 20;

    /// A body of `left` portions, which then ends or stalls.
    struct Portions {
        left: usize,
        ends: bool,
    }

    impl Body for Portions {
        type Data = Bytes;
        type Error = Box<dyn std::error::Error + Send + Sync>;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            _context: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
            match self.left.checked_sub(1) {
                Some(left) => {
                    self.left = left;
                    let portion = Bytes::from(vec![b' '; PORTION]);
                    Poll::Ready(Some(Ok(Frame::data(portion))))
                }
                None if self.ends => Poll::Ready(None),
                None => Poll::Pending,
            }
        }
    }

    fn request(left: usize, ends: bool) -> Request {
        let mut req = Request::new();
        req.replace_body(ReqBody::Boxed {
            inner: Box::pin(Portions { left, ends }),
            fuse_config: None,
        });
        req
    }

    fn intake() -> Intake {
        Intake {
            patience: Patience {
                portion: Duration::from_millis(200),
                whole: Duration::from_secs(3600),
                room: Duration::from_millis(50),
            },
            ..Intake::new(16 * MIB, MIB, MIB)
        }
    }

    #[tokio::test]
    async fn a_body_that_stands_still_is_given_up_and_its_room_is_free_again() {
        let intake = intake();
        let all = intake.arriving.free();
        let slow = intake.read(&mut request(40, false)).await;
        assert_eq!(slow.expect_err("it never ends"), BodyError::Slow);
        assert_eq!(intake.arriving.free(), all);
    }

    #[tokio::test]
    async fn room_is_held_as_long_as_the_body_and_small_bodies_need_none() {
        let intake = intake();
        let whole = |portions| {
            let intake = intake.clone();
            async move { intake.read(&mut request(portions, true)).await }
        };
        let first = whole(256).await.expect("it fits");
        let second = whole(256).await.expect("it fits");
        assert_eq!(first.bytes.len(), 16 * MIB);
        assert_eq!(whole(16).await.expect_err("no room"), BodyError::Busy);
        let mut small = Request::new();
        small.replace_body(ReqBody::Once(Bytes::from(vec![b' '; FREE])));
        assert!(intake.read(&mut small).await.is_ok());
        drop(second);
        assert!(whole(16).await.is_ok());
        assert_eq!(
            whole(257).await.expect_err("too large"),
            BodyError::TooLarge(16 * MIB)
        );
        let mut meter = intake.meter();
        assert_eq!(meter.count(15 * MIB), Ok(()));
        assert_eq!(meter.count(2 * MIB), Err(BodyError::Busy));
        drop(first);
        assert_eq!(meter.count(0), Ok(()));
    }
}
