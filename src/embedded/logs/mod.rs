//! Log streams: a store and the Loki API over it.
