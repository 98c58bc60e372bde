//! Whom a request comes from, where proxies may stand in between.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address a request came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Remote(pub(super) IpAddr);

impl Remote {
    /// The last address that is none of these proxies. Each proxy adds whom it was asked by to the end
    /// of `X-Forwarded-For`; what stands before may have been written by anybody.
    pub(super) fn of(peer: IpAddr, headers: &HeaderMap, proxies: &[IpNet]) -> Self {
        let is_proxy = |address: IpAddr| proxies.iter().any(|network| network.contains(&address));
        let lists = headers.get_all(FORWARDED_FOR).iter().rev();
        let lists = lists.map(|list| list.to_str().unwrap_or_default());
        let mut told = lists.flat_map(|list| list.rsplit(',')).map(address);
        let mut remote = peer.to_canonical();
        while is_proxy(remote)
            && let Some(Some(address)) = told.next()
        {
            remote = address;
        }
        Self(remote)
    }
}

/// As proxies write it, some of them with the port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text.parse().ok().or_else(|| Some(text.parse::<SocketAddr>().ok()?.ip()))?;
    Some(address.to_canonical())
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    fn remote(peer: &str, lists: &[&str]) -> String {
        let proxies = ["10.0.0.0/8", "fd00::/8"].map(|network| network.parse().unwrap());
        let lists = lists.iter().map(|list| HeaderValue::from_bytes(list.as_bytes()).unwrap());
        let headers = lists.map(|list| (FORWARDED_FOR, list)).fold(
            HeaderMap::new(),
            |mut headers, (name, list)| {
                headers.append(name, list);
                headers
            },
        );
        Remote::of(peer.parse().unwrap(), &headers, &proxies).0.to_string()
    }

    #[test]
    fn a_proxy_is_believed_and_nobody_else() {
        for (peer, lists, expected) in [
            ("203.0.113.7", &[][..], "203.0.113.7"),
            ("203.0.113.7", &["192.0.2.1"], "203.0.113.7"),
            ("10.0.0.2", &[], "10.0.0.2"),
            ("10.0.0.2", &["192.0.2.1"], "192.0.2.1"),
            ("::ffff:10.0.0.2", &["192.0.2.1"], "192.0.2.1"),
            ("fd00::1", &["2001:db8::5"], "2001:db8::5"),
            // Over two proxies, in one header or two; what the client has written itself counts for nothing.
            ("10.0.0.2", &["198.51.100.9, 192.0.2.1, 10.0.0.3"], "192.0.2.1"),
            ("10.0.0.2", &["198.51.100.9, 192.0.2.1", "10.0.0.3"], "192.0.2.1"),
            // With a port.
            ("10.0.0.2", &["192.0.2.1:4711"], "192.0.2.1"),
            ("10.0.0.2", &["[2001:db8::5]:4711"], "2001:db8::5"),
            // What cannot be read ends it at the last one who is known.
            ("10.0.0.2", &["192.0.2.1, unknown"], "10.0.0.2"),
            ("10.0.0.2", &["192.0.2.1, unknown, 10.0.0.3"], "10.0.0.3"),
            ("10.0.0.2", &["192.0.2.1, ü"], "10.0.0.2"),
            ("10.0.0.2", &[""], "10.0.0.2"),
        ] {
            assert_eq!(remote(peer, lists), expected, "{peer} {lists:?}");
        }
    }
}
