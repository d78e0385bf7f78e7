//! `egress-cni` with a plugin for addresses that writes down how it was called.

use std::collections::BTreeSet;
use std::fs::{self, Permissions};
use std::net::IpAddr;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;

use serde_json::{Value, json};
use vpccni_cni::Outcome;
use vpccni_cni::kernel::{EgressKernel, KernelError};
use vpccni_core::datapath::{Egress, EgressFamily};
use vpccni_netlink::netns;

use crate::call::{Call, assert_quiet, error, result};
use crate::namespaces::{ip, on_a_node};

/// Remembers the chains.
#[derive(Debug, Default)]
struct Remembering {
    there: Vec<Egress>,
    fails: bool,
}

impl EgressKernel for Remembering {
    fn add(&mut self, _: &Path, egress: &Egress) -> Result<(), KernelError> {
        self.there.push(egress.clone());
        if self.fails {
            Err(KernelError("no memory".to_owned()))
        } else {
            Ok(())
        }
    }

    fn delete(&mut self, family: EgressFamily, chain: &str) -> Result<(), KernelError> {
        self.there
            .retain(|there| (there.family, &*there.chain) != (family, chain));
        Ok(())
    }

    fn addresses(&mut self, _: &Path, family: EgressFamily) -> Result<Vec<IpAddr>, KernelError> {
        let ours = self.there.iter().filter(|there| there.family == family);
        Ok(ours.map(|there| there.address.addr()).collect())
    }

    fn check(&mut self, egress: &Egress) -> Result<(), KernelError> {
        if self.there.contains(egress) {
            Ok(())
        } else {
            Err(KernelError("other".to_owned()))
        }
    }
}

/// A plugin that gives one address, and keeps a list of its calls.
fn addresses(folder: &Path, address: &str) {
    let script = format!(
        "#!/bin/sh\necho \"$CNI_COMMAND $CNI_CONTAINERID\" >> '{0}/calls'\ncat > '{0}/conf'\n\
         [ \"$CNI_COMMAND\" != ADD ] || echo '{{\"cniVersion\": \"1.0.0\", \"ips\": [{{\"address\": \"{address}\"}}]}}'\n",
        folder.display()
    );
    let file = folder.join("host-local");
    fs::write(&file, script).unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o755)).unwrap();
}

fn calls(folder: &Path) -> Vec<String> {
    let text = fs::read_to_string(folder.join("calls")).unwrap_or_default();
    text.lines().map(str::to_owned).collect()
}

fn call(folder: &Path) -> Call {
    Call::new("ADD", folder)
        .set("enabled", "true")
        .set("nodeIP", "10.0.0.9")
        .set("randomizeSNAT", "none")
        .set(
            "ipam",
            json!({"type": "host-local", "ranges": [[{"subnet": "169.254.172.0/22"}]]}),
        )
        .set("prevResult", previous())
}

fn previous() -> Value {
    json!({
        "cniVersion": "1.1.0",
        "interfaces": [{"name": "eni1"}, {"name": "eth0", "mac": "254", "sandbox": "/var/run/netns/none"}],
        "ips": [{"interface": 1, "address": "2001:db8::5/128"}],
        "routes": [{"dst": "::/0"}]
    })
}

fn run(call: &Call, kernel: &mut Remembering) -> Outcome {
    vpccni_cni::egress_cni(&call.variables, call.conf.to_string().as_bytes(), kernel)
}

#[test]
fn an_interface_is_added_to_the_result_and_no_address() {
    let folder = tempfile::tempdir().unwrap();
    addresses(folder.path(), "169.254.172.2/22");
    let mut kernel = Remembering::default();
    let add = call(folder.path()).env("CNI_PATH", folder.path().to_str().unwrap());
    let kept = result(&run(&add, &mut kernel));
    let mut wanted = previous();
    let egress = kernel.there[0].clone();
    let ours = [
        json!({"name": egress.host_veth, "mac": egress.host_mac.to_string()}),
        json!({"name": "v4if0", "sandbox": "/var/run/netns/none"}),
    ];
    wanted["interfaces"].as_array_mut().unwrap().extend(ours);
    assert_eq!(kept, wanted);
    assert_eq!(egress.host_veth.len(), 15);
    assert_eq!(egress.address.to_string(), "169.254.172.2/22");
    let conf: Value = serde_json::from_str(&fs::read_to_string(folder.path().join("conf")).unwrap()).unwrap();
    assert_eq!(
        conf, add.conf,
        "the plugin for addresses has the whole configuration"
    );
    assert_quiet(&run(&add.after("CHECK", &kept), &mut kernel));
    assert_quiet(&run(&add.after("DEL", &kept), &mut kernel));
    assert_quiet(&run(&add.after("DEL", &kept), &mut kernel));
    assert!(kernel.there.is_empty());
    assert_eq!(error(&run(&add.after("CHECK", &kept), &mut kernel)), 100);
    let commands: Vec<String> = calls(folder.path());
    let first: Vec<&str> = commands
        .iter()
        .filter_map(|line| line.split(' ').next())
        .collect();
    assert_eq!(first, ["ADD", "CHECK", "DEL", "DEL", "CHECK"]);
}

#[test]
fn an_address_that_is_of_no_use_is_given_back() {
    let folder = tempfile::tempdir().unwrap();
    let add = call(folder.path()).env("CNI_PATH", folder.path().to_str().unwrap());
    let mut kernel = Remembering {
        fails: true,
        ..Remembering::default()
    };
    addresses(folder.path(), "169.254.172.2/22");
    assert_eq!(error(&run(&add, &mut kernel)), 100);
    assert!(kernel.there.is_empty());
    addresses(folder.path(), "fd00::ac:2/118");
    assert_eq!(error(&run(&add, &mut kernel)), 103);
    let commands: BTreeSet<String> = calls(folder.path())
        .iter()
        .map(|line| line.split(' ').next().unwrap().to_owned())
        .collect();
    assert_eq!(calls(folder.path()).len(), 4);
    assert_eq!(commands, ["ADD".to_owned(), "DEL".to_owned()].into());
}

#[test]
fn switched_off_it_passes_the_result_on() {
    let folder = tempfile::tempdir().unwrap();
    let mut kernel = Remembering::default();
    let add = call(folder.path()).set("enabled", "false").set("nodeIP", "");
    assert_eq!(result(&run(&add, &mut kernel)), previous());
    for command in ["DEL", "CHECK", "STATUS", "GC"] {
        assert_quiet(&run(&add.after(command, &previous()), &mut kernel));
    }
    assert!(calls(folder.path()).is_empty());
}

#[test]
fn mistakes_have_the_codes_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let mut kernel = Remembering::default();
    let add = call(folder.path());
    let code = |call: Call, kernel: &mut Remembering| error(&run(&call, kernel));
    assert_eq!(code(add.clone().set("prevResult", Value::Null), &mut kernel), 7);
    assert_eq!(code(add.clone().set("nodeIP", "here"), &mut kernel), 7);
    assert_eq!(code(add.clone().set("cniVersion", "0.2.0"), &mut kernel), 1);
    assert_eq!(
        code(add.clone().set("ipam", json!({"type": "../x"})), &mut kernel),
        7
    );
    assert_eq!(code(add, &mut kernel), 103, "there is no CNI_PATH");
}

#[test]
fn the_executable_by_its_second_name_makes_a_way_out() {
    on_a_node("the_executable_by_its_second_name_makes_a_way_out", |pod| {
        let folder = tempfile::tempdir().unwrap();
        let folder = folder.path();
        addresses(folder, "169.254.172.2/22");
        let program = folder.join("egress-cni");
        symlink(env!("CARGO_BIN_EXE_aws-cni"), &program).unwrap();
        let path = format!("/bin:/usr/bin:{}", folder.display());
        let add = call(folder)
            .set("nodeIP", "10.0.0.2")
            .env("CNI_NETNS", pod.path().to_str().unwrap())
            .env("CNI_PATH", &path)
            .env("PATH", "/bin:/usr/bin");
        let added = add.spawn_as(&program);
        assert_eq!((added.code, &*added.stderr), (Some(0), ""), "{added:?}");
        let kept = added.json();
        assert_eq!(kept["interfaces"][3]["name"], "v4if0");
        let inside = netns::within(pod, || (ip("addr show v4if0"), ip("route"))).unwrap();
        assert!(inside.0.contains("inet 169.254.172.2/22"), "{inside:?}");
        assert!(
            inside.1.contains("default via 169.254.172.1 dev v4if0"),
            "{inside:?}"
        );
        let outside = ip("route");
        assert!(outside.contains("169.254.172.2 dev veth"), "{outside}");
        assert_eq!(
            fs::read_to_string("/proc/sys/net/ipv4/ip_forward").unwrap(),
            "1\n"
        );
        let check = add.after("CHECK", &kept);
        check.spawn_as(&program).assert_quiet();
        ip("route del 169.254.172.2");
        assert_eq!(check.spawn_as(&program).error(), 100);
        add.after("DEL", &kept).spawn_as(&program).assert_quiet();
        add.after("DEL", &kept)
            .env("CNI_NETNS", "")
            .spawn_as(&program)
            .assert_quiet();
    });
}
