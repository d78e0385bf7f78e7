//! What people should be told about a node: Events, where there is an API server, and the log in any case.

use std::sync::Arc;
use tokio::sync::mpsc;

/// Told and not taken yet: more than this at once is the same thing again and again.
const ROOM: usize = 32;

/// Something to tell.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Notice {
    /// EC2 refused a call for want of a permission.
    MissingPermissions {
        /// The call.
        action: &'static str,
    },
    /// The environment asks for another mode than the node has.
    ModePinned {
        /// What the node has.
        kept: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// The ENIConfig of the node names a subnet in another zone.
    EniConfigZone {
        /// The ENIConfig.
        name: String,
        /// Its subnet.
        subnet: String,
        /// The zone of the node.
        zone: String,
    },
    /// There is no ENIConfig of the name that the node resolves to, or it names no subnet.
    EniConfigUnusable {
        /// The ENIConfig.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// Subnet, instance or account have no room.
    NoRoom {
        /// What has none.
        what: String,
    },
    /// The node was cut off from its checkpoint.
    CheckpointTorn {
        /// Where the unreadable file is now.
        aside: String,
    },
}

impl Notice {
    /// The reason, in one word.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::MissingPermissions { .. } => "MissingIAMPermissions",
            Self::ModePinned { .. } => "ModePinned",
            Self::EniConfigZone { .. } => "ENIConfigWrongZone",
            Self::EniConfigUnusable { .. } => "ENIConfigUnusable",
            Self::NoRoom { .. } => "InsufficientAddresses",
            Self::CheckpointTorn { .. } => "CheckpointUnreadable",
        }
    }

    /// The whole sentence.
    pub fn text(&self) -> String {
        match self {
            Self::MissingPermissions { action } => format!(
                "EC2 refuses {action}: the role of the node agent needs this permission to give addresses to pods"
            ),
            Self::ModePinned { kept, wanted } => format!(
                "the node keeps giving {kept}, as it did from its first start; {wanted} take effect when it is replaced"
            ),
            Self::EniConfigZone { name, subnet, zone } => {
                format!("ENIConfig {name} names {subnet}, which is not in {zone}, the zone of this node")
            }
            Self::EniConfigUnusable { name, problem } => format!("ENIConfig {name}: {problem}"),
            Self::NoRoom { what } => format!("{what} has no room for more addresses"),
            Self::CheckpointTorn { aside } => format!(
                "the record of allocations could not be read and is now {aside}; allocations were rebuilt from the kernel"
            ),
        }
    }
}

/// The way to tell. Clones tell the same listener.
#[derive(Debug, Clone)]
pub struct Notices {
    sender: Arc<mpsc::Sender<Notice>>,
}

impl Notices {
    /// The way to tell, and the listener.
    pub fn channel() -> (Self, mpsc::Receiver<Notice>) {
        let (sender, receiver) = mpsc::channel(ROOM);
        let sender = Arc::new(sender);
        (Self { sender }, receiver)
    }

    /// Tells it; nobody waits for that.
    pub fn tell(&self, notice: Notice) {
        tracing::warn!(reason = notice.reason(), "{}", notice.text());
        // Where nobody listens, or there is no room, the log has it.
        self.sender.try_send(notice).ok();
    }
}
