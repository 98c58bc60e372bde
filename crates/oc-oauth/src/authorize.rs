//! The url at which a user authorizes an instance (RFC 6749, section 4.1.1).

use oc_config::OAuth2;
use url::Url;

/// What the url says besides who the provider is.
#[derive(Clone, Debug, Default)]
pub struct Authorization<'a> {
    /// `client_id`.
    pub client_id: &'a str,
    /// Where the provider sends the user back to.
    pub redirect_uri: &'a str,
    /// Handed back with the code.
    pub state: Option<&'a str>,
    /// The scopes asked for, separated by blanks.
    pub scope: Option<&'a str>,
}

/// The authorization url; parameters that the definition's url already has are kept.
///
/// # Errors
/// A configured url that is none.
pub fn authorization_url(
    provider: &OAuth2,
    asked: &Authorization<'_>,
) -> Result<Url, url::ParseError> {
    let mut url = Url::parse(&provider.authorize)?;
    let optional = [("state", asked.state), ("scope", asked.scope)];
    url.query_pairs_mut()
        .append_pair("client_id", asked.client_id)
        .append_pair("redirect_uri", asked.redirect_uri)
        .append_pair("response_type", "code")
        .extend_pairs(optional.iter().filter_map(|(name, value)| Some((*name, (*value)?))));
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_url_names_client_callback_and_what_was_asked_for() {
        let catalogue = oc_config::Catalogue::built_in().unwrap();
        let provider = catalogue.find("salesloft").unwrap().oauth2.clone().unwrap();
        let asked = Authorization {
            client_id: "a&b",
            redirect_uri: "https://x/cb?y=1",
            state: Some("salesloft"),
            scope: None,
        };
        let url = authorization_url(&provider, &asked).unwrap();
        assert_eq!(
            url.as_str(),
            "https://accounts.salesloft.com/oauth/authorize?client_id=a%26b\
            &redirect_uri=https%3A%2F%2Fx%2Fcb%3Fy%3D1&response_type=code&state=salesloft"
        );
    }
}
