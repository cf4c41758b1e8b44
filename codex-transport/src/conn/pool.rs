//! The connection for each request: an idle one of the pool, or a new one.

mod checkout;
mod host;
mod http1;
mod http2;
mod streams;

use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use http::Uri;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::time::Instant;

pub(crate) use self::checkout::{Checkout, Http1Body};
use self::host::{Admission, HostPool, Hosts};
use self::http1::Http1;
pub(crate) use self::http2::StreamPermit;
use self::http2::{INITIAL_STREAMS, Sender};
use crate::conn::connector::{Connector, Offer};
use crate::conn::lingering::Lingering;
use crate::conn::options::ConnectOptions;
use crate::conn::request_body::Progress;
use crate::conn::versions::HttpVersions;
use crate::conn::{hyper_error, limits};
use crate::error::{Error, ErrorKind, Phase, Sent};

/// The connections to all servers, and the connector that opens new ones.
pub(crate) struct Pool {
    connector: Connector,
    hosts: Hosts,
    http1: hyper::client::conn::http1::Builder,
    http2: hyper::client::conn::http2::Builder<TokioExecutor>,
    versions: HttpVersions,
}

/// A connection for one request.
pub(crate) enum Connected {
    /// A connection for one request at a time, and the pool that it returns to.
    Http1(Box<Http1>, Arc<HostPool>),
    /// A stream of a shared connection.
    Http2(Sender, StreamPermit),
}

impl Pool {
    pub(crate) fn new(connector: Connector, options: &ConnectOptions) -> Self {
        let mut http2 = limits::http2_builder();
        http2
            .timer(TokioTimer::new())
            .initial_max_send_streams(INITIAL_STREAMS)
            .keep_alive_interval(options.http2_keepalive);
        if let Some(period) = options.http2_keepalive {
            http2.keep_alive_timeout(period);
        }
        Self {
            connector,
            hosts: Hosts::new(options),
            http1: limits::http1_builder(),
            http2,
            versions: options.http,
        }
    }

    pub(crate) async fn get(&self, uri: &Uri, progress: &Progress) -> Result<Connected, Error> {
        let pool = self.host(uri)?;
        let max_wait = self.connector.timeout().unwrap_or(DEFAULT_MAX_WAIT);
        let mut limit_due = None;
        loop {
            if let Some(idle) = take(&pool) {
                return Ok(idle);
            }
            let freed = pool.freed();
            let mut freed = pin!(freed.notified());
            // From here on, no notification is missed.
            freed.as_mut().enable();
            let mut dialing = match pool.admit(self.may_agree_on_http2(uri)) {
                Admission::Stream(sender, permit) => return Ok(Connected::Http2(sender, permit)),
                Admission::Wait(dialing) => dialing,
                Admission::Dial(waiters) => {
                    let dialed = Box::pin(self.dial(uri, &pool, false)).await;
                    // Our dial failed: wake the waiters so that they dial in parallel instead of
                    // failing one by one.
                    if let (Some(waiters), Err(_) | Ok(Some(Connected::Http1(..)))) =
                        (waiters, &dialed)
                    {
                        let _ = waiters.send(());
                    }
                    match dialed? {
                        Some(connected) => return Ok(connected),
                        // Another request dialed first, and its connection may carry this request
                        // too.
                        None => continue,
                    }
                }
                Admission::Full(limit) => {
                    progress.wait_for_stream(Some(limit));
                    freed.await;
                    progress.wait_for_stream(None);
                    continue;
                }
                Admission::LimitPending => {
                    // hyper does not report when the server's limit arrives. A limit that does not
                    // arrive in time counts as reached.
                    if Instant::now() >= *limit_due.get_or_insert_with(|| Instant::now() + max_wait)
                    {
                        return self.dial_anyway(uri, &pool).await;
                    }
                    let _ = tokio::time::timeout(LIMIT_CHECK_INTERVAL, freed).await;
                    continue;
                }
            };
            // A closed channel means that the connection is ready or the dialer gave up. If it
            // stays open too long, the dialer may be a future that is no longer polled.
            let dialing = tokio::time::timeout(max_wait, dialing.changed()).await;
            if matches!(dialing, Ok(Ok(())) | Err(_)) {
                return self.dial_anyway(uri, &pool).await;
            }
        }
    }

    // Opens a connection for this request, regardless of other requests.
    async fn dial_anyway(&self, uri: &Uri, pool: &Arc<HostPool>) -> Result<Connected, Error> {
        let dialed = Box::pin(self.dial(uri, pool, true)).await?;
        dialed.ok_or_else(|| Error::new(ErrorKind::ConnectionLost, Phase::Connect, Sent::No))
    }

    /// Uses HTTP/1.1 for this origin from now on, unless only HTTP/2 is allowed.
    pub(crate) fn require_http1(&self, uri: &Uri) {
        if let Ok(pool) = self.host(uri)
            && self.versions != HttpVersions::Http2
        {
            pool.require_http1();
        }
    }

    // Over TLS, the server chooses.
    fn may_agree_on_http2(&self, uri: &Uri) -> bool {
        match self.versions {
            HttpVersions::Http2 => true,
            HttpVersions::Negotiated => uri.scheme_str() == Some("https"),
            HttpVersions::Http1 => false,
        }
    }

    fn host(&self, uri: &Uri) -> Result<Arc<HostPool>, Error> {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                Ok(self.hosts.pool((scheme.clone(), authority.clone())))
            }
            _ => Err(Error::invalid_request("URL has no host")),
        }
    }

    // The callers box this future, so that a request over an existing connection stays small.
    // Returns `None` if another connection was opened meanwhile that can carry the request, unless
    // `force` is set.
    async fn dial(
        &self,
        uri: &Uri,
        pool: &Arc<HostPool>,
        force: bool,
    ) -> Result<Option<Connected>, Error> {
        let failed = |error| hyper_error::at(error, Phase::Handshake, Sent::No);
        let offer = if pool.requires_http1() {
            Offer::Http1
        } else {
            Offer::Configured
        };
        let stream = self.connector.open(uri.clone(), offer).await?;
        if self.versions == HttpVersions::Http2 || stream.is_http2() {
            let io = TokioIo::new(Lingering::new(stream));
            let (sender, connection) = self.http2.handshake(io).await.map_err(failed)?;
            let stream = pool.put_http2(sender, connection, force);
            Ok(stream.map(|(sender, permit)| Connected::Http2(sender, permit)))
        } else {
            let connection = Http1::handshake(&self.http1, stream)
                .await
                .map_err(failed)?;
            pool.agreed_on_http1();
            let connection = Connected::Http1(Box::new(connection), pool.clone());
            Ok(Some(connection))
        }
    }
}

fn take(pool: &Arc<HostPool>) -> Option<Connected> {
    let stream = pool.open_stream();
    let stream = stream.map(|(sender, permit)| Connected::Http2(sender, permit));
    stream.or_else(|| Some(Connected::Http1(pool.take_http1()?, pool.clone())))
}

// How long a request waits for another request's connection if connecting has no timeout.
const DEFAULT_MAX_WAIT: Duration = Duration::from_secs(10);

// How often a request checks whether the server's limit on streams has arrived.
const LIMIT_CHECK_INTERVAL: Duration = Duration::from_millis(1);
