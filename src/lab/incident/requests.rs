//! The traffic of an incident: an open loop over the instances, in a fixed order.

use std::time::Duration;

use http::Request;
use http_body_util::Full;

use super::file::parameters::{hash, mixed};
use super::file::traffic::Requests;
use super::place::{App, Place};
use crate::client::{Bounds, Client, Size};
use crate::lab::open_loop::OpenLoop;

/// Bounds of one request: longer than the service lets one take.
const BOUNDS: Bounds = Bounds {
    time: Duration::from_secs(35),
    size: Size::Whole(64 * 1024),
};

/// Requests that may be open at one time.
const OPEN: usize = 512;

/// Sends the requests until it is dropped.
pub(super) async fn send(requests: Requests, place: Place) {
    let apps: Vec<App> = place
        .apps
        .into_iter()
        .filter(|app| requests.instances.is_empty() || requests.instances.contains(&app.name))
        .collect();
    if apps.is_empty() {
        return;
    }
    let client = Client::new(OPEN, None);
    let routes = requests.mix.routes();
    let mut counts = vec![0_u64; routes.len()];
    let mut order = requests.mix.turns();
    let mut loop_ = OpenLoop::new(Duration::from_secs_f64(1.0 / requests.rate), OPEN);
    loop {
        // Too many are open: the turn is lost, as for anybody who waits.
        if loop_.turn().await.is_none() {
            continue;
        }
        let Some(route) = order.next() else {
            return;
        };
        // Each instance gets every route in turn, and every item.
        let count = counts[route];
        counts[route] += 1;
        let app = &apps[(count % apps.len() as u64) as usize];
        let item = count / apps.len() as u64 % u64::from(requests.items);
        let item = requests.first_item + item as i64;
        let path = routes[route].path.replace("{item_id}", &item.to_string());
        let mut request = Request::get(format!("{}{path}", app.url));
        let members = requests.baggage.iter().filter_map(|(name, values)| {
            // Mixed, so that it goes with every instance and item.
            let number = mixed(count ^ hash(name)) % values.len().max(1) as u64;
            Some(format!("{name}={}", values.get(number as usize)?))
        });
        let members: Vec<String> = members.collect();
        if !members.is_empty() {
            request = request.header("baggage", members.join(","));
        }
        let request = request.body(Full::default());
        let client = client.clone();
        loop_.send(async move {
            if let Ok(request) = request {
                // What becomes of it is what the telemetry is to tell.
                let _ = client.exchange(request, BOUNDS).await;
            }
        });
    }
}
