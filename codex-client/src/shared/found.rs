// Whether the server turned out to have Chat Completions only. A client has one base URL, and its sessions and clones share what was found.

use core::sync::atomic::{AtomicBool, Ordering};

/// What is known about the server's API.
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
