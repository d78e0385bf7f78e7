//! Checks of areas about the data store: who gets which address, what rests, what is kept, what goes.

use crate::Checked;
use crate::sim::{id, key};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::net::IpAddr;
use vpccni_core::assign::{Eni, Given, IpNet, Mode, Refusal, Request, Role, Rules, Store, transition};
use vpccni_core::datapath::route_table_id;

pub(crate) fn now(second: i64) -> Timestamp {
    Timestamp::from_second(1_800_000_000 + second).unwrap()
}

pub(crate) fn empty(mode: Mode, cooldown: i64) -> Store {
    Store::new(Rules {
        mode,
        skip_primary: false,
        cooldown: SignedDuration::from_secs(cooldown),
    })
}

pub(crate) fn eni(name: &str, device: u32, role: Role) -> Eni {
    Eni {
        id: id(name),
        card: 0,
        device,
        role,
        subnet: None,
        added: now(0),
    }
}

pub(crate) fn net(text: &str) -> Result<IpNet, String> {
    let address = || text.parse::<IpAddr>().map(IpNet::from);
    text.parse()
        .or_else(|_| address())
        .map_err(|error| error.to_string())
}

pub(crate) fn add(store: &mut Store, pod: &str, second: i64) -> Result<Given, Refusal> {
    let request = Request::Add {
        key: named(pod),
        pod: None,
        every_card: false,
    };
    let given = transition(store, request, now(second)).reply?;
    Ok(given.into_iter().next().unwrap())
}

pub(crate) fn named(pod: &str) -> vpccni_core::assign::Key {
    vpccni_core::assign::Key {
        container: pod.to_owned(),
        ..key(0)
    }
}

/// The device number that an interface called `eni-<n>` has in these vectors.
pub(crate) fn device_of(name: &str) -> Result<u32, String> {
    let number: u32 = name
        .trim_start_matches("eni-")
        .parse()
        .map_err(|error| format!("{name}: {error}"))?;
    number.checked_sub(1).ok_or_else(|| "no device".to_owned())
}

pub(crate) fn assign(input: &Value, expected: &Value) -> Checked {
    if input.get("ops").is_some() {
        return operations(input, expected);
    }
    if let Some(place) = input["eni"].as_object() {
        return on_interface(place);
    }
    let prefix = input["prefix"].as_str().ok_or("no prefix")?;
    let mut store = empty(Mode::Prefix, 30);
    store
        .add_eni(eni("eni-1", 0, Role::default()))
        .map_err(|error| error.to_string())?;
    store
        .add_cidr(&id("eni-1"), net(prefix)?, now(0))
        .map_err(|error| error.to_string())?;
    let mut ips = Vec::new();
    for pod in input["pods"].as_array().ok_or("no pods")? {
        let pod = pod.as_str().ok_or("a pod is no text")?;
        let given = add(&mut store, pod, 0).map_err(|error| error.to_string())?;
        ips.push(given.address.to_string());
    }
    let stats = store.stats(0, now(0));
    Ok(json!({ "ips": ips, "total": stats.total, "assigned": stats.assigned }))
}

/// Where the pods of an interface are told to be.
fn on_interface(place: &serde_json::Map<String, Value>) -> Checked {
    let number = |field: &str| {
        place[field]
            .as_u64()
            .and_then(|number| u32::try_from(number).ok())
    };
    let mut on = eni("eni-1", number("device").ok_or("no device")?, Role::default());
    on.card = number("card").ok_or("no card")?;
    let mut store = empty(Mode::Secondary, 30);
    let address = net("10.0.0.5")?;
    let added = store.add_eni(on);
    added
        .and_then(|()| store.add_cidr(&id("eni-1"), address, now(0)))
        .map_err(|error| error.to_string())?;
    let given = add(&mut store, "a", 0).map_err(|error| error.to_string())?;
    Ok(json!({ "device": given.device, "table": route_table_id(given.card, given.device) }))
}

/// Upstream takes interfaces in any order and its test has one of them, so addresses are told apart, not named: ours
/// gets the name of theirs when it is seen for the first time.
#[derive(Default)]
struct Names(BTreeMap<String, String>);

impl Names {
    fn of(&mut self, ours: &str, theirs: Option<&str>) -> String {
        if let Some(name) = self.0.get(ours) {
            return name.clone();
        }
        let is_new = |name: &&str| !self.0.values().any(|other| other == name);
        let name = theirs
            .filter(|name| name.parse::<IpAddr>().is_ok())
            .filter(is_new)
            .unwrap_or(ours);
        self.0.insert(ours.to_owned(), name.to_owned());
        name.to_owned()
    }
}

fn operations(input: &Value, expected: &Value) -> Checked {
    let mut store = empty(Mode::Secondary, 30);
    let mut owner = BTreeMap::new();
    for place in input["ips"].as_array().ok_or("no addresses")? {
        let place = place.as_str().ok_or("an address is no text")?;
        let (cidr, name) = place.split_once('@').ok_or("no interface")?;
        let device = device_of(name)?;
        if store.eni(&id(name), now(0)).is_none() {
            store
                .add_eni(eni(name, device, Role::default()))
                .map_err(|error| error.to_string())?;
        }
        store
            .add_cidr(&id(name), net(cidr)?, now(0))
            .map_err(|error| error.to_string())?;
        let address = cidr.split('/').next().unwrap_or_default();
        owner.insert(address.to_owned(), (id(name), device));
    }
    let mut names = Names::default();
    let mut results = Vec::new();
    for (at, op) in input["ops"].as_array().ok_or("no operations")?.iter().enumerate() {
        let op = op.as_str().ok_or("an operation is no text")?;
        let (verb, rest) = op.split_once(' ').ok_or("no pod")?;
        let pod = rest.split(' ').next().unwrap_or_default();
        let request = match verb {
            "assign" => Request::Add {
                key: named(pod),
                pod: None,
                every_card: false,
            },
            "unassign" => Request::Del { key: named(pod) },
            other => return Err(format!("unknown operation {other}")),
        };
        let done = transition(&mut store, request, now(0));
        if rest.contains("checkpoint write fails") {
            assert!(done.reply.is_ok() && done.checkpoint == [0]);
            store.undo(done.undo);
            results.push("error".to_owned());
            continue;
        }
        results.push(match done.reply {
            Err(_) => "error".to_owned(),
            Ok(given) => {
                let given = given.first().ok_or("nothing given")?;
                let ours = given.address.to_string();
                let (eni, device) = owner.get(&ours).ok_or("an address of nobody")?;
                assert_eq!((given.eni.as_ref(), given.device), (Some(eni), *device));
                let name = names.of(&ours, expected["results"][at].as_str());
                if verb == "assign" {
                    name
                } else {
                    let device = owner.get(&name).ok_or("an address of nobody")?.1;
                    format!("ok device={device} interfaces={}", given.interfaces)
                }
            }
        });
    }
    let stats = store.stats(0, now(0));
    Ok(json!({ "results": results, "total": stats.total, "assigned": stats.assigned }))
}

pub(crate) fn cooldown(input: &Value) -> Checked {
    let (mode, blocks) = match input["mode"].as_str() {
        Some("prefix") => (Mode::Prefix, &input["prefixes"]),
        _ => (Mode::Secondary, &input["ips"]),
    };
    let mut store = empty(mode, input["ip_cooldown_s"].as_i64().ok_or("no cooldown")?);
    store
        .add_eni(eni("eni-1", 0, Role::default()))
        .map_err(|error| error.to_string())?;
    for block in 0..blocks.as_u64().ok_or("no blocks")? {
        let cidr = match mode {
            Mode::Prefix => format!("10.0.0.{}/28", 16 * block),
            Mode::Secondary | Mode::Ipv6 => format!("10.0.0.{block}/32"),
        };
        store
            .add_cidr(&id("eni-1"), net(&cidr)?, now(0))
            .map_err(|error| error.to_string())?;
    }
    let (mut clock, mut given, mut released) = (0, 0, 0);
    let mut stats = Vec::new();
    for op in input["ops"].as_array().ok_or("no operations")? {
        let op = op.as_str().ok_or("an operation is no text")?;
        let (verb, count) = op.split_once(' ').ok_or("no count")?;
        let count: i64 = count
            .trim_end_matches('s')
            .parse()
            .map_err(|error| format!("{op}: {error}"))?;
        match verb {
            "assign" => {
                for _ in 0..count {
                    add(&mut store, &format!("p{given}"), clock).map_err(|error| error.to_string())?;
                    given += 1;
                }
            }
            "release" => {
                for _ in 0..count {
                    let key = named(&format!("p{released}"));
                    let done = transition(&mut store, Request::Del { key }, now(clock));
                    done.reply.map_err(|error| error.to_string())?;
                    released += 1;
                }
            }
            "wait" => clock += count,
            other => return Err(format!("unknown operation {other}")),
        }
        let seen = store.stats(0, now(clock));
        stats.push(json!({
            "total": seen.total, "assigned": seen.assigned, "cooldown": seen.cooling, "prefixes": seen.prefixes,
        }));
    }
    Ok(json!({ "stats": stats }))
}

fn attach(store: &mut Store, input: &Value, device: u32) -> Result<(), String> {
    let name = input["id"].as_str().ok_or("no id")?;
    let role = Role {
        excluded: input["excluded"] == json!(true),
        ..Role::default()
    };
    let cidrs: Vec<String> = match &input["ips"] {
        Value::Array(list) => list
            .iter()
            .filter_map(|ip| Some(ip.as_str()?.to_owned()))
            .collect(),
        count => {
            let count = count.as_u64().ok_or("no addresses")?;
            (0..count).map(|host| format!("10.{device}.0.{host}")).collect()
        }
    };
    store
        .add_eni(eni(name, device, role))
        .map_err(|error| error.to_string())?;
    for cidr in cidrs {
        store
            .add_cidr(&id(name), net(&cidr)?, now(0))
            .map_err(|error| error.to_string())?;
    }
    Ok(())
}

pub(crate) fn exclusion(input: &Value) -> Checked {
    let mut store = empty(Mode::Secondary, 30);
    for (device, eni) in (0..).zip(input["enis"].as_array().ok_or("no interfaces")?) {
        attach(&mut store, eni, device)?;
    }
    let Some(second) = input.get("then_add") else {
        let stats = store.stats(0, now(0));
        return Ok(json!({
            "total": stats.total, "assigned": stats.assigned, "available": stats.available(),
        }));
    };
    let first = match add(&mut store, "a", 0) {
        Ok(given) => json!({ "ip": given.address.to_string() }),
        Err(refusal) => json!(format!("error: {refusal}")),
    };
    let device = second["device"]
        .as_u64()
        .and_then(|device| u32::try_from(device).ok());
    attach(&mut store, second, device.ok_or("no device")?)?;
    let given = add(&mut store, "a", 0).map_err(|error| error.to_string())?;
    Ok(json!({
        "first": first,
        "second": { "ip": given.address.to_string(), "device": given.device },
    }))
}
