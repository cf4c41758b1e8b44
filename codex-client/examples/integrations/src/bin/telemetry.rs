//! Sends one question to a scripted server and prints the spans of the exchange.
//!
//! A program that exports to a collector takes the exporter of `opentelemetry-otlp` instead.

use core::error::Error;

use codex_client::Client;
use codex_client::transport::testing::{Answer, LoopbackServer, Script, Turn};
use codex_client::types::CreateResponse;
use codex_integrations_example::telemetry;
use opentelemetry_sdk::trace::SdkTracerProvider;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let provider = SdkTracerProvider::builder()
        .with_simple_exporter(opentelemetry_stdout::SpanExporter::default())
        .build();
    tracing::subscriber::set_global_default(telemetry::subscriber(&provider))?;

    let turn = Turn::new("resp_1").message("Because of the sun.");
    let answer = Answer::sse().events(turn.events());
    let server = LoopbackServer::start(Script::new().answer(answer))?;
    let client = Client::builder().base_url(server.url("/v1")).build()?;
    let request = CreateResponse::new("some-model").input("Why is the sky blue?");
    client.create(&request).await?;
    provider.shutdown()?;
    Ok(())
}
