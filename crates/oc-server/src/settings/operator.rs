//! Where the operator is told what needs somebody.

use oc_config::SignatureKey;
use secrecy::ExposeSecret as _;
use url::Url;

use super::table::Found;
use super::value;

/// The operator's receiver.
#[derive(Clone, Debug)]
pub(crate) struct Operator {
    pub(crate) url: Url,
    /// What is sent there is signed with them: one, or two during a rotation; without, nothing is.
    pub(crate) keys: Vec<SignatureKey>,
}

impl Operator {
    /// `None` where nobody is told; a key without a url is a fault.
    pub(super) fn read(found: &mut Found) -> Option<Self> {
        let expected = "an http or https url without credentials";
        let url = found.optional("operator-url", expected, |text| {
            value::url(text).filter(|url| url.username().is_empty() && url.password().is_none())
        });
        let keys = found.secret("operator-key").map(|keys| {
            let keys = keys.expose_secret().split_whitespace().map(SignatureKey::parse);
            keys.collect::<Result<Vec<_>, _>>()
        });
        if keys.is_some() && found.text("operator-url").is_none() {
            found.faults.push("OC_OPERATOR_KEY: OC_OPERATOR_URL is missing".to_owned());
        }
        let keys = keys.transpose().unwrap_or_else(|fault| {
            found.faults.push(format!("OC_OPERATOR_KEY: {fault}"));
            None
        });
        Some(Self { url: url?, keys: keys.unwrap_or_default() })
    }
}
