//! The mode of kube-proxy, from the text of its configuration.

use k8s_openapi::api::core::v1::ConfigMap;

/// Whether a configuration in the map has the top-level line `mode: ipvs`, quoted or not.
pub(super) fn is_ipvs(map: &ConfigMap) -> bool {
    let files = map.data.iter().flat_map(std::collections::BTreeMap::values);
    files
        .flat_map(|file| file.lines())
        .filter_map(|line| line.strip_prefix("mode:"))
        .any(|mode| {
            mode.split('#')
                .next()
                .unwrap_or_default()
                .trim()
                .trim_matches(['"', '\''])
                == "ipvs"
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_mode_is_read_from_the_top_level_line() {
        let cases = [
            ("mode: \"ipvs\"\nipvs:\n  scheduler: rr", true),
            ("mode: ipvs # since 2024", true),
            ("mode: iptables\nipvs:\n  mode: ipvs", false),
            ("mode: \"\"", false),
            ("", false),
        ];
        for (text, expected) in cases {
            let map = ConfigMap {
                data: Some([("config".to_owned(), text.to_owned())].into()),
                ..ConfigMap::default()
            };
            assert_eq!(is_ipvs(&map), expected, "{text:?}");
        }
    }
}
