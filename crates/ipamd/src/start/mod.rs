//! The start, in the order of the stock agent: who the instance is, whether the settings fit it, its interfaces, its
//! mode, its network, and what its pods hold.

mod identity;
mod restore;

pub use identity::{Who, who};
pub use restore::{keep, restored};

use crate::agent::{Beginning, seen};
use crate::checkpoint::{Checkpoint, CheckpointError, Found};
use crate::clock;
use crate::cloud::Cloud;
use crate::host::{Host, HostError};
use crate::interface::Interface;
use crate::kubernetes::Kubernetes;
use crate::node::{Node, Pace, unmanaged};
use crate::notice::Notice;
use crate::observe;
use crate::ops::{self, Tools};
use crate::pin::{self, PinError};
use crate::settings::Settings;
use jiff::SignedDuration;
use std::collections::{BTreeMap, BTreeSet};
use std::net::Ipv6Addr;
use std::path::PathBuf;
use std::sync::Arc;
use vpccni_core::assign::{Entry, Mode, Rules, Store};
use vpccni_core::config::Key;
use vpccni_core::ids::EniId;
use vpccni_core::limits;
use vpccni_core::pool::{CardFacts, EniSeen, Holdings, decide_mode, wanted_mode};
use vpccni_core::ports::node::{ConnectionTracking, ImdsEni, NodeEni, VpcCidrs};
use vpccni_core::ports::{CloudError, EniKind};

/// Times that EC2 is asked at the start, with pauses that double: more than half a minute.
const ATTEMPTS: u32 = 5;
/// Looks at a metadata service that is behind, with pauses that double: six seconds in all.
const BEHIND: u32 = 6;

/// Why the agent does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// AWS was of no help.
    #[error(transparent)]
    Cloud(CloudError),
    /// The metadata service shows no primary interface.
    #[error("the metadata service shows no primary interface")]
    NoPrimary,
    /// The host cannot be set up.
    #[error("failed to set up the network of the host: {0}")]
    Host(HostError),
    /// The checkpoint cannot be used.
    #[error(transparent)]
    Checkpoint(CheckpointError),
    /// The mode cannot be kept.
    #[error(transparent)]
    Pin(PinError),
}

/// What a start needs.
#[derive(Debug)]
pub struct Start {
    /// AWS.
    pub cloud: Cloud,
    /// The host.
    pub host: Host,
    /// The API server, where there is one.
    pub kubernetes: Option<Kubernetes>,
    /// The settings.
    pub settings: Settings,
    /// Who the instance is.
    pub who: Who,
    /// How often and how long.
    pub pace: Arc<Pace>,
    /// The folder of the pin.
    pub state_dir: PathBuf,
    /// The checkpoint of the default card.
    pub checkpoint: PathBuf,
}

/// What was found.
#[derive(Debug)]
pub struct Started {
    /// What the task begins with.
    pub beginning: Beginning,
    /// The address of the primary interface in IPv6.
    pub node_ipv6: Option<Ipv6Addr>,
}

struct Seen {
    shown: Vec<ImdsEni>,
    described: Option<BTreeMap<EniId, NodeEni>>,
    primary: ImdsEni,
}

impl Seen {
    /// Whether all that a card has is an EFA that carries no IP: such a card is somebody's for that.
    fn is_for_efa(&self, card: u32) -> bool {
        let on_card = self.described.iter().flat_map(BTreeMap::values).filter(|eni| {
            let attachment = eni.attachment.as_ref();
            attachment.is_some_and(|attachment| attachment.network_card == card)
        });
        let kinds: Vec<EniKind> = on_card.map(|eni| eni.kind).collect();
        !kinds.is_empty() && kinds.iter().all(|kind| *kind == EniKind::EfaOnly)
    }
}

impl Start {
    /// Starts.
    pub async fn run(self) -> Result<Started, StartError> {
        let working = self.cloud.metrics().in_progress("nodeInit");
        let seen_all = self.see().await?;
        let networks = self.networks().await?;
        let (entries, torn) = self.read_checkpoints(&seen_all)?;
        let wanted = wanted_mode(&self.settings.effective, &self.who.limits);
        let (node, interfaces, sorted) = self.settle(&seen_all, wanted, &entries).await?;
        let node = Arc::new(node);
        let tools = Tools {
            cloud: self.cloud.clone(),
            host: self.host.clone(),
            kubernetes: self.kubernetes.clone(),
            node: Arc::clone(&node),
            pace: Arc::clone(&self.pace),
        };
        self.host
            .primary(&node, &networks)
            .await
            .map_err(StartError::Host)?;
        // Beside each other: the programs of iptables need their time where another agent has thousands of rules.
        let ((store, usable), ()) = tokio::join!(fill(&tools, interfaces, &sorted.cards), take_over(&tools));
        let store = restored(&tools, store, entries, torn).await?;
        keep(&self.checkpoint, &store)?;
        drop(working);
        Ok(Started {
            node_ipv6: seen_all.primary.addresses.ipv6.first().copied(),
            beginning: Beginning {
                tools,
                store,
                checkpoint: self.checkpoint,
                interfaces: usable,
                unmanaged: sorted.unmanaged,
                cards: sorted.cards,
                groups: seen_all.primary.security_groups,
                networks,
            },
        })
    }

    async fn see(&self) -> Result<Seen, StartError> {
        let mut shown = observe::shown(&self.cloud).await.map_err(StartError::Cloud)?;
        let is_primary = |eni: &&ImdsEni| eni.mac == self.who.identity.primary_mac;
        let primary = shown.iter().find(is_primary).cloned();
        let primary = primary.ok_or(StartError::NoPrimary)?;
        let described = if self.settings.effective.is_on(Key::EnableImdsOnlyMode) {
            None
        } else {
            Some(self.described().await?)
        };
        if let Some(described) = &described {
            shown = self.caught_up(shown, described).await?;
        }
        Ok(Seen {
            shown,
            described,
            primary,
        })
    }

    /// The metadata once it shows all that EC2 has attached. A start that goes by less takes pods' addresses for lost
    /// and attaches an interface too many; so it waits, though not for ever: what is on its way out may be the reason.
    async fn caught_up(
        &self,
        mut shown: Vec<ImdsEni>,
        described: &BTreeMap<EniId, NodeEni>,
    ) -> Result<Vec<ImdsEni>, StartError> {
        let mut pause = self.pace.pause;
        for _ in 0..BEHIND {
            let hidden = described
                .keys()
                .find(|id| !shown.iter().any(|eni| eni.id == **id));
            let Some(eni) = hidden else { return Ok(shown) };
            tracing::warn!(%eni, "EC2 has an interface that the metadata service does not show yet");
            tokio::time::sleep(Pace::jittered(pause)).await;
            pause *= 2;
            shown = observe::shown(&self.cloud).await.map_err(StartError::Cloud)?;
        }
        Ok(shown)
    }

    /// EC2's word is needed: only tags tell which interfaces are not ours. So a node that starts while EC2 is throttled
    /// asks again for a while.
    async fn described(&self) -> Result<BTreeMap<EniId, NodeEni>, StartError> {
        let instance = &self.who.identity.instance;
        let mut pause = self.pace.tick;
        let mut attempt = 1;
        loop {
            match observe::described(&self.cloud, instance).await {
                Ok(described) => return Ok(described),
                Err(error) if attempt == ATTEMPTS => return Err(StartError::Cloud(error)),
                Err(_) => tokio::time::sleep(Pace::jittered(pause)).await,
            }
            pause *= 2;
            attempt += 1;
        }
    }

    async fn networks(&self) -> Result<VpcCidrs, StartError> {
        let mac = self.who.identity.primary_mac;
        let asked = self
            .cloud
            .call("imds:GetMetadata", self.cloud.imds.vpc_cidrs(mac));
        let mut networks = asked.await.map_err(StartError::Cloud)?;
        networks.ipv4.sort_unstable();
        networks.ipv6.sort_unstable();
        Ok(networks)
    }

    fn read_checkpoints(&self, all: &Seen) -> Result<(Vec<Entry>, bool), StartError> {
        let mut cards: BTreeSet<u32> = all.shown.iter().map(|eni| eni.network_card).collect();
        cards.insert(0);
        let (mut entries, mut torn) = (Vec::new(), false);
        for card in cards {
            let checkpoint = Checkpoint::of_card(&self.checkpoint, card);
            match checkpoint.read().map_err(StartError::Checkpoint)? {
                Found::Nothing => {}
                Found::Entries(found) => entries.extend(found),
                Found::Torn { aside } => {
                    torn = true;
                    let aside = aside.display().to_string();
                    self.cloud.notices().tell(Notice::CheckpointTorn { aside });
                }
            }
        }
        Ok((entries, torn))
    }

    /// The mode of the node, and its interfaces as that mode sees them.
    async fn settle(
        &self,
        all: &Seen,
        wanted: Mode,
        entries: &[Entry],
    ) -> Result<(Node, Vec<Interface>, Sorted), StartError> {
        let as_wanted = observe::joined(wanted, &all.shown, all.described.as_ref());
        let seen: Vec<EniSeen> = as_wanted.iter().map(seen).collect();
        let custom = self.settings.effective.custom_networking();
        let kept = pin::read(&self.state_dir).map_err(StartError::Pin)?;
        let instance = &self.who.identity.instance;
        let holdings = Holdings::of(&seen, entries);
        let decided = decide_mode(kept.as_ref(), instance, (wanted, custom), &holdings);
        if decided.write {
            pin::write(&self.state_dir, &decided.pin).map_err(StartError::Pin)?;
        }
        if let Some((mode, custom)) = decided.differs {
            self.cloud.notices().tell(Notice::ModePinned {
                kept: name(decided.pin.mode, decided.pin.custom_networking),
                wanted: name(mode, custom),
            });
        }
        let mode = decided.pin.mode;
        let primary_mac = self.who.identity.primary_mac;
        let link = self.host.link(primary_mac, &self.pace);
        let link = link.await.map_err(StartError::Host)?;
        let described_primary = all
            .described
            .as_ref()
            .and_then(|all_of| all_of.get(&all.primary.id));
        let node = Node {
            identity: self.who.identity.clone(),
            limits: self.who.limits,
            settings: self.settings.clone().pinned(&decided.pin),
            mode,
            primary: all.primary.id.clone(),
            primary_device: link.name,
            primary_subnet: all.primary.subnet.clone(),
            vpc: all.primary.vpc.clone(),
            tracking: described_primary.map_or_else(ConnectionTracking::default, |eni| eni.tracking),
        };
        let mut interfaces = observe::joined(mode, &all.shown, all.described.as_ref());
        let sorted = Sorted::of(&node, &mut interfaces, all);
        Ok((node, interfaces, sorted))
    }
}

fn name(mode: Mode, custom: bool) -> &'static str {
    match (mode, custom) {
        (Mode::Secondary, false) => "secondary addresses",
        (Mode::Secondary, true) => "secondary addresses of custom networking",
        (Mode::Prefix, false) => "prefixes",
        (Mode::Prefix, true) => "prefixes of custom networking",
        (Mode::Ipv6, _) => "IPv6 prefixes",
    }
}

/// Which interfaces are whose.
struct Sorted {
    unmanaged: BTreeSet<EniId>,
    cards: BTreeMap<u32, CardFacts>,
}

impl Sorted {
    /// Leaves the managed ones in the list.
    fn of(node: &Node, interfaces: &mut Vec<Interface>, all: &Seen) -> Self {
        let effective = &node.settings.effective;
        let untagged = effective.is_on(Key::ManageUntaggedEni);
        let mut sorted = Self {
            unmanaged: BTreeSet::new(),
            cards: BTreeMap::from([(0, CardFacts::default())]),
        };
        if effective.multi_nic() {
            let shown = all.shown.iter().map(|eni| eni.network_card);
            let carried = 0..limits::cards(&node.identity.instance_type);
            let cards = shown.chain(carried).filter(|card| !all.is_for_efa(*card));
            sorted
                .cards
                .extend(cards.map(|card| (card, CardFacts::default())));
        }
        interfaces.retain(|interface| {
            let is_primary = interface.id == node.primary;
            let described = all.described.as_ref().and_then(|all| all.get(&interface.id));
            let why = described
                .and_then(|eni| unmanaged(eni, &node.identity.instance, untagged, is_primary))
                .or_else(|| {
                    let known = sorted.cards.contains_key(&interface.card);
                    (!known).then_some("its network card is not managed")
                });
            let Some(why) = why else { return true };
            tracing::info!(eni = %interface.id, why, "an interface is left alone");
            sorted.unmanaged.insert(interface.id.clone());
            if let Some(card) = sorted.cards.get_mut(&interface.card) {
                card.unmanaged += 1;
                card.devices.insert(interface.device);
            }
            false
        });
        sorted
    }
}

/// Rules of iptables that the stock agent left go once ours are there. Those that stay do no harm that ours do not
/// cover, so pods need not wait for that.
async fn take_over(tools: &Tools) {
    match tools.host.take_over().await {
        Ok(removed) => {
            for rule in removed {
                tracing::info!(rule, "removed what the stock agent left");
            }
        }
        Err(error) => {
            tracing::error!(%error, "what the stock agent left was not removed");
            tools.cloud.metrics().error("takeOver");
        }
    }
}

/// Sets the interfaces up and puts them into a store. One that cannot be set up is tried again when store and cloud
/// are compared.
async fn fill(
    tools: &Tools,
    interfaces: Vec<Interface>,
    cards: &BTreeMap<u32, CardFacts>,
) -> (Store, Vec<Interface>) {
    let node = &tools.node;
    let cooldown = SignedDuration::from_secs(node.settings.effective.ip_cooldown().max(0));
    let mut store = Store::new(Rules {
        mode: node.mode,
        skip_primary: node.settings.effective.custom_networking(),
        cooldown,
    });
    for card in cards.keys() {
        store.manage(*card);
    }
    let mut usable = Vec::new();
    for interface in interfaces {
        ops::tag(tools, &interface).await;
        if let Err(error) = ops::set_up(tools, &interface).await {
            tracing::error!(%error, eni = %interface.id, "an interface cannot be set up");
            tools.cloud.metrics().error("setupENI");
            continue;
        }
        let now = clock::now();
        let mut put = store.add_eni(interface.eni(now));
        for block in &interface.blocks {
            put = put.and_then(|()| store.add_cidr(&interface.id, *block, now));
        }
        if let Err(error) = put {
            tracing::error!(%error, "an interface was not taken in whole");
        }
        usable.push(interface);
    }
    (store, usable)
}
