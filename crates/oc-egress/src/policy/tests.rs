//! Every range and odd spelling, refused and opened.

use super::*;

fn verdict(policy: &Policy, url: &str) -> Result<(), Refusal> {
    policy.check_url(&Url::parse(url).unwrap())
}

fn is_open(policy: &Policy, address: &str) -> bool {
    policy.check(SocketAddr::new(address.parse().unwrap(), 443)).is_ok()
}

#[test]
fn one_address_of_every_special_range_is_refused() {
    let special = [
        "0.0.0.0",
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.1",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.1",
        "203.0.113.1",
        "224.0.0.1",
        "239.1.1.1",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:8.8.8.8",
        "::8.8.8.8",
        "64:ff9b::10.0.0.1",
        "64:ff9b:1::1",
        "100::1",
        "2001::1",
        "2001:10::1",
        "2001:1ff::1",
        "2001:db8::1",
        "2002:808:808::1",
        "3fff::1",
        "5f00::1",
        "fc00::1",
        "fd00:ec2::254",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "4000::1",
        "100.100.100.200",
    ];
    let open =
        special.iter().filter(|address| is_open(&Policy::public(), address)).collect::<Vec<_>>();
    assert!(open.is_empty(), "{open:?}");
}

#[test]
fn public_addresses_are_open() {
    let public = [
        "1.1.1.1",
        "8.8.8.8",
        "100.63.255.255",
        "100.128.0.0",
        "172.15.0.1",
        "172.32.0.1",
        "198.17.0.1",
        "223.255.255.255",
        "2606:4700::1",
        "2a00:1450::1",
        "2001:200::1",
        "64:ff9b::8.8.8.8",
    ];
    let closed =
        public.iter().filter(|address| !is_open(&Policy::public(), address)).collect::<Vec<_>>();
    assert!(closed.is_empty(), "{closed:?}");
}

#[test]
fn odd_spellings_of_forbidden_addresses_are_refused() {
    for url in [
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://0/",
        "http://[::ffff:7f00:1]/",
        "http://[::127.0.0.1]/",
        "http://１２７.0.0.1/",
        "http://127.0.0.1./",
    ] {
        assert!(verdict(&Policy::public(), url).is_err(), "{url}");
    }
    assert!(Url::parse("http://[fe80::1%25eth0]/").is_err());
}

#[test]
fn only_http_urls_without_credentials_are_allowed() {
    assert_eq!(
        verdict(&Policy::public(), "ftp://example.com/"),
        Err(Refusal::Scheme("ftp".to_owned()))
    );
    assert_eq!(verdict(&Policy::public(), "https://u@example.com/"), Err(Refusal::Credentials));
    assert_eq!(verdict(&Policy::public(), "https://example.com/"), Ok(()));
}

#[test]
fn a_range_opened_on_purpose_leaves_our_own_and_metadata_addresses_closed() {
    let nets = |text: &[&str]| text.iter().map(|net| net.parse().unwrap()).collect();
    let own = vec!["127.0.0.1:8080".parse().unwrap(), "0.0.0.0:9090".parse().unwrap()];
    let wide = Policy::allowing(nets(&["0.0.0.0/0"]), own.clone());
    assert_eq!(verdict(&wide, "http://127.0.0.1:1234/"), Ok(()));
    for url in [
        "http://127.0.0.1:8080/",
        "http://10.0.0.5:9090/",
        "http://169.254.169.254/",
        "http://100.100.100.200/",
    ] {
        assert!(matches!(verdict(&wide, url), Err(Refusal::Own { .. })), "{url}");
    }
    let exact = Policy::allowing(nets(&["127.0.0.1/32", "169.254.169.254/32"]), own);
    assert_eq!(verdict(&exact, "http://127.0.0.1:8080/"), Ok(()));
    assert_eq!(verdict(&exact, "http://169.254.169.254/"), Ok(()));
    assert!(verdict(&exact, "http://127.0.0.2/").is_err());
}
