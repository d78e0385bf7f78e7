//! The table of programs: their modules, versions and how each tells its version.

use std::fmt;

/// A program of the test bed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Program {
    /// The store of the API server.
    Etcd,
    /// The API server.
    KubeApiserver,
    /// The controllers of Kubernetes.
    KubeControllerManager,
    /// The scheduler.
    KubeScheduler,
    /// The command line.
    Kubectl,
    /// The agent of a node.
    Kubelet,
    /// The package manager.
    Helm,
    /// Karpenter for AWS.
    Karpenter,
    /// The reference runner of CNI plugins.
    Cnitool,
    /// What evaluates alerting rules against series.
    Promtool,
}

/// Programs of one Go module. They come from one place, so that their versions agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Suite {
    /// etcd.
    Etcd,
    /// Kubernetes.
    Kubernetes,
    /// Helm.
    Helm,
    /// Karpenter for AWS. Only its own story needs it.
    Karpenter,
    /// The reference runner of CNI plugins. Only the tests of the plugin need it.
    Cnitool,
    /// Prometheus. Only the test of the alerts needs its tool.
    Prometheus,
}

impl Program {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Etcd,
        Self::KubeApiserver,
        Self::KubeControllerManager,
        Self::KubeScheduler,
        Self::Kubectl,
        Self::Kubelet,
        Self::Helm,
        Self::Karpenter,
        Self::Cnitool,
        Self::Promtool,
    ];

    /// The name of its file.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::KubeApiserver => "kube-apiserver",
            Self::KubeControllerManager => "kube-controller-manager",
            Self::KubeScheduler => "kube-scheduler",
            Self::Kubectl => "kubectl",
            Self::Kubelet => "kubelet",
            Self::Helm => "helm",
            Self::Karpenter => "karpenter",
            Self::Cnitool => "cnitool",
            Self::Promtool => "promtool",
        }
    }

    /// The module it comes from.
    pub const fn suite(self) -> Suite {
        match self {
            Self::Etcd => Suite::Etcd,
            Self::Helm => Suite::Helm,
            Self::Karpenter => Suite::Karpenter,
            Self::Cnitool => Suite::Cnitool,
            Self::Promtool => Suite::Prometheus,
            Self::KubeApiserver
            | Self::KubeControllerManager
            | Self::KubeScheduler
            | Self::Kubectl
            | Self::Kubelet => Suite::Kubernetes,
        }
    }

    /// Its package in that module.
    pub(super) const fn package(self) -> &'static str {
        match self {
            Self::Etcd => "go.etcd.io/etcd/server/v3",
            Self::KubeApiserver => "k8s.io/kubernetes/cmd/kube-apiserver",
            Self::KubeControllerManager => "k8s.io/kubernetes/cmd/kube-controller-manager",
            Self::KubeScheduler => "k8s.io/kubernetes/cmd/kube-scheduler",
            Self::Kubectl => "k8s.io/kubernetes/cmd/kubectl",
            Self::Kubelet => "k8s.io/kubernetes/cmd/kubelet",
            Self::Helm => "helm.sh/helm/v3/cmd/helm",
            Self::Karpenter => "github.com/aws/karpenter-provider-aws/cmd/controller",
            Self::Cnitool => "github.com/containernetworking/cni/cnitool",
            Self::Promtool => "github.com/prometheus/prometheus/cmd/promtool",
        }
    }

    /// The arguments that make it print its version; what has none is only taken from our own build.
    pub(super) const fn version_args(self) -> Option<&'static [&'static str]> {
        match self {
            Self::Kubectl => Some(&["version", "--client"]),
            Self::Helm => Some(&["version", "--short"]),
            Self::Karpenter | Self::Cnitool => None,
            _ => Some(&["--version"]),
        }
    }
}

impl Suite {
    /// All of them, the quickest to build first.
    pub const ALL: [Self; 6] = [
        Self::Cnitool,
        Self::Etcd,
        Self::Helm,
        Self::Prometheus,
        Self::Karpenter,
        Self::Kubernetes,
    ];

    /// Its name, also of its folder in `tools/`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Etcd => "etcd",
            Self::Kubernetes => "kubernetes",
            Self::Helm => "helm",
            Self::Karpenter => "karpenter",
            Self::Cnitool => "cnitool",
            Self::Prometheus => "prometheus",
        }
    }

    /// The version that is built. It must be that of `tools/<name>/go.mod`.
    pub const fn version(self) -> &'static str {
        match self {
            Self::Etcd => "v3.6.16",
            Self::Kubernetes => "v1.35.4",
            Self::Helm => "v3.22.0",
            Self::Karpenter => "v1.14.0",
            Self::Cnitool => "v1.3.0",
            // Prometheus 3.5, a long-term release, as its Go module counts.
            Self::Prometheus => "v0.305.0",
        }
    }

    /// The lowest version, major and minor, that is taken from elsewhere: 1.33 is the oldest cluster that the
    /// product supports (and the `v1_33` of k8s-openapi), etcd 3.5 the oldest that this API server takes.
    pub(super) const fn lowest(self) -> (u32, u32) {
        match self {
            Self::Etcd => (3, 5),
            Self::Kubernetes => (1, 33),
            Self::Helm => (3, 14),
            Self::Karpenter => (1, 14),
            Self::Cnitool => (1, 3),
            Self::Prometheus => (2, 40),
        }
    }

    /// Linker flags. Kubernetes refuses to start without a version, which its own build scripts set the same way.
    pub(super) const fn linker_flags(self) -> &'static str {
        match self {
            Self::Etcd | Self::Cnitool => "-s -w",
            Self::Kubernetes => {
                "-s -w -X k8s.io/component-base/version.gitVersion=v1.35.4 \
                 -X k8s.io/component-base/version.gitMajor=1 -X k8s.io/component-base/version.gitMinor=35"
            }
            Self::Helm => "-s -w -X helm.sh/helm/v3/internal/version.version=v3.22.0",
            Self::Prometheus => "-s -w -X github.com/prometheus/common/version.Version=3.5.0",
            Self::Karpenter => "-s -w -X sigs.k8s.io/karpenter/pkg/operator.Version=1.14.0",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl fmt::Display for Suite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name(), self.version())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_those_of_the_go_modules() {
        for suite in Suite::ALL {
            let path = format!("{}/tools/{}/go.mod", env!("CARGO_MANIFEST_DIR"), suite.name());
            let module = std::fs::read_to_string(&path).unwrap();
            for program in Program::ALL.into_iter().filter(|p| p.suite() == suite) {
                assert!(
                    module.contains(program.package()),
                    "{path} has no tool {}",
                    program.package()
                );
            }
            let root = match suite {
                Suite::Etcd => "go.etcd.io/etcd/server/v3",
                Suite::Kubernetes => "k8s.io/kubernetes",
                Suite::Helm => "helm.sh/helm/v3",
                Suite::Karpenter => "github.com/aws/karpenter-provider-aws",
                Suite::Cnitool => "github.com/containernetworking/cni",
                Suite::Prometheus => "github.com/prometheus/prometheus",
            };
            let line = format!("{root} {}", suite.version());
            assert!(module.contains(&line), "{path} does not require {line}");
            if !matches!(suite, Suite::Etcd | Suite::Cnitool | Suite::Prometheus) {
                assert!(
                    suite
                        .linker_flags()
                        .contains(suite.version().trim_start_matches('v'))
                );
            }
        }
    }
}
