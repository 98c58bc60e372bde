//! Signatures against fixed vectors: published ones, and those that OpenSSL computes.

use super::*;

/// The message of the Standard Webhooks specification's example.
const ID: &str = "msg_p5jXN8AQM9LWM0D4loKWxJek";
const SECONDS: i64 = 1_614_265_330;
const BODY: &str = r#"{"test": 2432232314}"#;
const WHSEC: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OF_WHSEC: &str = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=";
const OF_KEY: &str = "v1,dkKO8yKktbK3/NsBVZDP2vD/4/yePEE+Zek/vsRRJ/E=";

fn keys(keys: &[&str]) -> Vec<SignatureKey> {
    keys.iter().map(|key| SignatureKey::parse(key).unwrap()).collect()
}

/// `printf %s BODY | openssl dgst -sha256 -hmac KEY -binary | base64`; the second is RFC 4231, 4.3.
#[test]
fn the_elements_signature_covers_the_exact_body_with_the_newest_key_as_given() {
    let vectors: [(&[&str], &str, &str); 6] = [
        (&["key"], r#"{"a":1}"#, "iKZ/JLvNrtDmyZdAS7eadDuvRMa6svTCcyjjAJ0i40I="),
        (&["Jefe"], "what do ya want for nothing?", "W9zBRr9gdU5qBCQmCJV1x1oAPwidJzmDnexYuWTsOEM="),
        (&["key", "old"], r#"{"a":1}"#, "iKZ/JLvNrtDmyZdAS7eadDuvRMa6svTCcyjjAJ0i40I="),
        (&[WHSEC], BODY, "gOyKic480iEzoQZsrstNBP6nRnZXyFFNcX7ELDilyUw="),
        (&["clé"], r#"{"name":"Zoë"}"#, "P4WZjvuPS8/6OR8zRNWhLK1hOu/UBo+Pjv6LbD55mmo="),
        (&["key"], "", "XV0TlWPJW1lnub2ajJsjOp3ttFByeUzSMtwbdIMmB9A="),
    ];
    for (given, body, expected) in vectors {
        let signature = elements(&keys(given), body.as_bytes()).unwrap();
        assert_eq!(signature, format!("sha256={expected}"), "{given:?} {body}");
    }
}

#[test]
fn the_standard_signature_is_that_of_the_specification_for_each_key() {
    let vectors: [(&[&str], String); 5] = [
        (&[WHSEC], OF_WHSEC.to_owned()),
        (&["key"], OF_KEY.to_owned()),
        (&["clé"], "v1,mjtYQJHO0ssRwGIcXaLXlXwa5DoQ5JlvWbDZEWDejiY=".to_owned()),
        (&[WHSEC, "key"], format!("{OF_WHSEC} {OF_KEY}")),
        (&["key", WHSEC], format!("{OF_KEY} {OF_WHSEC}")),
    ];
    for (given, expected) in vectors {
        let signature = standard(&keys(given), ID, SECONDS, BODY.as_bytes()).unwrap();
        assert_eq!(signature, expected, "{given:?}");
    }
}

#[test]
fn without_a_key_nothing_is_signed() {
    assert_eq!(elements(&[], b"{}"), None);
    assert_eq!(standard(&[], ID, SECONDS, b"{}"), None);
}
