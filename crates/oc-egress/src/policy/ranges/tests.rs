//! Every special-purpose range: its first and last address, and those just outside.

use ipnet::IpNet;

use super::*;

/// Each range of the IANA registries, and the addresses before and behind it where those are public.
const V4_RANGES: [(&str, &str, &str); 22] = [
    ("0.0.0.0/8", "", "1.0.0.0"),
    ("10.0.0.0/8", "9.255.255.255", "11.0.0.0"),
    ("100.64.0.0/10", "100.63.255.255", "100.128.0.0"),
    ("127.0.0.0/8", "126.255.255.255", "128.0.0.0"),
    ("169.254.0.0/16", "169.253.255.255", "169.255.0.0"),
    ("172.16.0.0/12", "172.15.255.255", "172.32.0.0"),
    ("192.0.0.0/24", "191.255.255.255", "192.0.1.0"),
    ("192.0.0.8/32", "", ""),
    ("192.0.0.9/32", "", ""),
    ("192.0.0.10/32", "", ""),
    ("192.0.0.170/31", "", ""),
    ("192.0.2.0/24", "192.0.1.255", "192.0.3.0"),
    ("192.31.196.0/24", "192.31.195.255", "192.31.197.0"),
    ("192.52.193.0/24", "192.52.192.255", "192.52.194.0"),
    ("192.88.99.0/24", "192.88.98.255", "192.88.100.0"),
    ("192.168.0.0/16", "192.167.255.255", "192.169.0.0"),
    ("192.175.48.0/24", "192.175.47.255", "192.175.49.0"),
    ("198.18.0.0/15", "198.17.255.255", "198.20.0.0"),
    ("198.51.100.0/24", "198.51.99.255", "198.51.101.0"),
    ("203.0.113.0/24", "203.0.112.255", "203.0.114.0"),
    ("224.0.0.0/4", "223.255.255.255", ""),
    ("240.0.0.0/4", "", ""),
];

const V6_RANGES: [(&str, &str, &str); 26] = [
    ("::/128", "", ""),
    ("::1/128", "", ""),
    ("::/96", "", ""),
    ("::ffff:0:0/96", "", ""),
    ("::ffff:0:0:0/96", "", ""),
    ("64:ff9b:1::/48", "", ""),
    ("100::/64", "", ""),
    ("100:0:0:1::/64", "", ""),
    ("1000::/4", "", "2000::"),
    ("2001::/23", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2001:200::"),
    ("2001::/32", "2000:ffff:ffff:ffff:ffff:ffff:ffff:ffff", ""),
    ("2001:1::1/128", "", ""),
    ("2001:2::/48", "", ""),
    ("2001:4:112::/48", "", ""),
    ("2001:10::/28", "", ""),
    ("2001:20::/28", "", ""),
    ("2001:30::/28", "", ""),
    ("2001:db8::/32", "2001:db7:ffff:ffff:ffff:ffff:ffff:ffff", "2001:db9::"),
    ("2002::/16", "2001:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "2003::"),
    ("2620:4f:8000::/48", "2620:4f:7fff:ffff:ffff:ffff:ffff:ffff", "2620:4f:8001::"),
    ("3fff::/20", "3ffe:ffff:ffff:ffff:ffff:ffff:ffff:ffff", "3fff:1000::"),
    ("5f00::/16", "", ""),
    ("fc00::/7", "", ""),
    ("fe80::/10", "", ""),
    ("fec0::/10", "", ""),
    ("ff00::/8", "", ""),
];

fn range(address: &str) -> Option<&'static str> {
    special(address.parse().unwrap())
}

fn hold(ranges: &[(&str, &str, &str)]) {
    for (net, before, behind) in ranges {
        let net: IpNet = net.parse().unwrap();
        for inside in [net.network(), net.broadcast()] {
            assert!(special(inside).is_some(), "{inside} of {net} is open");
        }
        for outside in [before, behind].into_iter().filter(|outside| !outside.is_empty()) {
            assert_eq!(range(outside), None, "{outside} beside {net} is closed");
        }
    }
}

#[test]
fn every_special_range_is_closed_from_its_first_address_to_its_last() {
    hold(&V4_RANGES);
    hold(&V6_RANGES);
}

#[test]
fn what_has_been_given_out_is_open_up_to_its_ends() {
    for open in ["1.1.1.1", "8.8.8.8", "2606:4700::1", "2a00:1450::1"] {
        assert_eq!(range(open), None, "{open}");
    }
    assert_eq!(range("3fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), None);
    assert_eq!(range("4000::"), Some("not given out, RFC 4291"));
}

#[test]
fn an_ipv4_address_in_an_ipv6_one_opens_nothing() {
    let wraps = ["::ffff:", "::ffff:0:", "::"];
    for (net, before, behind) in V4_RANGES {
        let net: IpNet = net.parse().unwrap();
        let (first, last) = (net.network().to_string(), net.broadcast().to_string());
        for closed in [&*first, &*last] {
            assert!(range(&format!("64:ff9b::{closed}")).is_some(), "NAT64 of {closed}");
        }
        for public in [before, behind].into_iter().filter(|public| !public.is_empty()) {
            assert_eq!(range(&format!("64:ff9b::{public}")), None, "NAT64 of {public}");
            for wrap in wraps {
                assert!(range(&format!("{wrap}{public}")).is_some(), "{wrap}{public}");
            }
        }
    }
    assert!(range("64:ff9b::1:808:808").is_some(), "behind the NAT64 prefix");
}
