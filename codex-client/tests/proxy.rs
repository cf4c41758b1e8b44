//! A proxy that the environment names is used, as by every HTTP client.
#![cfg(feature = "proxy")]

use std::process::Command;

use codex_client::Client;
use codex_transport::testing::{Answer, LoopbackProxy, LoopbackServer, Script};
use codex_types::CreateResponse;

const SERVER: &str = "CODEX_TEST_SERVER";

#[test]
fn a_proxy_in_the_environment_is_used() {
    let done = r#"{"type":"response.completed","response":{"id":"resp_1","status":"completed","output":[]}}"#;
    let script = Script::new().answer(Answer::sse().event(done));
    let server = LoopbackServer::start(script).expect("a loopback server");
    let proxy = LoopbackProxy::start().expect("a loopback proxy");
    // Changing the environment of this process is not safe, so another process gets the variable.
    let test = std::env::current_exe().expect("this program");
    let status = Command::new(test)
        .args(["--ignored", "--exact", "proxy::a_process_asks_the_server"])
        .env(SERVER, server.url("/v1"))
        .env("HTTP_PROXY", proxy.url())
        .env_remove("http_proxy")
        .env_remove("NO_PROXY")
        .env_remove("no_proxy")
        .env_remove("REQUEST_METHOD")
        .status()
        .expect("a process");
    assert!(status.success());
    assert_eq!(proxy.targets().len(), 1);
    assert_eq!(server.requests().len(), 1);
}

#[test]
#[ignore = "run by a_proxy_in_the_environment_is_used"]
fn a_process_asks_the_server() {
    let url = std::env::var(SERVER).expect("a server");
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .expect("a runtime");
    runtime.block_on(async {
        let client = Client::builder().base_url(url).build().expect("a client");
        let request = CreateResponse::new("some-model").input("Hello");
        client.create(&request).await.expect("a response");
    });
}
