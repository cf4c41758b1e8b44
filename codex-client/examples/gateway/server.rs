//! Accepts connections within limits, serves them, and stops without cutting a response off.

use core::convert::Infallible;
use core::net::SocketAddr;
use core::pin::pin;
use core::time::Duration;
use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio::time::{Instant, sleep};

use crate::arguments::{Arguments, Limits};
use crate::connection::{ClientStream, Visitor, left};
use crate::gateway::Gateway;
use crate::guard::Guard;
use crate::journal::Journal;
use crate::policy::Policy;
use crate::routes;
use crate::services::Services;
use crate::state::Memory;
use crate::woken::Woken;
use crate::workers::Workers;

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

    /// Serves until asked to stop. Then lets running responses finish, unless they take too long or
    /// the gateway is asked again.
    pub(crate) async fn run(
        self,
        services: Services,
        guard: Guard,
        policy: Policy,
        arguments: &Arguments,
        workers: &Workers,
        mut stopped: impl AsyncFnMut(),
    ) {
        let limits = arguments.limits;
        let (stop, stopping) = watch::channel(false);
        let (running, mut all_done) = mpsc::channel(1);
        let kept = (arguments.remember > 0).then(|| {
            Memory::new(
                arguments.remember,
                remembered_bytes(arguments.remember, limits),
            )
        });
        let gateway = Arc::new(Gateway {
            services,
            guard,
            policy,
            journal: Journal::new(arguments.log),
            memory: kept,
            open_metrics: arguments.open_metrics,
            limits,
            stopping,
            _running: running,
        });
        if arguments.checks {
            tokio::spawn(check(gateway.clone()));
        }
        {
            let mut stopped = pin!(stopped());
            let mut strangers = Strangers::default();
            let permits = Arc::new(Semaphore::new(limits.connections));
            loop {
                let accepted = async {
                    strangers.make_room().await;
                    self.listener.accept().await
                };
                tokio::select! {
                    () = &mut stopped => break,
                    accepted = accepted => match accepted {
                        Ok((stream, peer)) => {
                            // Connections beyond the limit are closed at once, so that their
                            // clients notice.
                            if let Ok(permit) = permits.clone().try_acquire_owned()
                                && let Ok(stream) = stream.into_std()
                            {
                                let visitor = Visitor::new(peer);
                                strangers.add(&visitor);
                                let serving = serve(gateway.clone(), visitor, stream, permit);
                                workers.spawn(serving);
                            }
                        }
                        // Most likely too many files are open; some will be closed soon.
                        Err(_) => sleep(BREATH).await,
                    },
                }
            }
        }
        drop(self.listener);
        drop(gateway);
        let _ = stop.send(true);
        tokio::select! {
            _ = all_done.recv() => {}
            () = sleep(limits.stop_within) => {}
            () = stopped() => {}
        }
    }
}

/// Checks the credentials while requests are already served.
async fn check(gateway: Arc<Gateway>) {
    let mut stopping = gateway.stopping.clone();
    for service in gateway.services.all() {
        tokio::select! {
            found = service.check() => eprintln!("{found}"),
            _ = stopping.wait_for(|stopping| *stopping) => return,
        }
    }
}

/// Connections that have not sent a valid token yet. Their number is limited; a new one replaces
/// the oldest, which has had time to send its token.
#[derive(Default)]
struct Strangers {
    waiting: VecDeque<(Weak<Visitor>, Instant)>,
}

impl Strangers {
    fn add(&mut self, visitor: &Arc<Visitor>) {
        let stranger = (Arc::downgrade(visitor), Instant::now());
        self.waiting.push_back(stranger);
    }

    /// Returns when another connection may be accepted. Until then clients wait in the system's
    /// queue: many that connect at once need no more than the time to read their requests.
    async fn make_room(&mut self) {
        while self.waiting.len() >= STRANGERS {
            self.waiting
                .retain(|(waiting, _)| waiting.upgrade().is_some_and(|it| !it.is_known()));
            let Some((oldest, since)) = self.waiting.front() else {
                return;
            };
            if self.waiting.len() < STRANGERS {
                return;
            }
            if since.elapsed() < GRACE {
                sleep(GRACE_CHECK_INTERVAL).await;
                continue;
            }
            if let Some(oldest) = oldest.upgrade() {
                oldest.replaced.notify_one();
            }
            self.waiting.pop_front();
        }
    }
}

async fn serve(
    gateway: Arc<Gateway>,
    visitor: Arc<Visitor>,
    stream: std::net::TcpStream,
    _permit: OwnedSemaphorePermit,
) {
    // Registers the connection with the event loop of this thread.
    let Ok(stream) = TcpStream::from_std(stream) else {
        return;
    };
    let journal = gateway.journal.clone();
    journal.connected();
    serve_connection(gateway, visitor, stream).await;
    journal.disconnected();
}

async fn serve_connection(gateway: Arc<Gateway>, visitor: Arc<Visitor>, stream: TcpStream) {
    // Deltas are small and must not wait for each other. A connection that rejects the option works
    // without it.
    let _ = stream.set_nodelay(true);
    let stream = Arc::new(stream);
    let client_timeout = gateway.limits.client_timeout;
    let mut stopping = gateway.stopping.clone();
    let service = service_fn(|request| {
        let (gateway, visitor) = (gateway.clone(), visitor.clone());
        // hyper keeps the space of this future as long as the connection, and a large one takes as
        // much as everything else of a stream. In a box, it is freed with the response's headers.
        Box::pin(
            async move { Ok::<_, Infallible>(routes::answer(gateway, visitor, request).await) },
        )
    });
    let io = ClientStream::new(stream.clone(), visitor.clone(), client_timeout);
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(client_timeout)
        .max_buf_size(MAX_HEAD)
        .serve_connection(TokioIo::new(io), service)
        .with_upgrades();
    let mut connection = pin!(connection);
    let is_stranger = async {
        tokio::select! {
            () = visitor.replaced.notified() => {}
            () = sleep(client_timeout.min(INTRODUCTION)) => {}
        }
        if visitor.is_known() {
            core::future::pending::<()>().await;
        }
    };
    // Returns whether the gateway is stopping; otherwise the connection is closed.
    let interrupted = pin!(async {
        tokio::select! {
            () = left(&stream) => false,
            () = is_stranger => false,
            _ = stopping.wait_for(|stopping| *stopping) => true,
        }
    });
    tokio::select! {
        biased;
        // Connection errors concern only that client.
        _ = connection.as_mut() => return,
        is_stopping = Woken::new(interrupted) => if !is_stopping {
            return;
        }
    }
    connection.as_mut().graceful_shutdown();
    tokio::select! {
        _ = connection => {}
        () = left(&stream) => {}
    }
}

/// Returns the bytes available for remembered responses: enough for the largest request, plus an
/// average size for each.
fn remembered_bytes(responses: usize, limits: Limits) -> usize {
    limits.body.max(responses.saturating_mul(REMEMBERED))
}

/// The maximum size of a request's headers, and of a response part that waits for its client.
const MAX_HEAD: usize = 64 * 1024;
const BREATH: Duration = Duration::from_millis(50);
/// The maximum number of connections without a token.
const STRANGERS: usize = 128;
/// The minimum time for a connection without a token, while there are too many of them.
const GRACE: Duration = Duration::from_millis(500);
const GRACE_CHECK_INTERVAL: Duration = Duration::from_millis(1);
/// The maximum time for a connection without a token.
const INTRODUCTION: Duration = Duration::from_secs(10);
/// The average size of a remembered response in bytes.
const REMEMBERED: usize = 256 * 1024;
