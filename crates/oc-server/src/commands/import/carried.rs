//! One instance of the old service, and the request that creates it here.

use std::path::PathBuf;

use oc_config::{Catalogue, Diagnostic, InstanceRequest, MASK};
use oc_egress::Clock;
use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use crate::commands::checked::{Checked, connector};
use crate::credentials::api_key;
use crate::settings::Settings;

/// What the old service kept for itself.
const OWN: [&str; 3] = ["oauth.user.token", "oauth.user.refresh_token", "oauth.user.refresh_time"];

/// What becomes of an instance.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Carried {
    /// Its number there.
    pub(super) id: Option<i64>,
    pub(super) name: String,
    /// Its connector's key.
    pub(super) element: String,
    /// The body for `POST /instances`.
    pub(super) request: Json,
    /// Secrets that were masked there: their values are to be filled in.
    pub(super) fill_in: Vec<String>,
    /// Whether its user has to authorize again, and the code is to be filled in.
    pub(super) reauthenticate: bool,
    pub(super) warnings: Vec<String>,
    /// Why it cannot be created here.
    pub(super) errors: Vec<String>,
    /// Where the request was written to.
    pub(super) file: Option<PathBuf>,
}

impl Carried {
    pub(super) fn new(instance: &Json, catalogue: &Catalogue, settings: &Settings) -> Self {
        let element = &instance["element"];
        let number = |value: &Json| value.as_i64().map(|number| number.to_string());
        let key = element["key"].as_str().map(str::to_owned);
        let key = key.or_else(|| number(&element["id"])).or_else(|| number(&instance["elementId"]));
        let (configuration, fill_in) = configuration(&instance["configuration"]);
        let mut carried = Self {
            id: instance["id"].as_i64(),
            name: instance["name"].as_str().unwrap_or_default().to_owned(),
            element: key.unwrap_or_default(),
            request: Json::Null,
            fill_in,
            reauthenticate: false,
            warnings: Vec::new(),
            errors: Vec::new(),
            file: None,
        };
        carried.request = json!({
            "element": {"key": carried.element},
            "name": instance["name"],
            "tags": instance.get("tags").unwrap_or(&Json::Null),
            "configuration": configuration,
        });
        if instance["disabled"] == true {
            let text = "disabled: it is disabled there; created here, it is enabled";
            carried.warnings.push(text.to_owned());
        }
        match carried.check(instance, catalogue, settings) {
            Ok(checked) => carried.authorize(&checked),
            Err(faults) => carried.errors = texts(&faults),
        }
        carried
    }

    /// Reads the request as the server would.
    fn check(
        &self,
        instance: &Json,
        catalogue: &Catalogue,
        settings: &Settings,
    ) -> Result<Checked, Vec<Diagnostic>> {
        let fault = |path: &str, message: &str| vec![Diagnostic::error(path, message)];
        if !instance["configuration"].is_object() {
            let message = "it is missing; list the instances without hydrate=false";
            return Err(fault("configuration", message));
        }
        if self.element.is_empty() {
            return Err(fault(
                "element.key",
                "it is missing; list the instances without hydrate=false",
            ));
        }
        let request = InstanceRequest::parse(self.request.to_string().as_bytes())?;
        let checked = Checked::new(request, connector(catalogue, &self.element)?, settings)?;
        let now = Clock::system().now();
        let polls = checked.settings.resources.iter();
        let faults: Vec<Diagnostic> = polls.filter_map(|one| checked.fault_of(one, now)).collect();
        if faults.is_empty() { Ok(checked) } else { Err(faults) }
    }

    /// Tokens do not come along, so that users authorize again; an API key is filled in instead.
    fn authorize(&mut self, checked: &Checked) {
        self.element.clone_from(&checked.connector.key);
        self.request["element"]["key"] = Json::from(checked.connector.key.as_str());
        self.warnings.extend(texts(&checked.warnings));
        let by_key = api_key(&checked.connector, &checked.configuration).is_some();
        if checked.connector.oauth2.is_some() && !by_key {
            self.reauthenticate = true;
            self.request["providerData"] = json!({"code": ""});
        }
    }
}

/// What was set there, and which of it is masked.
fn configuration(values: &Json) -> (Map<String, Json>, Vec<String>) {
    let mut kept = Map::new();
    let mut masked = Vec::new();
    for (key, value) in values.as_object().into_iter().flatten() {
        let text = value.as_str().map(str::trim);
        if value.is_null() || text == Some("null") || OWN.contains(&key.as_str()) {
            continue;
        }
        let is_mask = text.is_some_and(|text| text.len() > 2 && text.bytes().all(|c| c == b'*'));
        if is_mask {
            masked.push(key.clone());
        }
        kept.insert(key.clone(), if is_mask { Json::from(MASK) } else { value.clone() });
    }
    (kept, masked)
}

fn texts(remarks: &[Diagnostic]) -> Vec<String> {
    remarks.iter().map(ToString::to_string).collect()
}
