//! CreateFleet of the type `instant`: one try over all pools of capacity, the preferred ones first.

use super::interfaces::token_mismatch;
use super::launch::NewInstances;
use super::{LaunchData, Tags, TemplateRef, Token, World, origin_tags, tags};
use crate::error::{ApiError, Code};
use std::collections::BTreeMap;
use vpccni_core::ids::{InstanceId, InstanceType, SubnetId, Zone};

/// One pool: what of the template is replaced.
#[derive(Debug, Clone, Default, PartialEq)]
#[expect(missing_docs, reason = "the names are those of the parameters")]
pub struct FleetOverride {
    pub instance_type: Option<InstanceType>,
    pub subnet: Option<SubnetId>,
    pub zone: Option<Zone>,
    pub image: Option<String>,
    pub priority: Option<f64>,
}

/// A template and the pools it is launched in; without any, as it is.
#[derive(Debug, Clone)]
pub struct FleetConfig {
    /// The template.
    pub template: TemplateRef,
    /// The pools.
    pub overrides: Vec<FleetOverride>,
}

/// What CreateFleet asks for.
#[derive(Debug, Clone)]
pub struct NewFleet {
    /// Templates with their pools.
    pub configs: Vec<FleetConfig>,
    /// Instances on demand.
    pub on_demand: u32,
    /// Spot instances.
    pub spot: u32,
    /// By priority, else by price.
    pub prioritized: bool,
    /// Tags by the type of resource.
    pub tags: BTreeMap<String, Tags>,
    /// A client token, and the request it stands for.
    pub token: Option<(String, String)>,
}

/// What came of one pool.
#[derive(Debug, Clone)]
pub struct FleetPart {
    /// The template.
    pub template: TemplateRef,
    /// The pool, its zone filled in where the subnet tells it.
    pub over: FleetOverride,
    /// On the spot market.
    pub spot: bool,
    /// The instances, or why there are none.
    pub outcome: Result<Vec<InstanceId>, ApiError>,
}

/// A fleet: what it launched is fixed.
#[derive(Debug, Clone)]
pub struct Fleet {
    /// Its id.
    pub id: String,
    /// What came of the pools that were tried.
    pub parts: Vec<FleetPart>,
    /// Its tags.
    pub tags: Tags,
}

/// A pool in the order in which it is tried.
#[derive(Debug)]
struct Pool {
    template: TemplateRef,
    data: LaunchData,
    origin: Tags,
    over: FleetOverride,
    rank: f64,
}

impl World {
    /// Launches what fits, and says of each pool that was tried what came of it.
    pub fn create_fleet(&mut self, new: &NewFleet) -> Result<Fleet, ApiError> {
        if let Some((token, fingerprint)) = &new.token
            && let Some(known) = self.fleet_tokens.get(token)
        {
            if known.fingerprint != *fingerprint {
                return Err(token_mismatch(token));
            }
            let found = self.fleets.get(&known.made);
            return found.cloned().ok_or_else(ApiError::internal);
        }
        for tags in new.tags.values() {
            tags::check(tags)?;
        }
        let pools = self.pools_of(new)?;
        let id = format!("fleet-{}", self.random.request_id());
        let mut parts = Vec::new();
        self.fill(&id, &pools, false, new.on_demand, &mut parts);
        self.fill(&id, &pools, true, new.spot, &mut parts);
        let fleet = Fleet {
            id: id.clone(),
            parts,
            tags: new.tags.get("fleet").cloned().unwrap_or_default(),
        };
        self.fleets.insert(id.clone(), fleet.clone());
        if let Some((token, fingerprint)) = new.token.clone() {
            self.fleet_tokens.insert(
                token,
                Token {
                    fingerprint,
                    made: id,
                },
            );
        }
        Ok(fleet)
    }

    /// The pools, the preferred ones first; a template that is not there refuses the fleet.
    fn pools_of(&self, new: &NewFleet) -> Result<Vec<Pool>, ApiError> {
        let mut pools = Vec::new();
        for config in &new.configs {
            let (template, version) = self.template_version(&config.template)?;
            let single = [FleetOverride::default()];
            let overrides = match config.overrides.as_slice() {
                [] => single.as_slice(),
                all => all,
            };
            for over in overrides {
                let mut over = over.clone();
                let subnet = over.subnet.as_ref().and_then(|id| self.subnets.get(id));
                if over.zone.is_none() {
                    over.zone = subnet.map(|subnet| subnet.zone.clone());
                }
                let data = overlaid(version.data.clone(), &over, &new.tags);
                let kind = data.instance_type.as_ref();
                let price = kind.and_then(|name| self.types.get(name.as_str()));
                let rank = if new.prioritized {
                    over.priority.unwrap_or(f64::MAX)
                } else {
                    price.map_or(f64::MAX, super::TypeInfo::price)
                };
                pools.push(Pool {
                    template: config.template.clone(),
                    origin: origin_tags(template, version),
                    data,
                    over,
                    rank,
                });
            }
        }
        // A stable sort: of equals, the one that was named first.
        pools.sort_by(|a, b| a.rank.total_cmp(&b.rank));
        Ok(pools)
    }

    /// Launches in one pool after the other until there are enough. Fewer than were asked for is no error of the call:
    /// the parts say why.
    fn fill(&mut self, id: &str, pools: &[Pool], spot: bool, target: u32, parts: &mut Vec<FleetPart>) {
        let mut missing = target;
        for pool in pools {
            if missing == 0 {
                return;
            }
            let mut data = pool.data.clone();
            if spot {
                let market = "InstanceMarketOptions.MarketType".to_owned();
                data.settings.0.insert(market, "spot".to_owned());
            }
            let mut system_tags = pool.origin.clone();
            system_tags.insert("aws:ec2:fleet-id".to_owned(), id.to_owned());
            let launch = NewInstances {
                data,
                min: 1,
                max: missing,
                system_tags,
                token: None,
            };
            let outcome = check_zone(self, &pool.over).and_then(|()| self.run_instances(&launch));
            let made = outcome.as_ref().map_or(0, Vec::len);
            missing = missing.saturating_sub(u32::try_from(made).unwrap_or(u32::MAX));
            parts.push(FleetPart {
                template: pool.template.clone(),
                over: pool.over.clone(),
                spot,
                outcome,
            });
        }
    }
}

/// A pool that names a subnet and another zone is no pool.
fn check_zone(world: &World, over: &FleetOverride) -> Result<(), ApiError> {
    let (Some(subnet), Some(zone)) = (&over.subnet, &over.zone) else {
        return Ok(());
    };
    if world.subnet(subnet)?.zone == *zone {
        return Ok(());
    }
    Err(ApiError::new(
        Code::InvalidFleetConfig,
        format!("The subnet {subnet} is not in the availability zone {zone}"),
    ))
}

/// What the template says in one pool, and the tags that the fleet gives.
fn overlaid(mut data: LaunchData, over: &FleetOverride, tags: &BTreeMap<String, Tags>) -> LaunchData {
    if over.instance_type.is_some() {
        data.instance_type.clone_from(&over.instance_type);
    }
    if over.image.is_some() {
        data.image.clone_from(&over.image);
    }
    if let Some(subnet) = &over.subnet {
        if data.networks.is_empty() {
            data.top.subnet = Some(subnet.clone());
        }
        for network in &mut data.networks {
            network.subnet = Some(subnet.clone());
        }
    }
    for (resource, tags) in tags.iter().filter(|(resource, _)| *resource != "fleet") {
        data.tags
            .entry(resource.clone())
            .or_default()
            .extend(tags.clone());
    }
    data
}
