//! A kernel that remembers what it was asked for, and can be told to fail.

use std::collections::BTreeMap;
use std::path::Path;

use vpccni_cni::kernel::{KernelError, PodKernel};
use vpccni_core::datapath::PodNetwork;

/// Interfaces by the name of their link on the node.
#[derive(Debug, Default)]
pub(crate) struct Remembering {
    pub(crate) pods: BTreeMap<String, PodNetwork>,
    /// All names a delete was asked for, there or not.
    pub(crate) deleted: Vec<String>,
    /// The index that cannot be added.
    pub(crate) fails_at: Option<u32>,
    /// Whether it panics.
    pub(crate) panics: bool,
    /// Whether deletes fail.
    pub(crate) stuck: bool,
}

impl PodKernel for Remembering {
    fn add(&mut self, netns: &Path, pod: &PodNetwork) -> Result<(), KernelError> {
        assert!(!netns.as_os_str().is_empty());
        assert!(!self.panics, "out of order");
        self.pods.insert(pod.host_veth.clone(), pod.clone());
        if self.fails_at == Some(pod.index) {
            return Err(KernelError("no memory".to_owned()));
        }
        Ok(())
    }

    fn delete(&mut self, pod: &PodNetwork) -> Result<(), KernelError> {
        if self.stuck {
            return Err(KernelError("busy".to_owned()));
        }
        self.deleted.push(pod.host_veth.clone());
        self.pods.remove(&pod.host_veth);
        Ok(())
    }

    fn is_anothers(&mut self, pod: &PodNetwork) -> Result<bool, KernelError> {
        let mut there = self.pods.values().filter(|there| there.address == pod.address);
        Ok(there.any(|there| (&there.host_veth, there.host_mac) != (&pod.host_veth, pod.host_mac)))
    }

    fn check(&mut self, _: &Path, pod: &PodNetwork) -> Result<(), KernelError> {
        match self.pods.get(&pod.host_veth) {
            Some(there) if there.address == pod.address && there.table == pod.table => Ok(()),
            there => Err(KernelError(format!("there is {there:?}"))),
        }
    }
}
