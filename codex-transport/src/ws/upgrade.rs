//! The upgrade to a WebSocket: one HTTP/1.1 exchange by hyper, so that a refusal is a complete
//! response, whatever the coding and length of its body.

use core::time::Duration;

use bytes::Bytes;
use http::header::{
    CONNECTION, HOST, HeaderMap, HeaderName, HeaderValue, SEC_WEBSOCKET_ACCEPT,
    SEC_WEBSOCKET_EXTENSIONS, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL, SEC_WEBSOCKET_VERSION,
    UPGRADE,
};
use http::{Method, Request, Response, Uri};
use hyper::body::Incoming;
use tungstenite::handshake::client::generate_key;
use tungstenite::handshake::derive_accept_key;

use crate::conn::connector::{Connector, Offer};
use crate::conn::takeover::{Takeover, take_over};
use crate::error::{Error, ErrorKind, Phase, Sent};
use crate::http::body::{Body, ERROR_BODY_LIMIT};
use crate::http::encoding::decode_content;
use crate::timeouts::{TimeoutKind, Timeouts};
use crate::timer::SharedTimer;
use crate::ws::connection::WsConnection;
use crate::ws::options::WsSettings;
use crate::ws::socket::TungsteniteSocket;
use crate::ws::transport::Upgrade;

/// The timeouts of a WebSocket in addition to the connector's.
#[derive(Clone, Copy)]
pub(crate) struct WsTimeouts {
    /// The timeout for the response to the upgrade.
    upgrade: Option<Duration>,
    /// The timeout for progress while a message is written.
    send: Option<Duration>,
}

impl WsTimeouts {
    /// Derives the timeouts. An upgrade is part of connecting and gets no more time than that,
    /// however long a model may take to respond.
    pub(crate) fn new(timeouts: &Timeouts) -> Self {
        let upgrade = [timeouts.headers, timeouts.connect, timeouts.total]
            .into_iter()
            .flatten()
            .min();
        Self {
            upgrade,
            send: timeouts.byte_idle,
        }
    }
}

/// Connects and requests the upgrade.
pub(crate) async fn connect(
    connector: &Connector,
    settings: WsSettings,
    timeouts: WsTimeouts,
    timer: SharedTimer,
    request: Request<()>,
) -> Result<Upgrade, Error> {
    let (request, expected) = upgrade_request(request)?;
    let (head, ()) = request.into_parts();
    let open = || connector.open(head.uri.clone(), Offer::Http1);
    let mut opened = open().await;
    if opened.as_ref().is_err_and(Error::is_resendable_at_once) {
        opened = open().await;
    }
    let stream = opened?;
    let mut request = Request::from_parts(head, ());
    *request.uri_mut() = origin_form(request.uri())?;
    let exchange = async {
        Ok(match take_over(stream, request).await? {
            Takeover::Accepted(response, stream, rest) => Ok((response, stream, rest)),
            Takeover::Refused(response, connection) => {
                Err(connection.run_while(read_refusal(response)).await)
            }
        })
    };
    let outcome = match timeouts.upgrade {
        None => exchange.await,
        Some(period) => tokio::time::timeout(period, exchange)
            .await
            .unwrap_or_else(|_| {
                let error = Error::new(
                    ErrorKind::Timeout(TimeoutKind::Headers),
                    Phase::Handshake,
                    Sent::No,
                );
                Err(error.with_timeout(period))
            }),
    };
    // Whatever the outcome, no message was sent yet.
    match outcome.map_err(|error| error.seen_from(Phase::Handshake, Sent::No))? {
        Err(refusal) => Ok(Upgrade::Refused(refusal)),
        Ok((response, stream, rest)) => {
            expected.check(&response)?;
            let socket = TungsteniteSocket::new(stream, rest, settings, timeouts.send, timer);
            Ok(Upgrade::Accepted(WsConnection::new(socket), response))
        }
    }
}

async fn read_refusal(response: Response<Incoming>) -> Response<Bytes> {
    let (head, body) = decode_content(response.map(Body::incoming)).into_parts();
    Response::from_parts(head, body.collect_prefix(ERROR_BODY_LIMIT).await)
}

/// The response headers that the server must send to accept the upgrade (RFC 6455 section 4.1).
struct Expected {
    accept: String,
    protocols: Vec<String>,
}

fn upgrade_request(request: Request<()>) -> Result<(Request<()>, Expected), Error> {
    let (mut head, ()) = request.into_parts();
    let authority = head
        .uri
        .authority()
        .ok_or_else(|| Error::invalid_request("URL has no host"))?;
    let host = authority
        .as_str()
        .rsplit_once('@')
        .map_or(authority.as_str(), |(_, host)| host);
    let host = HeaderValue::from_str(host).map_err(Error::invalid_request)?;
    let key = generate_key();
    let accept = derive_accept_key(key.as_bytes());
    let key = HeaderValue::from_str(&key).map_err(Error::invalid_request)?;
    let own = [
        (HOST, host),
        (CONNECTION, HeaderValue::from_static("Upgrade")),
        (UPGRADE, HeaderValue::from_static("websocket")),
        (SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13")),
        (SEC_WEBSOCKET_KEY, key),
    ];
    // The crate's own values come first, as in every client; the caller's values for these headers
    // are ignored.
    let mut headers: HeaderMap = own.into_iter().collect();
    let mut last: Option<HeaderName> = None;
    for (name, value) in head.headers {
        last = name.or(last);
        let Some(name) = &last else { continue };
        if ![
            HOST,
            CONNECTION,
            UPGRADE,
            SEC_WEBSOCKET_VERSION,
            SEC_WEBSOCKET_KEY,
            SEC_WEBSOCKET_EXTENSIONS,
        ]
        .contains(name)
        {
            headers.append(name, value);
        }
    }
    let protocols = tokens(&headers, &SEC_WEBSOCKET_PROTOCOL)
        .map(str::to_owned)
        .collect();
    head.headers = headers;
    head.method = Method::GET;
    Ok((
        Request::from_parts(head, ()),
        Expected { accept, protocols },
    ))
}

impl Expected {
    fn check(&self, response: &Response<()>) -> Result<(), Error> {
        let headers = response.headers();
        let has = |name, token: &str| {
            tokens(headers, &name).any(|found| found.eq_ignore_ascii_case(token))
        };
        let chosen = headers.get(SEC_WEBSOCKET_PROTOCOL);
        let wrong = if !has(UPGRADE, "websocket") || !has(CONNECTION, "upgrade") {
            "response does not upgrade to websocket"
        } else if headers
            .get(SEC_WEBSOCKET_ACCEPT)
            .is_none_or(|accept| accept != self.accept.as_str())
        {
            "sec-websocket-accept does not match the handshake"
        } else if headers.contains_key(SEC_WEBSOCKET_EXTENSIONS) {
            "server selected an extension that was not offered"
        } else if let Some(chosen) = chosen
            && !self
                .protocols
                .iter()
                .any(|requested| chosen == requested.as_str())
        {
            "server selected a subprotocol that was not requested"
        } else if chosen.is_none() && !self.protocols.is_empty() {
            "server selected none of the requested subprotocols"
        } else {
            return Ok(());
        };
        Err(Error::new(ErrorKind::Protocol, Phase::Handshake, Sent::No)
            .with_status(response.status())
            .with_source(wrong))
    }
}

fn tokens<'a>(headers: &'a HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'a str> {
    headers
        .get_all(name)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
}

fn origin_form(uri: &Uri) -> Result<Uri, Error> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    path.parse()
        .map_err(|error: http::uri::InvalidUri| Error::invalid_request(error))
}
