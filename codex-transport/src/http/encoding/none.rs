//! Content codings for a build without any of their features.

use crate::http::body::Body;

pub(super) enum Coding {}

impl Coding {
    #[cfg(feature = "hyper")]
    pub(super) const NAMES: &[&str] = &[];

    pub(super) fn named(_: &[u8]) -> Option<Self> {
        None
    }

    pub(super) fn decoded(self, _: Body) -> Body {
        match self {}
    }
}
