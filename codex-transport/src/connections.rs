//! A connection for a request: one that waits in the pool, or a new one.

use core::pin::pin;
use core::time::Duration;
use std::sync::Arc;

use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::connector::{Connector, Offer};
use crate::exchange::Progress;
use crate::heard_out::HeardOut;
use crate::http1::Http1;
use crate::http2::{INITIAL_STREAMS, InUse, Sender};
use crate::pool::{Pool, Shelf, Turn};
use crate::{Connection, Error, ErrorKind, HttpVersions, Phase, Sent, hyper_error, limits};

pub(crate) struct Connections {
    connector: Connector,
    pool: Pool,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    versions: HttpVersions,
}

pub(crate) enum Connected {
    /// For one request at a time, with the place where it belongs afterwards.
    Http1(Box<Http1>, Arc<Shelf>),
    /// For many, of which this is one.
    Http2(Sender, InUse),
}

impl Connections {
    pub(crate) fn new(connector: Connector, connection: &Connection) -> Self {
        let mut http1 = http1::Builder::new();
        http1
            .max_buf_size(limits::HTTP1_BUFFER)
            .max_headers(limits::HEADER_FIELDS);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(limits::HTTP2_HEADER_LIST)
            .initial_max_send_streams(INITIAL_STREAMS)
            .keep_alive_interval(connection.http2_keepalive);
        if let Some(period) = connection.http2_keepalive {
            http2.keep_alive_timeout(period);
        }
        Self {
            connector,
            pool: Pool::new(connection),
            http1,
            http2,
            versions: connection.http,
        }
    }

    pub(crate) async fn get(&self, uri: &Uri, progress: &Progress) -> Result<Connected, Error> {
        let shelf = self.shelf(uri)?;
        let patience = self.connector.timeout().unwrap_or(PATIENCE);
        let mut known_by = None;
        loop {
            if let Some(waiting) = take(&shelf) {
                return Ok(waiting);
            }
            let freed = shelf.freed();
            let mut freed = pin!(freed.notified());
            // From here on no notification is missed.
            freed.as_mut().enable();
            let mut theirs = match shelf.turn(self.may_agree_on_http2(uri)) {
                Turn::There(sender, in_use) => return Ok(Connected::Http2(sender, in_use)),
                Turn::Theirs(theirs) => theirs,
                Turn::Ours(ours) => {
                    let dialed = Box::pin(self.dial(uri, &shelf, false)).await;
                    // Our dial failed: wake the waiters so that they dial in parallel instead of failing one by one.
                    if let (Some(ours), Err(_) | Ok(Some(Connected::Http1(..)))) = (ours, &dialed) {
                        let _ = ours.send(());
                    }
                    match dialed? {
                        Some(connected) => return Ok(connected),
                        // Another request was quicker, and its connection may serve this one too.
                        None => continue,
                    }
                }
                Turn::Full(limit) => {
                    progress.wait_for_stream(Some(limit));
                    freed.await;
                    progress.wait_for_stream(None);
                    continue;
                }
                Turn::Unknown => {
                    // hyper does not report when the limit arrives. One that does not come is as good as none.
                    if tokio::time::Instant::now()
                        >= *known_by.get_or_insert_with(|| tokio::time::Instant::now() + patience)
                    {
                        return self.insist(uri, &shelf).await;
                    }
                    let _ = tokio::time::timeout(LOOK_AGAIN, freed).await;
                    continue;
                }
            };
            // A closed channel means that the connection is ready or the dialer gave up. If it takes too long, it may be a future that
            // is not polled any more.
            let theirs = tokio::time::timeout(patience, theirs.changed()).await;
            if matches!(theirs, Ok(Ok(())) | Err(_)) {
                return self.insist(uri, &shelf).await;
            }
        }
    }

    // A connection for this request, whatever others do.
    async fn insist(&self, uri: &Uri, shelf: &Arc<Shelf>) -> Result<Connected, Error> {
        let dialed = Box::pin(self.dial(uri, shelf, true)).await?;
        dialed.ok_or_else(|| Error::new(ErrorKind::ConnectionLost, Phase::Connect, Sent::No))
    }

    /// From now on this origin is spoken to over HTTP/1.1, unless nothing but HTTP/2 may be spoken.
    pub(crate) fn require_http1(&self, uri: &Uri) {
        if let Ok(shelf) = self.shelf(uri)
            && self.versions != HttpVersions::Http2
        {
            shelf.require_http1();
        }
    }

    // Over TLS the server chooses.
    fn may_agree_on_http2(&self, uri: &Uri) -> bool {
        match self.versions {
            HttpVersions::Http2 => true,
            HttpVersions::Negotiated => uri.scheme_str() == Some("https"),
            HttpVersions::Http1 => false,
        }
    }

    fn shelf(&self, uri: &Uri) -> Result<Arc<Shelf>, Error> {
        match (uri.scheme(), uri.authority()) {
            (Some(scheme), Some(authority)) => {
                Ok(self.pool.shelf((scheme.clone(), authority.clone())))
            }
            _ => Err(
                Error::new(ErrorKind::InvalidRequest, Phase::Prepare, Sent::No)
                    .with_source("the URL has no host"),
            ),
        }
    }

    // To be boxed, so that a request over a connection that is there need not have the room for making one.
    // `None` where another connection was made meanwhile that may do, unless the caller insists.
    async fn dial(
        &self,
        uri: &Uri,
        shelf: &Arc<Shelf>,
        insist: bool,
    ) -> Result<Option<Connected>, Error> {
        let failed = |error| hyper_error::at(error, Phase::Handshake, Sent::No);
        let offer = if shelf.requires_http1() {
            Offer::Http1
        } else {
            Offer::Policy
        };
        let stream = self.connector.open(uri.clone(), offer).await?;
        if self.versions == HttpVersions::Http2 || stream.is_http2() {
            let io = TokioIo::new(HeardOut::new(stream));
            let (sender, connection) = self.http2.handshake(io).await.map_err(failed)?;
            let stream = shelf.put_http2(sender, connection, insist);
            Ok(stream.map(|(sender, in_use)| Connected::Http2(sender, in_use)))
        } else {
            let connection = Http1::handshake(&self.http1, stream)
                .await
                .map_err(failed)?;
            shelf.speaks_http1();
            let connection = Connected::Http1(Box::new(connection), shelf.clone());
            Ok(Some(connection))
        }
    }
}

fn take(shelf: &Arc<Shelf>) -> Option<Connected> {
    let http2 = shelf.share_http2();
    let http2 = http2.map(|(sender, in_use)| Connected::Http2(sender, in_use));
    http2.or_else(|| Some(Connected::Http1(shelf.take_http1()?, shelf.clone())))
}

// Where connecting has no clock of its own.
const PATIENCE: Duration = Duration::from_secs(10);

// How soon it is asked again whether a server has sent its limit of streams.
const LOOK_AGAIN: Duration = Duration::from_millis(1);
