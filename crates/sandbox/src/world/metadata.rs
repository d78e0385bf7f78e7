//! The options of an instance's metadata service.

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
            hop_limit: 1,
            enabled: true,
            ipv6: false,
            tags: false,
        }
    }
}

impl super::Instance {
    pub fn profile_arn(&self) -> Option<String> {
        None
    }
    pub fn user_data(&self) -> Option<&str> {
        None
    }
}
