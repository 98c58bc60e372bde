//! Where outgoing requests may go, and who says where hosts are.

use std::net::{IpAddr, SocketAddr};

use ipnet::IpNet;

use super::table::Found;

/// Bounds of outgoing requests.
#[derive(Clone, Debug)]
pub(crate) struct Network {
    /// Beyond the public internet.
    pub(crate) allowed: Vec<IpNet>,
    /// Empty: names are resolved as the machine does.
    pub(crate) name_servers: Vec<SocketAddr>,
}

impl Network {
    /// `None` when there are faults, all of which are noted.
    pub(super) fn read(found: &mut Found) -> Option<Self> {
        let allowed = found.parse("allow-networks", NETWORKS, networks);
        let expected = "addresses separated by commas, as 10.0.0.2 or [fd00::2]:5353";
        let servers = found.parse("dns-servers", expected, |text| list(text, name_server));
        Some(Self { allowed: allowed?, name_servers: servers? })
    }
}

/// What [`networks`] reads.
pub(super) const NETWORKS: &str = "networks separated by commas, as 127.0.0.0/8,::1/128";

pub(super) fn networks(text: &str) -> Option<Vec<IpNet>> {
    list(text, network)
}

fn list<T>(text: &str, read: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty()).map(read).collect()
}

fn network(text: &str) -> Option<IpNet> {
    text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
}

fn name_server(text: &str) -> Option<SocketAddr> {
    let at_usual_port = || Some(SocketAddr::new(text.parse().ok()?, 53));
    text.parse().ok().or_else(at_usual_port)
}
