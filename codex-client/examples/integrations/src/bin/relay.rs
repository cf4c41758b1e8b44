//! Serves the relay on http://127.0.0.1:8080: `relay [MODEL]`, with the credentials of the
//! environment.

use core::error::Error;

use codex_client::Client;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let model = std::env::args().nth(1);
    let model = model.unwrap_or_else(|| "gpt-5.5".into());
    let router = codex_integrations_example::relay::router(Client::from_env()?, model);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:8080").await?;
    axum::serve(listener, router).await?;
    Ok(())
}
