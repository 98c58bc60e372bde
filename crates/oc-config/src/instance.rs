//! The request that creates or changes an instance (instances.md, "Request: POST /instances").

mod misplaced;
mod plain_text;

use secrecy::SecretString;
use serde_json::{Map, Value as Json};

use crate::Diagnostic;

/// The longest name and tag, in characters.
const LONGEST: usize = 256;
const MOST_TAGS: usize = 64;

/// What a client asks for; members that are missing are `None`, so that a PATCH can tell.
#[derive(Clone, Debug, Default)]
pub struct InstanceRequest {
    /// `element.key` or `element.id`.
    pub connector: Option<String>,
    /// The name, without HTML tags.
    pub name: Option<String>,
    /// The tags, without HTML tags.
    pub tags: Option<Vec<String>>,
    /// The configuration as it came.
    pub configuration: Option<Map<String, Json>>,
    /// What the provider handed to the callback.
    pub provider_data: Option<ProviderData>,
    /// `externalAuthentication: "initial"`: the caller has authorized by itself and hands over the
    /// refresh token.
    pub hands_over_tokens: bool,
    /// `retrieveObjectsAfterInstantiation`: the answer names the connector's objects.
    pub with_objects: bool,
    /// What was read in another way than it was written.
    pub warnings: Vec<Diagnostic>,
}

/// What the provider handed to the callback, or its refusal.
#[derive(Clone, Debug, Default)]
pub struct ProviderData {
    /// The authorization code.
    pub code: Option<SecretString>,
    /// The provider's words when the user refused.
    pub error: Option<String>,
    /// Whether the authentication is to be recorded.
    pub debug: bool,
    /// Other parameters of the callback, such as `context` and `scope`.
    pub others: Vec<(String, String)>,
}

impl InstanceRequest {
    /// Reads a request body.
    ///
    /// # Errors
    /// Everything that makes it unusable: text that is not JSON (with line and column), members of
    /// the wrong kind, names and tags that are too long or too many, what this version does not do.
    pub fn parse(body: &[u8]) -> Result<Self, Vec<Diagnostic>> {
        let value: Json = serde_json::from_slice(body).map_err(|error| {
            let message = format!("the body is not JSON: {error}");
            vec![Diagnostic::error("", message)]
        })?;
        let Json::Object(members) = value else {
            return Err(vec![Diagnostic::error("", "a JSON object was expected as the body")]);
        };
        let mut reader = Reader::default();
        let request = reader.request(&members);
        if reader.faults.is_empty() { Ok(request) } else { Err(reader.faults) }
    }
}

#[derive(Default)]
struct Reader {
    faults: Vec<Diagnostic>,
    warnings: Vec<Diagnostic>,
}

impl Reader {
    fn request(&mut self, members: &Map<String, Json>) -> InstanceRequest {
        let mut configuration = match members.get("configuration") {
            None | Some(Json::Null) => None,
            Some(Json::Object(configuration)) => Some(configuration.clone()),
            Some(_) => self.fault("configuration", "an object was expected"),
        };
        let mut provider_data = self.provider_data(members.get("providerData"), "providerData");
        let misplaced = configuration.as_mut().and_then(misplaced::take_provider_data);
        if let Some((path, value)) = misplaced {
            let message = if provider_data.is_none() {
                provider_data = self.provider_data(Some(&value), &path);
                "read as if it stood at the top level, where it belongs"
            } else {
                "not used, as there is one at the top level, where it belongs"
            };
            self.warnings.push(Diagnostic::warning(&path, message));
        }
        InstanceRequest {
            connector: self.connector(members.get("element")),
            name: self.name(members.get("name")),
            tags: self.tags(members.get("tags")),
            configuration,
            provider_data,
            hands_over_tokens: self.hands_over_tokens(members.get("externalAuthentication")),
            with_objects: self
                .flag(members, "retrieveObjectsAfterInstantiation", "")
                .unwrap_or(false),
            warnings: std::mem::take(&mut self.warnings),
        }
    }

    fn hands_over_tokens(&mut self, value: Option<&Json>) -> bool {
        match value {
            None | Some(Json::Null) => return false,
            Some(Json::String(text)) => match text.to_ascii_lowercase().as_str() {
                "initial" => return true,
                "" | "none" | "null" => return false,
                _ => {}
            },
            Some(_) => {}
        }
        let fault = Diagnostic::error("externalAuthentication", "none or initial was expected");
        self.faults.push(fault);
        false
    }

    /// A truth value, as such or as text; `None` when it is missing and for a fault.
    fn flag(&mut self, members: &Map<String, Json>, name: &str, parent: &str) -> Option<bool> {
        match members.get(name)? {
            Json::Null => None,
            Json::Bool(flag) => Some(*flag),
            Json::String(text) if text.is_empty() || text == "null" => None,
            Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
            Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
            _ => {
                let fault = Diagnostic::error(name, "true or false was expected");
                self.faults.push(fault.under(parent));
                None
            }
        }
    }

    fn connector(&mut self, element: Option<&Json>) -> Option<String> {
        let element = element?;
        let text = |key: &str| match element.get(key)? {
            Json::String(text) if !text.trim().is_empty() => Some(text.trim().to_owned()),
            Json::Number(number) => Some(number.to_string()),
            _ => None,
        };
        let found = text("key").or_else(|| text("id"));
        if found.is_none() && !element.is_null() {
            let message = "the connector's key or id was expected";
            self.faults
                .push(Diagnostic::error("element", message).help("{\"key\": \"salesloft\"}"));
        }
        found
    }

    fn name(&mut self, name: Option<&Json>) -> Option<String> {
        let text = self.plain_text(name?, "name")?;
        if text.is_empty() {
            let message =
                "nothing is left of the name without its HTML tags; the connector's is used";
            self.warnings.push(Diagnostic::warning("name", message));
            return None;
        }
        Some(text)
    }

    fn tags(&mut self, tags: Option<&Json>) -> Option<Vec<String>> {
        let tags = match tags? {
            Json::Null => return None,
            Json::Array(tags) => tags,
            _ => return self.fault("tags", "an array of texts was expected"),
        };
        if tags.len() > MOST_TAGS {
            return self.fault("tags", "an instance has at most 64 tags");
        }
        let mut found = Vec::with_capacity(tags.len());
        for (at, tag) in tags.iter().enumerate() {
            let path = format!("tags.{at}");
            let text = self.plain_text(tag, &path)?;
            if text.is_empty() {
                let message = "nothing is left of the tag without its HTML tags; it is left out";
                self.warnings.push(Diagnostic::warning(path, message));
            } else {
                found.push(text);
            }
        }
        Some(found)
    }

    /// A text without HTML tags; `None` for null and for a fault.
    fn plain_text(&mut self, value: &Json, path: &str) -> Option<String> {
        match value {
            Json::Null => None,
            Json::String(text) if text.chars().count() > LONGEST => {
                self.fault(path, "at most 256 characters were expected")
            }
            Json::String(text) => Some(plain_text::without_tags(text)),
            _ => self.fault(path, "a text was expected"),
        }
    }

    fn provider_data(&mut self, value: Option<&Json>, path: &str) -> Option<ProviderData> {
        let members = match value? {
            Json::Null => return None,
            Json::Object(members) => members,
            _ => return self.fault(path, "an object was expected"),
        };
        let debug = self.flag(members, "debug", path).unwrap_or(false);
        let mut found = ProviderData { debug, ..ProviderData::default() };
        for (key, value) in members.iter().filter(|(key, _)| *key != "debug") {
            let text = match value {
                Json::String(text) if text.is_empty() || text == "null" => continue,
                Json::Null => continue,
                Json::String(text) => text.clone(),
                scalar @ (Json::Bool(_) | Json::Number(_)) => scalar.to_string(),
                _ => return self.fault(&format!("{path}.{key}"), "a text was expected"),
            };
            match key.as_str() {
                "code" => found.code = Some(text.into()),
                "error" | "error_description" => found.error = Some(text),
                // What Open Connectors clients repeat from other kinds of authentication.
                "state" | "secret" => {}
                _ => found.others.push((key.clone(), text)),
            }
        }
        Some(found)
    }

    fn fault<T>(&mut self, path: &str, message: &str) -> Option<T> {
        self.faults.push(Diagnostic::error(path, message));
        None
    }
}

#[cfg(test)]
mod tests;
