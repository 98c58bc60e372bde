//! `event.notification.callback.headers`: a JSON object, or lines of `Name: value`.

use serde_json::Value as Json;

/// Headers that say how the message is carried, or that are ours to set.
const FORBIDDEN: [&str; 14] = [
    "connection",
    "content-length",
    "content-type",
    "expect",
    "host",
    "keep-alive",
    "proxy-authenticate",
    "proxy-authorization",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
    "user-agent",
];
const FORBIDDEN_PREFIXES: [&str; 2] = ["elements-", "webhook-"];
const MOST: usize = 64;
const LONGEST: usize = 8 * 1024;

/// The headers in their order, or every fault.
pub(super) fn parse(text: &str) -> Result<Vec<(String, String)>, Vec<String>> {
    let pairs = if text.trim_start().starts_with('{') { object(text)? } else { lines(text)? };
    let faults: Vec<String> = pairs.iter().filter_map(|(name, value)| fault(name, value)).collect();
    if pairs.len() > MOST {
        return Err(vec![format!("at most {MOST} headers were expected")]);
    }
    if faults.is_empty() { Ok(pairs) } else { Err(faults) }
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
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty()).enumerate();
    let pair = |(number, line): (usize, &str)| match line.split_once(':') {
        Some((name, value)) => Ok((name.trim().to_owned(), value.trim().to_owned())),
        None => Err(vec![format!("line {}: `Name: value` was expected", number + 1)]),
    };
    lines.map(pair).collect()
}

fn fault(name: &str, value: &str) -> Option<String> {
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty() || !name.bytes().all(token) {
        return Some("a header's name is made of letters, digits and - (RFC 9110, 5.1)".to_owned());
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
    use super::parse;

    #[test]
    fn both_forms_are_read() {
        let expected = [
            ("X-A".to_owned(), "1".to_owned()),
            ("Authorization".to_owned(), "Bearer x:y".to_owned()),
        ];
        assert_eq!(parse("X-A: 1\n\nAuthorization: Bearer x:y").unwrap(), expected);
        assert_eq!(parse(r#" {"X-A": 1, "Authorization": "Bearer x:y"}"#).unwrap(), expected);
    }

    #[test]
    fn headers_that_are_ours_or_carry_the_message_are_refused() {
        for text in [
            "Host: x",
            "content-LENGTH: 1",
            "Elements-Webhook-Id: 1",
            "webhook-id: 1",
            "a b: 1",
            "no colon",
            "X: a\u{7f}",
            "{\"X\": []}",
            "{",
            ": x",
        ] {
            assert!(parse(text).is_err(), "{text}");
        }
    }
}
