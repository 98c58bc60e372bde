//! Who may call the API, how often, and how patiently it waits.

use std::time::Duration;

use ipnet::IpNet;

use super::network::{NETWORKS, networks};
use super::table::Found;
use super::value;

/// Bounds of the API.
#[derive(Clone, Debug)]
pub(crate) struct Access {
    /// Connections at the same time.
    pub(crate) connections: usize,
    /// How long a request's head may take to arrive.
    pub(crate) head_timeout: Duration,
    /// Requests a minute of one caller; 0 is no limit.
    pub(crate) rate: u32,
    /// Requests a minute with wrong secrets from one address; 0 is no limit.
    pub(crate) failure_rate: u32,
    /// Web pages that may call.
    pub(crate) origins: Origins,
    /// Those who are believed from whom they pass requests on.
    pub(crate) proxies: Vec<IpNet>,
}

/// Origins of web pages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Origins {
    Any,
    These(Vec<String>),
}

impl Access {
    /// `None` when there are faults, all of which are noted.
    pub(super) fn read(found: &mut Found) -> Option<Self> {
        let head = "a time above 0, as 30s";
        let head_timeout = found.parse("head-timeout", head, value::duration);
        let most = "a number from 1 to 100000";
        let connections = found.parse("max-connections", most, value::count);
        let mut rate = |name| found.parse(name, "a number from 0 to 100000", value::count_or_none);
        let (rate, failure_rate) = (rate("api-rate"), rate("api-failure-rate"));
        let expected = "* or origins separated by commas, as https://app.example";
        let origins = found.parse("cors-origins", expected, origins);
        let proxies = found.parse("trusted-proxies", NETWORKS, networks);
        Some(Self {
            connections: usize::try_from(connections?).ok()?,
            head_timeout: head_timeout?,
            rate: rate?,
            failure_rate: failure_rate?,
            origins: origins?,
            proxies: proxies?,
        })
    }
}

/// Origins as browsers send them: scheme, host and port, and nothing behind.
fn origins(text: &str) -> Option<Origins> {
    if text == "*" {
        return Some(Origins::Any);
    }
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let origin = |part: &str| {
        let url = value::url(part).filter(|url| url.path() == "/" && url.query().is_none())?;
        Some(url.origin().ascii_serialization())
    };
    parts.map(origin).collect::<Option<Vec<_>>>().map(Origins::These)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_read_as_browsers_send_them() {
        let these = |list: &[&str]| {
            Some(Origins::These(list.iter().map(|one| (*one).to_owned()).collect()))
        };
        assert_eq!(origins("*"), Some(Origins::Any));
        assert_eq!(origins(""), these(&[]));
        let two = origins("https://app.example/, http://LOCALHOST:3000");
        assert_eq!(two, these(&["https://app.example", "http://localhost:3000"]));
        for bad in ["app.example", "https://app.example/page", "https://a.example,*", "null"] {
            assert_eq!(origins(bad), None, "{bad}");
        }
    }
}
