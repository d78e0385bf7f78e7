//! What the table of limits does not say of a type, told from its name: memory, and for the 47 types that only the
//! lists of the CNI know, vCPUs and architecture.
//!
//! Memory is the GiB per vCPU of the family, as AWS's pages on instance types give it (c 2, m 4, r 8, x 16 or 32 …).
//! It is right for the current general families and an estimate for the others; schedulers need a figure.

use super::TypeInfo;

const MIB_PER_GIB: u64 = 1024;

/// Memory of the burstable sizes below `large`, which follow no ratio: half a GiB, then doubling.
const SMALL_SIZES: [(&str, u64); 4] = [("nano", 512), ("micro", 1024), ("small", 2048), ("medium", 4096)];

/// vCPUs of the size of a name; `metal` without a number is taken for the largest usual size.
pub(super) fn vcpus(name: &str) -> u32 {
    let size = name.split_once('.').map_or("", |(_, size)| size);
    let size = size.strip_prefix("metal-").unwrap_or(size);
    if let Some(number) = size.strip_suffix("xlarge").or_else(|| size.strip_suffix("xl")) {
        return number.parse().unwrap_or(1) * 4;
    }
    match size {
        "nano" | "micro" | "small" | "medium" => 1,
        "large" => 2,
        _ => 96,
    }
}

/// The letters of a family after its generation: `gd` of `m6gd`.
fn attributes(name: &str) -> &str {
    let family = name.split('.').next().unwrap_or(name);
    let family = family.split('-').next().unwrap_or(family);
    family
        .trim_start_matches(|c: char| c.is_ascii_alphabetic())
        .trim_start_matches(|c: char| c.is_ascii_digit())
}

/// Graviton has a `g` after the generation.
pub(super) fn architecture(name: &str) -> &'static str {
    if attributes(name).contains('g') || name.starts_with("a1.") {
        "arm64"
    } else {
        "x86_64"
    }
}

/// Memory in MiB.
pub(super) fn memory_mib(name: &str, vcpus: u32) -> u64 {
    let (family, size) = name.split_once('.').unwrap_or((name, ""));
    let letters: String = family.chars().take_while(char::is_ascii_alphabetic).collect();
    if letters == "t"
        && let Some((_, memory)) = SMALL_SIZES.iter().find(|(small, _)| *small == size)
    {
        return *memory;
    }
    let gib_per_vcpu = match letters.as_str() {
        "c" | "a" | "hpc" => 2,
        "r" | "i" | "im" | "is" | "d" | "p" | "z" | "trn" => 8,
        "x" if attributes(name).starts_with("ie") || family == "x1e" => 32,
        "x" | "u" => 16,
        _ => 4,
    };
    u64::from(vcpus) * gib_per_vcpu * MIB_PER_GIB
}

impl TypeInfo {
    /// Fills what the table leaves open.
    pub(super) fn complete(&mut self, name: &str) {
        let vcpus = self.vcpus.unwrap_or_else(|| vcpus(name));
        self.vcpus = Some(vcpus);
        if self.arch.is_empty() {
            self.arch = vec![architecture(name).to_owned()];
        }
        self.memory_mib = memory_mib(name, vcpus);
        self.manufacturer = match attributes(name) {
            _ if self.runs("arm64") => "AWS",
            letters if letters.contains('a') => "AMD",
            _ => "Intel",
        };
        self.is_burstable = name.starts_with('t') && !name.starts_with("trn");
    }

    /// Whether it runs images of an architecture.
    pub fn runs(&self, architecture: &str) -> bool {
        self.arch.iter().any(|own| own == architecture)
    }

    /// An hourly price on demand. It is synthetic: it orders types of one kind as AWS's prices do, no more.
    pub fn price(&self) -> f64 {
        const DOLLARS_PER_VCPU: f64 = 0.034;
        const DOLLARS_PER_GIB: f64 = 0.0035;
        let gib = self.memory_mib / MIB_PER_GIB;
        let gib = f64::from(u32::try_from(gib).unwrap_or(u32::MAX));
        let graviton = if self.runs("arm64") { 0.8 } else { 1.0 };
        graviton * (f64::from(self.vcpus.unwrap_or(1)) * DOLLARS_PER_VCPU + gib * DOLLARS_PER_GIB)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_memory_and_architecture() {
        for (name, vcpus, gib) in [
            ("m5.large", 2, 8),
            ("c7g.4xlarge", 16, 32),
            ("r6i.xlarge", 4, 32),
            ("t3.medium", 2, 4),
            ("t3.xlarge", 4, 16),
            ("x2iedn.xlarge", 4, 128),
        ] {
            assert_eq!(memory_mib(name, vcpus), gib * MIB_PER_GIB, "{name}");
        }
        assert_eq!(vcpus("m7g-flex.8xlarge"), 32);
        for (name, expected) in [
            ("m7g-flex.large", "arm64"),
            ("im4gn.large", "arm64"),
            ("g5.xlarge", "x86_64"),
            ("m5a.large", "x86_64"),
        ] {
            assert_eq!(architecture(name), expected, "{name}");
        }
    }
}
