//! How a provider lets it be found out which records have gone.

use serde::Deserialize;

use super::OperationKind;
use super::definition::Faults;
use super::operation::Operation;
use crate::FieldPath;

/// How the deleted records of a resource are found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Deletes {
    /// Not at all: missing means nothing.
    #[default]
    None,
    /// Records are asked for by their ids, many in one request; those missing have gone.
    Probe {
        /// The list filter that takes ids.
        list: String,
        /// Ids a request.
        batch: usize,
        /// Each missing one is asked for alone before it counts.
        confirm: bool,
    },
    /// The whole list is read; what two such readings in a row have not shown has gone.
    Snapshot {
        /// Each missing one is asked for alone before it counts.
        confirm: bool,
    },
    /// Another resource lists what has been deleted.
    Feed {
        /// The resource, by its name in the hub.
        from: String,
        /// Where its records name the deleted one.
        id: FieldPath,
    },
}

#[derive(Clone, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase", deny_unknown_fields)]
pub(super) enum RawDeletes {
    None {},
    Probe { list: Option<String>, batch: Option<usize>, confirm: Option<bool> },
    Snapshot { confirm: Option<bool> },
    Feed { from: String, id: Option<String> },
}

/// What of a resource says whether a way can be gone.
pub(super) struct Abilities<'a> {
    pub(super) list: &'a [String],
    pub(super) largest_page: u32,
    pub(super) operations: &'a std::collections::BTreeMap<OperationKind, Operation>,
}

impl RawDeletes {
    pub(super) fn build(self, able: &Abilities<'_>, path: &str, faults: &mut Faults) -> Deletes {
        let has_one = able.operations.contains_key(&OperationKind::One);
        let mut confirms = |confirm: Option<bool>| {
            if confirm == Some(true) && !has_one {
                faults
                    .add(path, "confirming needs the call `one`, which the resource does not have");
            }
            confirm.unwrap_or(has_one)
        };
        match self {
            Self::None {} => Deletes::None,
            Self::Snapshot { confirm } => Deletes::Snapshot { confirm: confirms(confirm) },
            Self::Feed { from, id } => {
                let id = faults.field(path, id.as_deref().unwrap_or("id"));
                Deletes::Feed { from, id }
            }
            Self::Probe { list, batch, confirm } => {
                let confirm = confirms(confirm);
                let list = list.unwrap_or_else(|| "ids".to_owned());
                if !able.list.contains(&list) {
                    faults.add(path, format!("`{list}` is none of the resource's list filters"));
                }
                let largest = usize::try_from(able.largest_page).unwrap_or(usize::MAX);
                let batch = batch.unwrap_or(largest);
                if batch == 0 || batch > largest {
                    faults.add(path, format!("batch is from 1 to a page's {largest} records"));
                }
                Deletes::Probe { list, batch, confirm }
            }
        }
    }
}
