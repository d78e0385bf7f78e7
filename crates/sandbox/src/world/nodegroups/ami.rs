//! The kinds of images that node groups have, and their releases. AWS publishes one about every week; here there are
//! those of the catalogue of images, until the test bed publishes another.

use crate::error::ApiError;
use crate::world::World;
use crate::world::clusters::invalid;
use crate::world::images::{Images, RELEASES};

/// A kind of image, as botocore's enumeration has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    name: &'static str,
    architecture: &'static str,
    /// Name of the image, with the Kubernetes version and the release still open.
    stem: &'static str,
}

/// The kinds that there are images of: Linux without accelerators.
const KINDS: [Kind; 6] = [
    kind("AL2_x86_64", "x86_64", "amazon-eks-node-"),
    kind("AL2_ARM_64", "arm64", "amazon-eks-arm64-node-"),
    kind(
        "AL2023_x86_64_STANDARD",
        "x86_64",
        "amazon-eks-node-al2023-x86_64-standard-",
    ),
    kind(
        "AL2023_ARM_64_STANDARD",
        "arm64",
        "amazon-eks-node-al2023-arm64-standard-",
    ),
    kind("BOTTLEROCKET_x86_64", "x86_64", "bottlerocket-aws-k8s-"),
    kind("BOTTLEROCKET_ARM_64", "arm64", "bottlerocket-aws-k8s-"),
];

const fn kind(name: &'static str, architecture: &'static str, stem: &'static str) -> Kind {
    Kind {
        name,
        architecture,
        stem,
    }
}

impl Kind {
    fn of(name: &str) -> Result<Self, ApiError> {
        let known = KINDS.into_iter().find(|kind| kind.name == name);
        known.ok_or_else(|| invalid(format!("The sandbox does not model the amiType {name}")))
    }

    fn is_bottlerocket(self) -> bool {
        self.stem.starts_with("bottlerocket")
    }

    /// The name of the image of a release.
    fn image(self, kubernetes: &str, release: &str) -> String {
        if self.is_bottlerocket() {
            let word = if self.architecture == "arm64" {
                "aarch64"
            } else {
                self.architecture
            };
            return format!("{}{kubernetes}-{word}-v{release}", self.stem);
        }
        let date = release.rsplit('-').next().unwrap_or_default();
        format!("{}{kubernetes}-v{date}", self.stem)
    }
}

impl World {
    /// The releases of a kind for a Kubernetes version, the newest last. Those of Amazon Linux begin with the patch of
    /// Kubernetes, which is that of kube-proxy's default.
    fn releases(&self, kind: Kind, kubernetes: &str) -> Vec<String> {
        let offer = self.catalogue.get("kube-proxy", kubernetes);
        let patch = offer
            .and_then(|offer| offer.default.split('-').next())
            .map_or(kubernetes, |version| version.trim_start_matches('v'));
        let known = RELEASES.map(|(date, bottlerocket)| (date.to_owned(), Some(bottlerocket.to_owned())));
        let published = self.ami_releases.get(kubernetes).into_iter().flatten().cloned();
        known
            .into_iter()
            .chain(published)
            .filter_map(|(date, bottlerocket)| {
                if kind.is_bottlerocket() {
                    bottlerocket
                } else {
                    Some(format!("{patch}-{date}"))
                }
            })
            .collect()
    }

    /// A release of a kind of images that was asked for, or the newest; there is an image of it.
    pub(super) fn release_asked(
        &self,
        ami_type: &str,
        kubernetes: &str,
        asked: Option<&str>,
    ) -> Result<String, ApiError> {
        let kind = Kind::of(ami_type)?;
        let releases = self.releases(kind, kubernetes);
        let newest = releases.last().cloned().unwrap_or_default();
        let release = match asked {
            None => newest,
            Some(asked) if releases.iter().any(|release| release == asked) => asked.to_owned(),
            Some(asked) => {
                return Err(invalid(format!(
                    "Requested Nodegroup release version {asked} is invalid. Allowed release version is {newest}"
                )));
            }
        };
        self.image_of(ami_type, kubernetes, &release)?;
        Ok(release)
    }

    /// The id of the image of a release.
    pub(super) fn image_of(
        &self,
        ami_type: &str,
        kubernetes: &str,
        release: &str,
    ) -> Result<String, ApiError> {
        let name = Kind::of(ami_type)?.image(kubernetes, release);
        let mut images = self.images.all().values();
        let image = images.find(|image| image.name == name);
        image.map(|image| image.id.clone()).ok_or_else(|| {
            invalid(format!(
                "Requested amiType {ami_type} is not supported for Kubernetes version {kubernetes}"
            ))
        })
    }

    /// An image runs on types of its own architecture only.
    pub(super) fn check_runs(
        &self,
        ami_type: &str,
        types: &[vpccni_core::ids::InstanceType],
    ) -> Result<(), ApiError> {
        let kind = Kind::of(ami_type)?;
        let runs = |name: &str| {
            self.types
                .get(name)
                .is_some_and(|info| info.runs(kind.architecture))
        };
        match types.iter().find(|name| !runs(name.as_str())) {
            None => Ok(()),
            Some(name) => Err(invalid(format!(
                "[{name}] instance types are not valid for requested amiType {ami_type}"
            ))),
        }
    }

    /// Publishes a release for a Kubernetes version, the newest from now on: of Amazon Linux by its date, and of
    /// Bottlerocket where its version is given, too.
    pub fn publish_release(
        &mut self,
        kubernetes: &str,
        date: &str,
        bottlerocket: Option<&str>,
    ) -> Result<(), ApiError> {
        let minor = kubernetes.strip_prefix("1.").and_then(|minor| minor.parse().ok());
        let minor = minor
            .filter(|minor| Images::has_kubernetes(*minor))
            .ok_or_else(|| invalid(format!("There are no images for Kubernetes {kubernetes}")))?;
        if date.len() != 8 || !date.bytes().all(|digit| digit.is_ascii_digit()) {
            return Err(invalid(format!("{date} is not a date such as 20260901")));
        }
        self.images.publish(minor, date, bottlerocket);
        self.ami_releases
            .entry(kubernetes.to_owned())
            .or_default()
            .push((date.to_owned(), bottlerocket.map(str::to_owned)));
        Ok(())
    }
}
