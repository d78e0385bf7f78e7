//! The options of an instance's metadata service.

use super::Settings;

/// How far a PUT answer may travel where nobody says.
const HOP_LIMIT: u32 = 1;

/// What DescribeInstances shows as `metadataOptions`, and what the metadata service keeps to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MetadataOptions {
    /// Whether a token is needed.
    pub tokens_required: bool,
    /// Hops that the answer to a PUT may take.
    pub hop_limit: u32,
    /// Whether the service is there at all.
    pub enabled: bool,
    /// Whether it listens on IPv6 too.
    pub ipv6: bool,
    /// Whether it shows the tags of the instance.
    pub tags: bool,
}

impl Default for MetadataOptions {
    fn default() -> Self {
        Self {
            tokens_required: false,
            hop_limit: HOP_LIMIT,
            enabled: true,
            ipv6: false,
            tags: false,
        }
    }
}

impl MetadataOptions {
    /// What an image brings along: one with `ImdsSupport: v2.0` needs tokens and lets containers reach the service.
    pub fn of_image(imds_v2: bool) -> Self {
        Self {
            tokens_required: imds_v2,
            hop_limit: HOP_LIMIT + u32::from(imds_v2),
            ..Self::default()
        }
    }

    /// These options, changed by what `MetadataOptions.*` says.
    #[must_use]
    pub fn changed(mut self, settings: &Settings) -> Self {
        let get = |name: &str| settings.get(&format!("MetadataOptions.{name}"));
        if let Some(tokens) = get("HttpTokens") {
            self.tokens_required = tokens == "required";
        }
        if let Some(limit) = get("HttpPutResponseHopLimit").and_then(|limit| limit.parse().ok()) {
            self.hop_limit = limit;
        }
        for (name, option) in [
            ("HttpEndpoint", &mut self.enabled),
            ("HttpProtocolIpv6", &mut self.ipv6),
            ("InstanceMetadataTags", &mut self.tags),
        ] {
            if let Some(value) = get(name) {
                *option = value == "enabled";
            }
        }
        self
    }
}
