//! The version that an image runs, as its tag says it.

use vpccni_core::known::Known;
use vpccni_core::version::CniVersion;

/// `registry:5000/amazon-k8s-cni:v1.23.1@sha256:…` is v1.23.1; a digest alone says nothing.
pub(crate) fn version(image: &str) -> Known<CniVersion> {
    let named = image.split_once('@').map_or(image, |(named, _)| named);
    let last = named.rsplit_once('/').map_or(named, |(_, last)| last);
    let Some((_, tag)) = last.split_once(':') else {
        return Known::Unknown(format!(
            "the image {image} has no tag that would tell its version"
        ));
    };
    CniVersion::parse(tag).map_or_else(
        |_| Known::Unknown(format!("the tag of the image {image} is not a version")),
        Known::Yes,
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tag_tells_the_version() {
        let cases = [
            (
                "602401143452.dkr.ecr.us-west-2.amazonaws.com/amazon-k8s-cni:v1.23.1",
                Some("v1.23.1"),
            ),
            (
                "localhost:5000/amazon-k8s-cni:v1.23.0-eksbuild.1",
                Some("v1.23.0-eksbuild.1"),
            ),
            ("amazon-k8s-cni:v1.19.2@sha256:abc", Some("v1.19.2")),
            ("localhost:5000/amazon-k8s-cni", None),
            ("amazon-k8s-cni@sha256:abc", None),
            ("amazon-k8s-cni:latest", None),
        ];
        for (image, expected) in cases {
            let found = version(image).as_option().map(ToString::to_string);
            assert_eq!(found.as_deref(), expected, "{image}");
        }
    }
}
