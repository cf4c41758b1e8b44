//! Tests a program against the scripted backend: first the server is busy, then it responds with
//! pauses, then the connection is cut.
//!
//! `cargo run -p codex-transport --example scripted`

use core::time::Duration;
use std::io::Write as _;
use std::time::SystemTime;

use codex_transport::testing::{Answer, ChunkShape, Cut, LoopbackServer, Script, Turn};
use codex_transport::{AttemptOutcome, Decision, HttpTransport, HyperTransport, RetryPolicy};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn core::error::Error>> {
    let turn = Turn::new("resp_1")
        .reasoning("A greeting needs no plan.")
        .message("Hello! I am a script.");
    let script = Script::new()
        .answer(Answer::status(503).header("retry-after", "1"))
        .answer(
            Answer::sse()
                .events(turn.events())
                .shape(ChunkShape::Event)
                .pace(Duration::from_millis(60)),
        )
        .answer(
            Answer::sse()
                .cut_after(900, Cut::Reset)
                .events(turn.events()),
        );
    let server = LoopbackServer::start(script)?;
    let transport = HyperTransport::new()?;
    let mut out = std::io::stdout();

    for _ in 0..2 {
        let mut schedule = RetryPolicy::default().schedule();
        let response = loop {
            let request = http::Request::post(server.url("/v1/responses"))
                .body(r#"{"stream":true}"#.into())?;
            let response = transport.send(request).await?;
            if response.status().is_success() {
                break response;
            }
            let outcome = AttemptOutcome::response(
                response.status(),
                response.headers(),
                None,
                SystemTime::now(),
            );
            match schedule.next(&outcome, 0) {
                Decision::Retry(delay) => {
                    writeln!(out, "status {}, retrying in {delay:?}", response.status())?;
                    tokio::time::sleep(delay).await;
                }
                Decision::Stop(reason) => return Err(format!("{reason:?}").into()),
            }
        };
        let mut body = response.into_body();
        while let Some(chunk) = body.chunk().await {
            match chunk {
                Ok(chunk) => out.write_all(&chunk)?,
                Err(error) => writeln!(out, "\n{error} (sent: {:?})", error.sent())?,
            }
            out.flush()?;
        }
    }
    writeln!(
        out,
        "the server received {} requests",
        server.requests().len()
    )?;
    Ok(())
}
