use core::fmt;

use codex_types::CreateResponse;

use crate::options::CallOptions;
use crate::session::history::Said;

/// A prepared turn of a [`Session`](crate::Session).
pub struct Draft {
    pub(super) request: CreateResponse,
    pub(super) options: CallOptions,
    pub(super) said: Said,
    /// The length of the history that the draft was made for.
    pub(super) length: usize,
}

impl Draft {
    /// Returns the request, with the whole history in it.
    #[must_use]
    pub fn request(&self) -> &CreateResponse {
        &self.request
    }

    /// Returns the options of the call, which identify the conversation.
    pub fn options(&self) -> &CallOptions {
        &self.options
    }
}

impl fmt::Debug for Draft {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Draft")
            .field("options", &self.options)
            .finish_non_exhaustive()
    }
}
