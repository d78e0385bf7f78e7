//! Checks of areas that follow pods through requests, checkpoints and switches of mode.

use crate::sim::{Node, effective, id, key, limits};
use crate::store::{add, empty, eni, named, net, now};
use crate::{Checked, sizing};
use serde_json::{Value, json};
use vpccni_core::assign::{
    Entry, Force, Mode, PodRef, Request, Role, Store, checkpoint_file, split_by_links, transition,
};
use vpccni_core::config::{Key as Setting, Value as SettingValue};
use vpccni_core::datapath::{MAIN_TABLE, Rule, priority, route_table_id};
use vpccni_core::net::Ipv4Net;
use vpccni_core::node_enis::untranslated;

/// One store a managed card, each with its file.
pub(crate) fn checkpoint(input: &Value) -> Checked {
    if input.get("allocations").is_some() {
        return stale(input);
    }
    let base = input["path"].as_str().ok_or("no path")?;
    let skip = input["skip"].as_array().ok_or("no cards")?;
    let mut node = Node::bare(limits(4, 10), effective(&[]));
    node.cards = (0..)
        .zip(skip)
        .filter(|(_, skip)| **skip == json!(false))
        .map(|(card, _)| (card, vpccni_core::pool::CardFacts::default()))
        .collect();
    node.settle();
    let cards: Vec<u32> = node.store.cards().collect();
    let files: Vec<String> = cards.iter().map(|card| checkpoint_file(base, *card)).collect();
    Ok(json!({ "cards": cards, "files": files }))
}

/// Which entries of a checkpoint belong to pods that are gone, and which rules are left of those.
fn stale(input: &Value) -> Checked {
    let links: Vec<String> = serde_json::from_value(input["links"].clone()).map_err(|e| e.to_string())?;
    let mut entries = Vec::new();
    for allocation in input["allocations"].as_array().ok_or("no allocations")? {
        let address = allocation["ipv4"].as_str().ok_or("no address")?;
        let pod = allocation["pod"].as_str().and_then(|pod| pod.split_once('/'));
        entries.push(Entry {
            key: named(address),
            address: address.parse().map_err(|_| "no address")?,
            since: now(0),
            pod: pod.map(|(namespace, name)| PodRef {
                namespace: namespace.to_owned(),
                name: name.to_owned(),
            }),
            interfaces: 1,
        });
    }
    let (kept, gone) = split_by_links(entries, &links);
    let mut rules = Vec::new();
    for entry in &gone {
        let to = Rule::to(entry.address.into(), priority::TO_POD, MAIN_TABLE);
        let from = Rule::from(entry.address.into(), priority::FROM_POD, MAIN_TABLE);
        rules.push(
            json!({ "dst": to.to.map(|net| net.to_string()), "priority": to.priority, "table": to.table }),
        );
        rules.push(
            json!({ "src": from.from.map(|net| net.to_string()), "priority": from.priority, "table": "any" }),
        );
    }
    let kept: Vec<String> = kept.iter().map(|entry| entry.address.to_string()).collect();
    Ok(json!({ "kept": kept, "deleted_rules": rules }))
}

pub(crate) fn mode_toggle(input: &Value) -> Checked {
    let Some(ops) = input["ops"].as_array() else {
        return sizing::mode_toggle(input);
    };
    let mut store = empty(Mode::Secondary, 30);
    store
        .add_eni(eni("eni-1", 0, Role::default()))
        .map_err(|error| error.to_string())?;
    let mut results = Vec::new();
    for op in ops {
        let op = op.as_str().ok_or("an operation is no text")?;
        let (verb, rest) = op.split_once(' ').ok_or("an operation of one word")?;
        let subject = rest.split(' ').next().unwrap_or_default();
        let mut result = json!({});
        match verb {
            "PD" => {
                let mut rules = *store.rules();
                rules.mode = if subject == "on" {
                    Mode::Prefix
                } else {
                    Mode::Secondary
                };
                store.set_rules(rules);
            }
            "assign" => {
                let given = add(&mut store, subject, 0).map_err(|error| error.to_string())?;
                result["ip"] = json!(given.address.to_string());
                result["device"] = json!(given.device);
                result["table"] = json!(route_table_id(given.card, given.device));
            }
            "add" => store
                .add_cidr(&id("eni-1"), net(subject)?, now(0))
                .map_err(|error| error.to_string())?,
            "del" => {
                let force = if rest.contains("no force") {
                    Force::No
                } else {
                    Force::Yes
                };
                if store.remove_cidr(&id("eni-1"), net(subject)?, force).is_err() {
                    result["error"] = json!(true);
                }
            }
            other => return Err(format!("unknown operation {other}")),
        }
        let view = store.eni(&id("eni-1"), now(0)).ok_or("no interface")?;
        let size = |block: &vpccni_core::assign::Block| 1_u32 << (32 - block.net.prefix_len());
        result["total"] = json!(view.blocks.iter().map(size).sum::<u32>());
        result["cidrs"] = json!(view.blocks.len());
        results.push(result);
    }
    Ok(json!({ "results": results }))
}

/// The store of a node as the request finds it: what is listed is there, and nothing more can be had.
fn stocked(input: &Value) -> Result<Store, String> {
    let is = |field: &str| input[field] == json!(true);
    let mode = match (is("v6"), is("pd")) {
        (true, true) => Mode::Ipv6,
        (false, true) => Mode::Prefix,
        (_, false) => Mode::Secondary,
    };
    let mut store = empty(mode, 30);
    for (card, places) in input["cards"].as_object().ok_or("no cards")? {
        let card: u32 = card.parse().map_err(|_| "a card is no number")?;
        store.manage(card);
        for (at, place) in places.as_array().ok_or("a card is no list")?.iter().enumerate() {
            let (cidr, device) = place
                .as_str()
                .and_then(|p| p.split_once("@dev"))
                .ok_or("no device")?;
            let device = device.parse().map_err(|_| "a device is no number")?;
            let mut on = eni(&format!("eni-{card}{at}"), device, Role::default());
            on.card = card;
            let id = on.id.clone();
            let cidr = net(cidr)?;
            let added = store.add_eni(on);
            added
                .and_then(|()| store.add_cidr(&id, cidr, now(0)))
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(store)
}

/// AddNetwork of one pod.
pub(crate) fn add_network(input: &Value) -> Checked {
    let nets = |field: &str| -> Result<Vec<Ipv4Net>, String> {
        let list = input[field].as_array().map_or(&[][..], Vec::as_slice);
        list.iter()
            .map(|net| {
                net.as_str()
                    .and_then(|net| net.parse().ok())
                    .ok_or_else(|| format!("{net} is no network"))
            })
            .collect()
    };
    let effective = effective(&[
        (
            Setting::ExternalSnat,
            SettingValue::Bool(input["external_snat"] == json!(true)),
        ),
        (
            Setting::ExcludeSnatCidrs,
            SettingValue::Cidrs(nets("exclude_snat")?),
        ),
    ]);
    let request = Request::Add {
        key: key(1),
        pod: None,
        every_card: input["multi_nic"] == json!(true) && input["pod_requires_multi_nic"] == json!(true),
    };
    let reply = transition(&mut stocked(input)?, request, now(0)).reply;
    let ips: Vec<Value> = reply
        .iter()
        .flatten()
        .map(|given| {
            let table = route_table_id(given.card, given.device);
            json!([given.address.to_string(), given.device, table])
        })
        .collect();
    let told: Vec<String> = untranslated(&effective, &nets("vpc_cidrs")?)
        .iter()
        .map(ToString::to_string)
        .collect();
    Ok(json!({
        "success": reply.is_ok(),
        "ips": ips,
        "use_external_snat": effective.external_snat(),
        "vpc_v4_cidrs": told,
    }))
}
