//! Promtail's part: reads the output of a process, splits it into lines, joins lines to entries,
//! adds labels, and sends the entries to a store or a server.

mod framer;
mod labels;
mod multiline;
mod remote;
mod run;
mod sink;
mod stats;

pub use labels::{Output, contract_labels};
pub use multiline::{Block, Multiline};
pub use remote::{RemoteConfig, RemoteError, RemoteLoki};
pub use run::{Pipeline, Stages};
pub use sink::{Sink, StoreSink};
pub use stats::PipelineStats;
