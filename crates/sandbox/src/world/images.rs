//! The images that may be launched: a fixed catalogue with names, owners and parameter paths as AWS forms them. There
//! are two releases of each, so that an upgrade has somewhere to go.

use super::TypeInfo;
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;

/// Kubernetes versions 1.x that there are node images for, and the last one with Amazon Linux 2.
const KUBERNETES: std::ops::RangeInclusive<u32> = 29..=36;
const LAST_AL2: u32 = 32;

/// Date and Bottlerocket version of each release, the newest last.
pub(super) const RELEASES: [(&str, &str); 2] =
    [("20260715", "1.49.0-25f40a1c"), ("20260812", "1.50.0-c0f8b0a3")];

/// The accounts that publish: EKS, Bottlerocket, Amazon Linux.
const EKS: &str = "602401143452";
const BOTTLEROCKET: &str = "092701018921";
const AMAZON_LINUX: &str = "137112412989";

/// A plain Amazon Linux for those who care for no image, by architecture.
pub const PLAIN: [(&str, &str); 2] = [
    ("x86_64", "ami-00000000000000001"),
    ("arm64", "ami-00000000000000002"),
];

/// An image.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Image {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// What it says of itself.
    pub description: String,
    /// `x86_64` or `arm64`.
    pub architecture: &'static str,
    /// The account that owns it; the alias of all of them is `amazon`.
    pub owner: &'static str,
    /// When it was made, as AWS writes it.
    pub created: String,
    /// Its volumes: device and GiB, the root first.
    pub volumes: Vec<(&'static str, u32)>,
    /// Whether instances of it need tokens at the metadata service unless told otherwise.
    pub imds_v2: bool,
    /// The SSM parameters whose value its id is.
    pub parameters: Vec<String>,
}

impl Image {
    /// An instance type runs images of its own architecture only.
    pub(super) fn check_runs_on(&self, kind: &TypeInfo) -> Result<(), ApiError> {
        if kind.runs(self.architecture) {
            return Ok(());
        }
        Err(ApiError::value(format!(
            "The architecture '{}' of the specified instance type does not match the architecture '{}' of the \
             specified AMI. Specify an instance type and an AMI that have matching architectures, and try again.",
            kind.arch.join(","),
            self.architecture
        )))
    }
}

/// All images by id.
#[derive(Debug, Clone, Default)]
pub struct Images(BTreeMap<String, Image>);

impl Images {
    /// The catalogue; it is the same in every world.
    pub(crate) fn catalogue() -> Self {
        let mut all = Self::default();
        for (architecture, id) in PLAIN {
            all.add(plain(architecture, id));
        }
        for (index, (date, bottlerocket)) in RELEASES.iter().enumerate() {
            let newest = index + 1 == RELEASES.len();
            for minor in KUBERNETES {
                for architecture in ["x86_64", "arm64"] {
                    if minor <= LAST_AL2 {
                        all.add(amazon_linux_2(minor, architecture, date, newest));
                    }
                    all.add(amazon_linux_2023(minor, architecture, date, newest));
                    all.add(bottlerocket_image(
                        minor,
                        architecture,
                        bottlerocket,
                        date,
                        newest,
                    ));
                }
            }
        }
        all
    }

    /// Whether there are node images for Kubernetes 1.x.
    pub(super) fn has_kubernetes(minor: u32) -> bool {
        KUBERNETES.contains(&minor)
    }

    /// Adds a release for Kubernetes 1.x: the parameters of the newest name it from now on.
    pub(super) fn publish(&mut self, minor: u32, date: &str, bottlerocket: Option<&str>) {
        for architecture in ["x86_64", "arm64"] {
            if minor <= LAST_AL2 {
                self.supersede(amazon_linux_2(minor, architecture, date, true));
            }
            self.supersede(amazon_linux_2023(minor, architecture, date, true));
            if let Some(release) = bottlerocket {
                self.supersede(bottlerocket_image(minor, architecture, release, date, true));
            }
        }
    }

    fn supersede(&mut self, image: Image) {
        for known in self.0.values_mut() {
            known.parameters.retain(|path| !image.parameters.contains(path));
        }
        self.add(image);
    }

    fn add(&mut self, image: Image) {
        self.0.insert(image.id.clone(), image);
    }

    /// An image by id.
    pub fn get(&self, id: &str) -> Option<&Image> {
        self.0.get(id)
    }

    /// All of them by id.
    pub fn all(&self) -> &BTreeMap<String, Image> {
        &self.0
    }

    /// The image whose id is the value of an SSM parameter.
    pub fn of_parameter(&self, path: &str) -> Option<&Image> {
        self.0
            .values()
            .find(|image| image.parameters.iter().any(|own| own == path))
    }

    /// An image that must be there.
    pub(crate) fn find(&self, id: &str) -> Result<&Image, ApiError> {
        let digits = id.strip_prefix("ami-").unwrap_or_default();
        if digits.is_empty() || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(ApiError::new(
                Code::InvalidImageMalformed,
                format!("Invalid id: \"{id}\" (expecting \"ami-...\")"),
            ));
        }
        self.get(id).ok_or_else(|| {
            ApiError::new(
                Code::InvalidImageNotFound,
                format!("The image id '[{id}]' does not exist"),
            )
        })
    }
}

/// The id of a name: always the same one.
fn id_of(name: &str) -> String {
    let hash = name.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("ami-0{hash:016x}")
}

fn created(date: &str) -> String {
    let part = |range: std::ops::Range<usize>| date.get(range).unwrap_or_default();
    format!("{}-{}-{}T00:00:00.000Z", part(0..4), part(4..6), part(6..8))
}

/// The paths of a release, and those that always name the newest.
fn paths(base: &str, release: &str, latest: &str, newest: bool) -> Vec<String> {
    let of = |release: &str| format!("{base}/{release}/image_id");
    let mut all = vec![of(release)];
    all.extend(newest.then(|| of(latest)));
    all
}

fn plain(architecture: &'static str, id: &str) -> Image {
    let (date, _) = RELEASES.last().copied().unwrap_or_default();
    Image {
        id: id.to_owned(),
        name: format!("al2023-ami-2023.8.{date}.0-kernel-6.1-{architecture}"),
        description: "Amazon Linux 2023".to_owned(),
        architecture,
        owner: AMAZON_LINUX,
        created: created(date),
        volumes: vec![("/dev/xvda", 8)],
        imds_v2: true,
        parameters: vec![format!(
            "/aws/service/ami-amazon-linux-latest/al2023-ami-kernel-default-{architecture}"
        )],
    }
}

fn amazon_linux_2(minor: u32, architecture: &'static str, date: &str, newest: bool) -> Image {
    let (kind, family) = match architecture {
        "arm64" => ("arm64-node", "amazon-linux-2-arm64"),
        _ => ("node", "amazon-linux-2"),
    };
    let name = format!("amazon-eks-{kind}-1.{minor}-v{date}");
    let base = format!("/aws/service/eks/optimized-ami/1.{minor}/{family}");
    Image {
        id: id_of(&name),
        description: format!("EKS Kubernetes Worker AMI with AmazonLinux2 image, (k8s: 1.{minor})"),
        architecture,
        owner: EKS,
        created: created(date),
        volumes: vec![("/dev/xvda", 20)],
        imds_v2: false,
        parameters: paths(&base, &name, "recommended", newest),
        name,
    }
}

fn amazon_linux_2023(minor: u32, architecture: &'static str, date: &str, newest: bool) -> Image {
    let name = format!("amazon-eks-node-al2023-{architecture}-standard-1.{minor}-v{date}");
    let base = format!("/aws/service/eks/optimized-ami/1.{minor}/amazon-linux-2023/{architecture}/standard");
    Image {
        id: id_of(&name),
        description: format!(
            "EKS-optimized Kubernetes node based on Amazon Linux 2023, (k8s: 1.{minor}, {architecture})"
        ),
        architecture,
        owner: EKS,
        created: created(date),
        volumes: vec![("/dev/xvda", 20)],
        imds_v2: true,
        parameters: paths(&base, &name, "recommended", newest),
        name,
    }
}

fn bottlerocket_image(
    minor: u32,
    architecture: &'static str,
    release: &str,
    date: &str,
    newest: bool,
) -> Image {
    // Its names have the kernel's word for the architecture, its parameters that of EC2.
    let word = if architecture == "arm64" {
        "aarch64"
    } else {
        architecture
    };
    let name = format!("bottlerocket-aws-k8s-1.{minor}-{word}-v{release}");
    let base = format!("/aws/service/bottlerocket/aws-k8s-1.{minor}/{architecture}");
    let number = release.split('-').next().unwrap_or(release);
    let mut parameters = paths(&base, release, "latest", newest);
    parameters.push(format!("{base}/{number}/image_id"));
    Image {
        id: id_of(&name),
        description: format!("Bottlerocket for Kubernetes 1.{minor}"),
        architecture,
        owner: BOTTLEROCKET,
        created: created(date),
        volumes: vec![("/dev/xvda", 2), ("/dev/xvdb", 20)],
        imds_v2: true,
        parameters,
        name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_unique_and_parameters_name_the_newest() {
        let images = Images::catalogue();
        // Eight versions with three kinds, less Amazon Linux 2 after 1.32, two architectures, two releases.
        assert_eq!(images.all().len(), 2 + (8 * 2 + 4) * 2 * 2);
        let path =
            "/aws/service/eks/optimized-ami/1.33/amazon-linux-2023/arm64/standard/recommended/image_id";
        let newest = images.of_parameter(path).unwrap();
        assert_eq!(
            newest.name,
            "amazon-eks-node-al2023-arm64-standard-1.33-v20260812"
        );
        let path = "/aws/service/bottlerocket/aws-k8s-1.35/arm64/1.49.0/image_id";
        let older = images.of_parameter(path).unwrap();
        assert_eq!(older.name, "bottlerocket-aws-k8s-1.35-aarch64-v1.49.0-25f40a1c");
    }
}
