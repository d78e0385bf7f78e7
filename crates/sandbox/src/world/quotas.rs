//! The quotas of the account in this region.

/// What the account may have of each thing; AWS's defaults, until a test sets others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quotas {
    /// Network interfaces: L-DF5E4CA3 of `vpc`.
    pub interfaces: u32,
    /// Auto Scaling groups: L-CDE20ADC of `autoscaling`.
    pub scaling_groups: u32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            interfaces: 5000,
            scaling_groups: 500,
        }
    }
}
