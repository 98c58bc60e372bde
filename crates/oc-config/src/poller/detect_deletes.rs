//! `detectDeletes`: how often is looked for what has gone, and when to ask first.

use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::seconds;

/// How often is looked when the configuration does not say.
const EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// The part of a resource's records above which is asked before any is told as deleted.
const MOST: f64 = 0.2;

/// How a resource is looked through for what has gone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct DetectDeletes {
    /// From one sweep to the next.
    pub every: Duration,
    /// A sweep that finds more than this part of the records gone stops and asks; 0 to 1.
    pub most: f64,
}

impl Default for DetectDeletes {
    fn default() -> Self {
        Self { every: EVERY, most: MOST }
    }
}

impl DetectDeletes {
    /// Reads `{"every": minutes, "most": part}`, its text, or `true`; `None` when it is off.
    ///
    /// # Errors
    /// The member at fault, empty for the whole, and what was expected.
    pub(super) fn parse(text: &str) -> Result<Option<Self>, (String, &'static str)> {
        let whole = || (String::new(), "an object such as {\"every\": 1440} was expected");
        match serde_json::from_str(text.trim()) {
            Ok(Json::Bool(on)) => Ok(on.then(Self::default)),
            Ok(Json::Object(members)) => Self::members(&members).map(Some),
            _ if text.trim().eq_ignore_ascii_case("true") => Ok(Some(Self::default())),
            _ if text.trim().eq_ignore_ascii_case("false") => Ok(None),
            _ => Err(whole()),
        }
    }

    fn members(members: &Map<String, Json>) -> Result<Self, (String, &'static str)> {
        let mut found = Self::default();
        for (key, value) in members {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            let number = text.trim().parse::<f64>().ok().filter(|number| number.is_finite());
            let fault = |message| Err((key.clone(), message));
            match (key.to_ascii_lowercase().as_str(), number) {
                ("every", Some(minutes)) if minutes > 0.0 => {
                    found.every = Duration::try_from_secs_f64(minutes * 60.0).unwrap_or(EVERY);
                }
                ("every", _) => return fault("a number of minutes above 0 was expected"),
                ("most", Some(part)) if (0.0..=1.0).contains(&part) => found.most = part,
                ("most", _) => return fault("a part from 0 to 1 was expected"),
                _ => return fault("this key means nothing here; every and most do"),
            }
        }
        Ok(found)
    }

    /// The documented form; defaults are left out but `every`.
    pub(super) fn to_json(self) -> Json {
        let minutes = seconds(self.every / 60);
        let most = (self.most.to_bits() != MOST.to_bits()).then_some(self.most);
        most.map_or_else(
            || json!({"every": minutes}),
            |most| json!({"every": minutes, "most": most}),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms_are_read_and_written_back() {
        for (text, every, most) in [
            ("true", 86_400, 0.2),
            (r#"{"every": 60}"#, 3_600, 0.2),
            (r#"{"Every": "0.5", "most": 1}"#, 30, 1.0),
        ] {
            let found = DetectDeletes::parse(text).unwrap().unwrap();
            assert_eq!(found, DetectDeletes { every: Duration::from_secs(every), most }, "{text}");
            assert_eq!(DetectDeletes::parse(&found.to_json().to_string()), Ok(Some(found)));
        }
        assert_eq!(DetectDeletes::parse("false"), Ok(None));
    }

    #[test]
    fn what_makes_no_sense_is_a_fault_at_its_member() {
        for (text, at) in [
            ("5", ""),
            ("[]", ""),
            (r#"{"every": 0}"#, "every"),
            (r#"{"every": "often"}"#, "every"),
            (r#"{"most": 20}"#, "most"),
            (r#"{"evry": 5}"#, "evry"),
        ] {
            assert_eq!(DetectDeletes::parse(text).unwrap_err().0, at, "{text}");
        }
    }
}
