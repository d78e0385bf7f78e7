//! The tree of metadata: every leaf with its text, and the lists of what is under a branch. What an instance does not
//! have is no leaf at all, as AWS answers 404 and not an empty text.

use crate::world::{ACCOUNT, Instance, Seen, World, key_of_instance};
use serde_json::json;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;
use vpccni_core::ids::InstanceId;

/// Texts by their path under `/latest/`.
pub(crate) type Leaves = BTreeMap<String, String>;

/// Credentials are good for six hours, as those of an instance's role.
const CREDENTIALS_LAST: Duration = Duration::from_hours(6);

/// The secret of every key: signatures are not checked.
const SECRET: &str = "sandbox/secret/of/an/instance/role/000000";

/// A leaf, or the list of what is under a branch.
pub(crate) fn find(leaves: &Leaves, path: &str) -> Option<String> {
    let path = path.strip_prefix("/latest").unwrap_or(path);
    let path = path.trim_matches('/');
    if let Some(text) = leaves.get(path) {
        return Some(text.clone());
    }
    let under = if path.is_empty() {
        String::new()
    } else {
        format!("{path}/")
    };
    let children: BTreeSet<String> = leaves
        .range(under.clone()..)
        .take_while(|(leaf, _)| leaf.starts_with(&under))
        .filter_map(|(leaf, _)| leaf.get(under.len()..))
        .map(|rest| match rest.split_once('/') {
            Some((branch, _)) => format!("{branch}/"),
            None => rest.to_owned(),
        })
        .collect();
    (!children.is_empty()).then(|| children.into_iter().collect::<Vec<_>>().join("\n"))
}

/// Everything that the service of an instance shows.
pub(crate) fn leaves(world: &World, id: &InstanceId, shown: &[Seen]) -> Leaves {
    let mut leaves = Leaves::new();
    let Some(instance) = world.instances.get(id) else {
        return leaves;
    };
    let mut put = |name: &str, text: &dyn Display| {
        leaves.insert(format!("meta-data/{name}"), text.to_string());
    };
    put("ami-id", &instance.image);
    put("ami-launch-index", &instance.launch_index);
    put("hostname", &instance.private_dns);
    put("instance-action", &"none");
    put("instance-id", &instance.id);
    put("instance-life-cycle", &"on-demand");
    put("instance-type", &instance.instance_type);
    put("local-hostname", &instance.private_dns);
    put("local-ipv4", &instance.private_ip);
    put("placement/availability-zone", &instance.zone);
    if let Some(zone) = world.zones.iter().find(|z| z.name == instance.zone) {
        put("placement/availability-zone-id", &zone.id);
    }
    put("placement/region", &world.region);
    put("profile", &"default-hvm");
    put("reservation-id", &instance.launch);
    put("services/domain", &domain(&world.region));
    put("services/partition", &partition(&world.region));
    let primary = instance
        .interfaces
        .get(&(0, 0))
        .and_then(|eni| world.interfaces.get(eni));
    if let Some(primary) = primary {
        put("mac", &primary.mac);
    }
    if instance.metadata.tags {
        for (key, value) in &instance.tags {
            put(&format!("tags/instance/{key}"), value);
        }
    }
    for seen in shown {
        interface(world, instance, seen, &mut put);
    }
    role(world, instance, &mut leaves);
    identity(world, instance, &mut leaves);
    if let Some(data) = instance.user_data() {
        leaves.insert("user-data".to_owned(), data.to_owned());
    }
    leaves
}

fn partition(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "aws-cn"
    } else if region.starts_with("us-gov-") {
        "aws-us-gov"
    } else {
        "aws"
    }
}

fn domain(region: &str) -> &'static str {
    if region.starts_with("cn-") {
        "amazonaws.com.cn"
    } else {
        "amazonaws.com"
    }
}

/// One text a line.
fn lines<T: Display>(items: impl IntoIterator<Item = T>) -> String {
    let items: Vec<String> = items.into_iter().map(|item| item.to_string()).collect();
    items.join("\n")
}

fn interface(world: &World, instance: &Instance, seen: &Seen, put: &mut impl FnMut(&str, &dyn Display)) {
    let (eni, attachment) = (&seen.interface, &seen.attachment);
    let mut leaf = |name: &str, text: &dyn Display| {
        put(&format!("network/interfaces/macs/{}/{name}", eni.mac), text);
    };
    leaf("device-number", &attachment.device_index);
    leaf("interface-id", &eni.id);
    leaf("mac", &eni.mac);
    leaf("owner-id", &ACCOUNT);
    leaf("security-group-ids", &lines(&eni.groups));
    let names = eni.groups.iter().filter_map(|id| world.groups.get(id));
    leaf("security-groups", &lines(names.map(|group| &group.name)));
    leaf("subnet-id", &eni.subnet);
    leaf("vpc-id", &eni.vpc);
    // Types with one card have no such leaf.
    let cards = world.types.get(instance.instance_type.as_str());
    if cards.is_some_and(|kind| kind.network_cards.len() > 1) {
        leaf("network-card", &attachment.network_card);
    }
    if let Some(subnet) = world.subnets.get(&eni.subnet) {
        leaf("subnet-ipv4-cidr-block", &subnet.cidr);
    }
    if let Some(vpc) = world.vpcs.get(&eni.vpc) {
        if let Some(first) = vpc.cidrs.first() {
            leaf("vpc-ipv4-cidr-block", &first.cidr);
        }
        leaf("vpc-ipv4-cidr-blocks", &lines(vpc.cidrs.iter().map(|a| a.cidr)));
    }
    if seen.addresses_known {
        leaf("local-hostname", &world.dns_name(eni.primary));
        leaf(
            "local-ipv4s",
            &lines(std::iter::once(&eni.primary).chain(&eni.secondary)),
        );
        if !eni.prefixes.is_empty() {
            leaf("ipv4-prefix", &lines(&eni.prefixes));
        }
    }
}

/// The role of the instance's profile, and credentials that lead back to the instance.
fn role(world: &World, instance: &Instance, leaves: &mut Leaves) {
    let (Some(arn), Some(key)) = (instance.profile_arn(), key_of_instance(&instance.id)) else {
        return;
    };
    let role = arn.rsplit('/').next().unwrap_or_default().to_owned();
    let now = world.now();
    let expires = now.checked_add(CREDENTIALS_LAST).unwrap_or(now);
    let seconds = |time: jiff::Timestamp| time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let info = json!({
        "Code": "Success", "LastUpdated": seconds(now), "InstanceProfileArn": arn,
        "InstanceProfileId": "AIPASANDBOX0000000000",
    });
    let credentials = json!({
        "Code": "Success", "LastUpdated": seconds(now), "Type": "AWS-HMAC", "AccessKeyId": key,
        "SecretAccessKey": SECRET, "Token": format!("sandbox-{}", instance.id), "Expiration": seconds(expires),
    });
    leaves.insert("meta-data/iam/info".to_owned(), info.to_string());
    leaves.insert(
        format!("meta-data/iam/security-credentials/{role}"),
        credentials.to_string(),
    );
}

/// The identity document; nobody signs it here.
fn identity(world: &World, instance: &Instance, leaves: &mut Leaves) {
    let kind = world.types.get(instance.instance_type.as_str());
    let document = json!({
        "accountId": ACCOUNT,
        "architecture": kind.and_then(|kind| kind.arch.last()),
        "availabilityZone": instance.zone.to_string(),
        "billingProducts": null,
        "devpayProductCodes": null,
        "imageId": instance.image,
        "instanceId": instance.id.to_string(),
        "instanceType": instance.instance_type.to_string(),
        "kernelId": null,
        "marketplaceProductCodes": null,
        "pendingTime": instance.launch_time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "privateIp": instance.private_ip.to_string(),
        "ramdiskId": null,
        "region": world.region,
        "version": "2017-09-30",
    });
    let text = serde_json::to_string_pretty(&document).unwrap_or_default();
    leaves.insert("dynamic/instance-identity/document".to_owned(), text);
}
