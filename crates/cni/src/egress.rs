//! `egress-cni`: a way out by the other family, behind an address of the node. Chained after `aws-cni`; it adds to the
//! result the interfaces it makes, but not their address, which nobody outside the pod can use.
//!
//! Which addresses of the range are taken is known to the plugin that the configuration names, `host-local`.

use crate::conf::{decode, null_as_default};
use crate::delegate;
use crate::environment::{Command, Environment};
use crate::error::{CniError, Code};
use crate::kernel::{EgressKernel, KernelError};
use crate::log::Log;
use crate::result::{CniResult, Ip};
use crate::spec::Spec;
use serde::Deserialize;
use serde_json::{Value, json};
use std::net::IpAddr;
use vpccni_core::config::plugin_mtu;
use vpccni_core::conflist::DEFAULT_MTU;
use vpccni_core::datapath::{Egress, EgressFamily, Random, egress_chain_name, host_mac, host_veth_name};

/// Apart from the indices of the pod's own interfaces, whose Ethernet addresses are made of the same container.
const MAC_INDEX: u32 = 100;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
struct Conf {
    #[serde(deserialize_with = "null_as_default")]
    name: String,
    #[serde(deserialize_with = "null_as_default")]
    enabled: String,
    #[serde(deserialize_with = "null_as_default")]
    mtu: String,
    #[serde(rename = "nodeIP", deserialize_with = "null_as_default")]
    node_ip: String,
    #[serde(rename = "randomizeSNAT", deserialize_with = "null_as_default")]
    randomize_snat: String,
    #[serde(deserialize_with = "null_as_default")]
    ipam: Ipam,
    prev_result: Option<Value>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct Ipam {
    #[serde(rename = "type")]
    kind: String,
}

/// One call, of which is known that egress is on.
struct Call<'a> {
    env: &'a Environment,
    stdin: &'a [u8],
    conf: &'a Conf,
    node_ip: IpAddr,
    family: EgressFamily,
    kernel: &'a mut dyn EgressKernel,
    log: &'a Log,
}

/// Runs the command; what it gives is printed, if anything.
pub(crate) fn run(
    env: &Environment,
    stdin: &[u8],
    spec: Spec,
    kernel: &mut dyn EgressKernel,
    log: &Log,
) -> Result<Option<Value>, CniError> {
    let conf: Conf = decode(stdin)?;
    match env.command {
        Command::Add => spec.at_least(Spec::V0_3_0, "a chained plugin")?,
        Command::Check => spec.at_least(Spec::V0_4_0, env.command.text())?,
        Command::Gc | Command::Status => spec.at_least(Spec::V1_1_0, env.command.text())?,
        Command::Del | Command::Version => {}
    }
    let previous = match (env.command, &conf.prev_result) {
        (Command::Add | Command::Check, None) => {
            let message = "egress-cni must be chained: there is no prevResult";
            return Err(CniError::new(Code::InvalidConfig, message));
        }
        (_, previous) => previous.clone(),
    };
    if conf.enabled != "true" {
        return Ok(previous.filter(|_| env.command == Command::Add));
    }
    let node_ip: IpAddr = conf.node_ip.parse().map_err(|error| {
        CniError::because(Code::InvalidConfig, format!("nodeIP {:?}", conf.node_ip), error)
    })?;
    let mut call = Call {
        env,
        stdin,
        conf: &conf,
        node_ip,
        family: if node_ip.is_ipv4() {
            EgressFamily::V4
        } else {
            EgressFamily::V6
        },
        kernel,
        log,
    };
    match env.command {
        Command::Add => call.add(previous.unwrap_or_default()).map(Some),
        Command::Del => call.del().map(|()| None),
        Command::Check => call.check().map(|()| None),
        Command::Gc | Command::Status | Command::Version => call.ipam(env.command).map(|_| None),
    }
}

impl Call<'_> {
    fn ipam(&self, command: Command) -> Result<Option<Value>, CniError> {
        delegate::run(&self.conf.ipam.kind, command, self.env, self.stdin)
    }

    fn chain(&self) -> String {
        egress_chain_name(self.family, &self.conf.name, &self.env.container_id)
    }

    fn egress(&self, ip: &Ip) -> Egress {
        Egress {
            family: self.family,
            host_veth: host_veth_name("veth", &self.env.container_id, &self.env.if_name, 0),
            address: ip.address,
            host_mac: host_mac(&self.env.container_id, MAC_INDEX),
            primary_if: self.env.if_name.clone(),
            mtu: u32::try_from(plugin_mtu(&self.conf.mtu)).unwrap_or(DEFAULT_MTU),
            node_ip: self.node_ip,
            random: Random::parse(&self.conf.randomize_snat),
            chain: self.chain(),
        }
    }

    fn add(&mut self, mut previous: Value) -> Result<Value, CniError> {
        let given = self.ipam(Command::Add)?.unwrap_or_default();
        let added = self.address(&given).and_then(|ip| {
            let egress = self.egress(&ip);
            self.kernel
                .add(self.env.netns(), &egress)
                .map(|()| egress)
                .map_err(|error| network("set up egress", error))
        });
        let egress = match added {
            Ok(egress) => egress,
            Err(error) => {
                self.give_back();
                return Err(error);
            }
        };
        self.log
            .info(format_args!("added {} with {}", egress.host_veth, egress.address));
        let ours = [
            json!({"name": egress.host_veth, "mac": egress.host_mac.to_string()}),
            json!({"name": self.family.interface(), "sandbox": self.env.netns}),
        ];
        match previous["interfaces"].as_array_mut() {
            Some(interfaces) => interfaces.extend(ours),
            None => previous["interfaces"] = json!(ours),
        }
        Ok(previous)
    }

    /// The address of our family.
    fn address(&self, given: &Value) -> Result<Ip, CniError> {
        let v4 = self.family == EgressFamily::V4;
        let ips = CniResult::read(given)?.ips;
        ips.into_iter()
            .find(|ip| ip.address.addr().is_ipv4() == v4)
            .ok_or_else(|| CniError::new(Code::Delegate, "the plugin for addresses gave none of the family"))
    }

    /// The chain goes, too: an address that the next container gets must not lead to the chain of this one.
    fn give_back(&mut self) {
        if let Err(error) = self.kernel.delete(self.family, &self.chain()) {
            self.log.warn(format_args!("clean up: {error}"));
        }
        if let Err(error) = self.ipam(Command::Del) {
            self.log.warn(format_args!("clean up: {error}"));
        }
    }

    /// First the chain, then the address, so that nobody gets the address while the chain still has it.
    fn del(&mut self) -> Result<(), CniError> {
        self.kernel
            .delete(self.family, &self.chain())
            .map_err(|error| network("remove egress", error))?;
        self.ipam(Command::Del).map(drop)
    }

    fn check(&mut self) -> Result<(), CniError> {
        self.ipam(Command::Check)?;
        let netns = self.env.netns();
        let addresses = self.kernel.addresses(netns, self.family);
        let addresses = addresses.map_err(|error| network("look for egress", error))?;
        let Some(address) = addresses.first() else {
            let message = format!("{} has no address", self.family.interface());
            return Err(CniError::new(Code::Network, message));
        };
        let length = self.family.range().prefix_len();
        let net = ipnet::IpNet::new(*address, length)
            .map_err(|error| CniError::because(Code::Internal, "an address of a range", error))?;
        let egress = self.egress(&Ip {
            interface: None,
            address: net,
            gateway: None,
        });
        self.kernel
            .check(&egress)
            .map_err(|error| network("egress is not as it was set up", error))
    }
}

fn network(message: &str, error: KernelError) -> CniError {
    CniError::because(Code::Network, message, error)
}
