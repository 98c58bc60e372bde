//! Every range and odd spelling, refused and opened.

use super::*;

fn verdict(policy: &Policy, url: &str) -> Result<(), Refusal> {
    policy.check_url(&Url::parse(url).unwrap())
}

/// Each is another way to write an address that is not public.
const ODD_SPELLINGS: [&str; 36] = [
    "http://2130706433/",
    "http://0x7f000001/",
    "http://0X7F000001/",
    "http://017700000001/",
    "http://0177.0.0.1/",
    "http://0x7f.0.0.0x1/",
    "http://127.0x1/",
    "http://127.1/",
    "http://127.0.1/",
    "http://127.0.0.1./",
    "http://0/",
    "http://0x/",
    "http://0.0.0.0:80/",
    "http://%31%32%37.0.0.1/",
    "http://127%2E0%2E0%2E1/",
    "http://１２７.0.0.1/",
    "http://127。0。0。1/",
    "http://①②⑦.⓪.⓪.①/",
    "http:127.0.0.1/",
    "http:///127.0.0.1/",
    "http:\\\\127.0.0.1/",
    "http://127.0.0.1\\.example.com/",
    "http://127.0.0.1?.example.com/",
    "http://127.0.0.1#@example.com/",
    "\t http://127.0\n.0.1/ ",
    "HTTP://2852039166/latest/meta-data",
    "http://169.254.43518/",
    "http://0xA9FEA9FE/",
    "http://[::1]:8080/",
    "http://[0:0:0:0:0:0:0:1]/",
    "http://[::ffff:7f00:1]/",
    "http://[::FFFF:127.0.0.1]/",
    "http://[::127.0.0.1]/",
    "http://[64:ff9b::169.254.169.254]/",
    "http://[2002:7f00:1::]/",
    "http://[fd00:ec2::254]/",
];

#[test]
fn odd_spellings_of_forbidden_addresses_are_refused() {
    for url in ODD_SPELLINGS {
        let verdict = verdict(&Policy::public(), url);
        assert!(
            matches!(verdict, Err(Refusal::Address { .. } | Refusal::Own { .. })),
            "{url}: {verdict:?}"
        );
    }
}

#[test]
fn what_is_no_host_is_no_url() {
    for text in [
        "http://[fe80::1%25eth0]/",
        "http://[fe80::1%eth0]/",
        "http://[::127.0.0.256]/",
        "http://127.0.0.1.1/",
        "http://256.256.256.256/",
        "http://4294967296/",
        "http://0x100000000/",
        "http://127.0.0.09/",
        "http://example.com:65536/",
        "http://a%00b/",
        "http://a b/",
        "http://",
    ] {
        assert!(Url::parse(text).is_err(), "{text}");
    }
}

#[test]
fn a_url_with_a_user_is_refused_wherever_it_points() {
    for url in [
        "http://good@127.0.0.1/",
        "http://example.com@127.0.0.1/",
        "http://example.com:443@169.254.169.254/",
        "http://example.com%2F@127.0.0.1/",
        "https://u@example.com/",
        "https://:p@example.com/",
        "http://a@b@example.com/",
    ] {
        assert_eq!(verdict(&Policy::public(), url), Err(Refusal::Credentials), "{url}");
    }
    let path = Url::parse("http://example.com/@127.0.0.1/").unwrap();
    assert_eq!((path.host_str(), Policy::public().check_url(&path)), (Some("example.com"), Ok(())));
}

#[test]
fn names_are_judged_by_their_addresses_and_any_port_is_good() {
    for url in [
        "http://localhost/",
        "http://LOCALHOST./",
        "http://xn--bcher-kva.example:1/",
        "https://bücher.example:65535/",
        "http://8.8.8.8:22/",
        "http://[2606:4700::1111]/",
    ] {
        assert_eq!(verdict(&Policy::public(), url), Ok(()), "{url}");
    }
}

#[test]
fn only_http_urls_are_allowed() {
    assert_eq!(
        verdict(&Policy::public(), "ftp://example.com/"),
        Err(Refusal::Scheme("ftp".to_owned()))
    );
    assert_eq!(verdict(&Policy::public(), "https://example.com/"), Ok(()));
}

#[test]
fn a_range_opened_on_purpose_leaves_our_own_and_metadata_addresses_closed() {
    let nets = |text: &[&str]| text.iter().map(|net| net.parse().unwrap()).collect();
    let own = vec!["127.0.0.1:8080".parse().unwrap(), "0.0.0.0:9090".parse().unwrap()];
    let wide = Policy::allowing(nets(&["0.0.0.0/0", "::/0"]), own.clone());
    assert_eq!(verdict(&wide, "http://127.0.0.1:1234/"), Ok(()));
    for url in [
        "http://127.0.0.1:8080/",
        "http://10.0.0.5:9090/",
        "http://169.254.169.254/",
        "http://100.100.100.200/",
        "http://168.63.129.16/",
        "http://[fd00:ec2::23]/",
        "http://[fd00:ec2::254]/",
        "http://[fd20:ce::254]/",
        "http://[fd00:c1::a9fe:a9fe]/",
        "http://[::ffff:127.0.0.1]:8080/",
        "http://[::ffff:169.254.169.254]/",
        "http://[::ffff:0:169.254.169.254]/",
        "http://[::169.254.169.254]/",
        "http://[64:ff9b::169.254.169.254]/",
        "http://[2002:a9fe:a9fe::1]/",
        "http://[::]:8080/",
        "http://0.0.0.0:8080/",
    ] {
        assert!(matches!(verdict(&wide, url), Err(Refusal::Own { .. })), "{url}");
    }
    for url in ["http://[::1]:8080/", "http://[fd00::254]/", "http://168.63.129.17/"] {
        assert_eq!(verdict(&wide, url), Ok(()), "{url}");
    }
    let exact = Policy::allowing(nets(&["127.0.0.1/32", "169.254.169.254/32"]), own);
    assert_eq!(verdict(&exact, "http://127.0.0.1:8080/"), Ok(()));
    assert_eq!(verdict(&exact, "http://169.254.169.254/"), Ok(()));
    assert!(verdict(&exact, "http://127.0.0.2/").is_err());
}
