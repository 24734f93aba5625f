//! The service's settings: every environment variable is also a flag, and the flag wins.
//!
//! * [`args`]: the flags
//! * [`telemetry`]: settings of spans, log and metrics
//! * [`reader`]: looks a setting up and reports a bad value
//! * [`values`], [`time_zone`]: parsers of values

mod args;
mod reader;
mod telemetry;
mod time_zone;
mod values;

use std::collections::BTreeMap;
use std::net::IpAddr;
#[cfg(feature = "faults")]
use std::net::SocketAddr;
use std::time::Duration;

use http::uri::Authority;

use super::limits::Limits;
use crate::guard::{Guard, Hosts};
use crate::telemetry::Settings;
pub use args::ServiceArgs;
use reader::Reader;
use values::authority;

/// Port of a target of `/chain` that names none, as in a container network.
const TARGET_PORT: u16 = 8000;

/// The settings of one service instance.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on.
    pub host: IpAddr,
    /// Port to listen on; 0 takes a free one.
    pub port: u16,
    /// First and second target of `/chain`.
    pub targets: [Authority; 2],
    /// Bounds on the cost of a request.
    pub limits: Limits,
    /// Longest time for one call of `/chain`.
    pub target_timeout: Duration,
    /// Work of the routes `/io_task` and `/cpu_task`.
    pub tasks: Tasks,
    /// Refuses requests for foreign hosts and from foreign web pages.
    pub guard: Guard,
    /// Settings of spans, log and metrics.
    pub telemetry: Settings,
    /// Where faults are set; `None` when they cannot be.
    #[cfg(feature = "faults")]
    pub faults: Option<SocketAddr>,
}

/// Work of the routes `/io_task` and `/cpu_task`. Without it, `/chain` shows what the calls alone cost.
#[derive(Clone, Copy, Debug)]
pub struct Tasks {
    /// How long `/io_task` waits.
    pub io_wait: Duration,
    /// `/cpu_task` counts the primes below this number.
    pub primes_below: usize,
}

/// A setting has a bad value.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} is {value:?}; allowed: {allowed}")]
pub struct ConfigError {
    /// The variable or flag.
    pub name: String,
    /// The value.
    pub value: String,
    /// Values that are allowed.
    pub allowed: String,
}

impl Config {
    /// The settings that flags and environment give together.
    ///
    /// # Errors
    /// [`ConfigError`] for the first value that is not allowed.
    pub fn resolve(
        args: &ServiceArgs,
        environment: &BTreeMap<String, String>,
    ) -> Result<Self, ConfigError> {
        let read = Reader(environment);
        let host = read.first(&args.expose_host, "EXPOSE_HOST").parse(
            IpAddr::from([127, 0, 0, 1]),
            "an IP address",
            |text| text.parse().ok(),
        )?;
        let port = read.first(&args.expose_port, "EXPOSE_PORT").parse(
            8000,
            "a port from 0 to 65535",
            |text| text.parse().ok(),
        )?;
        let target_one = read.target(
            &args.target_one_host,
            "TARGET_ONE_HOST",
            Authority::from_static("127.0.0.1:8001"),
        )?;
        let target_two = read.target(
            &args.target_two_host,
            "TARGET_TWO_HOST",
            Authority::from_static("127.0.0.1:8002"),
        )?;
        let limits = read.limits(args)?;
        let target_timeout = read.milliseconds(&args.target_timeout, "TARGET_TIMEOUT", 5_000)?;
        let tasks = read.tasks(args)?;
        let guard = read.guard(args)?;
        let telemetry = read.telemetry(args)?;
        #[cfg(feature = "faults")]
        let faults = read.faults(args)?;
        Ok(Self {
            host,
            port,
            targets: [target_one, target_two],
            limits,
            target_timeout,
            tasks,
            guard,
            telemetry,
            #[cfg(feature = "faults")]
            faults,
        })
    }
}

impl<'a> Reader<'a> {
    fn limits(&self, args: &'a ServiceArgs) -> Result<Limits, ConfigError> {
        Ok(Limits {
            max_concurrent_requests: self.number(
                &args.max_concurrent_requests,
                "MAX_CONCURRENT_REQUESTS",
                1024,
                1..=1_000_000,
            )? as usize,
            // The HTTP library takes no smaller buffer than 8 KiB.
            max_header_bytes: self.number(
                &args.max_header_bytes,
                "MAX_HEADER_BYTES",
                16 * 1024,
                8192..=1024 * 1024,
            )? as usize,
            max_body_bytes: self.number(
                &args.max_body_bytes,
                "MAX_BODY_BYTES",
                64 * 1024,
                0..=1024 * 1024 * 1024,
            )?,
            request_timeout: self.milliseconds(&args.request_timeout, "REQUEST_TIMEOUT", 30_000)?,
        })
    }

    fn tasks(&self, args: &'a ServiceArgs) -> Result<Tasks, ConfigError> {
        let io_wait = self.number(&args.io_task_wait, "IO_TASK_WAIT", 1000, 0..=3_600_000)?;
        let primes_below = self.number(
            &args.cpu_task_primes,
            "CPU_TASK_PRIMES",
            400_000,
            0..=100_000_000,
        )?;
        Ok(Tasks {
            io_wait: Duration::from_millis(io_wait),
            primes_below: primes_below as usize,
        })
    }

    #[cfg(feature = "faults")]
    fn faults(&self, args: &'a ServiceArgs) -> Result<Option<SocketAddr>, ConfigError> {
        self.first(&args.faults, "FAULTS_ADDRESS").parse(
            None,
            "a loopback address with a port, such as 127.0.0.1:8100: who reaches it can break the \
             service, and it has no login",
            |text| {
                let address = text.parse::<SocketAddr>().ok()?;
                address.ip().is_loopback().then_some(Some(address))
            },
        )
    }

    fn guard(&self, args: &'a ServiceArgs) -> Result<Guard, ConfigError> {
        let hosts = self.list(
            &args.allowed_hosts,
            "ALLOWED_HOSTS",
            "host names without a port, *.name for all below one, or * for any, separated by commas",
        )?;
        let origins = self.list(
            &args.allowed_origins,
            "ALLOWED_ORIGINS",
            "origins such as http://host:port without a path, or * for any, separated by commas",
        )?;
        // Containers and services call one another by names without a dot.
        let hosts = Hosts::new(hosts).and_names_without_dot();
        Ok(Guard::new(hosts, origins, "ALLOWED_HOSTS"))
    }

    fn target(
        &self,
        flag: &'a Option<String>,
        variable: &'static str,
        default: Authority,
    ) -> Result<Authority, ConfigError> {
        self.first(flag, variable)
            .parse(default, "host, host:port or http://host:port", |text| {
                authority(text, TARGET_PORT)
            })
    }
}
