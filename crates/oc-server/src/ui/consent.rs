//! The way to the provider's consent page and back; what was filled in waits here.

use std::time::Duration;

use axum::extract::State;
use axum::http::Uri;
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use oc_config::Timestamp;
use secrecy::{ExposeSecret as _, SecretString};
use serde::Deserialize;
use serde_json::{Map, Value as Json, json};
use url::{Url, form_urlencoded};

use super::Ui;
use super::create::{self, Subject};
use super::fields::Fields;
use super::layout::{Page, Part};
use super::problem::Problem;
use super::visitor::Visitor;
use crate::api::{InsideCaller, Refused};
use crate::caller_secret;

/// instances.md, "OAuth 2".
const LONGEST: Duration = Duration::from_secs(600);
/// What a draft knows besides the form.
const CONNECTOR: &str = "draft-connector";
const INSTANCE: &str = "draft-instance";
const FAULT: &str = "draft-fault";
const FAULT_WORDS: &str = "draft-fault-words";
/// Of the query: what the provider's callback means to us only.
const STATE: &str = "state";

/// Where the provider sends users back to.
pub(super) fn callback(ui: &Ui) -> String {
    format!("{}/oauth/callback", ui.public_url.as_str().trim_end_matches('/'))
}

/// Keeps the form and sends the user on; the page between is there so that the form's policy need
/// not name the provider.
pub(super) async fn begin(
    ui: &Ui,
    visitor: &Visitor,
    subject: &Subject,
    fields: Fields,
) -> Result<Response, Problem> {
    let state = keep(ui, visitor, subject, fields).await?;
    Ok(Redirect::to(&format!("/ui/consent?{STATE}={}", encoded(&state))).into_response())
}

/// `GET /ui/consent`: goes on by itself.
pub(super) async fn leave(
    State(ui): State<Ui>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, Problem> {
    let (state, fields) = waiting(&ui, &visitor, &uri).await?.ok_or(Problem::Ended)?;
    let subject = subject(&ui, &visitor, &fields).await?;
    match provider_url(&visitor.api, &subject, &fields, &state).await {
        Ok(url) => {
            let host = url.host_str().unwrap_or_default().to_owned();
            let content = html! {
                div.narrow {
                    h1 { "On to " (subject.connector.name) }
                    p { "You are asked there to let this service in, and come back by yourself." }
                    p { a.button.main href=(url) { "Go to " (host) } }
                    p { a href=(back(&subject, &state)) { "Back to the form" } }
                }
            };
            Ok(Page::of(&visitor, Part::Connectors, "Consent").onwards(url.as_str()).show(&content))
        }
        Err(refused) => refused_page(&ui, &visitor, &subject, &state, refused).await,
    }
}

/// `GET /oauth/callback`: the provider sends the user back, with a code or a refusal.
pub(super) async fn arrive(
    State(ui): State<Ui>,
    visitor: Visitor,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = uri.query().unwrap_or_default();
    let state = SecretString::from(Fields::read(query.as_bytes()).text(STATE));
    // A state is good once, and for the session in which it was made.
    let taken = ui.store.take_draft(&visitor.cookie, &state, ui.clock.now()).await?;
    let fields = taken.map(|form| Fields::read(form.expose_secret().as_bytes()));
    let fields = fields.ok_or(Problem::Ended)?;
    let subject = subject(&ui, &visitor, &fields).await?;
    let data: Map<String, Json> = form_urlencoded::parse(query.as_bytes())
        .filter(|(name, _)| name != STATE)
        .map(|(name, value)| (name.into_owned(), json!(value)))
        .collect();
    match create::send(&visitor.api, &subject, &fields, Some(Json::Object(data))).await {
        Ok(id) => Ok(Redirect::to(&create::after(&subject, id)).into_response()),
        Err(refused) => {
            let state = keep(&ui, &visitor, &subject, with_fault(fields, refused)?).await?;
            Ok(Redirect::to(&back(&subject, &state)).into_response())
        }
    }
}

/// The form that the query names.
pub(super) async fn draft(
    ui: &Ui,
    visitor: &Visitor,
    uri: &Uri,
) -> Result<Option<Fields>, Problem> {
    Ok(waiting(ui, visitor, uri).await?.map(|(_, fields)| fields))
}

/// Why a form came back.
pub(super) fn fault(fields: &Fields) -> Option<Markup> {
    let (message, said) = (fields.exact(FAULT), fields.exact(FAULT_WORDS));
    (!message.is_empty()).then(|| {
        html! {
            p { (message) }
            @if !said.is_empty() { p { "The provider says:" } pre.provider { (said) } }
        }
    })
}

async fn keep(
    ui: &Ui,
    visitor: &Visitor,
    subject: &Subject,
    mut fields: Fields,
) -> Result<SecretString, Problem> {
    fields.set(CONNECTOR, subject.connector.key.as_str());
    fields.set(INSTANCE, subject.instance.map(|id| id.to_string()).unwrap_or_default());
    let (state, form) = (caller_secret::generate(), SecretString::from(fields.write()));
    let ends: Timestamp = ui.clock.now().plus(LONGEST);
    ui.store.keep_draft(&visitor.cookie, &state, &form, ends).await?;
    Ok(state)
}

async fn waiting(
    ui: &Ui,
    visitor: &Visitor,
    uri: &Uri,
) -> Result<Option<(SecretString, Fields)>, Problem> {
    let query = Fields::read(uri.query().unwrap_or_default().as_bytes());
    let state = SecretString::from(query.text(STATE));
    let found = ui.store.draft(&visitor.cookie, &state, ui.clock.now()).await?;
    Ok(found.map(|form| (state, Fields::read(form.expose_secret().as_bytes()))))
}

async fn subject(ui: &Ui, visitor: &Visitor, fields: &Fields) -> Result<Subject, Problem> {
    let instance = fields.text(INSTANCE).parse().ok();
    Subject::read(ui, &visitor.api, fields.text(CONNECTOR), instance).await
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct OAuthUrl {
    oauth_url: String,
}

async fn provider_url(
    api: &InsideCaller,
    subject: &Subject,
    fields: &Fields,
    state: &SecretString,
) -> Result<Url, Refused> {
    let answer: OAuthUrl = api.read(&asks_for_url(subject, fields, state)).await?;
    let url = Url::parse(&answer.oauth_url).ok();
    // A link may begin with much that is no address.
    url.filter(|url| matches!(url.scheme(), "http" | "https"))
        .ok_or_else(|| Refused::of_page("the provider's authorization url is no http or https url"))
}

/// Of the client in the form, or else of the one that the instance has.
fn asks_for_url(subject: &Subject, fields: &Fields, state: &SecretString) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    query.append_pair("callbackUrl", &subject.callback);
    query.append_pair("state", state.expose_secret());
    let client = create::client(fields);
    if let (None, Some(id)) = (client, subject.instance) {
        return format!("/instances/{id}/oauth/url?{}", query.finish());
    }
    query.append_pair("apiKey", client.unwrap_or_default());
    for (key, name) in [("oauth.scope", "scope"), ("oauth.authorization.url", "authorizationUrl")] {
        if !fields.text(key).is_empty() {
            query.append_pair(name, fields.text(key));
        }
    }
    format!("/elements/{}/oauth/url?{}", subject.connector.key, query.finish())
}

async fn refused_page(
    ui: &Ui,
    visitor: &Visitor,
    subject: &Subject,
    state: &SecretString,
    refused: Refused,
) -> Result<Response, Problem> {
    let taken = ui.store.take_draft(&visitor.cookie, state, ui.clock.now()).await?;
    let fields = taken.map(|form| Fields::read(form.expose_secret().as_bytes()));
    let fields = with_fault(fields.ok_or(Problem::Ended)?, refused)?;
    let state = keep(ui, visitor, subject, fields).await?;
    Ok(Redirect::to(&back(subject, &state)).into_response())
}

fn with_fault(mut fields: Fields, refused: Refused) -> Result<Fields, Problem> {
    match Problem::from(refused) {
        Problem::Refused(refused) => {
            fields.set(FAULT, super::problem::sentence(&refused.message));
            fields.set(FAULT_WORDS, refused.provider_message.unwrap_or_default());
            Ok(fields)
        }
        other => Err(other),
    }
}

fn back(subject: &Subject, state: &SecretString) -> String {
    format!("{}?{STATE}={}", subject.place(), encoded(state))
}

fn encoded(secret: &SecretString) -> String {
    form_urlencoded::byte_serialize(secret.expose_secret().as_bytes()).collect()
}
