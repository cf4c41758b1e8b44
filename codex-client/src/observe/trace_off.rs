//! Without the feature `tracing`: nothing, at no cost.

use core::future::Future;
use core::time::Duration;

use codex_types::Response;
use http::{StatusCode, Uri};

use crate::error::Error;
use crate::turn::Turn;

#[derive(Clone)]
pub(crate) struct Trace;

impl Trace {
    pub(super) fn none() -> Self {
        Self
    }

    pub(super) fn of_turn(_: &Turn) -> Self {
        Self
    }

    pub(super) fn within<F: Future>(&self, future: F) -> F {
        future
    }

    pub(super) fn scope<T>(&self, poll: impl FnOnce() -> T) -> T {
        poll()
    }

    pub(super) fn first_event(&self, _: Duration) {}

    pub(super) fn ended(&self, _: &Response) {}

    pub(super) fn again(&self, _: &Error, _: Duration) {}

    pub(super) fn failed(&self, _: &Error) {}
}

pub(crate) struct Attempt;

impl Attempt {
    pub(crate) fn over_http(_: &http::Method, _: &Uri, _: u32) -> Self {
        Self
    }

    #[cfg(feature = "ws")]
    pub(crate) fn over_socket(_: &Uri) -> Self {
        Self
    }

    pub(crate) fn within<F: Future>(&self, future: F) -> F {
        future
    }

    pub(crate) fn answered(&self, _: StatusCode) {}

    pub(crate) fn failed(&self, _: &Error) {}
}
