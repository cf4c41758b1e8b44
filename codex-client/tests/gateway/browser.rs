//! The status page in a browser. It needs Chromium (`chromium` in `PATH`), so it runs on demand:
//! `cargo test -p codex-client --test gateway -- --ignored browser`. It writes the screenshot
//! `target/tmp/gateway-status.png`.

use codex_transport::testing::{Answer, Gate, Script};
use serde_json::json;

use crate::chromium::Browser;
use crate::process::*;

const STATUS: &str = "document.getElementById('status')";

fn log_in(token: &str) -> String {
    format!(
        "document.getElementById('token').value = '{token}'; document.getElementById('login').requestSubmit(); true"
    )
}

#[tokio::test]
#[ignore = "needs Chromium"]
async fn the_status_page_works_in_a_browser() {
    let gate = Gate::new();
    let live = Answer::sse()
        .event(created())
        .gate(&gate)
        .event(completed());
    let limited = answer()
        .header("x-codex-plan-type", "plus")
        .header("x-codex-primary-used-percent", "42")
        .header("x-codex-primary-window-minutes", "300")
        .header("x-codex-primary-reset-at", "1900000000");
    let refusal = json!({"error": {"message": "invented", "type": "server_error", "code": "server_is_overloaded", "param": null}});
    let server = service(
        Script::new()
            .answer(limited)
            .answer(Answer::json(503, refusal.to_string()))
            .answer(live.forever()),
    );
    let gateway = Gateway::before(&server, &["--profile", "chatgpt"]);
    let request = json!({"model": "some-model", "input": "Why?", "stream": true});
    text(gateway.post("/v1/responses", &request).await).await;
    text(gateway.post("/v1/responses", &request).await).await;
    let streams = [
        gateway.post("/v1/responses", &request).await,
        gateway.post("/v1/responses", &request).await,
    ];

    let mut browser = Browser::start("status").await;
    browser.open(&gateway.url).await;
    browser
        .until("document.readyState === 'complete' && document.title === 'Gateway'")
        .await;
    browser.value(&log_in("a-token-that-is-wrong")).await;
    browser
        .until("document.getElementById('message').textContent.includes('invalid token')")
        .await;
    assert_eq!(browser.value(&format!("{STATUS}.hidden")).await, true);

    browser.value(&log_in(TOKEN)).await;
    browser.until(&format!("!{STATUS}.hidden")).await;
    let shown = browser.value(&format!("{STATUS}.innerText")).await;
    let shown = shown.as_str().expect("text");
    for part in [
        "chatgpt",
        "plus",
        "42 % of 300 min",
        "some-model",
        "server_is_overloaded",
        "service",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let live = "document.querySelectorAll('#live tbody tr').length";
    assert_eq!(
        browser.value(live).await,
        3,
        "two streams and the status: {shown}"
    );
    assert_eq!(
        browser
            .value("document.querySelector('progress').value")
            .await,
        42
    );

    // The content security policy works: an injected script does not run.
    let inject = "const it = document.createElement('script'); it.textContent = 'window.ran = 1'; document.body.append(it); window.ran === undefined";
    assert_eq!(browser.value(inject).await, true);

    browser.picture("gateway-status.png").await;

    gate.open();
    for stream in streams {
        text(stream).await;
    }
    browser.until(&format!("{live} === 1")).await;
}
