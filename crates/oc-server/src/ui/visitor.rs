//! Who looks at a page, by the cookie of their session; and what they send, by its form token.

use std::time::Duration;

use axum::body::to_bytes;
use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::header::{COOKIE, HOST, HeaderMap, HeaderValue, ORIGIN};
use axum::http::request::Parts;
use axum::http::{Extensions, Method};
use maud::{Markup, html};
use oc_store::Session;
use secrecy::{ExposeSecret as _, SecretString};
use subtle::ConstantTimeEq as _;
use url::Url;

use super::Ui;
use super::fields::Fields;
use super::problem::Problem;
use crate::api::InsideCaller;
use crate::caller_secret;

/// How long a session is good.
const LONGEST: Duration = Duration::from_secs(12 * 3_600);
/// The largest form: poller configurations are some kilobytes.
const LARGEST: usize = 1 << 20;
/// The field that every form has.
const FORM_TOKEN: &str = "form-token";

/// Somebody who is signed in, and only looks.
pub(super) struct Visitor {
    /// The API as they may call it.
    pub(super) api: InsideCaller,
    /// What their browser keeps.
    pub(super) cookie: SecretString,
    form_token: SecretString,
}

/// What a signed-in visitor has sent, from a form of ours. No other extractor takes a form.
pub(super) struct Submitted {
    pub(super) visitor: Visitor,
    pub(super) fields: Fields,
}

impl FromRequestParts<Ui> for Visitor {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, ui: &Ui) -> Result<Self, Problem> {
        // Whatever changes something has to prove where it comes from.
        if parts.method != Method::GET {
            return Err(Problem::Forged);
        }
        let next = parts.uri.path_and_query().map_or("", |path| path.as_str());
        Self::recognize(ui, &parts.headers, &parts.extensions, next).await
    }
}

impl FromRequest<Ui> for Submitted {
    type Rejection = Problem;

    async fn from_request(request: Request, ui: &Ui) -> Result<Self, Problem> {
        let (parts, body) = request.into_parts();
        let visitor =
            Visitor::recognize(ui, &parts.headers, &parts.extensions, super::HOME).await?;
        let body = to_bytes(body, LARGEST).await.map_err(|_| Problem::Forged)?;
        let fields = Fields::read(&body);
        let (own, given) = (visitor.form_token.expose_secret(), fields.exact(FORM_TOKEN));
        if bool::from(own.as_bytes().ct_eq(given.as_bytes())) {
            Ok(Self { visitor, fields })
        } else {
            Err(Problem::Forged)
        }
    }
}

impl Visitor {
    async fn recognize(
        ui: &Ui,
        headers: &HeaderMap,
        extensions: &Extensions,
        next: &str,
    ) -> Result<Self, Problem> {
        let sign_in = || Problem::SignIn { next: next.to_owned() };
        let cookie = cookie(ui, headers).ok_or_else(sign_in)?;
        let session = ui.store.session(&cookie, ui.clock.now()).await?.ok_or_else(sign_in)?;
        let secrets = (&session.user, &session.organization);
        let api = ui.api.caller(secrets, extensions).ok_or_else(sign_in)?;
        Ok(Self { api, cookie, form_token: session.form_token })
    }

    /// The hidden field that every form has to have.
    pub(super) fn form_token(&self) -> Markup {
        html! { input type="hidden" name=(FORM_TOKEN) value=(self.form_token.expose_secret()); }
    }
}

/// Begins a session; returns the cookie that the browser is to keep.
pub(super) async fn begin(
    ui: &Ui,
    user: SecretString,
    organization: SecretString,
) -> Result<HeaderValue, Problem> {
    let token = caller_secret::generate();
    let session = Session { user, organization, form_token: caller_secret::generate() };
    ui.store.begin_session(&token, &session, ui.clock.now().plus(LONGEST)).await?;
    Ok(set_cookie(ui, token.expose_secret(), LONGEST))
}

/// Ends a session; returns what makes the browser forget the cookie.
pub(super) async fn end(ui: &Ui, visitor: &Visitor) -> Result<HeaderValue, Problem> {
    ui.store.end_session(&visitor.cookie).await?;
    Ok(set_cookie(ui, "", Duration::ZERO))
}

/// Whether a form comes from a page of this server, as far as the browser tells.
pub(super) fn is_own_page(ui: &Ui, headers: &HeaderMap) -> bool {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let Some(origin) = headers.get(ORIGIN) else { return true };
    let Some(origin) = origin.to_str().ok().and_then(|text| Url::parse(text).ok()) else {
        return false;
    };
    let host = origin.origin().ascii_serialization();
    let host = host.split_once("://").map(|(_, host)| host);
    origin.origin() == ui.public_url.origin() || (host.is_some() && host == text(HOST))
}

fn set_cookie(ui: &Ui, token: &str, age: Duration) -> HeaderValue {
    let (name, age) = (cookie_name(ui), age.as_secs());
    let secure = if is_secure(ui) { "; Secure" } else { "" };
    let text = format!("{name}={token}; Path=/; Max-Age={age}; HttpOnly; SameSite=Lax{secure}");
    // Tokens are letters that a header can carry.
    let mut value = HeaderValue::try_from(text).unwrap_or_else(|_| HeaderValue::from_static(""));
    value.set_sensitive(true);
    value
}

fn cookie(ui: &Ui, headers: &HeaderMap) -> Option<SecretString> {
    let name = cookie_name(ui);
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let mut pairs = lines.flat_map(|line| line.split(';')).filter_map(|pair| pair.split_once('='));
    let found = pairs.find(|(key, value)| key.trim() == name && !value.is_empty());
    found.map(|(_, value)| SecretString::from(value.trim()))
}

/// Under TLS with a prefix that no other host of the domain and no plain connection can set.
fn cookie_name(ui: &Ui) -> &'static str {
    if is_secure(ui) { "__Host-oc-session" } else { "oc-session" }
}

fn is_secure(ui: &Ui) -> bool {
    ui.public_url.scheme() == "https"
}
