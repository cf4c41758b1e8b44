use core::net::IpAddr;

use ipnet::IpNet;

/// Hosts that are reached without the proxy.
#[derive(Clone, Debug, Default)]
pub(crate) struct NoProxy {
    all: bool,
    // In lowercase, without dots at either end.
    domains: Vec<String>,
    networks: Vec<IpNet>,
}

impl NoProxy {
    pub(super) fn new(list: &str) -> Self {
        let mut read = Self {
            all: list.trim() == "*",
            ..Self::default()
        };
        let entries = list.split(|c: char| c == ',' || c.is_whitespace());
        for entry in entries.filter(|entry| !entry.is_empty()) {
            let bare = entry.replace(['[', ']'], "");
            if let Ok(network) = bare.parse() {
                read.networks.push(network);
            } else if let Ok(address) = bare.parse::<IpAddr>() {
                read.networks.push(address.into());
            } else {
                let domain = entry.trim_matches('.').to_ascii_lowercase();
                read.domains.push(domain);
            }
        }
        read.domains.retain(|domain| !domain.is_empty());
        read
    }

    /// Returns whether the list contains `host`, written as in a URL.
    pub(super) fn contains(&self, host: &str) -> bool {
        let host = host.trim_start_matches('[').trim_end_matches(']');
        if self.all {
            return true;
        }
        if let Ok(address) = host.parse::<IpAddr>() {
            return self
                .networks
                .iter()
                .any(|network| network.contains(&address));
        }
        let host = host.trim_end_matches('.').to_ascii_lowercase();
        self.domains.iter().any(|domain| {
            host.strip_suffix(domain.as_str())
                .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        })
    }
}
