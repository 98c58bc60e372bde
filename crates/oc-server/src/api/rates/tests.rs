//! Limits by caller and by address, without a server.

use axum::http::HeaderValue;

use super::*;

fn headers(authorization: &'static str) -> HeaderMap {
    [(AUTHORIZATION, HeaderValue::from_static(authorization))].into_iter().collect()
}

fn address(text: &str) -> IpAddr {
    network(text.parse().unwrap())
}

#[test]
fn a_caller_is_the_user_wherever_from_and_else_the_network() {
    let rates = Rates::new(1, 1);
    let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
    let one = rates.caller(&headers("User a, Organization b"), here);
    assert_eq!(one, rates.caller(&headers("Element t, user a"), there));
    assert_ne!(one, rates.caller(&headers("User b, Organization b"), here));
    assert_eq!(rates.caller(&HeaderMap::new(), here), CallerKey::Address(here));
    assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:1"));
    assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
    assert_eq!(address("::ffff:192.0.2.1"), here);
}

#[test]
fn a_caller_over_its_quota_is_told_how_long_to_wait_and_others_are_not() {
    let rates = Rates::new(60, 0);
    let (one, other) = (CallerKey::Secret(1), CallerKey::Secret(2));
    assert!((0..60).all(|_| rates.over_quota(one).is_none()));
    let wait = rates.over_quota(one).unwrap();
    assert!(wait > Duration::ZERO && wait <= Duration::from_secs(1), "{wait:?}");
    assert!(rates.over_quota(other).is_none());
    assert!((0..1_000).all(|_| Rates::new(0, 0).over_quota(one).is_none()));
}

#[test]
fn memory_is_bounded_whoever_calls() {
    let rates = Rates::new(60, 60);
    let guesses = rates.guesses.as_ref().unwrap();
    let now = Instant::now();
    for number in 0..50_000_u32 {
        rates.over_quota(CallerKey::Secret(number.into()));
        guesses.note(IpAddr::from(number.to_be_bytes()), now);
    }
    assert!(rates.callers.len() <= REMEMBERED);
}

#[test]
fn wrong_secrets_are_limited_on_average_however_many_come_at_once() {
    let guesses = Guesses::new(NonZeroU32::new(60).unwrap(), 10);
    let (from, now) = (address("192.0.2.1"), Instant::now());
    for _ in 0..60 {
        assert_eq!(guesses.wait(from, now), None);
        guesses.note(from, now);
    }
    assert_eq!(guesses.wait(from, now), Some(Duration::from_secs(1)));
    assert_eq!(guesses.wait(address("192.0.2.2"), now), None);
    assert_eq!(guesses.wait(from, now + Duration::from_millis(1_001)), None);
    // A hundred that were under way together are paid for one by one.
    (0..100).for_each(|_| guesses.note(from, now));
    assert_eq!(guesses.wait(from, now), Some(Duration::from_secs(101)));
    (0..10_000).for_each(|_| guesses.note(from, now));
    assert!(guesses.wait(from, now).unwrap() <= LONGEST_WAIT);
}

const LONGEST_WAIT: Duration = Duration::from_secs(901);

#[test]
fn a_caller_who_was_right_lately_is_not_kept_out_by_others_at_its_address() {
    let rates = Rates::new(0, 1);
    let from = address("192.0.2.1");
    rates.guesses.as_ref().unwrap().note(from, Instant::now());
    rates.recognized.insert(7, ());
    assert!(rates.over_guessed(from, Some(8)).is_some());
    assert!(rates.over_guessed(from, Some(7)).is_none());
}
