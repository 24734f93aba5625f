//! Ways in for samples: [`scrape`] fetches the text that [`exposition`] reads, and a server may
//! write its own by [`remote_write`].

pub mod exposition;
pub(crate) mod remote_write;
pub mod scrape;
