//! Lists of instances: filtered, counted, page by page (instances.md, "The other calls").

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::Method;
use axum::response::{IntoResponse, Response};
use oc_config::InstanceId;
use oc_store::{InstanceFilter, InstancePage, User};
use serde::Serialize;
use utoipa::{IntoParams, ToSchema};

use super::answer::{self, InstanceAnswer, with_user};
use crate::api::caller::{Aimed, Caller};
use crate::api::calls::{Call, Calls, Wants};
use crate::api::elements::connector;
use crate::api::error::ApiError;
use crate::api::paging::{page, paged};
use crate::api::query::Parameters;
use crate::app::App;

pub(super) fn calls() -> Calls {
    let call = |summary, wants| Call::new("instances", summary, wants);
    let listed = |call: Call| {
        call.query::<Asked>()
            .answers_header("Elements-Returned-Count", "how many instances these are")
            .answers_header("Elements-Total-Count", "how many there are on all pages")
            .answers_header("Elements-Next-Page-Token", "the value of nextPage for the next ones")
            .fails(&[404])
    };
    let all = "Instances, oldest first; with an Element token and without Organization: that one";
    Calls::new()
        .on(
            &Method::GET,
            "/instances",
            list,
            listed(call(all, Wants::Platform).answers::<Listed>()),
        )
        .on(
            &Method::GET,
            "/instances/count",
            count,
            call("How many instances there are", Wants::Platform)
                .query::<Asked>()
                .answers::<InstancesCounted>(),
        )
        .on(
            &Method::GET,
            "/elements/{keyOrId}/instances",
            list_of,
            listed(
                call("Instances of a connector, oldest first", Wants::Platform)
                    .answers::<Vec<InstanceAnswer>>(),
            ),
        )
        .on(
            &Method::GET,
            "/elements/{keyOrId}/instances/{id}",
            one_of,
            call("An instance of a connector", Wants::Instance)
                .answers::<InstanceAnswer>()
                .fails(&[403, 404]),
        )
}

/// Which instances.
#[derive(Default, IntoParams)]
#[into_params(rename_all = "camelCase")]
struct Asked {
    /// Only instances that have all of these tags; may be repeated, and be called `tags`.
    #[param(rename = "tags[]")]
    tags: Option<Vec<String>>,
    /// Only instances with this text in their names, in any case.
    search_text: Option<String>,
    /// Instances a page, at most 2,000.
    page_size: Option<usize>,
    /// The page's number, from 1.
    page: Option<usize>,
    /// The value of an `Elements-Next-Page-Token`.
    next_page: Option<String>,
    /// Whether elements and configurations are wanted.
    hydrate: Option<bool>,
}

/// Instances, or the one whose token was given.
#[derive(Serialize, ToSchema)]
#[serde(untagged)]
enum Listed {
    One(Box<InstanceAnswer>),
    Many(Vec<InstanceAnswer>),
}

/// How many instances there are.
#[derive(Serialize, ToSchema)]
struct InstancesCounted {
    count: u64,
}

type Pairs = Parameters<Vec<(String, String)>>;

async fn list(
    State(app): State<App>,
    caller: Caller,
    Parameters(pairs): Pairs,
) -> Result<Response, ApiError> {
    let asked = Asked::read(pairs)?;
    match (caller.platform(), caller.token_of()) {
        (Err(_), Some(instance)) => {
            let shown = asked.shape(answer::of(&app, instance).await?);
            Ok(Json(Listed::One(Box::new(shown))).into_response())
        }
        (user, _) => listed(&app, user?, None, &asked).await,
    }
}

async fn list_of(
    State(app): State<App>,
    caller: Caller,
    Path(key): Path<String>,
    Parameters(pairs): Pairs,
) -> Result<Response, ApiError> {
    let user = caller.platform()?;
    let connector = connector(&app, &key)?;
    listed(&app, user, Some(connector.key.clone()), &Asked::read(pairs)?).await
}

async fn one_of(
    State(app): State<App>,
    Aimed { instance, .. }: Aimed,
    Path((key, id)): Path<(String, String)>,
) -> Result<Json<InstanceAnswer>, ApiError> {
    if connector(&app, &key)?.key != instance.connector {
        let message = format!("there is no instance `{id}` of connector `{key}`");
        return Err(ApiError::not_found(message));
    }
    Ok(Json(answer::of(&app, &instance).await?))
}

async fn count(
    State(app): State<App>,
    caller: Caller,
    Parameters(pairs): Pairs,
) -> Result<Json<InstancesCounted>, ApiError> {
    let filter = Asked::read(pairs)?.filter(caller.platform()?, None);
    Ok(Json(InstancesCounted { count: app.store.count_instances(filter).await? }))
}

async fn listed(
    app: &App,
    user: &User,
    connector: Option<String>,
    asked: &Asked,
) -> Result<Response, ApiError> {
    let filter = asked.filter(user, connector);
    let total = app.store.count_instances(filter.clone()).await?;
    if total == 0 && asked.is_filtered() {
        let all = InstanceFilter::all(user.organization);
        if app.store.count_instances(all).await? > 0 {
            return Err(ApiError::not_found("no instance has what the filter asks for"));
        }
    }
    let (size, after, skip) = page(asked.page_size, asked.next_page.as_deref(), asked.page)?;
    let part = InstancePage { after: InstanceId(after), skip, limit: size + 1 };
    let mut found = app.store.instances(filter, part).await?;
    let more = found.len() > size;
    found.truncate(size);
    let mut users: HashMap<i64, Option<User>> = HashMap::new();
    let mut shown = Vec::with_capacity(found.len());
    for instance in &found {
        if let Entry::Vacant(place) = users.entry(instance.user) {
            place.insert(app.store.user(instance.user).await?);
        }
        let owner = users.get(&instance.user).and_then(Option::as_ref);
        shown.push(asked.shape(with_user(app, instance, owner)));
    }
    let next = found.last().filter(|_| more).map(|last| last.id.0);
    let returned = shown.len();
    Ok(paged(Json(Listed::Many(shown)).into_response(), returned, Some(total), next))
}

impl Asked {
    /// Reads the query; what it does not know is passed over.
    fn read(pairs: Vec<(String, String)>) -> Result<Self, ApiError> {
        let mut asked = Self::default();
        for (name, text) in pairs {
            let is_text = matches!(name.as_str(), "tags[]" | "tags" | "searchText");
            if !is_text && matches!(text.trim(), "" | "null") {
                continue;
            }
            let wrong = |expected: &str| {
                ApiError::bad_request(format!(
                    "the query: {name}: `{text}` was found; {expected} was expected"
                ))
            };
            let number = || text.trim().parse().map_err(|_| wrong("a number"));
            match name.as_str() {
                "tags[]" | "tags" => {
                    asked.tags.get_or_insert_default().push(text);
                }
                "searchText" => asked.search_text = Some(text),
                "pageSize" => asked.page_size = Some(number()?),
                "page" => asked.page = Some(number()?),
                "nextPage" => asked.next_page = Some(text),
                "hydrate" => {
                    let flag = text.trim().to_ascii_lowercase().parse();
                    asked.hydrate = Some(flag.map_err(|_| wrong("true or false"))?);
                }
                _ => {}
            }
        }
        Ok(asked)
    }

    fn is_filtered(&self) -> bool {
        self.tags.is_some() || self.search_text.as_ref().is_some_and(|text| !text.is_empty())
    }

    fn filter(&self, user: &User, connector: Option<String>) -> InstanceFilter {
        InstanceFilter {
            connector,
            tags: self.tags.clone().unwrap_or_default(),
            text: self.search_text.clone().filter(|text| !text.is_empty()),
            ..InstanceFilter::all(user.organization)
        }
    }

    fn shape(&self, answer: InstanceAnswer) -> InstanceAnswer {
        if self.hydrate == Some(false) { answer.dry() } else { answer }
    }
}
