//! The status page in a browser. It needs Chromium (`chromium` of the path), so it runs on demand:
//! `cargo test -p codex-client --test gateway -- --ignored browser`. The picture that it takes is `target/tmp/gateway-status.png`.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codex_transport::testing::{Answer, Gate, Script};
use codex_transport::{HyperTransport, Upgrade, WsConnection, WsTransport as _};
use serde_json::{Value, json};

use crate::process::*;

/// Chromium with one page, spoken to by the DevTools protocol.
struct Browser {
    child: Child,
    profile: PathBuf,
    page: WsConnection,
    next: u64,
}

impl Browser {
    async fn start() -> Self {
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("chromium");
        let mut child = Command::new("chromium")
            .args([
                "--headless=new",
                "--no-sandbox",
                "--disable-gpu",
                "--remote-debugging-port=0",
            ])
            .args([
                "--window-size=1000,1000",
                "--no-first-run",
                "--disable-extensions",
            ])
            .arg(format!("--user-data-dir={}", profile.display()))
            .arg("about:blank")
            .stderr(Stdio::piped())
            .stdout(Stdio::null())
            .spawn()
            .expect("chromium");
        let errors = BufReader::new(child.stderr.take().expect("its errors"));
        let url = errors
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("DevTools listening on ws://")?.to_owned()))
            .expect("the address of its tools");
        let (address, _) = url.split_once('/').expect("an address");
        let list = http::Request::get(format!("http://{address}/json/list"));
        let list = json_of(send(list.body(bytes::Bytes::new()).expect("a request")).await).await;
        let pages = list.as_array().expect("pages");
        let page = pages
            .iter()
            .find(|page| page["type"] == "page")
            .expect("a page");
        let page = page["webSocketDebuggerUrl"].as_str().expect("a URL");
        let request = http::Request::get(page).body(()).expect("a request");
        let transport = HyperTransport::new().expect("a transport");
        let Ok(Upgrade::Accepted(page, _)) = transport.connect(request).await else {
            panic!("no socket to the page");
        };
        Self {
            child,
            profile,
            page,
            next: 0,
        }
    }

    async fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.next += 1;
        let message = json!({"id": self.next, "method": method, "params": parameters});
        self.page.send(message.to_string()).await.expect("sent");
        loop {
            let message = self
                .page
                .next()
                .await
                .expect("a message")
                .expect("no error");
            let message: Value = serde_json::from_slice(&message).expect("JSON");
            if message["id"] == self.next {
                return message["result"].clone();
            }
        }
    }

    /// The value of an expression in the page.
    async fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters).await;
        assert_eq!(
            result.get("exceptionDetails"),
            None,
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    async fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.value(expression).await != json!(true) {
            assert!(Instant::now() < deadline, "never: {expression}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}

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

    let mut browser = Browser::start().await;
    browser
        .call("Page.navigate", json!({"url": gateway.url}))
        .await;
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

    // The policy of the page holds: a script that got into it does not run.
    let inject = "const it = document.createElement('script'); it.textContent = 'window.ran = 1'; document.body.append(it); window.ran === undefined";
    assert_eq!(browser.value(inject).await, true);

    let picture = browser
        .call("Page.captureScreenshot", json!({"format": "png"}))
        .await;
    let picture = picture["data"].as_str().expect("a picture");
    let picture = STANDARD.decode(picture).expect("base64");
    let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("gateway-status.png");
    std::fs::write(file, picture).expect("a file");

    gate.open();
    for stream in streams {
        text(stream).await;
    }
    browser.until(&format!("{live} === 1")).await;
}
