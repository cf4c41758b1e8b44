//! The newest items of a conversation, which no request has checked yet. Earlier items were checked
//! with the requests that sent them, so the cost of a check does not grow with the conversation.

use core::fmt;
use core::sync::atomic::{AtomicBool, Ordering};

use codex_types::lint::Linter;
use codex_types::{CreateResponse, InputItem};

pub(crate) struct Unsettled {
    items: Vec<InputItem>,
    is_accepted: AtomicBool,
}

impl Unsettled {
    pub(crate) fn new(items: Vec<InputItem>) -> Self {
        Self {
            items,
            is_accepted: AtomicBool::new(false),
        }
    }

    /// Whether the service accepts these items in a request like this one.
    pub(crate) fn accept(&self, linter: &Linter, request: &CreateResponse) -> bool {
        let is_accepted = linter.accepts_items(request, &self.items);
        self.is_accepted.store(is_accepted, Ordering::Relaxed);
        is_accepted
    }

    /// Whether a check has accepted the items.
    pub(crate) fn is_accepted(&self) -> bool {
        self.is_accepted.load(Ordering::Relaxed)
    }
}

impl fmt::Debug for Unsettled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Leave out the items: users and the model wrote them.
        f.debug_struct("Unsettled")
            .field("items", &self.items.len())
            .finish_non_exhaustive()
    }
}
