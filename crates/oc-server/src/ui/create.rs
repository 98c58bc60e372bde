//! The form that creates an instance, or changes one, and what it asks the API meanwhile.

mod answer;
mod form;
mod polling;
mod request;

use axum::extract::{Path, State};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Redirect, Response};
use maud::{Markup, html};
use secrecy::ExposeSecret as _;
use serde::Deserialize;
use serde_json::Value as Json;

use super::consent;
use super::fields::Fields;
use super::instance;
use super::known_instance::{KnownElement, KnownInstance, Number};
use super::layout::{Page, Part, fragment};
use super::problem::{Problem, words};
use super::visitor::{Submitted, Visitor};
use super::{HOME, Ui};
use crate::api::{InsideCaller, Refused};
use crate::caller_secret;
use form::Form;
pub(super) use request::{Entry, client};

/// Which button was pressed.
const PRESSED: &str = "do";

/// What the form is for, and with.
pub(super) struct Subject {
    pub(super) connector: KnownElement,
    pub(super) entries: Vec<Entry>,
    /// The instance that is changed; `None` creates one.
    pub(super) instance: Option<i64>,
    /// Whether the provider can tell of changes by itself.
    pub(super) has_webhooks: bool,
    /// Where the provider sends users back to.
    pub(super) callback: String,
}

impl Subject {
    pub(super) async fn read(
        ui: &Ui,
        api: &InsideCaller,
        connector: &str,
        instance: Option<i64>,
    ) -> Result<Self, Problem> {
        let element = api.read(&format!("/elements/{connector}")).await?;
        let entries = api.read(&format!("/elements/{connector}/configuration")).await?;
        let able: Json = api.read(&format!("/elements/{connector}/metadata")).await?;
        let methods = able["events"]["methods"].as_array();
        let has_webhooks = methods.is_some_and(|all| all.iter().any(|one| one == "webhook"));
        let callback = consent::callback(ui);
        Ok(Self { connector: element, entries, instance, has_webhooks, callback })
    }

    /// Where the form is.
    pub(super) fn place(&self) -> String {
        match self.instance {
            Some(id) => format!("{HOME}/{id}/edit"),
            None => format!("/ui/connectors/{}/new", self.connector.key),
        }
    }

    /// The default value of a key.
    fn default(&self, key: &str) -> &str {
        let found = self.entries.iter().find(|entry| entry.key == key);
        found.and_then(|entry| entry.default_value.as_deref()).unwrap_or_default()
    }
}

/// `GET /ui/connectors/{key}/new`: empty, or as a draft has it.
pub(super) async fn new(
    State(ui): State<Ui>,
    visitor: Visitor,
    Path(key): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let subject = Subject::read(&ui, &visitor.api, &key, None).await?;
    let draft = consent::draft(&ui, &visitor, &uri).await?;
    let fields = draft.unwrap_or_else(|| request::empty(&subject));
    Ok(page(&visitor, &subject, &fields, consent::fault(&fields).as_ref()))
}

/// `GET /ui/instances/{id}/edit`: as the instance is, or as a draft has it.
pub(super) async fn edit(
    State(ui): State<Ui>,
    visitor: Visitor,
    Number(id): Number,
    uri: Uri,
) -> Result<Response, Problem> {
    let known = instance::read(&visitor, id).await?;
    let subject = Subject::read(&ui, &visitor.api, connector_of(&known)?, Some(id)).await?;
    let draft = consent::draft(&ui, &visitor, &uri).await?;
    let fields = draft.unwrap_or_else(|| request::of_instance(&subject, &known));
    Ok(page(&visitor, &subject, &fields, consent::fault(&fields).as_ref()))
}

/// `POST /ui/connectors/{key}/new`.
pub(super) async fn create(
    State(ui): State<Ui>,
    Path(key): Path<String>,
    Submitted { visitor, fields }: Submitted,
) -> Result<Response, Problem> {
    let subject = Subject::read(&ui, &visitor.api, &key, None).await?;
    carry_out(&ui, &visitor, subject, fields).await
}

/// `POST /ui/instances/{id}/edit`.
pub(super) async fn change(
    State(ui): State<Ui>,
    Number(id): Number,
    Submitted { visitor, fields }: Submitted,
) -> Result<Response, Problem> {
    let known = instance::read(&visitor, id).await?;
    let subject = Subject::read(&ui, &visitor.api, connector_of(&known)?, Some(id)).await?;
    carry_out(&ui, &visitor, subject, fields).await
}

/// Whatever is wrong already is told before the provider is asked.
async fn carry_out(
    ui: &Ui,
    visitor: &Visitor,
    subject: Subject,
    mut fields: Fields,
) -> Result<Response, Problem> {
    if fields.text(PRESSED) == "switch" {
        let switched = switch(&subject, &mut fields);
        return Ok(page(visitor, &subject, &fields, switched.err().as_ref()));
    }
    let checked = preview(&visitor.api, &subject, &fields).await;
    let checked = checked.map(|found| found.refusal());
    let fault = match checked {
        Ok(refusal) => refusal,
        Err(refused) => Some(words(&told(refused)?)),
    };
    if let Some(fault) = fault {
        return Ok(with_status(
            page(visitor, &subject, &fields, Some(&fault)),
            StatusCode::BAD_REQUEST,
        ));
    }
    if request::needs_consent(&subject, &fields) {
        return consent::begin(ui, visitor, &subject, fields).await;
    }
    match send(&visitor.api, &subject, &fields, None).await {
        Ok(id) => Ok(Redirect::to(&after(&subject, id)).into_response()),
        Err(refused) => {
            let refused = told(refused)?;
            let shown = page(visitor, &subject, &fields, Some(&words(&refused)));
            Ok(with_status(shown, refused.status))
        }
    }
}

/// What the page needs to know of an instance that was made or changed.
#[derive(Deserialize)]
struct Made {
    id: i64,
}

/// Creates or changes the instance; tells its number.
pub(super) async fn send(
    api: &InsideCaller,
    subject: &Subject,
    fields: &Fields,
    provider_data: Option<Json>,
) -> Result<i64, Refused> {
    let body = request::body(subject, fields, provider_data);
    let answered = match subject.instance {
        Some(id) => api.call(Method::PATCH, &format!("/instances/{id}"), Some(&body)).await?,
        None => api.call(Method::POST, "/instances", Some(&body)).await?,
    };
    let made: Result<Made, Refused> = answered.into();
    Ok(made?.id)
}

/// The page of the instance that was made or changed.
pub(super) fn after(subject: &Subject, id: i64) -> String {
    let done = if subject.instance.is_some() { "changed" } else { "created" };
    format!("{HOME}/{id}?done={done}")
}

/// `POST /ui/connectors/{key}/preview`, while the form is filled in.
pub(super) async fn show_preview(
    State(ui): State<Ui>,
    Path(key): Path<String>,
    Submitted { visitor, fields }: Submitted,
) -> Result<Response, Problem> {
    let subject = Subject::read(&ui, &visitor.api, &key, None).await?;
    let shown = match preview(&visitor.api, &subject, &fields).await {
        Ok(found) => found.show(),
        Err(refused) => html! { div.notice.bad { (words(&told(refused)?)) } },
    };
    Ok(fragment(&shown))
}

/// `POST /ui/connectors/{key}/callback-test`.
pub(super) async fn test_callback(
    State(ui): State<Ui>,
    Path(key): Path<String>,
    Submitted { visitor, fields }: Submitted,
) -> Result<Response, Problem> {
    let subject = Subject::read(&ui, &visitor.api, &key, None).await?;
    let body = request::for_test(&subject, &fields);
    let path = format!("/elements/{key}/callback-test");
    let answered = visitor.api.call(Method::POST, &path, Some(&body)).await;
    let read: Result<answer::Tested, Refused> = answered.and_then(Into::into);
    let shown = match read {
        Ok(tested) => tested.show(),
        Err(refused) => html! { div.notice.bad { (words(&told(refused)?)) } },
    };
    Ok(fragment(&shown))
}

/// `POST /ui/signature-key`: the field with a key that was just made.
pub(super) async fn signature_key(Submitted { .. }: Submitted) -> Response {
    fragment(&form::signature_key(caller_secret::generate().expose_secret(), true))
}

async fn preview(
    api: &InsideCaller,
    subject: &Subject,
    fields: &Fields,
) -> Result<answer::Previewed, Refused> {
    let body = request::for_preview(subject, fields);
    let path = format!("/elements/{}/preview", subject.connector.key);
    api.call(Method::POST, &path, Some(&body)).await?.into()
}

/// Shows what is polled the other way.
fn switch(subject: &Subject, fields: &mut Fields) -> Result<(), Markup> {
    if polling::shows_code(fields) {
        let text = fields.exact(polling::KEY);
        let read = polling::parse(text, subject.default(polling::KEY)).map_err(|fault| {
            html! { p { "The configuration is no JSON object: " (fault) "." } }
        })?;
        polling::put(fields, &read);
    } else {
        let text = polling::to_text(&polling::read(fields));
        fields.set(polling::KEY, text);
        fields.set(polling::VIEW, "code");
    }
    Ok(())
}

fn page(visitor: &Visitor, subject: &Subject, fields: &Fields, fault: Option<&Markup>) -> Response {
    let title = match subject.instance {
        Some(_) => format!("Edit {}", fields.text("name")),
        None => format!("New {} instance", subject.connector.name),
    };
    let shown = Form { visitor, subject, fields, fault }.show(&title);
    let part = if subject.instance.is_some() { Part::Instances } else { Part::Connectors };
    Page::of(visitor, part, &title).show(&shown)
}

/// A refusal that the form can show; one of the session itself cannot be.
fn told(refused: Refused) -> Result<Refused, Problem> {
    match Problem::from(refused) {
        Problem::Refused(refused) => Ok(refused),
        other => Err(other),
    }
}

fn connector_of(known: &KnownInstance) -> Result<&str, Problem> {
    known.element.as_ref().map(|element| element.key.as_str()).ok_or(Problem::Missing)
}

fn with_status(mut response: Response, status: StatusCode) -> Response {
    *response.status_mut() = status;
    response
}
