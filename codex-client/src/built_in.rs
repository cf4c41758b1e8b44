//! The transports and the timer of a client whose program sets none: those of the feature `http`,
//! or those of the feature `web` in a JavaScript host.

#[cfg(feature = "sockets")]
use codex_transport::SharedWsTransport;
use codex_transport::{SharedTimer, SharedTransport, Timeouts};

use crate::error::Error;

/// The transports of a feature.
pub(crate) struct Transports {
    pub(crate) http: SharedTransport,
    #[cfg(feature = "sockets")]
    pub(crate) websocket: Option<SharedWsTransport>,
}

#[cfg(feature = "http")]
pub(crate) fn transports(timeouts: Timeouts) -> Result<Transports, Error> {
    let transport = codex_transport::HyperTransport::builder()
        .timeouts(timeouts)
        .build()
        .map_err(crate::failure::transport)?;
    Ok(Transports {
        #[cfg(feature = "ws")]
        websocket: Some(SharedWsTransport::new(transport.clone())),
        #[cfg(all(feature = "sockets", not(feature = "ws")))]
        websocket: None,
        http: SharedTransport::new(transport),
    })
}

#[cfg(feature = "http")]
pub(crate) fn timer() -> Result<SharedTimer, Error> {
    Ok(SharedTimer::new(codex_transport::TokioTimer))
}

#[cfg(all(
    feature = "web",
    not(feature = "http"),
    target_family = "wasm",
    target_os = "unknown"
))]
pub(crate) fn transports(timeouts: Timeouts) -> Result<Transports, Error> {
    Ok(Transports {
        http: SharedTransport::new(codex_transport::FetchTransport::new().timeouts(timeouts)),
        #[cfg(feature = "sockets")]
        websocket: Some(SharedWsTransport::new(
            codex_transport::WebSocketTransport::new().timeouts(timeouts),
        )),
    })
}

#[cfg(all(
    feature = "web",
    not(feature = "http"),
    target_family = "wasm",
    target_os = "unknown"
))]
pub(crate) fn timer() -> Result<SharedTimer, Error> {
    Ok(SharedTimer::new(codex_transport::WebTimer))
}

#[cfg(not(any(
    feature = "http",
    all(feature = "web", target_family = "wasm", target_os = "unknown")
)))]
pub(crate) fn transports(_: Timeouts) -> Result<Transports, Error> {
    Err(Error::request(
        "no transport: set one, or enable the feature `http` (in a browser, `web`)",
    ))
}

#[cfg(not(any(
    feature = "http",
    all(feature = "web", target_family = "wasm", target_os = "unknown")
)))]
pub(crate) fn timer() -> Result<SharedTimer, Error> {
    Err(Error::request(
        "no timer: set one, or enable the feature `http` (in a browser, `web`)",
    ))
}
