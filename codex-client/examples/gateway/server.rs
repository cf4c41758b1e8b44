// Connections from the first to the last: accepting them, serving them, and stopping without cutting anything off.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};

use crate::arguments::Limits;
use crate::gateway::Gateway;
use crate::guard::Guard;
use crate::patience::Patience;
use crate::routes;
use crate::upstream::Upstream;

pub(crate) struct Server {
    listener: TcpListener,
    address: SocketAddr,
}

impl Server {
    pub(crate) async fn bind(address: SocketAddr) -> Result<Self, String> {
        let failed = |error| format!("cannot listen on {address}: {error}");
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until asked to stop. Then running answers are finished, unless they take too long or the gateway is asked again.
    pub(crate) async fn run(
        self,
        upstream: Upstream,
        guard: Guard,
        limits: Limits,
        mut stopped: impl AsyncFnMut(),
    ) {
        let (stop, stopping) = watch::channel(false);
        let (running, mut all_done) = mpsc::channel(1);
        let gateway = Arc::new(Gateway {
            upstream,
            guard,
            limits,
            stopping,
            _running: running,
        });
        {
            let mut stopped = pin!(stopped());
            loop {
                tokio::select! {
                    () = &mut stopped => break,
                    accepted = self.listener.accept() => match accepted {
                        Ok((stream, _)) => {
                            tokio::spawn(serve(gateway.clone(), stream));
                        }
                        // Too many open files, most likely; some will be closed.
                        Err(_) => tokio::time::sleep(BREATH).await,
                    },
                }
            }
        }
        drop(self.listener);
        drop(gateway);
        let _ = stop.send(true);
        tokio::select! {
            _ = all_done.recv() => {}
            () = tokio::time::sleep(limits.stop_within) => {}
            () = stopped() => {}
        }
    }
}

async fn serve(gateway: Arc<Gateway>, stream: TcpStream) {
    // Deltas are small and must not wait for each other. A connection that refuses the option works without it.
    let _ = stream.set_nodelay(true);
    let patience = gateway.limits.patience;
    let mut stopping = gateway.stopping.clone();
    let service = service_fn(move |request| {
        let gateway = gateway.clone();
        async move { Ok::<_, Infallible>(routes::answer(gateway, request).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(patience)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(Patience::new(stream, patience)), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    tokio::select! {
        // Whatever is wrong with a connection, its other end knows as much.
        _ = connection.as_mut() => return,
        _ = stopping.wait_for(|stopping| *stopping) => {}
    }
    connection.as_mut().graceful_shutdown();
    let _ = connection.await;
}

/// Bytes of the head of a request, and of an answer that waits for its client.
const MAX_HEAD: usize = 64 * 1024;
const BREATH: Duration = Duration::from_millis(50);
