//! The service's first route on Salvo alone, without telemetry or bounds. Prints its address.

use salvo::conn::tcp::TcpAcceptor;
use salvo::writing::Json;
use salvo::{Router, Server, handler};
use tokio::net::TcpListener;

#[derive(serde::Serialize)]
struct Hello {
    #[serde(rename = "Hello")]
    hello: &'static str,
}

#[handler]
async fn root() -> Json<Hello> {
    Json(Hello { hello: "World" })
}

#[tokio::main]
async fn main() -> std::io::Result<()> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Server::new(TcpAcceptor::try_from(listener)?)
        .try_serve(Router::new().get(root))
        .await
}
