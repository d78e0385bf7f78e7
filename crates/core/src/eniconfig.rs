//! Which ENIConfig a node uses, by the labels and annotations it carries; the same order as ipamd.

use std::collections::BTreeMap;

/// A label that beats everything else: set from outside, for example by the kubelet.
pub const EXTERNAL_LABEL: &str = "vpc.amazonaws.com/externalEniConfig";

/// The key of label and annotation where the configuration names none.
pub const DEFAULT_KEY: &str = "k8s.amazonaws.com/eniConfig";

/// The ENIConfig of a node that names none.
pub const DEFAULT_NAME: &str = "default";

/// The name a node resolves to: external label, then annotation, then label, then `default`.
///
/// An empty value is a value: such a node finds no ENIConfig, it does not fall through to the next place. Empty keys
/// stand for `k8s.amazonaws.com/eniConfig`.
pub fn resolve<'a>(
    labels: &'a BTreeMap<String, String>,
    annotations: &'a BTreeMap<String, String>,
    label_key: &str,
    annotation_key: &str,
) -> &'a str {
    labels
        .get(EXTERNAL_LABEL)
        .or_else(|| annotations.get(or_default(annotation_key)))
        .or_else(|| labels.get(or_default(label_key)))
        .map_or(DEFAULT_NAME, String::as_str)
}

fn or_default(key: &str) -> &str {
    if key.is_empty() { DEFAULT_KEY } else { key }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(entries: &[(&str, &str)]) -> BTreeMap<String, String> {
        entries
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    #[test]
    fn the_first_place_that_has_a_value_wins() {
        const ZONE: &str = "topology.kubernetes.io/zone";
        let labels = map(&[
            (EXTERNAL_LABEL, "external"),
            (ZONE, "label"),
            (DEFAULT_KEY, "unused"),
        ]);
        let annotations = map(&[(DEFAULT_KEY, "annotation")]);
        assert_eq!(resolve(&labels, &annotations, ZONE, ""), "external");
        let labels = map(&[(ZONE, "label"), (DEFAULT_KEY, "unused")]);
        assert_eq!(resolve(&labels, &annotations, ZONE, ""), "annotation");
        assert_eq!(resolve(&labels, &annotations, ZONE, "other"), "label");
        assert_eq!(resolve(&map(&[]), &annotations, ZONE, "other"), "default");
    }

    #[test]
    fn an_empty_value_does_not_fall_through() {
        let labels = map(&[(DEFAULT_KEY, "label")]);
        assert_eq!(resolve(&labels, &map(&[(DEFAULT_KEY, "")]), "", ""), "");
    }
}
