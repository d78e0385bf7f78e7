//! What an instance type can carry: interfaces, addresses, prefixes, branches.

/// The limits of one instance type; the numbers of interfaces are those of the default network card.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct InstanceLimits {
    /// Interfaces on the default network card.
    pub max_enis: u32,
    /// IPv4 addresses per interface, the primary included.
    pub ipv4_per_eni: u32,
    /// Whether ipamd can use prefixes there: nitro or bare metal.
    pub prefix_delegation: bool,
    /// Whether its hypervisor is nitro, as DescribeInstanceTypes says it (bare metal has none).
    pub nitro: bool,
    /// Bare metal.
    pub bare_metal: bool,
    /// Whether it can have a trunk; none where nobody knows.
    pub trunk: Option<bool>,
    /// Branch interfaces it can carry.
    pub branches: Option<u32>,
    /// vCPUs; none where nobody knows.
    pub vcpus: Option<u32>,
}

impl InstanceLimits {
    /// Addresses or prefixes an interface can hold: its primary address is never given to a pod.
    pub fn slots_per_eni(&self) -> u32 {
        self.ipv4_per_eni.saturating_sub(1)
    }
}
