//! The two fields that tell how far an ordered reading has come, as the connector names them.

use std::collections::HashSet;

use oc_config::{DateReader, FieldPath, Resource, Timestamp, Zone};

use crate::{Page, Picker};

/// Reads a record's id and updated date.
#[derive(Debug)]
pub(crate) struct Dated {
    picker: Picker,
    reader: DateReader,
}

impl Dated {
    pub(crate) fn of(resource: &Resource) -> Self {
        let paths: [Option<FieldPath>; 3] =
            [Some(resource.id.clone()), resource.updated.clone(), None];
        Self { picker: Picker::new(paths), reader: DateReader::any(Zone::gmt()) }
    }

    pub(crate) fn read<'r>(&self, record: &'r [u8]) -> (Option<&'r [u8]>, Option<Timestamp>) {
        let [id, updated, _] = self.picker.pick(record);
        (id, updated.and_then(|raw| self.reader.read_json(raw)))
    }

    pub(crate) fn updated(&self, record: &[u8]) -> Option<Timestamp> {
        self.read(record).1
    }

    /// Adds the ids of a page's records at an instant; those later than it come last.
    pub(crate) fn ids_at(&self, page: &Page, at: Option<Timestamp>, ids: &mut HashSet<Vec<u8>>) {
        for record in page.records().rev() {
            let (id, updated) = self.read(record.json);
            if updated < at {
                break;
            }
            if updated == at {
                ids.extend(id.map(<[u8]>::to_vec));
            }
        }
    }
}
