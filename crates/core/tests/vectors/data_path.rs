//! Checks of areas about names, tables, and the rules that stood in iptables.

use crate::Checked;
use serde_json::{Value, json};
use vpccni_core::datapath::{
    Action, Chain, Match, NftRule, NftTable, Random, Snat, container_if_name, host_veth_name,
    old_route_table_id, route_table_id, snat,
};

fn word<'a>(input: &'a Value, field: &str) -> Result<&'a str, String> {
    input[field].as_str().ok_or_else(|| format!("no {field}"))
}

fn number(input: &Value, field: &str) -> Result<u32, String> {
    let value = input[field].as_u64().ok_or_else(|| format!("no {field}"))?;
    u32::try_from(value).map_err(|error| error.to_string())
}

pub(crate) fn naming(input: &Value) -> Checked {
    let (namespace, pod) = (word(input, "namespace")?, word(input, "pod")?);
    let Some(prefix) = input["prefix"].as_str() else {
        return Ok(json!({ "suffix": host_veth_name("", namespace, pod, 0) }));
    };
    let index = number(input, "index")?;
    let name = host_veth_name(prefix, namespace, pod, index);
    Ok(if index == 0 {
        json!({ "name": name })
    } else {
        json!({ "host": name, "container": container_if_name("eth0", index) })
    })
}

pub(crate) fn route_table(input: &Value) -> Checked {
    let (device, card) = (number(input, "device")?, number(input, "card")?);
    let table = match input.get("max_enis_per_card") {
        Some(_) => old_route_table_id(card, device, number(input, "max_enis_per_card")?),
        None => route_table_id(card, device),
    };
    Ok(json!({ "table": table }))
}

/// The vectors have the rules of iptables: ours are nftables, and each is written here as its iptables twin.
pub(crate) fn iptables(input: &Value) -> Checked {
    let nets = |field: &str| match input[field].as_array() {
        Some(nets) => nets
            .iter()
            .map(|net| net.as_str().and_then(|net| net.parse().ok()).ok_or("no network"))
            .collect(),
        None => Ok(Vec::new()),
    };
    let flag = |field: &str| input[field].as_bool().ok_or_else(|| format!("no {field}"));
    let mut vpc_cidrs = nets("vpc")?;
    // The second vector says nothing about the rules of its networks: without one there is no translation at all.
    let is_whole = !vpc_cidrs.is_empty();
    if !is_whole {
        vpc_cidrs = vec!["10.10.0.0/16".parse().map_err(|_| "no network")?];
    }
    let settings = Snat {
        primary: "<primary>".to_owned(),
        primary_ip: input["primary_ip"]
            .as_str()
            .unwrap_or("10.10.10.20")
            .parse()
            .map_err(|_| "no address")?,
        veth_prefix: "eni".to_owned(),
        vpc_cidrs,
        excluded: nets("exclude")?,
        external: flag("external_snat")?,
        node_port: flag("node_port")?,
        random: Random::parse(input["random"].as_str().unwrap_or("prng")),
        mark: 0x80,
        egress: None,
    };
    let tables = snat(&settings).map_err(|error| error.to_string())?;
    let snat_chain = rules(&tables, "nat-postrouting")?;
    let mangle = json!({ "PREROUTING": written(rules(&tables, "mangle-prerouting")?, false)? });
    if snat_chain.is_empty() {
        return Err("no translation".to_owned());
    }
    let jump = ["-j AWS-SNAT-CHAIN-0"];
    if !is_whole {
        return Ok(json!({ "nat": { "POSTROUTING": jump }, "mangle": mangle }));
    }
    let prerouting = rules(&tables, "nat-prerouting")?;
    // The nft backend has this rule first, and iptables have not.
    let [first, prerouting @ ..] = prerouting else {
        return Err("an empty chain".to_owned());
    };
    if (first.matches.as_slice(), &first.action) != (&[Match::ToThisNode], &Action::Return) {
        return Err(format!("{first:?} is not first"));
    }
    Ok(json!({
        "nat": {
            "AWS-SNAT-CHAIN-0": written(snat_chain, true)?,
            "POSTROUTING": jump,
            "AWS-CONNMARK-CHAIN-0": written(rules(&tables, "snat-mark")?, false)?,
            "PREROUTING": written(prerouting, false)?,
        },
        "mangle": mangle,
    }))
}

fn rules<'a>(tables: &'a [NftTable], name: &str) -> Result<&'a [NftRule], String> {
    let mut chains = tables.iter().flat_map(|table| &table.chains);
    chains
        .find(|chain: &&Chain| chain.name == name)
        .map(|chain| chain.rules.as_slice())
        .ok_or_else(|| format!("no chain {name}"))
}

/// Rules in the vectors' words. Restoring a mark takes two rules of nftables, of which the second has no twin.
fn written(rules: &[NftRule], with_exclusion: bool) -> Result<Vec<String>, String> {
    let mut lines = Vec::new();
    for rule in rules {
        if matches!(rule.action, Action::UnmarkPacket(0x80)) {
            continue;
        }
        let mut words: Vec<String> = rule.matches.iter().filter_map(matched).collect();
        words.push(match &rule.action {
            Action::Return => "RETURN".to_owned(),
            Action::Jump(chain) if chain == "snat-mark" => "-j AWS-CONNMARK-CHAIN-0".to_owned(),
            // The same in effect; the vectors have both spellings.
            Action::MarkConnection(0x80) if words.is_empty() => "CONNMARK --set-xmark 0x80/0x80".to_owned(),
            Action::MarkConnection(0x80) => "CONNMARK --set-mark 0x80/0x80".to_owned(),
            Action::MarkPacket(0x80) => "CONNMARK --restore-mark --mask 0x80".to_owned(),
            Action::Snat(to, Random::None) => format!("SNAT --to-source {to}"),
            other => return Err(format!("{other:?} has no twin")),
        });
        if with_exclusion && rule.comment.ends_with("EXCLUSION") {
            words.push("(EXCLUSION)".to_owned());
        }
        lines.push(words.join(" "));
    }
    Ok(lines)
}

fn matched(test: &Match) -> Option<String> {
    Some(match test {
        Match::To(net) => format!("-d {net}"),
        Match::NotOutPrefix(prefix) => format!("! -o {prefix}+"),
        Match::NotToThisNode => "-m addrtype ! --dst-type LOCAL".to_owned(),
        Match::InPrefix(prefix) => format!("-i {prefix}+"),
        Match::In(name) => format!("-i {name}"),
        Match::ToIncomingDevice => "addrtype --dst-type LOCAL --limit-iface-in".to_owned(),
        Match::ConnectionMarked(0x80) => return None,
        other => format!("{other:?}"),
    })
}
