//! The special-purpose ranges of the IANA registries (RFC 6890 and its updates).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

const V4: [([u8; 4], u8, &str); 16] = [
    ([0, 0, 0, 0], 8, "this network, RFC 791"),
    ([10, 0, 0, 0], 8, "private, RFC 1918"),
    ([100, 64, 0, 0], 10, "shared, RFC 6598"),
    ([127, 0, 0, 0], 8, "loopback, RFC 1122"),
    ([169, 254, 0, 0], 16, "link-local, RFC 3927"),
    ([172, 16, 0, 0], 12, "private, RFC 1918"),
    ([192, 0, 0, 0], 24, "protocol assignments, RFC 6890"),
    ([192, 0, 2, 0], 24, "documentation, RFC 5737"),
    ([192, 31, 196, 0], 24, "AS112, RFC 7535"),
    ([192, 52, 193, 0], 24, "AMT, RFC 7450"),
    ([192, 88, 99, 0], 24, "6to4 relay, RFC 7526"),
    ([192, 168, 0, 0], 16, "private, RFC 1918"),
    ([192, 175, 48, 0], 24, "AS112, RFC 7534"),
    ([198, 18, 0, 0], 15, "benchmarking, RFC 2544"),
    ([198, 51, 100, 0], 24, "documentation, RFC 5737"),
    ([203, 0, 113, 0], 24, "documentation, RFC 5737"),
];

const V6: [([u16; 3], u8, &str); 12] = [
    ([0x0064, 0xff9b, 1], 48, "local-use NAT64, RFC 8215"),
    ([0, 0, 0], 8, "IPv4 in IPv6, loopback and unspecified, RFC 4291"),
    ([0x0100, 0, 0], 8, "discard-only, RFC 6666"),
    ([0x2001, 0, 0], 23, "protocol assignments and Teredo, RFC 2928"),
    ([0x2001, 0x0db8, 0], 32, "documentation, RFC 3849"),
    ([0x2002, 0, 0], 16, "6to4, RFC 3056"),
    ([0x2620, 0x004f, 0x8000], 48, "AS112, RFC 7534"),
    ([0x3fff, 0, 0], 20, "documentation, RFC 9637"),
    ([0x5f00, 0, 0], 16, "segment routing, RFC 9602"),
    ([0xfc00, 0, 0], 7, "unique-local, RFC 4193"),
    ([0xfe80, 0, 0], 9, "link-local and site-local, RFC 4291 and 3879"),
    ([0xff00, 0, 0], 8, "multicast, RFC 4291"),
];

/// Where clouds hand out credentials, or what starts a machine, to whoever asks from inside.
pub(super) fn is_metadata(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(v4) => {
            v4.is_link_local() || matches!(v4.octets(), [100, 100, 100, 200] | [168, 63, 129, 16])
        }
        IpAddr::V6(v6) => matches!(
            v6.segments(),
            [0xfd00, 0xec2, ..]
                | [0xfd20, 0xce, 0, 0, 0, 0, 0, 0x254]
                | [0xfd00, 0xc1, 0, 0, 0, 0, 0xa9fe, 0xa9fe]
        ),
    }
}

/// The special-purpose range an address is in; `None` for a public address.
pub(super) fn special(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(v4) => special_v4(v4),
        IpAddr::V6(v6) => special_v6(v6),
    }
}

fn special_v4(address: Ipv4Addr) -> Option<&'static str> {
    if address.octets()[0] >= 240 {
        return Some("reserved and broadcast, RFC 1112");
    }
    if address.is_multicast() {
        return Some("multicast, RFC 5771");
    }
    let bits = address.to_bits();
    let within = |base: [u8; 4], prefix: u8| {
        bits >> (32 - prefix) == u32::from_be_bytes(base) >> (32 - prefix)
    };
    V4.iter().find(|(base, prefix, _)| within(*base, *prefix)).map(|(_, _, name)| *name)
}

/// The IPv4 address that an IPv6 address leads to where something translates: mapped, compatible and
/// translated ones, NAT64 and 6to4.
pub(super) fn inner_v4(address: Ipv6Addr) -> Option<Ipv4Addr> {
    if address.is_unspecified() || address.is_loopback() {
        return None;
    }
    let inner =
        |high: u16, low: u16| Some(Ipv4Addr::from_bits(u32::from(high) << 16 | u32::from(low)));
    match address.segments() {
        [0, 0, 0, 0, 0 | 0xffff, 0, high, low]
        | [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => inner(high, low),
        _ => None,
    }
}

fn special_v6(address: Ipv6Addr) -> Option<&'static str> {
    let segments = address.segments();
    if let [0x64, 0xff9b, 0, 0, 0, 0, ..] = segments {
        // NAT64 (RFC 6052) reaches the IPv4 address inside.
        return inner_v4(address).and_then(special_v4);
    }
    let within = |base: [u16; 3], prefix: u8| {
        let base = Ipv6Addr::new(base[0], base[1], base[2], 0, 0, 0, 0, 0).to_bits();
        address.to_bits() >> (128 - prefix) == base >> (128 - prefix)
    };
    let found =
        V6.iter().find(|(base, prefix, _)| within(*base, *prefix)).map(|(_, _, name)| *name);
    // Only 2000::/3 has been given out.
    found.or_else(|| (segments[0] >> 13 != 1).then_some("not given out, RFC 4291"))
}

#[cfg(test)]
mod tests;
