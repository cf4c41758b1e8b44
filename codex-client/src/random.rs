//! Random numbers that must differ from those of other clients, but need not be hard to guess.

use core::hash::BuildHasher as _;
use std::hash::RandomState;

/// Returns a number from the seed of the standard library's hash maps: 128 bits from the operating
/// system, once for each thread, with another key for each map.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) fn random() -> u64 {
    RandomState::new().hash_one(())
}

/// Returns a number from the cryptographic generator of the JavaScript host. The standard library
/// has no seed on this target: its hash maps have the same keys on every page.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) fn random() -> u64 {
    // A host without a generator gets equal ids on every page, but no failed request.
    getrandom::u64().unwrap_or_else(|_| RandomState::new().hash_one(()))
}
