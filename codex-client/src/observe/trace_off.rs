//! Without the feature `tracing`: empty types and functions, at no cost.

use core::future::Future;
use core::time::Duration;

use codex_types::Response;
use http::{StatusCode, Uri};

use crate::error::Error;
use crate::request::Prepared;

#[derive(Clone)]
pub(crate) struct Trace;

impl Trace {
    pub(crate) fn none() -> Self {
        Self
    }

    pub(crate) fn of_response(_: &Prepared) -> Self {
        Self
    }

    pub(crate) fn within<F: Future>(&self, future: F) -> F {
        future
    }

    pub(crate) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        poll()
    }

    pub(crate) fn first_event(&self, _: Duration) {}

    pub(crate) fn ended(&self, _: &Response) {}

    pub(crate) fn again(&self, _: &Error, _: Duration) {}

    pub(crate) fn failed(&self, _: &Error) {}
}

pub(crate) struct Attempt;

impl Attempt {
    pub(crate) fn over_http(_: &http::Method, _: &Uri, _: u32) -> Self {
        Self
    }

    #[cfg(feature = "sockets")]
    pub(crate) fn over_socket(_: &Uri) -> Self {
        Self
    }

    pub(crate) fn within<F: Future>(&self, future: F) -> F {
        future
    }

    pub(crate) fn answered(&self, _: StatusCode) {}

    pub(crate) fn failed(&self, _: &Error) {}
}
