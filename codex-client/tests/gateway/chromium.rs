//! Chromium with one page, driven through the DevTools protocol.

use std::io::{BufRead as _, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use codex_transport::{HyperTransport, Upgrade, WsConnection, WsTransport as _};
use serde_json::{Value, json};

use crate::process::*;

pub struct Browser {
    child: Child,
    profile: PathBuf,
    page: WsConnection,
    next: u64,
}

impl Browser {
    /// Returns whether `PATH` has a Chromium.
    pub fn is_installed() -> bool {
        let version = Command::new("chromium").arg("--version").output();
        version.is_ok_and(|output| output.status.success())
    }

    /// Starts a browser. Each test has its own name, so that tests can run at the same time.
    pub async fn start(name: &str) -> Self {
        let profile = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("chromium-{name}"));
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

    pub async fn open(&mut self, url: &str) {
        self.call("Page.navigate", json!({"url": url})).await;
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

    /// Returns the value of an expression in the page.
    pub async fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({"expression": expression, "returnByValue": true});
        let result = self.call("Runtime.evaluate", parameters).await;
        assert_eq!(
            result.get("exceptionDetails"),
            None,
            "{expression}: {result}"
        );
        result["result"]["value"].clone()
    }

    pub async fn until(&mut self, expression: &str) {
        let deadline = Instant::now() + Duration::from_secs(20);
        while self.value(expression).await != json!(true) {
            if Instant::now() >= deadline {
                let shown = self.value("document.body.innerText").await;
                panic!("never: {expression}; the page shows {shown}");
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Writes a screenshot of the page to a file of this name, and returns the file.
    pub async fn picture(&mut self, name: &str) -> PathBuf {
        let picture = self
            .call("Page.captureScreenshot", json!({"format": "png"}))
            .await;
        let picture = picture["data"].as_str().expect("a picture");
        let picture = STANDARD.decode(picture).expect("base64");
        let file = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(name);
        std::fs::write(&file, picture).expect("a file");
        file
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_dir_all(&self.profile);
    }
}
