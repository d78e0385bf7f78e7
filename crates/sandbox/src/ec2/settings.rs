//! Parameters with one value, that a launch takes and a template keeps: one table of their names in requests and
//! answers, and of what they may be.

use crate::error::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::Settings;

/// What a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) enum Form {
    Text,
    Flag,
    Number(u32, u32),
    OneOf(&'static [&'static str]),
}

/// A parameter: its name in requests and its place in answers, both with dots.
pub(super) type Setting = (&'static str, &'static str, Form);

const ON_OFF: Form = Form::OneOf(&["enabled", "disabled"]);

/// The parameters of a launch.
pub(super) const LAUNCH: &[Setting] = &[
    (
        "CapacityReservationSpecification.CapacityReservationPreference",
        "capacityReservationSpecification.capacityReservationPreference",
        Form::OneOf(&["open", "none"]),
    ),
    ("CpuOptions.AmdSevSnp", "cpuOptions.amdSevSnp", ON_OFF),
    (
        "CpuOptions.CoreCount",
        "cpuOptions.coreCount",
        Form::Number(1, 448),
    ),
    (
        "CpuOptions.NestedVirtualization",
        "cpuOptions.nestedVirtualization",
        ON_OFF,
    ),
    (
        "CpuOptions.ThreadsPerCore",
        "cpuOptions.threadsPerCore",
        Form::Number(1, 2),
    ),
    (
        "CreditSpecification.CpuCredits",
        "creditSpecification.cpuCredits",
        Form::OneOf(&["standard", "unlimited"]),
    ),
    ("DisableApiStop", "disableApiStop", Form::Flag),
    ("DisableApiTermination", "disableApiTermination", Form::Flag),
    ("EbsOptimized", "ebsOptimized", Form::Flag),
    ("EnclaveOptions.Enabled", "enclaveOptions.enabled", Form::Flag),
    (
        "HibernationOptions.Configured",
        "hibernationOptions.configured",
        Form::Flag,
    ),
    ("IamInstanceProfile.Arn", "iamInstanceProfile.arn", Form::Text),
    ("IamInstanceProfile.Name", "iamInstanceProfile.name", Form::Text),
    (
        "InstanceInitiatedShutdownBehavior",
        "instanceInitiatedShutdownBehavior",
        Form::OneOf(&["stop", "terminate"]),
    ),
    (
        "InstanceMarketOptions.MarketType",
        "instanceMarketOptions.marketType",
        Form::OneOf(&["spot"]),
    ),
    (
        "InstanceMarketOptions.SpotOptions.InstanceInterruptionBehavior",
        "instanceMarketOptions.spotOptions.instanceInterruptionBehavior",
        Form::OneOf(&["terminate"]),
    ),
    (
        "InstanceMarketOptions.SpotOptions.MaxPrice",
        "instanceMarketOptions.spotOptions.maxPrice",
        Form::Text,
    ),
    (
        "InstanceMarketOptions.SpotOptions.SpotInstanceType",
        "instanceMarketOptions.spotOptions.spotInstanceType",
        Form::OneOf(&["one-time"]),
    ),
    ("KeyName", "keyName", Form::Text),
    (
        "MaintenanceOptions.AutoRecovery",
        "maintenanceOptions.autoRecovery",
        Form::OneOf(&["default", "disabled"]),
    ),
    (
        "MetadataOptions.HttpEndpoint",
        "metadataOptions.httpEndpoint",
        ON_OFF,
    ),
    (
        "MetadataOptions.HttpProtocolIpv6",
        "metadataOptions.httpProtocolIpv6",
        ON_OFF,
    ),
    (
        "MetadataOptions.HttpPutResponseHopLimit",
        "metadataOptions.httpPutResponseHopLimit",
        Form::Number(1, 64),
    ),
    (
        "MetadataOptions.HttpTokens",
        "metadataOptions.httpTokens",
        Form::OneOf(&["optional", "required"]),
    ),
    (
        "MetadataOptions.InstanceMetadataTags",
        "metadataOptions.instanceMetadataTags",
        ON_OFF,
    ),
    ("Monitoring.Enabled", "monitoring.enabled", Form::Flag),
    (
        "NetworkPerformanceOptions.BandwidthWeighting",
        "networkPerformanceOptions.bandwidthWeighting",
        Form::OneOf(&["default", "vpc-1", "ebs-1"]),
    ),
    (
        "Placement.AvailabilityZone",
        "placement.availabilityZone",
        Form::Text,
    ),
    (
        "Placement.Tenancy",
        "placement.tenancy",
        Form::OneOf(&["default"]),
    ),
    ("UserData", "userData", Form::Text),
];

/// Timeouts of connections, in seconds.
pub(super) const CONNECTIONS: &[Setting] = &[
    (
        "TcpEstablishedTimeout",
        "tcpEstablishedTimeout",
        Form::Number(60, 432_000),
    ),
    ("UdpStreamTimeout", "udpStreamTimeout", Form::Number(60, 180)),
    ("UdpTimeout", "udpTimeout", Form::Number(30, 60)),
];

/// The settings of a volume.
pub(super) const VOLUME: &[Setting] = &[
    ("DeleteOnTermination", "deleteOnTermination", Form::Flag),
    ("Encrypted", "encrypted", Form::Flag),
    ("Iops", "iops", Form::Number(100, 256_000)),
    ("KmsKeyId", "kmsKeyId", Form::Text),
    ("SnapshotId", "snapshotId", Form::Text),
    ("Throughput", "throughput", Form::Number(125, 2000)),
    (
        "VolumeInitializationRate",
        "volumeInitializationRate",
        Form::Number(100, 300),
    ),
    ("VolumeSize", "volumeSize", Form::Number(1, 65_536)),
    (
        "VolumeType",
        "volumeType",
        Form::OneOf(&["standard", "io1", "io2", "gp2", "gp3", "sc1", "st1"]),
    ),
];

/// Takes every parameter of the table that is given.
pub(super) fn read(params: &mut Params, table: &[Setting]) -> Result<Settings, ApiError> {
    let mut settings = Settings::default();
    for (name, _, form) in table {
        if let Some(value) = params.text(name) {
            check(name, &value, *form)?;
            settings.0.insert((*name).to_owned(), value);
        }
    }
    Ok(settings)
}

/// Whether a value is one that the parameter may have.
pub(super) fn check(name: &str, value: &str, form: Form) -> Result<(), ApiError> {
    let fits = match form {
        Form::Text => !value.is_empty(),
        Form::Flag => matches!(value, "true" | "false"),
        Form::Number(least, most) => value.parse::<u32>().is_ok_and(|n| (least..=most).contains(&n)),
        Form::OneOf(values) => values.contains(&value),
    };
    if fits {
        return Ok(());
    }
    Err(ApiError::value(format!(
        "Value ({value}) for parameter {name} is invalid."
    )))
}

/// Writes them at their places in answers.
pub(super) fn write(xml: &mut Xml, table: &[Setting], settings: &Settings) {
    // The table is sorted by the places too, so what belongs in one element stands together.
    let given: Vec<(Vec<&str>, &str)> = table
        .iter()
        .filter_map(|(name, place, _)| Some((place.split('.').collect(), settings.get(name)?)))
        .collect();
    write_level(xml, &given, 0);
}

fn write_level(xml: &mut Xml, given: &[(Vec<&str>, &str)], depth: usize) {
    for group in given.chunk_by(|(a, _), (b, _)| a.get(depth) == b.get(depth)) {
        let Some((path, value)) = group.first() else {
            continue;
        };
        let Some(element) = path.get(depth) else {
            continue;
        };
        if path.len() == depth + 1 {
            xml.text(element, value);
        } else {
            xml.element(element, |xml| write_level(xml, group, depth + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted_so_that_structures_stay_whole() {
        for table in [LAUNCH, VOLUME, CONNECTIONS] {
            assert!(table.is_sorted_by_key(|(name, _, _)| *name));
            assert!(table.is_sorted_by_key(|(_, place, _)| *place));
        }
    }

    #[test]
    fn what_is_read_is_written_in_its_place() {
        let mut params = Params::parse(
            b"KeyName=k&MetadataOptions.HttpTokens=required&MetadataOptions.HttpEndpoint=enabled&Left=1",
        );
        let settings = read(&mut params, LAUNCH).unwrap();
        assert!(params.finish().is_err());
        let mut xml = Xml::default();
        write(&mut xml, LAUNCH, &settings);
        assert_eq!(
            xml.into_text(),
            "<keyName>k</keyName><metadataOptions><httpEndpoint>enabled</httpEndpoint><httpTokens>required</httpTokens>\
             </metadataOptions>"
        );
        let mut wrong = Params::parse(b"MetadataOptions.HttpPutResponseHopLimit=65");
        assert!(read(&mut wrong, LAUNCH).is_err());
    }
}
