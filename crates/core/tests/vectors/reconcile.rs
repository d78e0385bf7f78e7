//! The check of reconciling: the store against what the metadata service and EC2 show.

use crate::Checked;
use crate::sim::{Node, effective, id, limits};
use crate::store::{device_of, eni, net, now};
use jiff::Timestamp;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use vpccni_core::assign::{Force, IpNet, Role, Store};
use vpccni_core::config::{Key as Setting, Value as SettingValue};
use vpccni_core::ids::EniId;
use vpccni_core::pool::{EniSeen, FRESH, Observed, Step, reconcile};

/// What the metadata service shows in a step; EC2 says the same when it is asked.
fn apply(step: &str, shown: &mut BTreeMap<EniId, EniSeen>) -> Result<(), String> {
    let (first, second) = (id("eni-1"), id("eni-2"));
    let count = |unit: &str| {
        let before = step.split(unit).next()?.trim_end();
        before.rsplit(' ').next()?.parse::<u32>().ok()
    };
    if step.contains("disappears") {
        shown.remove(&second);
        return Ok(());
    }
    let target = if step.contains("second") { second } else { first };
    let cidrs = if step.contains("drops") {
        Ok(Vec::new())
    } else if let Some(prefixes) = count("/28") {
        (0..prefixes)
            .map(|n| net(&format!("10.{}.0.{}/28", shown.len(), 16 * n)))
            .collect()
    } else {
        let addresses = count("usable IP").or_else(|| count("secondary IP"));
        let addresses = addresses.ok_or_else(|| format!("unknown step {step}"))?;
        (0..addresses)
            .map(|n| net(&format!("10.{}.0.{n}/32", shown.len())))
            .collect()
    };
    let device = device_of(target.as_str())?;
    let seen = EniSeen {
        id: target.clone(),
        card: 0,
        device,
        kind: None,
        subnet: None,
        cidrs: cidrs.map(|list: Vec<IpNet>| list.into_iter().collect())?,
    };
    shown.insert(target, seen);
    Ok(())
}

/// Every step is reconciled twice: once before EC2 has answered, when nothing may go, and once after.
pub(crate) fn reconciling(input: &Value) -> Checked {
    let prefixes = input["mode"] == "prefix";
    let settings = [(Setting::EnablePrefixDelegation, SettingValue::Bool(prefixes))];
    let mut store = Node::bare(limits(4, 10), effective(&settings)).store;
    let mut shown = BTreeMap::new();
    let (mut enis, mut totals) = (Vec::new(), Vec::new());
    let mut clock = 0;
    for step in input["steps"].as_array().ok_or("no steps")? {
        clock += FRESH.as_secs();
        apply(step.as_str().ok_or("a step is no text")?, &mut shown)?;
        let imds: Vec<EniSeen> = shown.values().cloned().collect();
        let mut ec2 = BTreeMap::new();
        for _ in 0..2 {
            let observed = Observed {
                imds: &imds,
                ec2: &ec2,
                imds_only: false,
                released: &BTreeMap::new(),
                pending: &BTreeMap::new(),
            };
            let found = reconcile(&store, &observed, now(clock));
            if !found.ask.is_empty() {
                assert_eq!(found.steps, [], "something was done before EC2 was asked");
            }
            ec2 = found
                .ask
                .iter()
                .map(|id| (id.clone(), shown.get(id).cloned()))
                .collect();
            for step in found.steps {
                carry_out(&mut store, step, now(clock))?;
            }
        }
        enis.push(store.enis(0, now(clock)).len());
        totals.push(store.stats(0, now(clock)).total);
    }
    Ok(json!({ "enis": enis, "total_ips": totals }))
}

fn carry_out(store: &mut Store, step: Step, now: Timestamp) -> Result<(), String> {
    let done = match step {
        Step::AddEni(seen) => {
            let role = Role {
                primary: seen.device == 0,
                ..Role::default()
            };
            let mut new = eni(seen.id.as_str(), seen.device, role);
            new.added = now;
            let mut cidrs = seen.cidrs.iter();
            store
                .add_eni(new)
                .and_then(|()| cidrs.try_for_each(|cidr| store.add_cidr(&seen.id, *cidr, now)))
        }
        Step::AddCidr { eni, cidr } => store.add_cidr(&eni, cidr, now),
        Step::RemoveCidr { eni, cidr } => store.remove_cidr(&eni, cidr, Force::Yes).map(|_| ()),
        Step::RemoveEni { eni } => store.remove_eni(&eni, Force::Yes).map(|_| ()),
    };
    done.map_err(|error| error.to_string())
}
