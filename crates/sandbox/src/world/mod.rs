//! The state of the sandboxed account and region, and every rule about it. Every change is made whole or not at all:
//! the methods check first and change after. Nothing here knows the wire.

mod addresses;
mod attachments;
mod caller;
mod catalogue;
mod clusters;
mod events;
mod groups;
mod instances;
mod interfaces;
mod invariants;
mod launch;
mod launch_data;
mod metadata;
mod pool;
mod quotas;
mod random;
mod scaling;
mod schedule;
mod subnets;
mod tags;
mod templates;
mod timings;
mod types;
mod vpcs;

pub use addresses::Assigned;
pub use caller::Caller;
pub use catalogue::{Catalogue, CatalogueError, Offer};
pub use clusters::{Addon, Cluster, NewAddon, NewCluster};
pub use events::{Event, Happened};
pub use groups::SecurityGroup;
pub use instances::{Instance, InstanceState, Volume};
pub use interfaces::{Attachment, Interface, InterfaceKind, NewInterface};
pub use launch::NewInstances;
pub use launch_data::{BlockDevice, LaunchData, NetworkSpec, Settings};
pub use metadata::MetadataOptions;
pub use pool::{Grant, Pool, PoolError, Want};
pub use quotas::Quotas;
pub use random::Random;
pub use scaling::{
    Activity, ActivityStatus, Distribution, GroupChange, GroupTag, HealthCheckType, Held, Hook, LaunchSource,
    Lifecycle, Member, Mixed, NewHook, NewRefresh, NewScalingGroup, Override, Preferences, Process, Refresh,
    RefreshStatus, Rollback, Scaling, ScalingGroup, TerminationPolicy, Transition, Unavailable, Verdict,
    Wait,
};
pub(crate) use schedule::Due;
pub use subnets::{NewReservation, Reservation, ReservationKind, Subnet};
pub(crate) use templates::origin_tags;
pub use templates::{LaunchAt, LaunchTemplate, NewTemplate, TemplateKey, TemplateRef, TemplateVersion};
pub use timings::Timings;
pub use types::{NetworkCard, TypeInfo, Types, TypesError};
pub use vpcs::{CidrAssociation, Vpc};

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vpccni_core::ids::{EniId, InstanceId, SecurityGroupId, SubnetId, VpcId, Zone};

/// Tags of one resource.
pub type Tags = BTreeMap<String, String>;

/// The account that owns everything here.
pub const ACCOUNT: &str = "123456789012";

/// An availability zone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ZoneInfo {
    /// Its name, such as `us-west-2a`.
    pub name: Zone,
    /// Its id, such as `usw2-az1`.
    pub id: String,
}

/// The tables that every world shares.
#[derive(Debug, Clone)]
pub(crate) struct Tables {
    pub(crate) types: Arc<Types>,
    pub(crate) catalogue: Arc<Catalogue>,
}

/// What a client token was used for.
#[derive(Debug, Clone)]
struct Token<T> {
    fingerprint: String,
    made: T,
}

/// Everything there is.
#[derive(Debug)]
pub struct World {
    /// The region.
    pub region: String,
    /// Its zones.
    pub zones: Vec<ZoneInfo>,
    /// The instance types.
    pub types: Arc<Types>,
    /// The add-ons that EKS offers.
    pub catalogue: Arc<Catalogue>,
    /// VPCs.
    pub vpcs: BTreeMap<VpcId, Vpc>,
    /// Security groups.
    pub groups: BTreeMap<SecurityGroupId, SecurityGroup>,
    /// Subnets with their pools of addresses.
    pub subnets: BTreeMap<SubnetId, Subnet>,
    /// Network interfaces.
    pub interfaces: BTreeMap<EniId, Interface>,
    /// Instances, the terminated ones among them.
    pub instances: BTreeMap<InstanceId, Instance>,
    /// Auto Scaling groups with what they did.
    pub scaling: Scaling,
    /// EKS clusters with their add-ons.
    pub clusters: BTreeMap<String, Cluster>,
    /// Launch templates by id.
    pub templates: BTreeMap<String, LaunchTemplate>,
    /// Attachment id to interface.
    attachments: BTreeMap<String, EniId>,
    by_subnet: BTreeMap<SubnetId, BTreeSet<EniId>>,
    interface_tokens: BTreeMap<String, Token<EniId>>,
    launch_tokens: BTreeMap<String, Token<Vec<InstanceId>>>,
    template_tokens: BTreeMap<String, Token<String>>,
    version_tokens: BTreeMap<String, Token<u64>>,
    macs: BTreeSet<String>,
    pub(crate) now: Timestamp,
    pub(crate) random: Random,
    /// How long things take.
    pub timings: Timings,
    /// Who makes the request that is served now.
    pub caller: Caller,
    /// What the account may have of each thing.
    pub quotas: Quotas,
    schedule: schedule::Schedule,
    events: events::Events,
}

impl World {
    /// An empty region with three zones.
    pub(crate) fn new(region: &str, seed: u64, tables: &Tables, now: Timestamp) -> Self {
        Self {
            region: region.to_owned(),
            zones: zones_of(region),
            types: Arc::clone(&tables.types),
            catalogue: Arc::clone(&tables.catalogue),
            vpcs: BTreeMap::new(),
            groups: BTreeMap::new(),
            subnets: BTreeMap::new(),
            interfaces: BTreeMap::new(),
            instances: BTreeMap::new(),
            scaling: Scaling::default(),
            clusters: BTreeMap::new(),
            templates: BTreeMap::new(),
            attachments: BTreeMap::new(),
            by_subnet: BTreeMap::new(),
            interface_tokens: BTreeMap::new(),
            launch_tokens: BTreeMap::new(),
            template_tokens: BTreeMap::new(),
            version_tokens: BTreeMap::new(),
            macs: BTreeSet::new(),
            now,
            random: Random::new(seed),
            timings: Timings::INSTANT,
            caller: Caller::default(),
            quotas: Quotas::default(),
            schedule: schedule::Schedule::default(),
            events: events::Events::default(),
        }
    }

    /// The interfaces of a subnet.
    pub fn interfaces_of(&self, subnet: &SubnetId) -> impl Iterator<Item = &Interface> {
        self.by_subnet
            .get(subnet)
            .into_iter()
            .flatten()
            .filter_map(|id| self.interfaces.get(id))
    }
}

/// Zone ids as AWS forms them: `us-west-2a` is `usw2-az1`.
fn zones_of(region: &str) -> Vec<ZoneInfo> {
    let mut parts = region.split('-');
    let place = parts.next().unwrap_or("us");
    let direction: String = parts.next().unwrap_or("west").chars().take(1).collect();
    let number = parts.next().unwrap_or("2");
    ["a", "b", "c"]
        .iter()
        .zip(1..)
        .filter_map(|(letter, index)| {
            let name = Zone::parse(&format!("{region}{letter}")).ok()?;
            Some(ZoneInfo {
                name,
                id: format!("{place}{direction}{number}-az{index}"),
            })
        })
        .collect()
}
