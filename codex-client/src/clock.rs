//! The clock that counts from the Unix epoch. The standard library has none on
//! `wasm32-unknown-unknown`, where reading its own would panic.

use core::time::Duration;
use std::time::{SystemTime, UNIX_EPOCH};

/// Returns the current time of the system.
#[cfg(not(all(target_family = "wasm", target_os = "unknown")))]
pub(crate) fn system_time() -> SystemTime {
    SystemTime::now()
}

/// Returns the current time of the JavaScript host.
#[cfg(all(target_family = "wasm", target_os = "unknown"))]
pub(crate) fn system_time() -> SystemTime {
    use web_time::web::SystemTimeExt as _;

    web_time::SystemTime::now().to_std()
}

/// Returns the time since the Unix epoch, or zero if the clock is set before it.
pub(crate) fn since_epoch() -> Duration {
    system_time().duration_since(UNIX_EPOCH).unwrap_or_default()
}
