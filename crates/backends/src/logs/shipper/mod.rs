//! What Promtail does with the output of a process: lines out of bytes, several lines into one
//! entry, labels, and on to a store or a server.

mod framer;
mod labels;
mod multiline;
mod remote;
mod run;
mod sink;
mod stats;

pub use labels::{Output, contract_labels};
pub use multiline::{Block, Multiline, MultilineState};
pub use remote::{RemoteConfig, RemoteError, RemoteLoki};
pub use run::{Pipeline, Stages};
pub use sink::{Sink, StoreSink};
pub use stats::PipelineStats;
