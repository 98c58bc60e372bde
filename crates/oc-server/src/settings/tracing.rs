//! Where traces go.

use http::{HeaderName, HeaderValue};
use secrecy::SecretString;
use url::Url;

use super::table::Found;
use super::value;

/// The collector of traces.
#[derive(Clone, Debug)]
pub(crate) struct Tracing {
    /// Where it takes traces.
    pub(crate) endpoint: Url,
    /// What it wants to be sent along.
    pub(crate) headers: Vec<(HeaderName, SecretString)>,
    /// Which part of the traces that begin here is sent, from 0 to 1.
    pub(crate) ratio: f64,
}

impl Tracing {
    /// `None` when there are faults, all of which are noted; `Some(None)` when no traces are wanted.
    pub(super) fn read(found: &mut Found) -> Option<Option<Self>> {
        let ratio = found.parse("otlp-sample-ratio", "a number from 0 to 1, as 0.1", ratio);
        let expected = "headers as name=value, separated by commas";
        let headers = found.secret_parse("otlp-headers", expected, headers);
        let is_wanted = found.text("otlp-endpoint").is_some();
        if !is_wanted {
            return ratio.and(headers).map(|_| None);
        }
        let expected = "the http or https url of a collector, as http://127.0.0.1:4318";
        let endpoint = found.parse("otlp-endpoint", expected, endpoint)?;
        Some(Some(Self { endpoint, headers: headers?, ratio: ratio? }))
    }
}

/// What is given is the collector's base; traces have their path below it.
fn endpoint(text: &str) -> Option<Url> {
    let mut url = value::url(text).filter(|url| url.has_host() && url.username().is_empty())?;
    let below = url.path().trim_end_matches('/');
    if !below.ends_with("/v1/traces") {
        let path = format!("{below}/v1/traces");
        url.set_path(&path);
    }
    Some(url)
}

fn ratio(text: &str) -> Option<f64> {
    text.parse().ok().filter(|ratio| (0.0..=1.0).contains(ratio))
}

fn headers(text: &str) -> Option<Vec<(HeaderName, SecretString)>> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let header = |part: &str| {
        let (name, value) = part.split_once('=')?;
        let value = HeaderValue::try_from(value.trim()).ok()?;
        Some((name.trim().parse().ok()?, SecretString::from(value.to_str().ok()?)))
    };
    parts.map(header).collect()
}

#[cfg(test)]
mod tests {
    use secrecy::ExposeSecret as _;

    use super::*;

    #[test]
    fn traces_go_below_the_collectors_url() {
        let of = |text| endpoint(text).map(String::from);
        assert_eq!(of("http://c:4318").as_deref(), Some("http://c:4318/v1/traces"));
        assert_eq!(of("https://c/otlp/").as_deref(), Some("https://c/otlp/v1/traces"));
        assert_eq!(of("https://c/v1/traces").as_deref(), Some("https://c/v1/traces"));
        assert_eq!([of("c:4318"), of("grpc://c"), of("http://u:p@c/")], [None, None, None]);
    }

    #[test]
    fn headers_are_names_and_secrets() {
        let read = headers("api-key=a=b, x-team = 7").unwrap();
        let shown: Vec<_> =
            read.iter().map(|(name, value)| (name.as_str(), value.expose_secret())).collect();
        assert_eq!(shown, [("api-key", "a=b"), ("x-team", "7")]);
        assert!(headers("").unwrap().is_empty() && headers("no value").is_none());
        assert!(headers("a b=c").is_none());
    }

    #[test]
    fn a_ratio_is_a_part() {
        assert_eq!([ratio("0"), ratio("0.25"), ratio("1")], [Some(0.0), Some(0.25), Some(1.0)]);
        assert_eq!([ratio("2"), ratio("-1"), ratio("NaN"), ratio("all")], [None; 4]);
    }
}
