//! The socket between two turns. `&mut SocketSession` needs no lock; the mutex only makes
//! `&SocketSession` `Sync`.

use std::sync::Mutex;

use crate::lock;

use super::open::Open;

#[derive(Default)]
pub(super) struct IdleSocket(Mutex<Option<Open>>);

impl IdleSocket {
    pub(super) fn get_mut(&mut self) -> &mut Option<Open> {
        lock::get_mut(&mut self.0)
    }

    pub(super) fn is_open(&self) -> bool {
        lock::lock(&self.0).is_some()
    }
}
