//! Whether the server turned out to have only Chat Completions. A client has one base URL, so its
//! sessions and clones share the result.

use core::sync::atomic::{AtomicBool, Ordering};

/// The result of probing the server's API.
#[derive(Default)]
pub(crate) struct FoundWire(AtomicBool);

impl FoundWire {
    pub(crate) fn is_chat(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn set_chat(&self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
