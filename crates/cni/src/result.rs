//! The result of an ADD, in the form of each version of the specification, and read back from `prevResult`.

use crate::conf::null_as_default;
use crate::error::{CniError, Code};
use crate::spec::Spec;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::net::IpAddr;

/// An interface that a plugin made.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct Interface {
    /// Its name.
    pub name: String,
    /// Its Ethernet address; `aws-cni` writes something else there, see `crate::kept`.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub mac: String,
    /// The path of its namespace; empty on the node.
    #[serde(
        skip_serializing_if = "String::is_empty",
        deserialize_with = "null_as_default"
    )]
    pub sandbox: String,
}

/// An address that a plugin gave.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq, Serialize)]
pub struct Ip {
    /// The index of its interface in the list.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub interface: Option<usize>,
    /// With the length of its network.
    #[serde(with = "net")]
    pub address: IpNet,
    /// Where the rest of the world is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub gateway: Option<IpAddr>,
}

/// A network as a text.
mod net {
    use ipnet::IpNet;
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    pub(super) fn serialize<S: Serializer>(net: &IpNet, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(net)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<IpNet, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse()
            .map_err(|_| D::Error::custom(format_args!("{text:?} is no address with a length")))
    }
}

/// A result.
#[derive(Clone, Debug, Default, Deserialize, PartialEq, Eq, Serialize)]
#[serde(default)]
pub struct CniResult {
    /// All interfaces.
    #[serde(deserialize_with = "null_as_default")]
    pub interfaces: Vec<Interface>,
    /// All addresses.
    #[serde(deserialize_with = "null_as_default")]
    pub ips: Vec<Ip>,
}

impl CniResult {
    /// As a version writes it.
    pub fn render(&self, spec: Spec) -> Value {
        if spec < Spec::V0_3_0 {
            return self.render_old(spec);
        }
        let ips: Vec<Value> = self.ips.iter().map(|ip| render_ip(ip, spec)).collect();
        json!({
            "cniVersion": spec.text(),
            "interfaces": self.interfaces,
            "ips": ips,
            "dns": {},
        })
    }

    /// The first versions know one address of each family, and no interfaces.
    fn render_old(&self, spec: Spec) -> Value {
        let mut result = json!({"cniVersion": spec.text(), "dns": {}});
        for (key, v4) in [("ip4", true), ("ip6", false)] {
            if let Some(ip) = self.ips.iter().find(|ip| ip.address.addr().is_ipv4() == v4) {
                result[key] = json!({"ip": ip.address.to_string()});
                if let Some(gateway) = ip.gateway {
                    result[key]["gateway"] = json!(gateway);
                }
            }
        }
        result
    }

    /// Reads a `prevResult`. What the first versions wrote has no interfaces, and so nothing of use.
    pub fn read(value: &Value) -> Result<Self, CniError> {
        Self::deserialize(value)
            .map_err(|error| CniError::because(Code::Decode, "prevResult cannot be decoded", error))
    }
}

fn render_ip(ip: &Ip, spec: Spec) -> Value {
    let mut value = json!(ip);
    if spec < Spec::V1_0_0 {
        value["version"] = json!(if ip.address.addr().is_ipv4() { "4" } else { "6" });
    }
    value
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result() -> CniResult {
        CniResult {
            interfaces: vec![
                Interface {
                    name: "eni1".to_owned(),
                    ..Interface::default()
                },
                Interface {
                    name: "eth0".to_owned(),
                    mac: "254".to_owned(),
                    sandbox: "/run/netns/x".to_owned(),
                },
            ],
            ips: vec![Ip {
                interface: Some(1),
                address: "10.0.0.5/32".parse().unwrap(),
                gateway: None,
            }],
        }
    }

    #[test]
    fn each_version_has_its_form() {
        let interfaces = json!([{"name": "eni1"}, {"name": "eth0", "mac": "254", "sandbox": "/run/netns/x"}]);
        let old = json!({"cniVersion": "0.2.0", "ip4": {"ip": "10.0.0.5/32"}, "dns": {}});
        assert_eq!(result().render(Spec::V0_2_0), old);
        let ip = json!({"interface": 1, "address": "10.0.0.5/32"});
        let mut with_family = ip.clone();
        with_family["version"] = json!("4");
        for (spec, ip) in [
            (Spec::V0_3_1, &with_family),
            (Spec::V0_4_0, &with_family),
            (Spec::V1_0_0, &ip),
            (Spec::V1_1_0, &ip),
        ] {
            let wanted = json!({"cniVersion": spec.text(), "interfaces": interfaces, "ips": [ip], "dns": {}});
            assert_eq!(result().render(spec), wanted);
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for spec in [Spec::V0_3_0, Spec::V1_1_0] {
            assert_eq!(CniResult::read(&result().render(spec)).unwrap(), result());
        }
        let empty = json!({"cniVersion": "1.0.0", "interfaces": null, "ips": null});
        assert_eq!(CniResult::read(&empty).unwrap(), CniResult::default());
        assert_eq!(
            CniResult::read(&json!({"ips": 1})).unwrap_err().code,
            Code::Decode
        );
    }
}
