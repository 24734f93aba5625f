//! The routes that the lab observes: quick and slow ones, failing ones, and one that calls other instances.

use std::hint::black_box;
use std::num::ParseIntError;
use std::sync::Arc;
use std::time::Duration;

use rand::RngExt;
use salvo::http::StatusCode;
use salvo::writing::Json;
use salvo::{Depot, Request, Response};
use salvo_oapi::{ToSchema, endpoint};
use serde::Serialize;
use tracing::{info, warn};

use super::failure::Failure;
use super::instance::{Instance, NoInstance};
use super::problem::{Problem, ProblemBody};
use crate::faults::{Calls, Hop};

/// Longest time that `/random_sleep` takes.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);

/// Answer of the first route.
#[derive(Serialize, ToSchema)]
pub(super) struct Hello {
    /// Name that the service greets.
    #[serde(rename = "Hello")]
    hello: &'static str,
}

/// Says hello.
#[endpoint(tags("tasks"))]
pub async fn root() -> Json<Hello> {
    info!("hello world");
    Json(Hello { hello: "World" })
}

/// Response of `/items/{item_id}`.
#[derive(Serialize, ToSchema)]
pub(super) struct Item {
    /// The id from the path.
    item_id: i64,
    /// The query parameter, if any.
    q: Option<String>,
}

/// Gives an item back.
#[endpoint(
    tags("tasks"),
    parameters(
        ("item_id" = i64, Path, description = "A whole number."),
        ("q" = Option<String>, Query, description = "Anything; it is given back."),
    ),
    status_codes(200, 422),
    responses((status_code = 422, description = "The id is not a whole number.", body = ProblemBody)),
)]
pub async fn item(req: &mut Request) -> Result<Json<Item>, Problem> {
    let raw = req.param::<String>("item_id").unwrap_or_default();
    let item_id = raw.parse().map_err(|error: ParseIntError| {
        let detail = format!("item_id is {raw:?}, which is not a whole number: {error}");
        warn!("items: {detail}");
        Problem::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    })?;
    info!("items");
    Ok(Json(Item {
        item_id,
        q: req.query("q"),
    }))
}

/// Waits one second, or as long as set, as for a disk or another server.
#[endpoint(tags("tasks"))]
pub async fn io_task(depot: &mut Depot) -> Result<Json<&'static str>, Failure> {
    let wait = instance(depot)?.tasks.io_wait;
    // The timer turns a wait of zero into one of up to a millisecond.
    if !wait.is_zero() {
        tokio::time::sleep(wait).await;
    }
    info!("io task");
    Ok(Json("IO bound task finish!"))
}

/// Response of `/cpu_task`.
#[derive(Serialize, ToSchema)]
pub(super) struct CpuTask {
    /// Number of primes below the bound.
    primes: usize,
}

/// Computes for some milliseconds, on a thread for blocking work, so that no other request waits.
#[endpoint(tags("tasks"))]
pub async fn cpu_task(depot: &mut Depot) -> Result<Json<CpuTask>, Failure> {
    let primes = match instance(depot)?.tasks.primes_below {
        // Nothing to compute, so no thread for it.
        0 => 0,
        bound => tokio::task::spawn_blocking(move || count_primes(black_box(bound)))
            .await
            .map_err(|error| Failure::internal(ComputationEnded(error)))?,
    };
    info!(primes, "cpu task");
    Ok(Json(CpuTask { primes }))
}

/// The computation of `/cpu_task` did not come to its end.
#[derive(Debug, thiserror::Error)]
#[error("the computation ended early")]
struct ComputationEnded(#[source] tokio::task::JoinError);

/// Counts the primes below `bound` with the sieve of Eratosthenes.
fn count_primes(bound: usize) -> usize {
    let mut composite = vec![false; bound];
    let mut count = 0;
    for number in 2..bound {
        if !composite[number] {
            count += 1;
            for multiple in (number * number..bound).step_by(number) {
                composite[multiple] = true;
            }
        }
    }
    count
}

/// Response of routes that have nothing else to tell: the path.
#[derive(Serialize, ToSchema)]
pub(super) struct Path {
    /// Its path.
    path: &'static str,
}

/// Answers with one of the statuses 200 (twice as often), 300, 400 and 500.
#[endpoint(tags("tasks"), status_codes(200, 300, 400, 500))]
pub async fn random_status(res: &mut Response) -> Json<Path> {
    const STATUSES: [StatusCode; 5] = [
        StatusCode::OK,
        StatusCode::OK,
        StatusCode::MULTIPLE_CHOICES,
        StatusCode::BAD_REQUEST,
        StatusCode::INTERNAL_SERVER_ERROR,
    ];
    let status = STATUSES[rand::rng().random_range(0..STATUSES.len())];
    res.status_code(status);
    info!(status = status.as_u16(), "random status");
    Json(Path {
        path: "/random_status",
    })
}

/// Waits up to five seconds.
#[endpoint(tags("tasks"))]
pub async fn random_sleep() -> Json<Path> {
    let pause = LONGEST_SLEEP.mul_f64(rand::rng().random_range(0.0..=1.0));
    tokio::time::sleep(pause).await;
    info!(slept_ms = pause.as_millis() as u64, "random sleep");
    Json(Path {
        path: "/random_sleep",
    })
}

/// The error that `/error_test` ends with; it has causes, so that a cause chain can be seen.
#[derive(Debug, thiserror::Error)]
pub(super) enum StockError {
    /// The stock of an item cannot be told.
    #[error("the stock of item {number} is unknown")]
    Unknown {
        /// The item's number.
        number: u32,
        /// The reason.
        source: Box<StockError>,
    },
    /// The input is not a number.
    #[error("the count {text:?} is not a number")]
    Count {
        /// The input.
        text: String,
        /// The reason.
        source: ParseIntError,
    },
}

fn stock_of(number: u32, counted: &str) -> Result<u32, StockError> {
    counted
        .parse()
        .map_err(|source| StockError::Count {
            text: counted.to_owned(),
            source,
        })
        .map_err(|source| StockError::Unknown {
            number,
            source: Box::new(source),
        })
}

/// Fails.
#[endpoint(tags("tasks"), status_codes(500))]
pub async fn error_test() -> Result<Json<u32>, Failure> {
    let stock = stock_of(7, "a dozen").map_err(Failure::internal)?;
    Ok(Json(stock))
}

/// Calls this instance and both targets, one after the other.
#[endpoint(
    tags("tasks"),
    status_codes(200, 502, 504),
    responses(
        (status_code = 502, description = "A target failed.", body = ProblemBody),
        (status_code = 504, description = "A target was too slow.", body = ProblemBody),
    ),
)]
pub async fn chain(depot: &mut Depot) -> Result<Json<Path>, Failure> {
    let calls = Calls::of(depot);
    let instance = instance(depot)?;
    let [one, two] = &instance.others;
    let targets = &instance.targets;
    targets.get(&calls, Hop::Own, &instance.own, "/").await?;
    targets.get(&calls, Hop::One, one, "/io_task").await?;
    targets.get(&calls, Hop::Two, two, "/cpu_task").await?;
    info!("chain finished");
    Ok(Json(Path { path: "/chain" }))
}

fn instance(depot: &Depot) -> Result<Arc<Instance>, Failure> {
    depot
        .get_typed::<Arc<Instance>>()
        .cloned()
        .map_err(|_| Failure::internal(NoInstance))
}
