//! Canceling early must leave no task, descriptor or stream.
#![cfg(all(feature = "testing", feature = "ws", target_os = "linux"))]
#![cfg(test)]

mod support;

use core::time::Duration;
use std::time::Instant;

use bytes::Bytes;
use codex_transport::testing::{Answer, LoopbackServer, Script};
use codex_transport::{HttpTransport, HttpVersions, Upgrade, WsTransport};
use http::Request;
use support::build;

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

async fn until(what: &str, done: impl Fn() -> bool) {
    let start = Instant::now();
    while !done() {
        assert!(start.elapsed() < Duration::from_secs(5), "{what}");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

// All in one test, because descriptors are counted for the whole process.
#[tokio::test]
async fn cancels_leave_nothing_behind() {
    let alive = || {
        tokio::runtime::Handle::current()
            .metrics()
            .num_alive_tasks()
    };
    for (http, count) in [(HttpVersions::Http1, 3_000), (HttpVersions::Http2, 10_000)] {
        let answer = Answer::sse().body("data: {}\n\n").stall().forever();
        let server = LoopbackServer::start(Script::new().answer(answer)).unwrap();
        let transport = build(http, |_| ());
        let mut before = (0, 0);
        for done in 0..count {
            let request = Request::post(server.url("/v1/responses"))
                .body(Bytes::from_static(b"{}"))
                .unwrap();
            let mut body = transport.send(request).await.unwrap().into_body();
            body.chunk().await.unwrap().unwrap();
            drop(body);
            if done == 20 {
                until("the first cancels", || server.cancelled() > done).await;
                before = (alive(), descriptors());
            }
        }
        until("every answer is given up", || server.cancelled() == count).await;
        until("no task stays", || alive() <= before.0).await;
        until("no descriptor stays", || descriptors() <= before.1).await;
    }

    // Before the response headers, too.
    let server = LoopbackServer::start(Script::new().answer(Answer::silence().forever())).unwrap();
    let transport = build(HttpVersions::Http1, |_| ());
    for _ in 0..100 {
        let request = Request::post(server.url("/"))
            .body(Bytes::from_static(b"{}"))
            .unwrap();
        assert!(
            tokio::time::timeout(Duration::from_millis(3), transport.send(request))
                .await
                .is_err()
        );
    }
    until("no task stays", || alive() == 0).await;

    let server =
        LoopbackServer::start(Script::new().answer(Answer::websocket().event("{}").forever()))
            .unwrap();
    let before = descriptors();
    for _ in 0..500 {
        let request = Request::get(server.ws_url("/")).body(()).unwrap();
        let Upgrade::Accepted(mut socket, _) = transport.connect(request).await.unwrap() else {
            panic!("refused")
        };
        socket.next().await.unwrap().unwrap();
    }
    until("every socket is closed", || {
        server.closed_sockets().len() == 500
    })
    .await;
    until("no descriptor stays", || descriptors() <= before + 1).await;
    assert_eq!(alive(), 0, "a socket has no task");
}
