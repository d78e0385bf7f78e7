//! Settings by AWS's names: of launches, of instances, of interfaces.

use std::collections::BTreeMap;

/// Settings with one value each, by AWS's name with dots (`MetadataOptions.HttpTokens`). Most of them change nothing
/// here and are kept and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settings(pub BTreeMap<String, String>);

impl Settings {
    /// A value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// Whether a setting is `true`.
    pub fn is_on(&self, name: &str) -> bool {
        self.get(name) == Some("true")
    }

    /// Lays others over these: a structure that is given replaces the whole structure, as AWS does with every
    /// parameter of the first level.
    pub(super) fn overlay(&mut self, over: &Self) {
        let first = |name: &str| name.split('.').next().map(str::to_owned);
        self.0
            .retain(|name, _| !over.0.keys().any(|other| first(other) == first(name)));
        self.0.extend(over.0.clone());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(pairs: &[(&str, &str)]) -> Settings {
        Settings(
            pairs
                .iter()
                .map(|(k, v)| ((*k).to_owned(), (*v).to_owned()))
                .collect(),
        )
    }

    #[test]
    fn a_structure_that_is_given_replaces_the_whole_structure() {
        let mut under = settings(&[
            ("KeyName", "one"),
            ("MetadataOptions.HttpTokens", "required"),
            ("MetadataOptions.HttpPutResponseHopLimit", "2"),
        ]);
        under.overlay(&settings(&[("MetadataOptions.HttpTokens", "optional")]));
        assert_eq!(
            under,
            settings(&[("KeyName", "one"), ("MetadataOptions.HttpTokens", "optional")])
        );
    }
}
