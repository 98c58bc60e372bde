//! The table: its name, its definition, and the insertion.

use serde::Deserialize;

/// `name` or `schema.name`.
#[derive(Clone, Debug, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct TableName(String);

impl Default for TableName {
    fn default() -> Self {
        Self("open_connectors_notification".to_owned())
    }
}

impl TryFrom<String> for TableName {
    type Error = String;

    /// Only what needs no quotes.
    fn try_from(name: String) -> Result<Self, String> {
        let is_plain = |part: &str| {
            let mut letters = part.bytes();
            let begins = letters.next().is_some_and(|one| one.is_ascii_lowercase() || one == b'_');
            let goes_on = |one: u8| one.is_ascii_lowercase() || one.is_ascii_digit() || one == b'_';
            begins && part.len() <= 63 && letters.all(goes_on)
        };
        if name.split('.').count() <= 2 && name.split('.').all(is_plain) {
            return Ok(Self(name));
        }
        Err(format!(
            "a table's name of small letters, digits and `_`, or schema.name, was expected: `{name}`"
        ))
    }
}

impl TableName {
    /// As it stands in docs/sinks.md.
    pub(super) fn definition(&self) -> String {
        format!(
            "CREATE TABLE IF NOT EXISTS {} (
               event_id uuid PRIMARY KEY,
               position bigint GENERATED ALWAYS AS IDENTITY,
               received_at timestamptz NOT NULL DEFAULT now(),
               organization_id bigint NOT NULL,
               instance_id bigint NOT NULL,
               resource text NOT NULL,
               headers jsonb NOT NULL,
               body jsonb,
               body_bytes bytea NOT NULL
             )",
            self.0
        )
    }

    pub(super) fn insert(&self, with_jsonb: bool) -> String {
        let body = if with_jsonb { "convert_from($6, 'UTF8')::jsonb" } else { "NULL" };
        format!(
            "INSERT INTO {} (event_id, organization_id, instance_id, resource, headers, body, body_bytes)
             VALUES ($1::text::uuid, $2, $3, $4, $5::text::jsonb, {body}, $6)
             ON CONFLICT (event_id) DO NOTHING",
            self.0
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_only_what_needs_no_quotes() {
        let insert =
            |name: &str| TableName::try_from(name.to_owned()).map(|name| name.insert(true));
        assert!(insert("feed.events_2").unwrap().contains("INTO feed.events_2 ("));
        for name in ["", "a;b", "a.b.c", "A", "\"a\"", "1a", ".a", &"a".repeat(64)] {
            assert!(insert(name).is_err(), "{name}");
        }
    }
}
