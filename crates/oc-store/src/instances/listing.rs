//! Lists of instances: the filtering is the database's work.

use oc_config::InstanceId;

use super::{Instance, row};
use crate::sql::{Sql, params};
use crate::{OrganizationId, Store, StoreError};

/// Which instances are meant.
#[derive(Clone, Debug)]
pub struct InstanceFilter {
    /// Whose they are.
    pub organization: OrganizationId,
    /// Only those of a connector, by its key.
    pub connector: Option<String>,
    /// Only those that have all of these tags.
    pub tags: Vec<String>,
    /// Only those with this text in their names, in any case.
    pub text: Option<String>,
    /// Only those whose polling has stopped.
    pub stopped: bool,
}

/// Which part of a list is meant.
#[derive(Clone, Copy, Debug)]
pub struct InstancePage {
    /// Instances with higher numbers.
    pub after: InstanceId,
    /// How many of them are passed over.
    pub skip: usize,
    /// How many are wanted at most.
    pub limit: usize,
}

/// What is filtered by, as it stands in the statement.
fn filter(sql: &Sql) -> String {
    let (find, elements) = if sql.is_postgres() {
        ("strpos", "json_array_elements_text")
    } else {
        ("instr", "json_each")
    };
    let list = |json: &str, name: &str| match sql.is_postgres() {
        true => format!("{elements}(CAST({json} AS json)) {name}(value)"),
        false => format!("{elements}({json}) {name}"),
    };
    let (wanted, tag) = (list("?4", "wanted"), list("i.tags", "tag"));
    format!(
        "i.organization_id = ?1 AND (?2 IS NULL OR i.connector = ?2)
         AND (?3 IS NULL OR {find}(i.name_folded, ?3) > 0)
         AND (?4 = '[]' OR NOT EXISTS (SELECT 1 FROM {wanted}
           WHERE wanted.value NOT IN (SELECT tag.value FROM {tag})))
         AND (?5 = 0 OR i.stopped IS NOT NULL)"
    )
}

impl InstanceFilter {
    /// All instances of an organization.
    pub fn all(organization: OrganizationId) -> Self {
        Self { organization, connector: None, tags: Vec::new(), text: None, stopped: false }
    }
}

impl Store {
    /// Instances, oldest first.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn instances(
        &self,
        filter: InstanceFilter,
        page: InstancePage,
    ) -> Result<Vec<Instance>, StoreError> {
        let key = self.key.clone();
        let tags = super::text(&filter.tags)?;
        let text = filter.text.map(|text| text.to_lowercase());
        self.database
            .read(move |sql| {
                let filter_by = self::filter(sql);
                let part = format!("{filter_by} AND i.id > ?6 ORDER BY i.id LIMIT ?7 OFFSET ?8");
                let values = params![
                    filter.organization.0,
                    filter.connector,
                    text,
                    tags,
                    filter.stopped,
                    page.after.0,
                    page.limit,
                    page.skip
                ];
                row::many(sql, &key, &part, values)
            })
            .await
    }

    /// How many instances there are.
    ///
    /// # Errors
    /// When the storage fails.
    pub async fn count_instances(&self, filter: InstanceFilter) -> Result<u64, StoreError> {
        let tags = super::text(&filter.tags)?;
        let text = filter.text.map(|text| text.to_lowercase());
        self.database
            .read(move |sql| {
                let values =
                    params![filter.organization.0, filter.connector, text, tags, filter.stopped];
                row::count(sql, &self::filter(sql), values)
            })
            .await
    }
}
