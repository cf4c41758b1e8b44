//! Hosts that the client contacts only over HTTP for a while, because their sockets did not work.
//! All sessions of a client share the record, so that each new one does not fail again. Entries
//! expire, because sockets may work again.

use core::time::Duration;
use std::collections::HashMap;
use std::sync::Mutex;

use codex_transport::Instant;
use http::Uri;

use crate::lock::lock;

/// The hosts to which the client opens no sockets, with the time when each entry expires.
#[derive(Default)]
pub(crate) struct AvoidedHosts(Mutex<HashMap<String, Instant>>);

impl AvoidedHosts {
    pub(crate) fn contains(&self, target: &Uri, now: Instant) -> bool {
        let Some(host) = authority(target) else {
            return false;
        };
        let mut hosts = lock(&self.0);
        match hosts.get(host) {
            Some(until) if now < *until => true,
            Some(_) => {
                hosts.remove(host);
                false
            }
            None => false,
        }
    }

    pub(crate) fn insert(&self, target: &Uri, now: Instant, period: Duration) {
        if let (Some(host), Some(until)) = (authority(target), now.checked_add(period)) {
            lock(&self.0).insert(host.to_owned(), until);
        }
    }
}

/// Returns host and port: the same host may have another server on another port.
fn authority(target: &Uri) -> Option<&str> {
    target.authority().map(http::uri::Authority::as_str)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_avoided_for_its_time_and_no_other_is() {
        let hosts = AvoidedHosts::default();
        let (one, other) = (
            Uri::from_static("wss://one.test/v1"),
            Uri::from_static("wss://one.test:8443/v1"),
        );
        let start = Instant::now();
        hosts.insert(&one, start, Duration::from_secs(60));
        assert!(hosts.contains(&one, start + Duration::from_secs(59)));
        assert!(!hosts.contains(&other, start));
        assert!(!hosts.contains(&one, start + Duration::from_secs(60)));
        assert!(!hosts.contains(&one, start), "what ran out is forgotten");
    }
}
