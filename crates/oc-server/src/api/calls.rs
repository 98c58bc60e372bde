//! The API's calls: each is routed and described in one place, so that `/openapi.json` is what is
//! served.

use std::collections::BTreeMap;

use axum::Router;
use axum::handler::Handler;
use axum::http::{Method, StatusCode};
use axum::routing::{MethodFilter, on};
use utoipa::openapi::path::{
    HttpMethod, Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, Paths,
};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{ComponentsBuilder, Type};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, Info, ObjectBuilder, OpenApi, Ref, RefOr, Required, Response,
    ResponseBuilder, Schema, Server,
};
use utoipa::{IntoParams, PartialSchema, ToSchema};

use super::error::ErrorBody;
use crate::app::App;

/// The name of the security scheme in the description.
const SECRETS: &str = "secrets";

/// Whose secrets a call wants in `Authorization`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wants {
    /// Nobody's.
    Nothing,
    /// `User` and `Organization`.
    Platform,
    /// `User`, and `Element` or `Organization`: the call is aimed at one instance.
    Instance,
}

/// An object whose members are the provider's.
#[derive(ToSchema)]
#[schema(value_type = Object)]
pub(super) struct Record(#[expect(dead_code, reason = "only described")] serde_json::Value);

/// What a client is told about a call.
pub(super) struct Call {
    summary: &'static str,
    tag: &'static str,
    wants: Wants,
    parameters: Vec<Parameter>,
    body: Option<RefOr<Schema>>,
    success: Response,
    /// Statuses besides those that every call may have.
    fails: Vec<u16>,
    schemas: Vec<(String, RefOr<Schema>)>,
}

impl Call {
    /// A call that answers 200 with an empty body.
    pub(super) fn new(tag: &'static str, summary: &'static str, wants: Wants) -> Self {
        Self {
            summary,
            tag,
            wants,
            parameters: Vec::new(),
            body: None,
            success: success(None),
            fails: Vec::new(),
            schemas: Vec::new(),
        }
    }

    /// Its query parameters.
    pub(super) fn query<T: IntoParams>(mut self) -> Self {
        self.parameters.extend(T::into_params(|| Some(ParameterIn::Query)));
        self
    }

    /// A request header.
    pub(super) fn header(mut self, name: &str, description: &str) -> Self {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let header = ParameterBuilder::new()
            .name(name)
            .parameter_in(ParameterIn::Header)
            .description(Some(description))
            .schema(Some(text));
        self.parameters.push(header.build());
        self
    }

    /// Its JSON body.
    pub(super) fn takes<T: ToSchema>(mut self) -> Self {
        self.body = Some(self.schema_of::<T>());
        self
    }

    /// The JSON of a success.
    pub(super) fn answers<T: ToSchema>(mut self) -> Self {
        self.success = success(Some(self.schema_of::<T>()));
        self
    }

    /// A header of a success, which may be missing.
    pub(super) fn answers_header(mut self, name: &str, description: &str) -> Self {
        let header = HeaderBuilder::new().description(Some(description)).build();
        self.success.headers.insert(name.to_owned(), header);
        self
    }

    /// Further statuses of failures.
    pub(super) fn fails(mut self, statuses: &[u16]) -> Self {
        self.fails.extend(statuses);
        self
    }

    fn schema_of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut found = Vec::new();
        T::schemas(&mut found);
        self.schemas.append(&mut found);
        // Lists and maps stand where they are used; a named type is referred to.
        match T::schema() {
            RefOr::T(Schema::Object(object)) if !T::name().is_empty() && T::name() != "Value" => {
                self.schemas.push((T::name().into_owned(), RefOr::T(Schema::Object(object))));
                RefOr::Ref(Ref::from_schema_name(T::name()))
            }
            inline => inline,
        }
    }

    fn operation(self, method: &Method, path: &str) -> Operation {
        let mut operation = OperationBuilder::new()
            .summary(Some(self.summary))
            .tag(self.tag)
            .operation_id(Some(operation_id(method, path)))
            .parameters(Some(path_parameters(path).chain(self.parameters)))
            .response("200", self.success);
        let mut statuses: Vec<u16> = vec![400, 429, 500, 504];
        if self.wants != Wants::Nothing {
            statuses.push(401);
            let requirement = SecurityRequirement::new(SECRETS, Vec::<String>::new());
            operation = operation.security(requirement);
        }
        if let Some(schema) = self.body {
            statuses.extend([413, 415]);
            let content = ContentBuilder::new().schema(Some(schema)).build();
            let body = RequestBodyBuilder::new()
                .content("application/json", content)
                .required(Some(Required::True));
            operation = operation.request_body(Some(body.build()));
        }
        statuses.extend(self.fails);
        statuses.sort_unstable();
        statuses.dedup();
        for status in statuses {
            operation = operation.response(status.to_string(), failure(status));
        }
        operation.build()
    }
}

/// Calls, routed and described.
pub(super) struct Calls {
    router: Router<App>,
    paths: Paths,
    schemas: BTreeMap<String, RefOr<Schema>>,
}

impl Calls {
    /// None yet.
    pub(super) fn new() -> Self {
        let mut schemas = Vec::new();
        <ErrorBody as ToSchema>::schemas(&mut schemas);
        schemas.push((ErrorBody::name().into_owned(), ErrorBody::schema()));
        Self { router: Router::new(), paths: Paths::new(), schemas: schemas.into_iter().collect() }
    }

    /// One call more.
    pub(super) fn on<H, T>(
        mut self,
        method: &Method,
        path: &str,
        handler: H,
        mut call: Call,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let (filter, described) = both(method);
        self.router = self.router.route(path, on(filter, handler));
        for (name, schema) in std::mem::take(&mut call.schemas) {
            self.describe(name, schema);
        }
        self.paths.add_path_operation(path, vec![described], call.operation(method, path));
        self
    }

    /// A call aimed at one instance: below `/instances/{id}`, and its twin below `/instances`, which
    /// takes the instance from the Element token (instances.md, "The other calls").
    pub(super) fn aimed<H, T>(
        self,
        method: &Method,
        tail: &str,
        handler: H,
        call: impl Fn() -> Call,
    ) -> Self
    where
        H: Handler<T, App>,
        T: 'static,
    {
        let (by_id, by_token) = (format!("/instances/{{id}}{tail}"), format!("/instances{tail}"));
        self.on(method, &by_id, handler.clone(), call().fails(&[403, 404])).on(
            method,
            &by_token,
            handler,
            call().fails(&[403, 404]),
        )
    }

    /// All calls of another part.
    pub(super) fn merge(mut self, other: Self) -> Self {
        self.router = self.router.merge(other.router);
        self.paths.merge(other.paths);
        for (name, schema) in other.schemas {
            self.describe(name, schema);
        }
        self
    }

    /// References are by name, so two types must not share one.
    fn describe(&mut self, name: String, schema: RefOr<Schema>) {
        let same = self.schemas.get(&name).is_none_or(|known| *known == schema);
        debug_assert!(same, "two types are described as {name}");
        self.schemas.insert(name, schema);
    }

    /// The routes, and their description as it is seen below `prefix`.
    pub(super) fn into_parts(self, prefix: &str) -> (Router<App>, OpenApi) {
        let info = Info::new("Open Connectors", env!("CARGO_PKG_VERSION"));
        let mut described = OpenApi::new(info, self.paths);
        described.servers = Some(vec![Server::new(prefix)]);
        let header = ApiKeyValue::with_description(
            "Authorization",
            "`User <secret>, Organization <secret>[, Element <instance token>]`, in any order",
        );
        let components = ComponentsBuilder::new()
            .schemas_from_iter(self.schemas)
            .security_scheme(SECRETS, SecurityScheme::ApiKey(ApiKey::Header(header)));
        described.components = Some(components.build());
        (self.router, described)
    }
}

fn both(method: &Method) -> (MethodFilter, HttpMethod) {
    match *method {
        Method::POST => (MethodFilter::POST, HttpMethod::Post),
        Method::PUT => (MethodFilter::PUT, HttpMethod::Put),
        Method::PATCH => (MethodFilter::PATCH, HttpMethod::Patch),
        Method::DELETE => (MethodFilter::DELETE, HttpMethod::Delete),
        _ => (MethodFilter::GET, HttpMethod::Get),
    }
}

fn operation_id(method: &Method, path: &str) -> String {
    let words = path.split(|letter: char| !letter.is_ascii_alphanumeric());
    let words = words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join("-");
    format!("{}-{words}", method.as_str().to_ascii_lowercase())
}

fn path_parameters(path: &str) -> impl Iterator<Item = Parameter> {
    let names = path.split(['{', '}']).skip(1).step_by(2);
    names.map(|name| {
        let text = ObjectBuilder::new().schema_type(Type::String);
        ParameterBuilder::new()
            .name(name.trim_start_matches('*'))
            .parameter_in(ParameterIn::Path)
            .required(Required::True)
            .schema(Some(text))
            .build()
    })
}

fn success(schema: Option<RefOr<Schema>>) -> Response {
    let response = ResponseBuilder::new().description("Done");
    let response = match schema {
        Some(schema) => {
            let content = ContentBuilder::new().schema(Some(schema)).build();
            response.content("application/json", content)
        }
        None => response,
    };
    response.header("Elements-Request-Id", HeaderBuilder::new().build()).build()
}

fn failure(status: u16) -> Response {
    let reason = StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let schema = Ref::from_schema_name(ErrorBody::name());
    ResponseBuilder::new()
        .description(reason.unwrap_or("Failed"))
        .content("application/json", ContentBuilder::new().schema(Some(schema)).build())
        .header("Elements-Request-Id", HeaderBuilder::new().build())
        .build()
}
