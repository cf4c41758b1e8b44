//! Helpers of the tests of signing in: an authority, a browser, a place for a login.
#![allow(dead_code, unreachable_pub, reason = "shared by several tests")]

pub mod program;

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::time::Duration;

use codex_transport::testing::{Answer, LoopbackServer, RecordedRequest, Script};
use serde_json::{Value, json};

/// A part of every secret that the authority issues or a test plants; no output may contain it.
pub const CANARY: &str = "canary-5e0c";

/// A token of me@example.com, plan plus, account acct-1, valid until the year 2100.
pub const CLAIMS: &str = "eyJlbWFpbCI6Im1lQGV4YW1wbGUuY29tIiwiZXhwIjo0MTAyNDQ0ODAwLCJodHRwczovL2FwaS5vcGVuYWkuY29tL2F1dGgiOnsiY2hhdGdwdF9hY2NvdW50X2lkIjoiYWNjdC0xIiwiY2hhdGdwdF9wbGFuX3R5cGUiOiJwbHVzIn19";

/// Returns the response of the token endpoint.
pub fn tokens() -> Answer {
    let body = json!({
        "id_token": format!("e30.{CLAIMS}.{CANARY}"),
        "access_token": format!("e30.{CLAIMS}.access-{CANARY}"),
        "refresh_token": format!("refresh-{CANARY}"),
    });
    Answer::json(200, body.to_string())
}

/// Starts an authority whose user enters the device code at once.
pub fn device() -> Script {
    Script::new()
        .route("POST", USER_CODE, user_code())
        .route("POST", DEVICE_TOKEN, device_token())
        .route("POST", TOKEN, tokens())
}

pub fn user_code() -> Answer {
    let body = json!({"device_auth_id": format!("device-{CANARY}"), "user_code": "ABCD-12345", "interval": "1"});
    Answer::json(200, body.to_string())
}

pub fn device_token() -> Answer {
    let body = json!({
        "authorization_code": format!("code-{CANARY}"),
        "code_challenge": "challenge",
        "code_verifier": format!("verifier-{CANARY}"),
    });
    Answer::json(200, body.to_string())
}

pub const USER_CODE: &str = "/api/accounts/deviceauth/usercode";
pub const DEVICE_TOKEN: &str = "/api/accounts/deviceauth/token";
pub const TOKEN: &str = "/oauth/token";
pub const REVOKE: &str = "/oauth/revoke";

pub fn authority(script: Script) -> LoopbackServer {
    LoopbackServer::start(script).expect("a loopback server")
}

/// Returns the requests to this path.
pub fn to(server: &LoopbackServer, path: &str) -> Vec<RecordedRequest> {
    let mut requests = server.requests();
    requests.retain(|request| request.path() == path);
    requests
}

pub fn text(request: &RecordedRequest) -> String {
    String::from_utf8(request.body.to_vec()).expect("text")
}

pub fn json(request: &RecordedRequest) -> Value {
    serde_json::from_slice(&request.body).expect("JSON")
}

/// Returns a decoded member of a URL or a form.
pub fn member(text: &str, name: &str) -> Option<String> {
    let value = text
        .split(['?', '&'])
        .find_map(|member| member.strip_prefix(name)?.strip_prefix('='))?;
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next().expect("a digit"), rest.next().expect("a digit")];
            let digits = std::str::from_utf8(&digits).expect("digits");
            u8::from_str_radix(digits, 16).expect("a hexadecimal number")
        } else {
            byte
        });
    }
    Some(String::from_utf8(bytes).expect("text"))
}

/// Returns the port of the redirect in an authorize URL.
pub fn port(authorize: &str) -> u16 {
    let redirect = member(authorize, "redirect_uri").expect("a redirect URI");
    let uri: http::Uri = redirect.parse().expect("a URI");
    uri.port_u16().expect("a port")
}

pub fn state(authorize: &str) -> String {
    member(authorize, "state").expect("a state")
}

/// Returns the response that a browser gets for this target.
pub fn visit(port: u16, target: &str) -> String {
    exchange(
        ([127, 0, 0, 1], port).into(),
        &format!("GET {target} HTTP/1.1\r\nHost: localhost:{port}\r\nAccept: text/html\r\n\r\n"),
    )
}

/// Sends bytes and reads until the other side closes.
pub fn exchange(address: SocketAddr, request: &str) -> String {
    let mut stream = TcpStream::connect(address).expect("the listener");
    stream
        .set_read_timeout(Some(Duration::from_secs(20)))
        .expect("a socket");
    stream.write_all(request.as_bytes()).expect("a request");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).expect("an answer");
    assert!(!answer.contains(CANARY), "a page shows a secret");
    answer
}

pub fn status(answer: &str) -> u16 {
    let status = answer.split(' ').nth(1).expect("a status line");
    status.parse().expect("a status")
}

/// A directory of this test, removed at the end.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("codex-login-{name}-{}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("a directory");
        Self(path)
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
