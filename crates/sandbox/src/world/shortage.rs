//! Zones that have no capacity for a while: whoever launches there, client, Auto Scaling or node group, is refused.

use super::{Due, World};
use crate::error::ApiError;
use std::time::Duration;
use vpccni_core::ids::{InstanceType, Zone};

impl World {
    /// A zone has no capacity, of a type or of any, for a time or until `lift_shortages`.
    pub fn set_shortage(
        &mut self,
        zone: &Zone,
        kind: Option<InstanceType>,
        lasts: Option<Duration>,
    ) -> Result<(), ApiError> {
        if !self.zones.iter().any(|z| z.name == *zone) {
            return Err(ApiError::value(format!("There is no zone {zone}")));
        }
        let shortage = (zone.clone(), kind);
        self.capacity_out.insert(shortage.clone());
        if let Some(lasts) = lasts {
            self.after(lasts, Due::Capacity(shortage));
        }
        Ok(())
    }

    /// A zone has capacity again, of every type.
    pub fn lift_shortages(&mut self, zone: &Zone) {
        self.capacity_out.retain(|(short, _)| short != zone);
    }
}
