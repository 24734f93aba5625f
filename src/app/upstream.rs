//! Errors of what a service like this depends on (a database, a disk, names, certificates), for requests that are to fail:
//! each with the causes that such an error has, and a type of its own.

use std::error::Error;
use std::io;

use salvo::http::StatusCode;

use super::failure::Failure;
use crate::faults::{Failing, Mishap};

/// An error with the text that was asked for, or the usual one.
macro_rules! dependency_error {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, thiserror::Error)]
        #[error("{message}")]
        struct $name {
            message: String,
            source: Box<dyn Error + Send + Sync>,
        }
    };
}

dependency_error!(
    /// A query did not end in its time.
    QueryTimeout
);
dependency_error!(
    /// There is no connection to the database.
    ConnectError
);
dependency_error!(
    /// A stored record cannot be read.
    DecodeError
);
dependency_error!(
    /// A file cannot be read or written.
    StorageError
);
dependency_error!(
    /// A name cannot be resolved.
    ResolveError
);
dependency_error!(
    /// A secure connection cannot be made.
    TlsError
);

/// A cause that has a cause.
#[derive(Debug, thiserror::Error)]
#[error("{text}")]
struct Cause {
    text: &'static str,
    source: io::Error,
}

fn because(text: &'static str, kind: io::ErrorKind, why: &'static str) -> Box<Cause> {
    Box::new(Cause {
        text,
        source: io::Error::new(kind, why),
    })
}

/// A row that lacks a column, as it would be read.
fn unreadable_row() -> Box<dyn Error + Send + Sync> {
    #[derive(Debug, serde::Deserialize)]
    struct Row {
        #[expect(dead_code, reason = "it is not there")]
        price_cents: u64,
    }
    match serde_json::from_str::<Row>(r#"{"sku": "A-1007", "stock": 12}"#) {
        Err(error) => error.into(),
        Ok(row) => format!("{row:?}").into(),
    }
}

/// The failure of a request.
///
/// # Panics
/// For [`Mishap::Panic`].
pub(super) fn failure(failing: Failing) -> Failure {
    let Failing {
        status,
        mishap,
        message,
    } = failing;
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let text = |usual: &str| message.clone().unwrap_or_else(|| usual.to_owned());
    match mishap {
        Mishap::QueryTimeout => Failure::with_status(
            status,
            QueryTimeout {
                message: text("the query for the item did not end in time"),
                source: because(
                    "canceling statement due to statement timeout",
                    io::ErrorKind::TimedOut,
                    "no answer from the server within 2000 ms",
                ),
            },
        ),
        Mishap::ConnectionRefused => Failure::with_status(
            status,
            ConnectError {
                message: text("the database cannot be reached"),
                source: because(
                    "connection to 10.0.3.17:5432 failed",
                    io::ErrorKind::ConnectionRefused,
                    "Connection refused (os error 111)",
                ),
            },
        ),
        Mishap::Decode => Failure::with_status(
            status,
            DecodeError {
                message: text("the record of the item cannot be read"),
                source: unreadable_row(),
            },
        ),
        Mishap::PermissionDenied => Failure::with_status(
            status,
            StorageError {
                message: text("the price list cannot be read"),
                source: because(
                    "cannot open /var/lib/app/prices.db",
                    io::ErrorKind::PermissionDenied,
                    "Permission denied (os error 13)",
                ),
            },
        ),
        Mishap::DiskFull => Failure::with_status(
            status,
            StorageError {
                message: text("the order cannot be stored"),
                source: because(
                    "cannot write /var/lib/app/orders.wal",
                    io::ErrorKind::StorageFull,
                    "No space left on device (os error 28)",
                ),
            },
        ),
        Mishap::NameResolution => Failure::with_status(
            status,
            ResolveError {
                message: text("the price service cannot be found"),
                source: because(
                    "cannot resolve prices.internal",
                    io::ErrorKind::NotFound,
                    "failed to lookup address information: Name or service not known",
                ),
            },
        ),
        Mishap::CertificateExpired => Failure::with_status(
            status,
            TlsError {
                message: text("the payment service is not trusted"),
                source: because(
                    "TLS handshake with payments.internal:443 failed",
                    io::ErrorKind::InvalidData,
                    "invalid peer certificate: Expired",
                ),
            },
        ),
        #[expect(
            clippy::panic,
            reason = "it is asked for, and the middleware answers it"
        )]
        Mishap::Panic => panic!(
            "{}",
            text("index out of bounds: the len is 12 but the index is 12")
        ),
    }
}
