//! Routes of the service on Salvo alone, without telemetry or bounds. Prints its address.

mod chain;

use std::error::Error;
use std::sync::Arc;

use chain::Chain;
use salvo::conn::tcp::TcpAcceptor;
use salvo::http::StatusError;
use salvo::writing::Json;
use salvo::{Depot, FlowCtrl, Handler, Request, Response, Router, Server, async_trait, handler};
use tokio::net::TcpListener;

#[derive(serde::Serialize)]
struct Hello {
    #[serde(rename = "Hello")]
    hello: &'static str,
}

#[derive(serde::Serialize)]
struct CpuTask {
    primes: usize,
}

#[derive(serde::Serialize)]
struct Path {
    path: &'static str,
}

#[handler]
async fn root() -> Json<Hello> {
    Json(Hello { hello: "World" })
}

#[handler]
async fn io_task() -> Json<&'static str> {
    Json("IO bound task finish!")
}

#[handler]
async fn cpu_task() -> Json<CpuTask> {
    Json(CpuTask { primes: 0 })
}

struct CallChain(Arc<Chain>);

#[async_trait]
impl Handler for CallChain {
    async fn handle(
        &self,
        _req: &mut Request,
        _depot: &mut Depot,
        res: &mut Response,
        _ctrl: &mut FlowCtrl,
    ) {
        match self.0.call().await {
            Ok(()) => res.render(Json(Path { path: "/chain" })),
            Err(error) => res.render(StatusError::bad_gateway().brief(error.to_string())),
        }
    }
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error + Send + Sync>> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let own = listener.local_addr()?;
    let chain = CallChain(Arc::new(Chain::new(own)?));
    println!("{own}");
    let routes = Router::new()
        .get(root)
        .push(Router::with_path("io_task").get(io_task))
        .push(Router::with_path("cpu_task").get(cpu_task))
        .push(Router::with_path("chain").get(chain));
    Server::new(TcpAcceptor::try_from(listener)?)
        .try_serve(routes)
        .await?;
    Ok(())
}
