//! The way of a body into a store: unpacked, measured, decoded, stored, with bounds on how many
//! do so at the same time and on the memory that they take together.

use std::sync::Arc;

use bytes::Bytes;
use tokio::task::spawn_blocking;

use super::body::{Encoding, Unreadable, gunzip};
use super::budget::Budget;
use super::gate::Gate;
use super::signal::{Partial, Rejected, Signal};
use super::status::Failure;

/// A body as it came.
pub(crate) struct Body {
    pub(crate) bytes: Bytes,
    pub(crate) encoding: Encoding,
    /// It is compressed, and may have so many bytes when it is unpacked.
    pub(crate) gzip: Option<usize>,
}

/// Stores the elements of a body.
pub(crate) async fn take_in(
    gate: &Gate,
    signal: &Arc<dyn Signal>,
    body: Body,
) -> Result<Partial, Rejected> {
    let failed = |_| Rejected::Refused(Failure::internal("decoding failed"));
    let intake = gate.intake();
    let _turn = gate.turn().await;
    let _unpacked = intake.unpacking(body.gzip.unwrap_or(0)).await;
    let (kind, encoding) = (signal.kind(), body.encoding);
    let budget = Budget::new(intake.most_decoded(), kind.elements);
    let measured = spawn_blocking(move || {
        let bytes = match body.gzip {
            None => body.bytes,
            Some(longest) => gunzip(&body.bytes, longest)?.into(),
        };
        let size = encoding.measure(&bytes, kind, &budget)?;
        Ok::<_, Unreadable>((bytes, size, budget))
    });
    let (bytes, size, budget) = measured.await.map_err(failed)??;
    let _memory = intake.decoding(size).await;
    let signal = Arc::clone(signal);
    let stored = spawn_blocking(move || signal.store(&bytes, encoding, budget));
    stored.await.map_err(failed)?
}
