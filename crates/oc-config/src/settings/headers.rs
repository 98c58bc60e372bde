//! `event.notification.callback.headers`: a JSON object, or lines of `Name: value`.

use secrecy::SecretString;
use serde_json::Value as Json;

/// Headers that say how the message is carried, what it is and where it belongs; those are ours.
const FORBIDDEN: [&str; 20] = [
    "baggage",
    "connection",
    "content-encoding",
    "content-length",
    "content-type",
    "expect",
    "host",
    "http2-settings",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "traceparent",
    "tracestate",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
    "via",
];
/// `ce-` is how CloudEvents come whose attributes are headers.
const FORBIDDEN_PREFIXES: [&str; 3] = ["ce-", "elements-", "webhook-"];
const MOST: usize = 64;
const LONGEST: usize = 8 * 1024;

/// The headers in their order, or every fault. No fault shows a value.
pub(super) fn parse(text: &str) -> Result<Vec<(String, SecretString)>, Vec<String>> {
    let pairs = if text.trim_start().starts_with('{') { object(text)? } else { lines(text)? };
    if pairs.len() > MOST {
        return Err(vec![format!("at most {MOST} headers were expected")]);
    }
    let numbered = pairs.iter().enumerate();
    let faults: Vec<String> =
        numbered.filter_map(|(at, (name, value))| fault(at + 1, name, value)).collect();
    if !faults.is_empty() {
        return Err(faults);
    }
    Ok(pairs.into_iter().map(|(name, value)| (name, value.into())).collect())
}

fn object(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
    let members: serde_json::Map<String, Json> = serde_json::from_str(text)
        .map_err(|error| vec![format!("this is no JSON object: {error}")])?;
    let text = |value: Json| match value {
        Json::String(text) => Some(text),
        Json::Number(_) | Json::Bool(_) => Some(value.to_string()),
        _ => None,
    };
    let pair = |(name, value): (String, Json)| match text(value) {
        Some(value) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(vec![format!("the value of `{name}` is no text")]),
    };
    members.into_iter().map(pair).collect()
}

fn lines(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
    let lines = text.lines().map(str::trim).enumerate().filter(|(_, line)| !line.is_empty());
    let pair = |(number, line): (usize, &str)| match line.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(vec![format!("line {}: `Name: value` was expected", number + 1)]),
    };
    lines.map(pair).collect()
}

/// A name that is none is told by its number: where a colon is missing it may hold the value.
fn fault(number: usize, name: &str, value: &str) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        let rule = "a name of letters, digits and - was expected (RFC 9110, 5.1)";
        return Some(format!("header {number}: {rule}"));
    }
    let lower = name.to_ascii_lowercase();
    let ours = FORBIDDEN_PREFIXES.iter().any(|prefix| lower.starts_with(prefix));
    if ours || FORBIDDEN.contains(&lower.as_str()) {
        return Some(format!("the header `{name}` is set by this service and cannot be chosen"));
    }
    let printable = value.bytes().all(|byte| byte == b'\t' || (b' '..=b'~').contains(&byte));
    if !printable || value.len() > LONGEST {
        return Some(format!("the value of `{name}` must be printable ASCII of at most 8 KB"));
    }
    None
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret;

    use super::{FORBIDDEN, parse};

    fn read(text: &str) -> Vec<(String, String)> {
        let headers = parse(text).unwrap().into_iter();
        headers.map(|(name, value)| (name, value.expose_secret().to_owned())).collect()
    }

    #[test]
    fn both_forms_are_read() {
        let expected = [
            ("X-A".to_owned(), "1".to_owned()),
            ("Authorization".to_owned(), "Bearer x:y".to_owned()),
        ];
        assert_eq!(read("X-A: 1\n\nAuthorization: Bearer x:y"), expected);
        assert_eq!(read(r#" {"X-A": 1, "Authorization": "Bearer x:y"}"#), expected);
    }

    #[test]
    fn headers_that_are_ours_or_carry_the_message_are_refused_by_name() {
        let more = ["Elements-Webhook-Id", "webhook-id", "CE-Id", "content-LENGTH", "TraceParent"];
        for name in FORBIDDEN.into_iter().chain(more) {
            let faults = parse(&format!("X-A: 1\n{name}: 1")).unwrap_err();
            assert_eq!(faults.len(), 1);
            assert!(faults[0].contains(&format!("`{name}`")), "{faults:?}");
        }
    }

    #[test]
    fn what_is_no_header_is_refused_and_its_value_not_shown() {
        for (text, told) in [
            ("a b: s3cret", "header 1"),
            ("X-A: 1\nX Bearer s3cret: x", "header 2"),
            (": s3cret", "header 1"),
            ("X-A: 1\n\ns3cret", "line 3"),
            ("X-A: s3cret\u{7f}", "`X-A`"),
            ("X-A: s3cret \u{e9}", "`X-A`"),
            (r#"{"X-A": ["s3cret"]}"#, "`X-A`"),
            (r#"{"X-A": "s3cret\n"x}"#, "no JSON object"),
            (r#"{"X-A": "s3cret\nX-B: 1"}"#, "`X-A`"),
            ("{", "no JSON object"),
        ] {
            let faults = parse(text).unwrap_err();
            assert!(faults[0].contains(told), "{text}: {faults:?}");
            assert!(!faults[0].contains("s3cret"), "{faults:?}");
        }
        assert!(parse(&format!("X-A: {}", "x".repeat(9_000))).is_err());
        assert!(parse(&"X-A: 1\n".repeat(65)).is_err());
    }
}
