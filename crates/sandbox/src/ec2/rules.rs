//! AuthorizeSecurityGroupIngress and -Egress, RevokeSecurityGroupIngress and -Egress, DeleteSecurityGroup, and how
//! rules are written.

use super::done;
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::ids;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{ACCOUNT, NewRule, Peer, Rule, Traffic};
use std::collections::BTreeMap;
use std::net::Ipv6Addr;
use vpccni_core::ids::SecurityGroupId;
use vpccni_core::net::Ipv4Net;

pub(super) const ACTIONS: Family = &[
    ("AuthorizeSecurityGroupEgress", |params| authorize(params, true)),
    ("AuthorizeSecurityGroupIngress", |params| authorize(params, false)),
    ("DeleteSecurityGroup", delete),
    ("RevokeSecurityGroupEgress", |params| revoke(params, true)),
    ("RevokeSecurityGroupIngress", |params| revoke(params, false)),
];

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let id: SecurityGroupId = ids::required(params, "GroupId")?;
    Ok(Box::new(move |world| {
        world.delete_group(&id)?;
        let mut xml = done();
        xml.text("groupId", &id);
        Ok(xml)
    }))
}

fn authorize(params: &mut Params, egress: bool) -> Result<Effect, ApiError> {
    let id: SecurityGroupId = ids::required(params, "GroupId")?;
    let rules = read_rules(params)?;
    if rules.is_empty() {
        return Err(ApiError::missing("IpPermissions"));
    }
    Ok(Box::new(move |world| {
        let made = world.authorize(&id, egress, &rules)?;
        let region = world.region.clone();
        let mut xml = done();
        xml.set("securityGroupRuleSet", made, |xml, rule| {
            write_rule(xml, &id, &rule);
            if let Peer::Group(peer) = &rule.peer {
                xml.element("referencedGroupInfo", |xml| {
                    xml.text("groupId", peer).text("userId", ACCOUNT);
                });
            }
            xml.text("groupOwnerId", ACCOUNT)
                .text(
                    "securityGroupRuleArn",
                    format!("arn:aws:ec2:{region}:{ACCOUNT}:security-group-rule/{}", rule.id),
                )
                .element("tagSet", |_| {});
        });
        Ok(xml)
    }))
}

fn revoke(params: &mut Params, egress: bool) -> Result<Effect, ApiError> {
    let id: SecurityGroupId = ids::required(params, "GroupId")?;
    let rules = read_rules(params)?;
    let rule_ids = params.list("SecurityGroupRuleId");
    if rules.is_empty() == rule_ids.is_empty() {
        return Err(if rules.is_empty() {
            ApiError::missing("IpPermissions")
        } else {
            ApiError::combination("Only one of IpPermissions and SecurityGroupRuleIds may be given")
        });
    }
    Ok(Box::new(move |world| {
        let gone = world.revoke(&id, egress, &rules, &rule_ids)?;
        let mut xml = done();
        xml.element("unknownIpPermissionSet", |_| {}).set(
            "revokedSecurityGroupRuleSet",
            gone,
            |xml, rule| {
                write_rule(xml, &id, &rule);
                if let Peer::Group(peer) = &rule.peer {
                    xml.text("referencedGroupId", peer);
                }
            },
        );
        Ok(xml)
    }))
}

/// Permissions in the list, or the one that is spelled out at the top.
fn read_rules(params: &mut Params) -> Result<Vec<NewRule>, ApiError> {
    let listed = params.structures("IpPermissions", read_permission)?;
    let mut rules: Vec<NewRule> = listed.into_iter().flatten().collect();
    if let Some(cidr) = params.text("CidrIp") {
        rules.push(NewRule {
            traffic: read_traffic(params)?,
            peer: v4(&cidr)?,
            description: None,
        });
    }
    Ok(rules)
}

fn read_permission(item: &mut Params) -> Result<Vec<NewRule>, ApiError> {
    let traffic = read_traffic(item)?;
    let mut peers = item.structures("IpRanges", |range| {
        Ok((v4(&range.required("CidrIp")?)?, range.text("Description")))
    })?;
    peers.extend(item.structures("Ipv6Ranges", |range| {
        Ok((v6(&range.required("CidrIpv6")?)?, range.text("Description")))
    })?);
    peers.extend(item.structures("Groups", |pair| {
        // The one account that there are groups of.
        let _owner = pair.text("UserId");
        let group = ids::required(pair, "GroupId")?;
        Ok((Peer::Group(group), pair.text("Description")))
    })?);
    if peers.is_empty() {
        return Err(ApiError::missing("IpRanges"));
    }
    let rules = peers.into_iter().map(|(peer, description)| NewRule {
        traffic: traffic.clone(),
        peer,
        description,
    });
    Ok(rules.collect())
}

fn read_traffic(item: &mut Params) -> Result<Traffic, ApiError> {
    let protocol = item.required("IpProtocol")?.to_lowercase();
    let protocol = match protocol.as_str() {
        "6" => "tcp",
        "17" => "udp",
        "1" => "icmp",
        "58" => "icmpv6",
        "all" => "-1",
        other => other,
    };
    let known = ["-1", "tcp", "udp", "icmp", "icmpv6"].contains(&protocol);
    if !known && protocol.parse::<u8>().is_err() {
        return Err(ApiError::value(format!(
            "Invalid value '{protocol}' for IP protocol."
        )));
    }
    let ports = (item.parsed("FromPort")?, item.parsed("ToPort")?);
    let ports = match (protocol, ports) {
        ("tcp" | "udp", (Some(first), Some(last))) if (0..=last).contains(&first) && last <= 65_535 => {
            Some((first, last))
        }
        ("tcp" | "udp", (Some(_), Some(_))) => {
            return Err(ApiError::value("Invalid TCP/UDP port range"));
        }
        ("tcp" | "udp", _) => return Err(ApiError::missing("FromPort")),
        ("icmp" | "icmpv6", (Some(kind), Some(code))) => Some((kind, code)),
        ("icmp" | "icmpv6", _) => Some((-1, -1)),
        // Where there are no ports, AWS takes none.
        _ => None,
    };
    Ok(Traffic {
        protocol: protocol.to_owned(),
        ports,
    })
}

fn v4(text: &str) -> Result<Peer, ApiError> {
    let parsed: Option<Ipv4Net> = text.parse().ok();
    let cidr = parsed.ok_or_else(|| ApiError::value(format!("CIDR block {text} is malformed")))?;
    Ok(Peer::V4(cidr.trunc().to_string()))
}

fn v6(text: &str) -> Result<Peer, ApiError> {
    let good = text.split_once('/').is_some_and(|(address, length)| {
        address.parse::<Ipv6Addr>().is_ok() && length.parse::<u8>().is_ok_and(|length| length <= 128)
    });
    if good {
        Ok(Peer::V6(text.to_owned()))
    } else {
        Err(ApiError::value(format!("CIDR block {text} is malformed")))
    }
}

fn write_rule(xml: &mut Xml, group: &SecurityGroupId, rule: &Rule) {
    xml.text("securityGroupRuleId", &rule.id)
        .text("groupId", group)
        .text("isEgress", rule.egress);
    // A single rule says -1 where it has no ports; a permission says nothing.
    let (first, last) = rule.traffic.ports.unwrap_or((-1, -1));
    xml.text("ipProtocol", &rule.traffic.protocol)
        .text("fromPort", first)
        .text("toPort", last);
    match &rule.peer {
        Peer::V4(cidr) => {
            xml.text("cidrIpv4", cidr);
        }
        Peer::V6(cidr) => {
            xml.text("cidrIpv6", cidr);
        }
        Peer::Group(_) => {}
    }
    xml.maybe("description", rule.description.as_ref());
}

/// Rules as DescribeSecurityGroups shows them: one permission for each kind of traffic, with all its peers.
pub(super) fn write_permissions<'r>(xml: &mut Xml, name: &str, rules: impl Iterator<Item = &'r Rule>) {
    let mut by_traffic: BTreeMap<&Traffic, Vec<&Rule>> = BTreeMap::new();
    for rule in rules {
        by_traffic.entry(&rule.traffic).or_default().push(rule);
    }
    xml.set(name, by_traffic, |xml, (traffic, rules)| {
        xml.text("ipProtocol", &traffic.protocol);
        if let Some((first, last)) = traffic.ports {
            xml.text("fromPort", first).text("toPort", last);
        }
        for (set, field) in [
            ("groups", "groupId"),
            ("ipRanges", "cidrIp"),
            ("ipv6Ranges", "cidrIpv6"),
        ] {
            let of_kind = rules.iter().filter(|rule| set == set_of(&rule.peer));
            xml.set(set, of_kind, |xml, rule| {
                if set == "groups" {
                    xml.text("userId", ACCOUNT);
                }
                xml.text(field, &rule.peer)
                    .maybe("description", rule.description.as_ref());
            });
        }
        xml.element("prefixListIds", |_| {});
    });
}

fn set_of(peer: &Peer) -> &'static str {
    match peer {
        Peer::V4(_) => "ipRanges",
        Peer::V6(_) => "ipv6Ranges",
        Peer::Group(_) => "groups",
    }
}
