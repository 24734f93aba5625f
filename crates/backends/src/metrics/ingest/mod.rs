//! Ways in for samples: [`scrape`] fetches the text that [`exposition`] reads, and a server may
//! write its own by [`remote_write`] or by [`otlp`].

pub(crate) mod exposition;
pub(crate) mod otlp;
pub(crate) mod remote_write;
pub(crate) mod scrape;
