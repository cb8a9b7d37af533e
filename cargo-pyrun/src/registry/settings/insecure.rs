//! Registries that may speak http.

use std::net::IpAddr;

use crate::registry::endpoint::split_port;

/// Hosts by name, and ranges of addresses, as docker's `insecure-registries` has them.
#[derive(Clone, Debug, Default)]
pub(super) struct Insecure {
    hosts: Vec<String>,
    ranges: Vec<(IpAddr, u32)>,
}

impl Insecure {
    /// Adds an entry; `false` where it is none.
    pub(super) fn add(&mut self, entry: &str) -> bool {
        let entry = entry.trim();
        if let Some((address, bits)) = entry.split_once('/')
            && let (Ok(address), Ok(bits)) = (address.parse::<IpAddr>(), bits.parse::<u32>())
        {
            let fits = bits <= if address.is_ipv4() { 32 } else { 128 };
            if fits {
                self.ranges.push((address, bits));
            }
            return fits;
        }
        // Docker takes a URL here too.
        let host = entry.trim_start_matches("https://").trim_start_matches("http://").trim_end_matches('/');
        let fits = is_host(host);
        if fits {
            self.hosts.push(host.to_ascii_lowercase());
        }
        fits
    }

    /// Whether a host with its port was added; addresses behind a name are not looked up.
    pub(super) fn contains(&self, authority: &str) -> bool {
        let address = split_port(authority).0.parse::<IpAddr>().ok();
        self.hosts.iter().any(|host| host.eq_ignore_ascii_case(authority))
            || address.is_some_and(|address| self.ranges.iter().any(|range| covers(*range, address)))
    }
}

fn covers((network, bits): (IpAddr, u32), address: IpAddr) -> bool {
    match (network, address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            (network.to_bits() ^ address.to_bits()).checked_shr(32 - bits).unwrap_or(0) == 0
        }
        (IpAddr::V6(network), IpAddr::V6(address)) => {
            (network.to_bits() ^ address.to_bits()).checked_shr(128 - bits).unwrap_or(0) == 0
        }
        _ => false,
    }
}

/// Whether this can be the host of a registry, with or without a port.
pub(super) fn is_host(text: &str) -> bool {
    let (host, port) = split_port(text);
    let is_name = !host.is_empty()
        && host.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_'));
    (is_name || host.parse::<std::net::Ipv6Addr>().is_ok())
        && port.is_none_or(|port| port.parse::<u16>().is_ok_and(|port| port > 0))
}
