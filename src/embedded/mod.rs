//! In-memory backends: each a store plus the HTTP API of the server that it stands in for,
//! as far as the lab asks it. They know nothing of the service; of each other they share [`wire`].

pub mod logs;
pub mod metrics;
pub mod traces;
pub mod wire;
