//! From a record's bytes to its id, its dates and its version.

use oc_config::{DateField, DateReader, FieldPath, ResourceConfig};
use oc_hub::{Picker, Record, Target, fingerprint, object_id};

use crate::{PollSummary, Sighting, Version};

/// Reads the records of one resource; made once a poll.
pub(crate) struct Observer<'a> {
    updated: Option<&'a DateReader>,
    created: Option<&'a DateReader>,
    volatile: &'a [FieldPath],
    /// The provider's own marker of a deleted record.
    deleted: Option<Picker>,
}

/// What an [`Observer`] needs of each record: id, updated date, created date.
pub(crate) fn fields(config: &ResourceConfig) -> Picker {
    let path = |field: &Option<DateField>| field.as_ref().map(|date| date.path.clone());
    Picker::new([Some(config.id_field.clone()), path(&config.updated), path(&config.created)])
}

/// A record with an id.
pub(crate) struct Observed {
    pub(crate) object_id: String,
    pub(crate) sighting: Sighting,
}

impl<'a> Observer<'a> {
    pub(crate) fn new(config: &'a ResourceConfig, target: &'a Target) -> Self {
        let marker = target.marker(&config.resource).cloned();
        Self {
            updated: config.updated.as_ref().map(|date| &date.reader),
            created: config.created.as_ref().map(|date| &date.reader),
            volatile: target.volatile(&config.resource),
            deleted: marker.map(|path| Picker::new([Some(path), None, None])),
        }
    }

    /// What the record is, or `None` for one that cannot be news: without an id, or too old by
    /// `rules_out`, which spares its id and content.
    pub(crate) fn observe(
        &self,
        record: Record<'_>,
        summary: &mut PollSummary,
        rules_out: impl Fn(&Sighting) -> bool,
    ) -> Option<Observed> {
        summary.records += 1;
        let [id, updated, created] = record.fields;
        let mut date = |raw: Option<&[u8]>, reader: Option<&DateReader>| {
            let (raw, reader) = (raw.filter(|raw| *raw != b"null")?, reader?);
            let read = reader.read_json(raw);
            summary.unreadable_dates += u64::from(read.is_none());
            read
        };
        let (updated, created) = (date(updated, self.updated), date(created, self.created));
        let dated = updated.map(Version::dated);
        let version = dated.unwrap_or(Version(0));
        let mut sighting = Sighting { updated, created, version, deleted: false };
        if dated.is_some() && rules_out(&sighting) {
            return None;
        }
        let Some(object_id) = id.and_then(object_id) else {
            summary.without_id += 1;
            return None;
        };
        if dated.is_none() {
            sighting.version = Version::hashed(fingerprint(record.json, self.volatile));
        }
        sighting.deleted = self.says_deleted(record);
        Some(Observed { object_id: object_id.into_owned(), sighting })
    }

    /// Anything but null, false and nothing at all marks a record as deleted.
    fn says_deleted(&self, record: Record<'_>) -> bool {
        let Some(picker) = &self.deleted else { return false };
        let [marker, ..] = picker.pick(record.json);
        marker.is_some_and(|marker| !matches!(marker, b"null" | b"false" | b"\"\""))
    }
}
