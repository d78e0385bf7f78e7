//! The state of the sandboxed account and region, and every rule about it. Every change is made whole or not at all:
//! the methods check first and change after. Nothing here knows the wire.

mod addons;
mod addresses;
mod attachments;
mod caller;
mod catalogue;
mod clusters;
mod configuration;
mod eks_changes;
mod eks_rules;
mod eks_tags;
mod events;
mod fleets;
mod groups;
mod iam;
mod identities;
mod images;
mod instance_state;
mod instances;
mod interface_create;
mod interfaces;
mod invariants;
mod ipv6;
mod json_schema;
mod launch;
mod launch_data;
mod launch_from;
mod machines;
mod metadata;
mod metadata_view;
mod nodegroups;
mod occupied;
mod past;
mod pool;
mod pool6;
mod power;
mod quotas;
mod random;
mod rules;
mod scaling;
mod schedule;
mod settings;
mod shortage;
mod subnets;
mod tags;
mod templates;
mod timings;
mod trunks;
mod types;
mod updates;
mod vpcs;

pub use addons::{Addon, AddonChange, AddonStatus, NewAddon, Resolve};
pub use addresses::Assigned;
pub use caller::Caller;
pub(crate) use caller::key_of_instance;
pub use catalogue::{Catalogue, CatalogueError, Offer};
pub use clusters::{Access, Cluster, ClusterChange, ClusterStatus, NewCluster};
pub use configuration::{SchemaError, Schemas};
pub use events::{Event, Happened};
pub use fleets::{Fleet, FleetConfig, FleetOverride, FleetPart, NewFleet};
pub use groups::SecurityGroup;
pub use iam::{
    Decision, Evaluation, Iam, Identity, IdentityProvider, InstanceProfile, ManagedPolicy, NewProfile,
    NewProvider, NewRole, NewSession, PolicyDocument, Role, Session, WebIdentity,
};
pub use identities::{IdentityChange, NewIdentity, PodIdentity};
pub use images::{Image, Images, PLAIN};
pub use instance_state::InstanceState;
pub use instances::{Instance, Volume};
pub use interface_create::NewInterface;
pub use interfaces::{Attachment, AttachmentStatus, Interface, InterfaceKind};
pub use ipv6::Ipv6Association;
pub use launch::NewInstances;
pub use launch_data::{BlockDevice, LaunchData, NetworkSpec};
pub use launch_from::LaunchAt;
pub(crate) use launch_from::origin_tags;
pub use metadata::MetadataOptions;
pub use nodegroups::{
    MaxUnavailable, NewNodegroup, Nodegroup, NodegroupChange, NodegroupStatus, NodegroupVersion, Nodes,
    Sizes, Taint, UpdateRules, UserTemplate,
};
pub use pool::{Grant, Placement, Pool, PoolError, Want};
pub use pool6::{Grant6, Pool6, Want6};

pub(crate) use metadata_view::Seen;
pub use occupied::Holding;
pub use power::Changes;
pub use quotas::Quotas;
pub use random::Random;
pub use rules::{NewRule, Peer, Rule, Traffic};
pub use scaling::{
    Activity, ActivityStatus, Distribution, GroupChange, GroupTag, HealthCheckType, Held, Hook, LaunchSource,
    Lifecycle, Member, Mixed, NewHook, NewRefresh, NewScalingGroup, Override, Preferences, Process, Refresh,
    RefreshStatus, Rollback, Scaling, ScalingGroup, TerminationPolicy, Transition, Unavailable, Verdict,
    Wait,
};
pub(crate) use schedule::Due;
pub use settings::Settings;
pub use subnets::{NewReservation, Reservation, ReservationKind, Subnet, SubnetAttributes};
pub use templates::{LaunchTemplate, NewTemplate, TemplateKey, TemplateRef, TemplateVersion};
pub use timings::Timings;
pub use trunks::TrunkAssociation;
pub use types::{NetworkCard, TypeInfo, Types, TypesError};
pub use updates::{Issue, Subject, Update, UpdateStatus};
pub use vpcs::{Block, CidrAssociation, Vpc};

use jiff::Timestamp;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};

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
    /// Roles, instance profiles and what belongs to them.
    pub iam: Iam,
    /// EKS clusters with their add-ons.
    pub clusters: BTreeMap<String, Cluster>,
    /// What a user already has in a cluster of an add-on that EKS does not manage yet.
    addon_conflicts: BTreeMap<(String, String), Vec<String>>,
    /// Auto Scaling groups of node groups: cluster and name of their owner.
    nodegroup_owners: BTreeMap<String, (String, String)>,
    /// What updates of EKS in progress change when they end, by their ids.
    eks_changes: BTreeMap<String, eks_changes::Change>,
    /// Releases of node images that were published, by Kubernetes version: date, and Bottlerocket's version.
    ami_releases: BTreeMap<String, Vec<(String, Option<String>)>>,
    /// What EKS answered to client tokens, by action and token: the request and the answer.
    pub(crate) eks_answers: BTreeMap<(&'static str, String), (String, serde_json::Value)>,
    /// Launch templates by id.
    pub templates: BTreeMap<String, LaunchTemplate>,
    /// Fleets by id.
    pub fleets: BTreeMap<String, Fleet>,
    /// The images that may be launched.
    pub images: Images,
    /// Branches on trunks by the id of the association.
    pub trunk_associations: BTreeMap<String, TrunkAssociation>,
    /// Whether a subnet without a free block says so with the code that AWS sometimes sends instead.
    pub vague_block_errors: bool,
    /// VLAN ids in use, by trunk, with the id of the association.
    vlans: BTreeMap<EniId, BTreeMap<u32, String>>,
    /// Interfaces by tag: key and value with a zero between.
    interfaces_by_tag: BTreeMap<String, BTreeSet<EniId>>,
    /// What there is no capacity for: a zone, for all types or for one.
    pub capacity_out: BTreeSet<(Zone, Option<InstanceType>)>,
    /// Attachment id to interface.
    attachments: BTreeMap<String, EniId>,
    by_subnet: BTreeMap<SubnetId, BTreeSet<EniId>>,
    interface_tokens: BTreeMap<String, Token<EniId>>,
    launch_tokens: BTreeMap<String, Token<Vec<InstanceId>>>,
    trunk_tokens: BTreeMap<String, Token<String>>,
    fleet_tokens: BTreeMap<String, Token<String>>,
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
    past: past::Past,
    /// Where single addresses are placed.
    pub placement: Placement,
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
            iam: Iam::default(),
            clusters: BTreeMap::new(),
            addon_conflicts: BTreeMap::new(),
            nodegroup_owners: BTreeMap::new(),
            eks_changes: BTreeMap::new(),
            ami_releases: BTreeMap::new(),
            eks_answers: BTreeMap::new(),
            templates: BTreeMap::new(),
            fleets: BTreeMap::new(),
            images: Images::catalogue(),
            trunk_associations: BTreeMap::new(),
            vague_block_errors: false,
            vlans: BTreeMap::new(),
            interfaces_by_tag: BTreeMap::new(),
            capacity_out: BTreeSet::new(),
            attachments: BTreeMap::new(),
            by_subnet: BTreeMap::new(),
            interface_tokens: BTreeMap::new(),
            launch_tokens: BTreeMap::new(),
            trunk_tokens: BTreeMap::new(),
            fleet_tokens: BTreeMap::new(),
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
            past: past::Past::default(),
            placement: Placement::Random,
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

/// A world to test with.
#[cfg(test)]
pub(crate) fn bare() -> World {
    let tables = Tables {
        types: Arc::new(Types::load().unwrap()),
        catalogue: Arc::new(Catalogue::load().unwrap()),
    };
    World::new("us-west-2", 1, &tables, Timestamp::UNIX_EPOCH)
}
