//! A connection for a request: one that waits in the pool, or a new one.

use core::time::Duration;
use std::sync::Arc;

use http::Uri;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};

use crate::connector::{Connector, Offer};
use crate::heard_out::HeardOut;
use crate::http1::Http1;
use crate::pool::{Http2, Pool, Shelf, Turn};
use crate::{Connection, Error, ErrorKind, HttpVersions, Phase, Sent, hyper_error};

pub(crate) struct Connections {
    connector: Connector,
    pool: Pool,
    http1: http1::Builder,
    http2: http2::Builder<TokioExecutor>,
    only_http2: bool,
}

pub(crate) enum Connected {
    /// For one request at a time, with the place where it belongs afterwards.
    Http1(Box<Http1>, Arc<Shelf>),
    /// For many.
    Http2(Http2),
}

impl Connections {
    pub(crate) fn new(connector: Connector, connection: &Connection) -> Self {
        let mut http1 = http1::Builder::new();
        http1.max_buf_size(HEAD_LIMIT as usize);
        let mut http2 = http2::Builder::new(TokioExecutor::new());
        http2
            .timer(TokioTimer::new())
            .max_header_list_size(HEAD_LIMIT)
            .keep_alive_interval(connection.http2_keepalive);
        if let Some(period) = connection.http2_keepalive {
            http2.keep_alive_timeout(period);
        }
        Self {
            connector,
            pool: Pool::new(connection),
            http1,
            http2,
            only_http2: connection.http == HttpVersions::Http2,
        }
    }

    pub(crate) async fn get(&self, uri: &Uri) -> Result<Connected, Error> {
        let shelf = self.shelf(uri)?;
        loop {
            if let Some(waiting) = take(&shelf) {
                return Ok(waiting);
            }
            let mut theirs = match shelf.turn(self.only_http2) {
                Turn::There(http2) => return Ok(Connected::Http2(http2)),
                Turn::Theirs(theirs) => theirs,
                Turn::Ours(ours) => {
                    let dialed = Box::pin(self.dial(uri, &shelf)).await;
                    // Whether the others have more luck is not for us to say, and nobody is to wait for one failure after the other.
                    if let (Some(ours), Err(_) | Ok(Connected::Http1(..))) = (ours, &dialed) {
                        let _ = ours.send(());
                    }
                    return dialed;
                }
            };
            // Without a word, it is there or they gave up. If they take too long, they may be a future that is not polled any more.
            let patience = self.connector.timeout().unwrap_or(PATIENCE);
            let theirs = tokio::time::timeout(patience, theirs.changed()).await;
            if matches!(theirs, Ok(Ok(())) | Err(_)) {
                return Box::pin(self.dial(uri, &shelf)).await;
            }
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
    async fn dial(&self, uri: &Uri, shelf: &Arc<Shelf>) -> Result<Connected, Error> {
        let failed = |error: hyper::Error| {
            Error::new(hyper_error::classify(&error), Phase::Handshake, Sent::No).with_source(error)
        };
        let stream = self.connector.open(uri.clone(), Offer::Policy).await?;
        if self.only_http2 || stream.is_http2() {
            let io = TokioIo::new(HeardOut::new(stream));
            let (sender, connection) = self.http2.handshake(io).await.map_err(failed)?;
            // Shared by many, so none of them can be the one that runs it. How it ended they are told by their own streams.
            tokio::spawn(async {
                let _ = connection.await;
            });
            Ok(Connected::Http2(shelf.put_http2(sender)))
        } else {
            let connection = Http1::handshake(&self.http1, stream)
                .await
                .map_err(failed)?;
            shelf.speaks_http1();
            Ok(Connected::Http1(Box::new(connection), shelf.clone()))
        }
    }
}

fn take(shelf: &Arc<Shelf>) -> Option<Connected> {
    let http2 = shelf.share_http2().map(Connected::Http2);
    http2.or_else(|| Some(Connected::Http1(shelf.take_http1()?, shelf.clone())))
}

/// A head of this many bytes is taken. hyper fills whatever room its buffer has before it looks at the limit, so one that is up to twice
/// as long may be taken as well. By itself hyper takes 400 KiB over HTTP/1.1, which is also how far its read buffer may grow, and 16 KiB
/// over HTTP/2.
pub(crate) const HEAD_LIMIT: u32 = 64 * 1024;

// Where connecting has no clock of its own.
const PATIENCE: Duration = Duration::from_secs(10);
