//! Rules about carrier and settings: combinations at which aws-node stops, or which it silently replaces.

use super::rule::Rule;
use vpccni_core::policy::RECONCILERS;

/// `name` or `prefix/name`, as labels and annotations are called.
const QUALIFIED: &str = "^([a-z0-9]([-a-z0-9.]*[a-z0-9])?/)?[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

pub(super) fn rules() -> Vec<Rule> {
    [
        carrier(),
        allocation(),
        family(),
        custom_networking(),
        eni_configs(),
        others(),
    ]
    .concat()
}

fn carrier() -> Vec<Rule> {
    vec![
        Rule::new(
            "spec.target",
            "!(has(self.daemonSet) && has(self.managedAddon))",
            "spec.target: aws-node has one carrier; keep daemonSet or managedAddon, not both",
        ),
        Rule::new(
            "spec.version",
            "self.matches('^v?[0-9]{1,4}[.][0-9]{1,4}[.][0-9]{1,4}(-[0-9A-Za-z.-]+)?$')",
            "spec.version: write a release of the VPC CNI, like v1.23.1 or v1.23.0-eksbuild.1",
        ),
        Rule::new(
            "spec.ownership.takeOverFrom",
            no_reconciler(),
            "spec.ownership.takeOverFrom: a manager that reconciles would write its value again and again; \
             make it ignore the key (ignoreDifferences) and take it off this list",
        ),
    ]
}

/// No entry names a manager that reconciles: core's own list, so that the two cannot differ.
fn no_reconciler() -> String {
    let prefixes: Vec<String> = RECONCILERS.iter().map(|prefix| format!("'{prefix}'")).collect();
    format!(
        "self.all(m, ![{}].exists(p, m.lowerAscii().startsWith(p)))",
        prefixes.join(", ")
    )
}

fn allocation() -> Vec<Rule> {
    vec![
        Rule::new(
            "spec.ipAllocation",
            "!(self.?mode.orValue('') == 'Prefix' && self.?warmPrefixTarget.orValue(-1) == 0 \
             && self.?warmIpTarget.orValue(-1) == 0 && self.?minimumIpTarget.orValue(-1) == 0)",
            "spec.ipAllocation.warmPrefixTarget: in mode Prefix aws-node does not start when warmPrefixTarget, warmIpTarget \
             and minimumIpTarget are all 0; set warmPrefixTarget to 1",
        )
        .blaming(".warmPrefixTarget"),
        Rule::new(
            "spec.ipAllocation",
            "!(self.?minimumIpTarget.orValue(0) > 0 && self.?warmIpTarget.orValue(-1) == 0)",
            "spec.ipAllocation.warmIpTarget: with minimumIpTarget above 0 and warmIpTarget 0 the pool stops growing for good; \
             set warmIpTarget to 1 or more",
        )
        .blaming(".warmIpTarget"),
    ]
}

fn family() -> Vec<Rule> {
    let v6 = "self.?ipFamily.orValue('') == 'IPv6'";
    vec![
        Rule::new(
            "spec",
            format!("!({v6} && self.?customNetworking.?enabled.orValue(false))"),
            "spec.customNetworking.enabled: ipamd does not start with custom networking in IPv6; \
             set it to false or leave it out",
        )
        .blaming(".customNetworking.enabled"),
        Rule::new(
            "spec",
            format!("!({v6} && self.?ipAllocation.?mode.orValue('') == 'SecondaryIp')"),
            "spec.ipAllocation.mode: IPv6 needs prefixes; set it to Prefix",
        )
        .blaming(".ipAllocation.mode"),
        Rule::new(
            "spec",
            format!("!({v6} && self.?interfaces.?mtu.orValue(9001) < 1280)"),
            "spec.interfaces.mtu: IPv6 needs at least 1280; below it aws-node does not start",
        )
        .blaming(".interfaces.mtu"),
        Rule::new(
            "spec",
            format!("!({v6} && self.?interfaces.?podMtu.orValue(9001) < 1280)"),
            "spec.interfaces.podMtu: IPv6 needs at least 1280; below it aws-node does not start",
        )
        .blaming(".interfaces.podMtu"),
    ]
}

fn custom_networking() -> Vec<Rule> {
    let mut rules: Vec<Rule> = [
        ("spec.customNetworking.labelKey", "spec.customNetworking.labelKey: write the key of a node label, such as topology.kubernetes.io/zone"),
        ("spec.customNetworking.annotationKey", "spec.customNetworking.annotationKey: write the key of a node annotation, such as k8s.amazonaws.com/eniConfig"),
    ]
    .map(|(at, message)| Rule::new(at, format!("self.matches('{QUALIFIED}')"), message))
    .to_vec();
    rules.push(
        Rule::new(
            "spec.customNetworking",
            "self.?labelKey.orValue('') != 'topology.kubernetes.io/zone' || !has(self.eniConfigs) \
             || self.eniConfigs.all(e, e.name == e.zone)",
            "spec.customNetworking.eniConfigs: with labelKey topology.kubernetes.io/zone the name must be the zone; \
             rename each to its zone",
        )
        .blaming(".eniConfigs"),
    );
    rules
}

fn eni_configs() -> Vec<Rule> {
    const ONE: &str = "has(self.id) != (has(self.tags) && self.tags.size() > 0)";
    vec![
        Rule::new(
            "spec.customNetworking.eniConfigs[].name",
            "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
            "spec.customNetworking.eniConfigs[].name: write the name of an object: lower case letters, digits, - and .",
        ),
        Rule::new(
            "spec.customNetworking.eniConfigs[].zone",
            "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')",
            "spec.customNetworking.eniConfigs[].zone: write the name of an availability zone, such as us-west-2a",
        ),
        Rule::new(
            "spec.customNetworking.eniConfigs[].subnet",
            ONE,
            "spec.customNetworking.eniConfigs[].subnet: give exactly one of id and tags",
        ),
        Rule::new(
            "spec.customNetworking.eniConfigs[].subnet",
            "!has(self.id) || self.id.matches('^subnet-[0-9a-z]{1,17}$')",
            "spec.customNetworking.eniConfigs[].subnet.id: write the id of a subnet, such as subnet-0a1b2c3d4e5f60718",
        )
        .blaming(".id"),
        Rule::new(
            "spec.customNetworking.eniConfigs[].securityGroups[]",
            ONE,
            "spec.customNetworking.eniConfigs[].securityGroups[]: give exactly one of id and tags",
        ),
        Rule::new(
            "spec.customNetworking.eniConfigs[].securityGroups[]",
            "!has(self.id) || self.id.matches('^sg-[0-9a-z]{1,17}$')",
            "spec.customNetworking.eniConfigs[].securityGroups[].id: write the id of a security group, such as sg-0a1b2c3d4e5f60718",
        )
        .blaming(".id"),
    ]
}

fn others() -> Vec<Rule> {
    let mut rules = vec![
        Rule::new(
            "spec.interfaces.vethPrefix",
            "self.size() > 0 && !(self in ['eth', 'lo', 'vlan'])",
            "spec.interfaces.vethPrefix: aws-node does not start with eth, lo or vlan, which name other interfaces; \
             take another prefix of one to four characters, such as eni",
        ),
        Rule::new(
            "spec.interfaces.additionalTags",
            "self.all(k, !k.contains('k8s.amazonaws.com') && !k.startsWith('aws:'))",
            "spec.interfaces.additionalTags: keys with k8s.amazonaws.com are dropped by ipamd and keys with aws: are refused by AWS; \
             rename them",
        ),
        Rule::new(
            "spec.logging.pluginFile",
            "self != 'stdout'",
            "spec.logging.pluginFile: stdout would spoil the plugin's answer, and aws-node does not start; write stderr or a path",
        ),
        Rule::new(
            "spec",
            "!(self.?networkPolicy.?enabled.orValue(false) && self.?plugins.?bandwidth.orValue(false))",
            "spec.plugins.bandwidth: the bandwidth plugin and networkPolicy.enabled both use traffic control; turn one of them off",
        )
        .blaming(".plugins.bandwidth"),
        Rule::new(
            "spec.networkPolicy.agent",
            "!self.?cloudWatchLogs.orValue(false) || self.?policyEventLogs.orValue(false)",
            "spec.networkPolicy.agent.cloudWatchLogs: only policy event logs are sent; set policyEventLogs to true",
        )
        .blaming(".cloudWatchLogs"),
        Rule::new(
            "spec.aws.clusterEndpoint",
            "self.size() > 0",
            "spec.aws.clusterEndpoint: an empty text is taken as an empty host name; leave the field out or name it in spec.unset",
        ),
    ];
    rules.extend(
        [
            "spec.egress.excludeSnatCidrs[]",
            "spec.egress.externalServiceCidrs[]",
        ]
        .map(|at| {
            Rule::new(
                at,
                "isCIDR(self) && cidr(self).ip().family() == 4",
                format!("{at}: write IPv4 networks such as 10.0.0.0/8; others are skipped silently"),
            )
        }),
    );
    rules
}
