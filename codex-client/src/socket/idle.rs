// The socket between two turns. Whoever has the session to himself reaches it without a lock; the lock is there for `&SocketSession`, of which
// there may be many: an open socket can be sent to another thread, but not be looked at by two.

use std::sync::{Mutex, PoisonError};

use super::open::Open;

#[derive(Default)]
pub(super) struct Kept(Mutex<Option<Open>>);

impl Kept {
    pub(super) fn get_mut(&mut self) -> &mut Option<Open> {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_open(&self) -> bool {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .is_some()
    }
}
