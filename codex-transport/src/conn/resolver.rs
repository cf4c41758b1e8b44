//! Name resolution: the fixed addresses of the connection options, then the system's resolver.

use core::fmt;
use core::future::Future;
use core::net::SocketAddr;
use core::pin::Pin;
use core::task::{Context, Poll};
use std::io;
use std::sync::Arc;

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name};
use tower_service::Service;

use crate::conn::options::ConnectOptions;

#[derive(Clone)]
pub(crate) struct Resolver {
    options: Arc<ConnectOptions>,
    system: GaiResolver,
}

/// A failure to resolve the name, as opposed to a failure to connect.
#[derive(Debug)]
pub(crate) struct ResolveError(io::Error);

impl Resolver {
    pub(crate) fn new(options: Arc<ConnectOptions>) -> Self {
        Self {
            options,
            system: GaiResolver::new(),
        }
    }
}

impl Service<Name> for Resolver {
    type Response = std::vec::IntoIter<SocketAddr>;
    type Error = ResolveError;
    type Future = Pin<Box<dyn Future<Output = Result<Self::Response, ResolveError>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), ResolveError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, name: Name) -> Self::Future {
        let fixed = self.options.addresses(name.as_str());
        let fixed = fixed.map(<[SocketAddr]>::to_vec);
        let mut system = self.system.clone();
        Box::pin(async move {
            match fixed {
                Some(addresses) => Ok(addresses.into_iter()),
                None => match system.call(name).await {
                    Ok(addresses) => Ok(addresses.collect::<Vec<_>>().into_iter()),
                    Err(error) => Err(ResolveError(error)),
                },
            }
        })
    }
}

impl fmt::Display for ResolveError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("name resolution failed")
    }
}

impl core::error::Error for ResolveError {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.0)
    }
}
