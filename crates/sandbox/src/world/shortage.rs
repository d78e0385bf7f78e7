//! Zones that have no capacity: whoever launches there, client, Auto Scaling or node group, is refused as on AWS.

use super::World;
use crate::error::{ApiError, Code};
use jiff::Timestamp;
use std::collections::BTreeMap;
use std::time::Duration;
use vpccni_core::ids::{InstanceType, Zone};

/// A zone without capacity: for one type or for all, until a moment or until it is lifted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shortage {
    kind: Option<InstanceType>,
    until: Option<Timestamp>,
}

/// The zones that are short.
pub(super) type Shortages = BTreeMap<Zone, Vec<Shortage>>;

impl World {
    /// A zone has no capacity, of a type or of any, for a time or until `lift_shortage`.
    pub fn set_shortage(
        &mut self,
        zone: &Zone,
        kind: Option<InstanceType>,
        lasts: Option<Duration>,
    ) -> Result<(), ApiError> {
        if !self.zones.iter().any(|z| z.name == *zone) {
            return Err(ApiError::value(format!("There is no zone {zone}")));
        }
        let until = lasts.map(|lasts| self.now.checked_add(lasts).unwrap_or(Timestamp::MAX));
        self.shortages
            .entry(zone.clone())
            .or_default()
            .push(Shortage { kind, until });
        Ok(())
    }

    /// A zone has capacity again.
    pub fn lift_shortage(&mut self, zone: &Zone) {
        self.shortages.remove(zone);
    }

    /// Refuses what a zone has no capacity for.
    pub(super) fn check_capacity(&self, zone: &Zone, kind: &InstanceType) -> Result<(), ApiError> {
        if !self.is_short(zone, kind) {
            return Ok(());
        }
        let others: Vec<&str> = self
            .zones
            .iter()
            .filter(|z| !self.is_short(&z.name, kind))
            .map(|z| z.name.as_str())
            .collect();
        let advice = if others.is_empty() {
            String::new()
        } else {
            format!(
                " You can currently get {kind} capacity by not specifying an Availability Zone in your request or \
                 choosing {}.",
                others.join(", ")
            )
        };
        Err(ApiError::new(
            Code::InsufficientInstanceCapacity,
            format!(
                "We currently do not have sufficient {kind} capacity in the Availability Zone you requested ({zone}). \
                 Our system will be working on provisioning additional capacity.{advice}"
            ),
        ))
    }

    fn is_short(&self, zone: &Zone, kind: &InstanceType) -> bool {
        self.shortages.get(zone).into_iter().flatten().any(|s| {
            s.kind.as_ref().is_none_or(|k| k == kind) && s.until.is_none_or(|until| until > self.now)
        })
    }
}
