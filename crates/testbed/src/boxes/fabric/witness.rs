//! What the fabric saw: the kernel's own counters, read by `nft`.

use std::net::IpAddr;

use serde_json::Value;
use vpccni_core::ids::EniId;

use super::Fabric;
use crate::boxes::error::BoxError;

/// Packets from one address to another that came out of one interface.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flow {
    /// The interface that they came from.
    pub interface: EniId,
    /// The source address on the wire.
    pub source: IpAddr,
    /// The destination on the wire.
    pub destination: IpAddr,
    /// How many.
    pub packets: u64,
}

impl Fabric {
    /// What passed.
    pub fn flows(&self) -> Result<Vec<Flow>, BoxError> {
        let mut flows = self.counted("flows4")?;
        flows.extend(self.counted("flows6")?);
        Ok(flows)
    }

    /// What was dropped because the interface does not hold the source address.
    pub fn spoofed(&self) -> Result<Vec<Flow>, BoxError> {
        let mut flows = self.counted("spoofed4")?;
        flows.extend(self.counted("spoofed6")?);
        Ok(flows)
    }

    /// What was dropped because nobody holds the destination.
    pub fn lost(&self) -> Result<Vec<Flow>, BoxError> {
        self.counted("lost")
    }

    /// What the internet gateway dropped because the source has no public address.
    pub fn refused(&self) -> Result<Vec<Flow>, BoxError> {
        self.counted("refused")
    }

    fn counted(&self, set: &str) -> Result<Vec<Flow>, BoxError> {
        let text = self
            .inner
            .space
            .tool("nft", &["-j", "list", "set", "inet", "vpc", set], "")?;
        let answer: Value = serde_json::from_str(&text).map_err(|error| unreadable(error.to_string()))?;
        let sets = answer["nftables"].as_array().into_iter().flatten();
        let elements = sets.filter_map(|item| item["set"]["elem"].as_array()).flatten();
        elements.map(|element| self.flow(&element["elem"])).collect()
    }

    fn flow(&self, element: &Value) -> Result<Flow, BoxError> {
        let wrong = || unreadable(element.to_string());
        let part = |index: usize| element["val"]["concat"][index].as_str().ok_or_else(wrong);
        let address = |index: usize| part(index)?.parse().map_err(|_| wrong());
        let name = part(0)?;
        let interface = self.inner.state().names.get(name).cloned();
        Ok(Flow {
            interface: interface.ok_or_else(wrong)?,
            source: address(1)?,
            destination: address(2)?,
            packets: element["counter"]["packets"].as_u64().ok_or_else(wrong)?,
        })
    }
}

fn unreadable(reason: String) -> BoxError {
    BoxError::Answer {
        program: "nft".to_owned(),
        reason,
    }
}
