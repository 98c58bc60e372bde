//! A subject, with places for what a notification is of.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use crate::sink::Parcel;

/// What may stand in one token of a subject as it is.
const TOKEN: AsciiSet = NON_ALPHANUMERIC.remove(b'-').remove(b'_');

/// `events.{organization}.{instance}.{resource}`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Subject(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Text(String),
    Organization,
    Instance,
    Resource,
}

impl Default for Subject {
    fn default() -> Self {
        let text = |text: &str| Piece::Text(text.to_owned());
        Self(vec![text("open-connectors."), Piece::Instance, text("."), Piece::Resource])
    }
}

impl TryFrom<String> for Subject {
    type Error = String;

    fn try_from(template: String) -> Result<Self, String> {
        let (mut pieces, mut rest) = (Vec::new(), template.as_str());
        while let Some((text, after)) = rest.split_once('{') {
            let (name, behind) =
                after.split_once('}').ok_or_else(|| format!("`{{` is not closed: `{template}`"))?;
            pieces.push(Piece::Text(text.to_owned()));
            pieces.push(match name {
                "organization" => Piece::Organization,
                "instance" => Piece::Instance,
                "resource" => Piece::Resource,
                _ => {
                    let known = "{organization}, {instance} and {resource}";
                    return Err(format!("`{{{name}}}` is none of {known}"));
                }
            });
            rest = behind;
        }
        pieces.push(Piece::Text(rest.to_owned()));
        pieces.retain(|piece| *piece != Piece::Text(String::new()));
        let subject = Self(pieces);
        let sample = subject.fill("1", "1", "x");
        let is_token = |token: &str| {
            let is_plain = |letter: char| letter.is_ascii_graphic() && !"*>{}".contains(letter);
            !token.is_empty() && token.chars().all(is_plain)
        };
        if !sample.split('.').all(is_token) || sample.starts_with('$') {
            return Err(format!(
                "a subject of tokens separated by dots was expected: `{template}`"
            ));
        }
        Ok(subject)
    }
}

impl Subject {
    /// The subject of a notification; a resource is one token, whatever its name has in it.
    pub(super) fn of(&self, parcel: &Parcel) -> String {
        let resource = utf8_percent_encode(&parcel.resource, &TOKEN).to_string();
        self.fill(&parcel.organization.to_string(), &parcel.instance.to_string(), &resource)
    }

    fn fill(&self, organization: &str, instance: &str, resource: &str) -> String {
        let pieces = self.0.iter().map(|piece| match piece {
            Piece::Text(text) => text,
            Piece::Organization => organization,
            Piece::Instance => instance,
            Piece::Resource => resource,
        });
        pieces.collect()
    }
}

#[cfg(test)]
mod tests {
    use oc_config::InstanceId;

    use super::*;

    fn filled(template: Option<&str>, resource: &str) -> String {
        let subject = template.map_or_else(Subject::default, |template| {
            Subject::try_from(template.to_owned()).unwrap()
        });
        subject.of(&Parcel {
            organization: 3,
            instance: InstanceId(12),
            resource: resource.to_owned(),
            id: uuid::Uuid::from_u128(1),
            replay: false,
            headers: vec![],
            body: bytes::Bytes::new(),
        })
    }

    #[test]
    fn a_subject_names_what_the_notification_is_of() {
        assert_eq!(filled(None, "people"), "open-connectors.12.people");
        assert_eq!(filled(Some("crm"), "people"), "crm");
        assert_eq!(filled(Some("{organization}.x-{resource}"), "people"), "3.x-people");
    }

    #[test]
    fn a_resource_stays_one_token() {
        assert_eq!(filled(Some("a.{resource}"), "my.cool > *"), "a.my%2Ecool%20%3E%20%2A");
    }

    #[test]
    fn what_is_no_subject_is_refused() {
        let refused = |template: &str| Subject::try_from(template.to_owned()).unwrap_err();
        for template in ["", "a..b", "a b", "a.*", ".a", "a.>", "$SYS.x", "a.}"] {
            assert!(refused(template).contains("tokens separated by dots"), "{template}");
        }
        assert!(refused("a.{resource").contains("not closed"));
        assert!(refused("a.{who}").contains("`{who}` is none of"));
    }
}
