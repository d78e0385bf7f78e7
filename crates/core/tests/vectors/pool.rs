//! Checks of areas about the pool: whether it is low, its next step, and what it ends up with.

use crate::Checked;
use crate::sim::{Node, effective, limits};
use serde_json::{Value, json};
use vpccni_core::assign::{EniView, Mode, Role};
use vpccni_core::config::{Effective, Key, Value as Setting};
use vpccni_core::pool::{Demand, Next, Pending, PoolAction, Supply, Want, after_assign_failed};
use vpccni_core::ports::{CloudError, CloudErrorKind};

fn number(input: &Value, field: &str) -> Option<u32> {
    input[field]
        .as_u64()
        .and_then(|number| u32::try_from(number).ok())
}

/// The settings of an input: numbers or texts; `-` and null are absent, and so is a MAX_ENI below 1.
fn settings(input: &Value) -> Result<Effective, String> {
    let prefixes = match input["mode"].as_str() {
        Some("prefix") => true,
        Some("secondary") => false,
        other => return Err(format!("unknown mode {other:?}")),
    };
    let is_on = |field: &str| input[field] == json!(true) || input[field] == json!("true");
    let mut set = vec![
        (Key::EnablePrefixDelegation, Setting::Bool(prefixes)),
        (Key::CustomNetworkCfg, Setting::Bool(is_on("custom_networking"))),
        (
            Key::ManageEnisNonSchedulable,
            Setting::Bool(is_on("AWS_MANAGE_ENIS_NON_SCHEDULABLE")),
        ),
    ];
    if let Some(on) = input["subnet_discovery"].as_bool() {
        set.push((Key::EnableSubnetDiscovery, Setting::Bool(on)));
    }
    let targets = [
        ("warm_eni_target", Key::WarmEniTarget),
        ("warm_ip_target", Key::WarmIpTarget),
        ("minimum_ip_target", Key::MinimumIpTarget),
        ("warm_prefix_target", Key::WarmPrefixTarget),
    ];
    for (field, key) in targets {
        let value = match &input[field] {
            Value::String(text) => text.parse().ok(),
            other => other.as_i64(),
        };
        if let Some(value) = value {
            set.push((key, Setting::Int(value)));
        }
    }
    if let Some(most) = input["MAX_ENI"].as_i64().filter(|most| *most >= 1) {
        set.push((Key::MaxEni, Setting::Int(most)));
    }
    Ok(effective(&set))
}

/// Addresses or prefixes an interface can hold.
fn slots(input: &Value) -> u32 {
    let per_eni = number(input, "max_prefixes_per_eni").or_else(|| number(input, "max_ips_per_eni"));
    let all = number(input, "ipv4_per_eni").map(|all| all - 1);
    // The live tests ran on a type like m5.xlarge.
    per_eni.or(all).unwrap_or(14)
}

fn bare(input: &Value) -> Result<Node, String> {
    let max_enis = number(input, "max_eni").filter(|most| *most > 0).unwrap_or(4);
    let mut node = Node::bare(limits(max_enis, slots(input) + 1), settings(input)?);
    node.max_pods = number(input, "max_pods").unwrap_or(1_000_000);
    node.cordoned = input["node_unschedulable"].as_bool().unwrap_or(false)
        && !node.effective.is_on(Key::ManageEnisNonSchedulable);
    Ok(node)
}

/// Attaches the interfaces of an input, with so many blocks each.
fn attach(node: &mut Node, enis: &[Value]) {
    let want = match node.mode() {
        Mode::Prefix => Want::Prefixes,
        Mode::Secondary | Mode::Ipv6 => Want::Addresses,
    };
    for (at, eni) in enis.iter().enumerate() {
        let is = |field: &str| eni[field].as_bool().unwrap_or(false);
        let role = Role {
            primary: is("primary") || eni["id"] == "primary",
            trunk: is("trunk"),
            efa: is("efa"),
            excluded: is("excluded"),
        };
        let name = eni["id"].as_str().filter(|name| name.starts_with("eni-"));
        let name = name.map_or_else(|| format!("eni-{at}"), ToOwned::to_owned);
        let id = node.attach(&name, 0, role);
        node.fill(&id, want, number(eni, "ips").unwrap_or(0));
    }
}

fn add_pods(node: &mut Node, count: u32) -> Result<(), String> {
    for pod in 0..count {
        node.add_pod(pod).map_err(|why| format!("pod {pod}: {why}"))?;
    }
    Ok(())
}

fn is_low(node: &Node) -> bool {
    let demand = Demand {
        effective: &node.effective,
        mode: node.mode(),
        card: 0,
        slots: node.limits.slots_per_eni(),
        max_pods: node.max_pods,
    };
    demand.is_low(&Supply::from(node.stats()))
}

pub(crate) fn too_low(input: &Value) -> Checked {
    let mut node = bare(input)?;
    if let Some(enis) = input["enis"].as_array() {
        attach(&mut node, enis);
    } else {
        let total = number(input, "total_ips").ok_or("no total")?;
        let blocks = match node.mode() {
            Mode::Prefix => total / 16,
            Mode::Secondary | Mode::Ipv6 => total,
        };
        attach(&mut node, &[json!({ "primary": true, "ips": blocks })]);
    }
    add_pods(&mut node, number(input, "assigned_ips").unwrap_or(0))?;
    Ok(json!({ "pool_too_low": is_low(&node) }))
}

/// Plans and carries out until something works, with the errors of the input.
pub(crate) fn increase(input: &Value) -> Checked {
    let mut node = bare(input)?;
    attach(&mut node, input["enis"].as_array().map_or(&[], Vec::as_slice));
    if node.effective.subnet_discovery() {
        node.subnets.push(crate::sim::subnet("subnet-1"));
    }
    let mut calls = Vec::new();
    let mut waits_for = None;
    'plans: while let Some(action) = node.plan().into_iter().next() {
        match &action {
            PoolAction::Assign { eni, count, .. } => {
                let mut count = *count;
                loop {
                    let error = failure(input, "AssignPrivateIpAddresses");
                    let result = if error.is_some() { "error" } else { "ok" };
                    calls.push(json!({ "op": "AssignPrivateIpAddresses", "count": count, "result": result }));
                    match error.map(|error| after_assign_failed(&error, count)) {
                        None | Some(Next::Look | Next::BackOff) => break 'plans,
                        Some(Next::RetryWithOne) => count = 1,
                        Some(Next::SubnetFull) => {
                            let view = node.store.eni(eni, node.now()).ok_or("no interface")?;
                            let subnet = view.eni.subnet.clone().ok_or("no subnet")?;
                            let until = vpccni_core::pool::capacity_blocked_until(node.now(), 0);
                            node.full.insert(subnet, until);
                            continue 'plans;
                        }
                    }
                }
            }
            PoolAction::CreateEni {
                card, want, count, ..
            } => {
                let filled = match want {
                    Want::Prefixes => "prefixes",
                    Want::Addresses | Want::Ipv6Prefixes => "secondary_ips",
                };
                let groups = if node.effective.custom_networking() {
                    "eniconfig"
                } else {
                    "primary"
                };
                calls.push(json!({
                    "op": "CreateNetworkInterface+Attach", "network_card": card, filled: count,
                    "security_groups": groups,
                }));
                waits_for = Some(*count);
                break;
            }
            PoolAction::Release { .. } | PoolAction::DeleteEni { .. } => {
                return Err(format!("unexpected: {action}"));
            }
        }
    }
    Ok(json!({ "ec2": calls, "wait_for_imds_ips": waits_for }))
}

fn failure(input: &Value, action: &str) -> Option<CloudError> {
    let code = input["ec2_errors"][action].as_str()?;
    Some(CloudError {
        kind: CloudErrorKind::Invalid,
        action: "ec2:AssignPrivateIpAddresses",
        code: code.to_owned(),
        message: String::new(),
    })
}

pub(crate) fn removal(input: &Value) -> Checked {
    let mut with_sizes = input.clone();
    with_sizes["max_eni"] = json!(15);
    with_sizes["max_ips_per_eni"] = json!(49);
    let mut node = bare(&with_sizes)?;
    let all = input["enis"].as_array().ok_or("no interfaces")?;
    let present = input["present"].as_array();
    let is_there = |eni: &&Value| present.is_none_or(|present| present.contains(&eni["id"]));
    let there: Vec<Value> = all.iter().filter(is_there).cloned().collect();
    attach(&mut node, &there);
    add_pods(
        &mut node,
        there.iter().map(|eni| number(eni, "assigned").unwrap_or(0)).sum(),
    )?;
    let age = there.iter().filter_map(|eni| eni["age_s"].as_i64()).min();
    node.clock += age.unwrap_or(9999);
    let removed = node.plan().into_iter().find_map(|action| match action {
        PoolAction::DeleteEni { eni, .. } => Some(eni.to_string()),
        _ => None,
    });
    let left = there.len() - usize::from(removed.is_some());
    Ok(json!({ "removed": removed, "enis": left }))
}

/// Starts with the primary interface alone, settles, and settles again after each pod.
pub(crate) fn settled(input: &Value) -> Checked {
    // A live test says MAX_ENI where the others say what the type can carry.
    let mut input = input.clone();
    if input["ipv4_per_eni"].is_null() {
        input["MAX_ENI"] = input["max_eni"].take();
    }
    let mut node = bare(&input)?;
    attach(&mut node, &[json!({ "id": "eni-0", "primary": true })]);
    node.settle();
    for pod in 0..number(&input, "pods").ok_or("no pods")? {
        node.add_pod(pod).map_err(|why| format!("pod {pod}: {why}"))?;
        node.settle();
    }
    assert!(node.pending.values().all(|pending| *pending == Pending::Other));
    let stats = node.stats();
    let views = node.store.enis(0, node.now());
    let blocks = |view: &EniView<'_>| view.blocks.len();
    let per_eni: Vec<usize> = views.iter().map(blocks).collect();
    let cidrs: usize = per_eni.iter().sum();
    Ok(json!({
        "enis": views.len(),
        "attached_enis": views.len(),
        "secondary_ips": stats.total,
        "total_ips": stats.total,
        "unused_ips": stats.available(),
        "available": stats.available(),
        "ips_per_eni": per_eni,
        "prefixes_per_eni": per_eni,
        "per_eni": per_eni,
        "cidrs": cidrs,
        "prefixes": stats.prefixes,
        "unused_prefixes": stats.free_prefixes,
        "pool_too_low": is_low(&node),
    }))
}
