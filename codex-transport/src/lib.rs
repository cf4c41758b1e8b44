#![doc = include_str!("../README.md")]

mod connection;
#[cfg(feature = "hyper")]
mod connector;
mod error;
mod http;
#[cfg(feature = "hyper")]
mod hyper;
#[cfg(feature = "hyper")]
mod hyper_error;
#[cfg(feature = "testing")]
pub mod testing;
mod timeouts;
mod timer;
#[cfg(feature = "tls")]
mod tls;

pub use crate::connection::{Connection, HttpVersions};
pub use crate::error::{Error, ErrorKind, Phase, Sent, Side};
pub use crate::http::{Body, BoxTransport, ERROR_BODY_LIMIT, HttpTransport};
#[cfg(feature = "hyper")]
pub use crate::hyper::{HyperTransport, HyperTransportBuilder};
pub use crate::timeouts::{Clock, Timeouts, Watch};
#[cfg(feature = "hyper")]
pub use crate::timer::TokioTimer;
pub use crate::timer::{BoxTimer, Timer};
#[cfg(feature = "tls")]
pub use crate::tls::{Roots, Tls};
