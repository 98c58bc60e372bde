//! How requests to a provider are authorized: with the instance's access token, or its API key.

use std::sync::Arc;

use async_trait::async_trait;
use http::HeaderMap;
use http::header::{AUTHORIZATION, HeaderName, HeaderValue};
use oc_config::{Catalogue, Connector, InstanceId, Timestamp};
use oc_hub::{AuthorizeError, Authorizer, Credential};
use oc_oauth::{TokenError, Tokens};
use oc_store::Store;
use secrecy::{ExposeSecret, SecretString};

/// Credentials of instances as they are stored.
#[derive(Clone)]
pub(crate) struct Credentials {
    pub(crate) tokens: Tokens,
    pub(crate) store: Store,
    pub(crate) catalogue: Arc<Catalogue>,
}

#[async_trait]
impl Authorizer for Credentials {
    async fn authorize(
        &self,
        instance: InstanceId,
        headers: &mut HeaderMap,
        _now: Timestamp,
    ) -> Result<Credential, AuthorizeError> {
        match self.tokens.bearer(instance).await {
            Ok(token) => {
                let text = format!("Bearer {}", token.secret.expose_secret());
                headers.insert(AUTHORIZATION, sensitive(&text)?);
                Ok(Credential(token.version))
            }
            // An instance without a token pair may have an API key instead.
            Err(TokenError::NeedsAuthentication(reason)) => {
                let (name, value) = self
                    .api_key(instance)
                    .await?
                    .ok_or(AuthorizeError::NeedsAuthentication(reason))?;
                headers.insert(name, value);
                Ok(Credential(0))
            }
            Err(error) => Err(fault(error)),
        }
    }

    async fn refused(
        &self,
        instance: InstanceId,
        credential: Credential,
        _now: Timestamp,
    ) -> Result<(), AuthorizeError> {
        if credential == Credential(0) {
            let reason = "the provider refuses the API key".to_owned();
            return Err(AuthorizeError::NeedsAuthentication(reason));
        }
        self.tokens.refused(instance, credential.0).await.map_err(fault)
    }
}

impl Credentials {
    async fn api_key(
        &self,
        id: InstanceId,
    ) -> Result<Option<(HeaderName, HeaderValue)>, AuthorizeError> {
        let found = self.store.instance(id).await;
        let found = found.map_err(|error| AuthorizeError::Unavailable(error.to_string()))?;
        let Some(instance) = found else { return Ok(None) };
        let Some(connector) = self.catalogue.find(&instance.connector) else { return Ok(None) };
        let Some(key) = api_key(connector, &instance.configuration) else { return Ok(None) };
        let Some(form) = &connector.api_key else { return Ok(None) };
        let name = HeaderName::try_from(form.header.as_str())
            .map_err(|_| AuthorizeError::Unavailable(format!("`{}` is no header", form.header)))?;
        let value = sensitive(&form.value.replace("{key}", key.expose_secret()))?;
        Ok(Some((name, value)))
    }
}

/// An instance's API key, when its connector takes one and it has one.
pub(crate) fn api_key<'c>(
    connector: &Connector,
    configuration: &'c oc_config::Configuration,
) -> Option<&'c SecretString> {
    configuration.secret(&connector.api_key.as_ref()?.configuration)
}

fn sensitive(text: &str) -> Result<HeaderValue, AuthorizeError> {
    let mut value = HeaderValue::try_from(text).map_err(|_| {
        AuthorizeError::NeedsAuthentication(
            "the credential has characters no header may have".to_owned(),
        )
    })?;
    value.set_sensitive(true);
    Ok(value)
}

fn fault(error: TokenError) -> AuthorizeError {
    match error {
        TokenError::NeedsAuthentication(reason) => AuthorizeError::NeedsAuthentication(reason),
        TokenError::Unavailable(reason) => AuthorizeError::Unavailable(reason),
    }
}
