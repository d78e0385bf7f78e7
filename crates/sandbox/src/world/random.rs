//! The one source of chance: everything random follows from the seed, so that a run can be repeated.

/// SplitMix64: small, good enough for placement, and the same on every machine.
#[derive(Debug, Clone)]
pub struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Goes on as if so many request ids had been drawn.
    pub(crate) fn skip(&mut self, request_ids: u64) {
        let draws = request_ids.wrapping_mul(2);
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15_u64.wrapping_mul(draws));
    }

    /// A number between 0 and 1.
    pub(crate) fn share(&mut self) -> f64 {
        const STEPS: u32 = 1 << 30;
        f64::from(self.below(STEPS)) / f64::from(STEPS)
    }

    /// A number below the bound; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        let scaled = (u128::from(self.next()) * u128::from(bound)) >> 64;
        u32::try_from(scaled).unwrap_or(0)
    }

    /// Whether an event of this probability happens.
    pub(crate) fn chance(&mut self, probability: f64) -> bool {
        const STEPS: u32 = 1_000_000;
        f64::from(self.below(STEPS)) < probability * f64::from(STEPS)
    }

    /// An AWS id: the prefix and seventeen hexadecimal digits, the first a 0 as those of AWS.
    pub(crate) fn id(&mut self, prefix: &str) -> String {
        format!("{prefix}-0{:016x}", self.next())
    }

    /// 32 hexadecimal digits.
    pub(crate) fn hex(&mut self) -> String {
        format!("{:016x}{:016x}", self.next(), self.next())
    }

    /// A request id in the form of a UUID.
    pub(crate) fn request_id(&mut self) -> String {
        let (a, b) = (self.next(), self.next());
        format!(
            "{:08x}-{:04x}-4{:03x}-8{:03x}-{:012x}",
            a >> 32,
            (a >> 16) & 0xffff,
            a & 0xfff,
            (b >> 48) & 0xfff,
            b & 0xffff_ffff_ffff
        )
    }

    /// A MAC address of the locally administered kind, as EC2 gives them.
    pub(crate) fn mac(&mut self) -> String {
        let bits = self.next();
        let byte = |shift: u32| (bits >> shift) & 0xff;
        format!(
            "02:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}",
            byte(0),
            byte(8),
            byte(16),
            byte(24),
            byte(32)
        )
    }
}
