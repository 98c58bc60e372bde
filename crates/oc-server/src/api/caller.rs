//! Who calls: the secrets of the `Authorization` header (instances.md, "Authorization").

use axum::extract::{FromRequestParts, RawPathParams};
use axum::http::HeaderMap;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use oc_config::{InstanceId, Timestamp};
use oc_store::{By, EventScope, Instance, Store, User};
use secrecy::SecretString;

use super::error::ApiError;
use super::rates::Recognition;
use super::request_id::RequestId;
use crate::app::App;

/// The secrets that a request carries.
#[derive(Debug, Default)]
pub(super) struct Secrets {
    pub(super) user: Option<SecretString>,
    organization: Option<SecretString>,
    element: Option<SecretString>,
}

/// Someone who may call the platform: a user with their organization, or with an instance.
#[derive(Debug)]
pub(super) struct Caller {
    pub(super) user: User,
    /// The request's id.
    pub(super) request_id: String,
    /// Whether the organization's secret was given too.
    is_platform: bool,
    /// The instance whose token was given.
    element: Option<Instance>,
}

impl FromRequestParts<App> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let secrets = Secrets::read(&parts.headers)?;
        let request_id = RequestId::of(&parts.extensions);
        let caller = Self::identify(&app.store, secrets, request_id, app.clock.now()).await?;
        Recognition::note(&parts.extensions);
        Ok(caller)
    }
}

/// The instance that a call is aimed at, and who calls: by the number in the path, or else by the
/// Element token (instances.md, "The other calls").
pub(super) struct Aimed {
    pub(super) instance: Instance,
    pub(super) caller: Caller,
}

impl FromRequestParts<App> for Aimed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let instance = match path_parameter(parts, app, "id").await? {
            Some(id) => caller.instance(&app.store, &id).await?,
            None => caller.element()?.clone(),
        };
        Ok(Self { instance, caller })
    }
}

/// Whose events a call is about: the instance's in the path, else that of the Element token, else
/// the whole organization's.
pub(super) struct Scope(pub(super) EventScope, pub(super) By);

impl FromRequestParts<App> for Scope {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, ApiError> {
        let caller = Caller::from_request_parts(parts, app).await?;
        let organization = caller.user.organization;
        let instance = match (path_parameter(parts, app, "id").await?, &caller.element) {
            (Some(id), _) => Some(caller.instance(&app.store, &id).await?.id),
            (None, Some(element)) => Some(element.id),
            (None, None) => {
                caller.platform()?;
                None
            }
        };
        Ok(Self(EventScope { organization, instance }, caller.by()))
    }
}

/// A part of the path by its name.
pub(super) async fn path_parameter(
    parts: &mut Parts,
    app: &App,
    wanted: &str,
) -> Result<Option<String>, ApiError> {
    let path = RawPathParams::from_request_parts(parts, app).await;
    let path = path.map_err(|_| ApiError::bad_request("the path cannot be read"))?;
    Ok(path.iter().find(|(name, _)| *name == wanted).map(|(_, value)| value.to_owned()))
}

impl Caller {
    async fn identify(
        store: &Store,
        secrets: Secrets,
        request_id: String,
        now: Timestamp,
    ) -> Result<Self, ApiError> {
        let wrong = |what: &str| ApiError::unauthorized(format!("the {what} is not known"));
        let user = secrets.user.ok_or_else(|| ApiError::unauthorized(EXPECTED))?;
        let user = store.user_with(&user, now).await?.ok_or_else(|| wrong("User secret"))?;
        let mut is_platform = false;
        if let Some(secret) = &secrets.organization {
            let found = store.organization_with(secret, now).await?;
            is_platform = found == Some(user.organization);
            if !is_platform {
                return Err(wrong("Organization secret"));
            }
        }
        let mut element = None;
        if let Some(token) = &secrets.element {
            let found = store.instance_with(token).await?;
            let found = found.filter(|one| one.organization == user.organization);
            element = Some(found.ok_or_else(|| wrong("Element token"))?);
        }
        Ok(Self { user, request_id, is_platform, element })
    }

    /// Who changes something, for the audit log.
    pub(super) fn by(&self) -> By {
        By { user: Some(self.user.id), request_id: Some(self.request_id.clone()) }
    }

    /// For calls to the platform.
    pub(super) fn platform(&self) -> Result<&User, ApiError> {
        if self.is_platform { Ok(&self.user) } else { Err(ApiError::unauthorized(EXPECTED)) }
    }

    /// The instance whose token was given, if one was.
    pub(super) fn token_of(&self) -> Option<&Instance> {
        self.element.as_ref()
    }

    /// For calls aimed at an instance by its number; another organization's is not found.
    async fn instance(&self, store: &Store, id: &str) -> Result<Instance, ApiError> {
        let missing = || ApiError::not_found(format!("there is no instance `{id}`"));
        let id: i64 = id.parse().map_err(|_| missing())?;
        if let Some(element) = self.element.as_ref().filter(|one| one.id == InstanceId(id)) {
            return Ok(element.clone());
        }
        self.platform()?;
        let found = store.instance(InstanceId(id)).await?;
        found.filter(|one| one.organization == self.user.organization).ok_or_else(missing)
    }

    /// For calls aimed at the instance whose token was given.
    pub(super) fn element(&self) -> Result<&Instance, ApiError> {
        let expected = "`User <secret>, Element <instance token>` was expected in Authorization";
        self.element.as_ref().ok_or_else(|| ApiError::unauthorized(expected))
    }
}

const EXPECTED: &str =
    "`User <user secret>, Organization <organization secret>` was expected in Authorization";

impl Secrets {
    /// The parts come in any order; the words in any case; secrets may hold `=`, `+` and `/`.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, ApiError> {
        let mut secrets = Self::default();
        for value in headers.get_all(AUTHORIZATION) {
            let text = value.to_str().map_err(|_| ApiError::unauthorized(EXPECTED))?;
            for part in text.split(',').map(str::trim).filter(|part| !part.is_empty()) {
                let (word, secret) = part.split_once(char::is_whitespace).unwrap_or((part, ""));
                let place = match word.to_ascii_lowercase().as_str() {
                    "user" => &mut secrets.user,
                    "organization" => &mut secrets.organization,
                    "element" => &mut secrets.element,
                    _ => return Err(ApiError::unauthorized(EXPECTED)),
                };
                *place = Some(SecretString::from(secret.trim()));
            }
        }
        Ok(secrets)
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use secrecy::ExposeSecret;

    use super::*;

    fn read(text: &'static str) -> Option<[Option<String>; 3]> {
        let headers = [(AUTHORIZATION, HeaderValue::from_static(text))].into_iter().collect();
        let secrets = Secrets::read(&headers).ok()?;
        let shown = |secret: Option<SecretString>| secret.map(|one| one.expose_secret().to_owned());
        Some([shown(secrets.user), shown(secrets.organization), shown(secrets.element)])
    }

    #[test]
    fn parts_come_in_any_order_and_case_and_secrets_keep_their_signs() {
        let some = |text: &str| Some(text.to_owned());
        assert_eq!(
            read("Organization b/+=, USER a=,element c==").unwrap(),
            [some("a="), some("b/+="), some("c==")]
        );
        assert_eq!(read("User a").unwrap(), [some("a"), None, None]);
        assert!(read("Bearer x").is_none());
    }
}
