//! The connectors there are.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::{Connector, Diagnostic};

/// All connectors by key.
#[derive(Clone, Debug, Default)]
pub struct Catalogue(BTreeMap<String, Arc<Connector>>);

impl Catalogue {
    /// The built-in connectors.
    ///
    /// # Errors
    /// As [`Connector::parse`]; a test proves that there are none.
    pub fn built_in() -> Result<Self, Vec<Diagnostic>> {
        let mut catalogue = Self::default();
        let salesloft = Connector::parse(include_str!("../connectors/salesloft.toml"))?;
        catalogue.add(salesloft).map_err(|fault| vec![fault])?;
        Ok(catalogue)
    }

    /// Adds a connector; one with the same key is replaced.
    ///
    /// # Errors
    /// A number that another connector has.
    pub fn add(&mut self, connector: Connector) -> Result<(), Diagnostic> {
        let clash =
            self.0.values().find(|other| other.id == connector.id && other.key != connector.key);
        if let Some(other) = clash {
            let message = format!("{} is the number of connector `{}`", connector.id, other.key);
            return Err(Diagnostic::error("id", message));
        }
        self.0.insert(connector.key.clone(), Arc::new(connector));
        Ok(())
    }

    /// The connector with a key or a number.
    pub fn find(&self, key_or_id: &str) -> Option<&Arc<Connector>> {
        let by_id = |id: u32| self.0.values().find(|connector| connector.id == id);
        self.0.get(key_or_id).or_else(|| key_or_id.parse().ok().and_then(by_id))
    }

    /// All of them, by key.
    pub fn iter(&self) -> impl Iterator<Item = &Arc<Connector>> {
        self.0.values()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_connector_is_found_by_key_and_by_number() {
        let catalogue = Catalogue::built_in().unwrap();
        assert_eq!(catalogue.find("salesloft").unwrap().id, 5127);
        assert_eq!(catalogue.find("5127").unwrap().key, "salesloft");
        assert!(catalogue.find("nobody").is_none() && catalogue.find("1").is_none());
    }

    #[test]
    fn a_definition_with_a_known_key_replaces_the_built_in_one() {
        let mut catalogue = Catalogue::built_in().unwrap();
        let mut other = Connector::clone(catalogue.find("salesloft").unwrap());
        other.name = "Ours".to_owned();
        catalogue.add(other.clone()).unwrap();
        assert_eq!(catalogue.iter().map(|one| one.name.as_str()).collect::<Vec<_>>(), ["Ours"]);
        other.key = "other".to_owned();
        assert_eq!(catalogue.add(other).unwrap_err().path, "id");
    }
}
