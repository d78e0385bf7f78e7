//! What the task says of itself: the snapshot of introspection, the numbers of the metrics, the report to the operator.

use super::Agent;
use super::done::Done;
use crate::clock;
use crate::kubernetes::Report;
use crate::metrics::Numbers;
use jiff::Timestamp;
use serde_json::{Value, json};
use vpccni_api::node_state::ObservedMode;
use vpccni_core::assign::{IpNet, Lease, Mode};
use vpccni_core::max_pods::possible;

/// What the store holds, as the introspection shows it.
#[derive(Debug, Clone, PartialEq)]
pub struct Look {
    /// By network card.
    pub enis: Value,
}

fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

impl Agent {
    pub(super) fn snapshot(&self, now: Timestamp) -> Look {
        let cards = self.store.cards().map(|card| {
            let stats = self.store.stats(card, now);
            let enis: serde_json::Map<String, Value> = self
                .store
                .enis(card, now)
                .into_iter()
                .map(|view| {
                    let id = view.eni.id.to_string();
                    let eni = self.eni_json(&view);
                    (id, eni)
                })
                .collect();
            let value = json!({
                "TotalIPs": stats.total, "AssignedIPs": stats.assigned, "CooldownIPs": stats.cooling,
                "TotalPrefixes": stats.prefixes, "ENIs": enis,
            });
            (card.to_string(), value)
        });
        Look {
            enis: Value::Object(cards.collect()),
        }
    }

    fn eni_json(&self, view: &vpccni_core::assign::EniView<'_>) -> Value {
        let leases: Vec<Lease<'_>> = self.store.leases(view.eni.card).collect();
        let blocks = |six: bool| -> Value {
            let of_family = view
                .blocks
                .iter()
                .filter(|block| matches!(block.net, IpNet::V6(_)) == six);
            let rows = of_family.map(|block| {
                let held = leases.iter().filter(|lease| block.net.contains(&lease.address));
                let addresses: serde_json::Map<String, Value> = held
                    .map(|lease| {
                        let pod = lease.pod.map(|pod| (pod.namespace.as_str(), pod.name.as_str()));
                        let (namespace, name) = pod.unwrap_or_default();
                        // Who may read this must not learn what names a container to the runtime.
                        let key = json!({"networkName": lease.key.network, "containerID": "", "ifName": ""});
                        let value = json!({
                            "Address": lease.address, "IPAMKey": key, "AssignedTime": lease.since.to_string(),
                            "IPAMMetadata": {"k8sPodNamespace": namespace, "k8sPodName": name,
                                "interfacesCount": lease.interfaces},
                        });
                        (lease.address.to_string(), value)
                    })
                    .collect();
                let row = json!({
                    "Cidr": block.net.to_string(), "IPAddresses": addresses, "IsPrefix": block.net.prefix_len() != 32,
                });
                (block.net.to_string(), row)
            });
            Value::Object(rows.collect())
        };
        let role = view.eni.role;
        json!({
            "ID": view.eni.id.to_string(), "IsPrimary": role.primary, "IsTrunk": role.trunk, "IsEFA": role.efa,
            "IsExcludedForPodIPs": role.excluded, "DeviceNumber": view.eni.device,
            "NetworkCard": view.eni.card, "SubnetID": view.eni.subnet.as_ref().map(ToString::to_string),
            "RouteTableID": vpccni_core::datapath::route_table_id(view.eni.card, view.eni.device),
            "AvailableIPv4Cidrs": blocks(false), "IPv6Cidrs": blocks(true),
        })
    }

    /// Tells everybody what has changed.
    pub(super) fn publish(&mut self) {
        let now = clock::now();
        let numbers = self.numbers(now);
        let metrics = self.tools.cloud.metrics();
        metrics.numbers(numbers);
        let mut held = Vec::new();
        for card in self.store.cards() {
            for view in self.store.enis(card, now) {
                for block in &view.blocks {
                    held.push((
                        view.eni.id.to_string(),
                        block.net.to_string(),
                        i64::from(block.held),
                    ));
                }
            }
        }
        metrics.held(
            held.iter()
                .map(|(eni, block, held)| (eni.as_str(), block.clone(), *held)),
        );
        let ready = numbers.total > numbers.assigned + numbers.cooling;
        let trunk = self
            .interfaces
            .values()
            .find(|interface| interface.role.trunk)
            .map(|trunk| trunk.mac);
        self.facts.send_if_modified(|facts| {
            let changed = facts.ready != ready || facts.trunk != trunk;
            (facts.ready, facts.trunk) = (ready, trunk);
            changed
        });
        self.report(numbers, now);
    }

    fn numbers(&self, now: Timestamp) -> Numbers {
        let node = &self.tools.node;
        let most = i64::from(node.settings.effective.max_enis_on(&node.limits));
        let unmanaged: i64 = self.cards.values().map(|card| i64::from(card.unmanaged)).sum();
        let per_eni = i64::from(node.slots()) * if node.mode == Mode::Prefix { 16 } else { 1 };
        let mut numbers = Numbers {
            eni_max: most,
            ip_max: per_eni * (most - unmanaged).max(0),
            enis: i64::try_from(self.interfaces.len()).unwrap_or(i64::MAX),
            ..Numbers::default()
        };
        for card in self.store.cards() {
            let stats = self.store.stats(card, now);
            numbers.total = numbers.total.saturating_add(signed(stats.total));
            numbers.assigned += signed(stats.assigned);
            numbers.cooling += signed(stats.cooling);
            numbers.prefixes += signed(stats.prefixes);
        }
        numbers
    }

    fn report(&mut self, numbers: Numbers, now: Timestamp) {
        let Some(kubernetes) = self.tools.kubernetes.clone() else {
            return;
        };
        let node = &self.tools.node;
        let max_pods = kubernetes.node().and_then(|node| node.capacity_pods);
        let all = self.store.cards().flat_map(|card| self.store.enis(card, now));
        let single = all
            .flat_map(|view| view.blocks)
            .filter(|block| block.net.max_prefix_len() == 32 && block.net.prefix_len() == 32)
            .count();
        let free = numbers.total - numbers.assigned - numbers.cooling;
        let report = Report {
            identity: node.identity.clone(),
            mode: match (node.mode, single > 0, numbers.prefixes > 0) {
                (Mode::Ipv6, _, _) => ObservedMode::Prefix,
                (_, true, true) => ObservedMode::Mixed,
                (Mode::Secondary, _, _) => ObservedMode::SecondaryIp,
                (Mode::Prefix, _, _) => ObservedMode::Prefix,
            },
            attached: numbers.enis + self.unmanaged.len().try_into().unwrap_or(0),
            secondary_ips: i64::try_from(single).unwrap_or(0),
            prefixes: numbers.prefixes,
            trunk: self.interfaces.values().any(|interface| interface.role.trunk),
            pool: (numbers.assigned, free, numbers.cooling),
            max_pods: max_pods.map(i64::from),
            possible: Some(i64::from(possible(&node.limits, &node.settings.effective))),
            last_error: self.last_error.clone(),
        };
        if self.timers.reporting || self.reported.as_ref() == Some(&report) {
            return;
        }
        self.timers.reporting = true;
        self.reported = Some(report.clone());
        // A burst of pods is one report: what changes meanwhile goes with the next.
        let pause = self.tools.pace.tick;
        self.operate(async move {
            let written = kubernetes.report(&report).await;
            tokio::time::sleep(pause).await;
            Done::Reported(written)
        });
    }
}
