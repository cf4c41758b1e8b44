//! The transports of the feature `web` of codex-transport in a browser: `codex-transport/tests/web`
//! has the checks. Without the tools for it, the test prints what is missing and passes.

use std::io::Write as _;

use codex_transport::testing::{Answer, Cut, Gate, Script};
use flate2::Compression;
use flate2::write::GzEncoder;

use crate::chromium::Browser;
use crate::process::*;
use crate::wasm;

#[tokio::test]
async fn the_transports_work_in_a_browser() {
    let Some(folder) = wasm::build("codex-web-tests", "codex-transport/tests/web/page") else {
        return;
    };
    let gate = Gate::new();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(b"compressed").expect("in memory");
    let compressed = Answer::ok()
        .header("content-encoding", "gzip")
        .body(encoder.finish().expect("in memory"));
    let exchange = Answer::status(418)
        .header("x-request-id", "req_1")
        .body("one ")
        .gate(&gate)
        .body("two");
    let endless = Answer::ok()
        .header("x-request-id", "req_1")
        .body("data")
        .stall();
    let socket = Answer::websocket;
    let replies = socket()
        .receive()
        .event("first")
        .receive()
        .event("second: ü");
    let script = Script::new()
        .route("POST", "/exchange", exchange)
        .route("GET", "/coding", compressed)
        .route("GET", "/endless", endless.forever())
        .route("GET", "/silence", Answer::silence().forever())
        .route(
            "GET",
            "/redirect",
            Answer::status(307).header("location", "/coding"),
        )
        .route("GET", "/cut", Answer::ok().body("data").cut(Cut::Reset))
        .route("GET", "/messages", replies)
        .route("GET", "/normal", socket().close(1000).forever())
        .route("GET", "/busy", socket().event("last").close(1013))
        .route("GET", "/reset", socket().receive().cut(Cut::Reset))
        .route(
            "GET",
            "/large",
            socket().event("small").event("x".repeat(9)),
        )
        .route("GET", "/binary", socket().binary("binary").forever())
        .route("GET", "/refused", Answer::status(426));
    let server = service(wasm::serve(script, &folder));
    let mut browser = Browser::start("transports").await;
    for check in [
        "exchange", "coding", "abort", "timeouts", "failures", "timer", "messages", "closures",
        "limits", "upgrades",
    ] {
        browser
            .open(&server.url(&format!("/checks.html?{check}")))
            .await;
        if check == "exchange" {
            gate.reached().await;
            // Long enough for the first chunk to be read by itself.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            gate.open();
        }
        browser
            .until(&format!(
                "location.search === '?{check}' && !['', 'running'].includes(document.title)"
            ))
            .await;
        let outcome = browser.value("document.title").await;
        assert_eq!(outcome, "passed", "{check}");
    }

    // The body and the future that `abort` dropped, and the requests that timed out in `timeouts`.
    eventually("four requests end", || server.cancelled() >= 4).await;
    let exchange = server.requests();
    let exchange = exchange
        .iter()
        .find(|request| request.path() == "/exchange")
        .expect("a request");
    assert_eq!(exchange.uri.query(), Some("a=1"));
    assert_eq!(exchange.body, "question");
    assert_eq!(exchange.header("authorization"), Some("Bearer invented"));
    assert_eq!(exchange.header("x-twice"), Some("one, two"));
    let sent: Vec<_> = server.messages();
    assert!(sent.len() >= 2, "{sent:?}");
    assert!(server.closed_sockets().contains(&Some(1000)));
}
