//! A node: the namespaces of an EC2 instance, with the links that its interfaces are and the folders of its disk.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::Command;

use vpccni_core::ids::InstanceId;

use super::Vpc;
use super::cgroup;
use super::error::BoxError;
use super::fabric::Socket;
use super::folders::Disk;
use super::forward::Forwarder;
use super::process::Running;
use super::space::Space;

/// The search path of programs in a box.
pub(super) const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// A fresh EKS node: strict about sources until the CNI says otherwise, forwarding as the container runtime's file in
/// sysctl.d has it.
const FRESH: &str = "
cd /proc/sys/net
echo 1 >ipv4/ip_forward
echo 0 >ipv4/conf/all/rp_filter
echo 1 >ipv4/conf/default/rp_filter
echo 0 >ipv4/conf/all/send_redirects
echo 0 >ipv6/conf/default/accept_dad
ip link set lo up
";

/// A node. Everything of it ends when this is dropped.
#[derive(Debug)]
pub struct NodeBox {
    name: String,
    instance: InstanceId,
    address: Ipv4Addr,
    // Dropped in this order: what is plugged in, what listens inside, the processes, the disk.
    socket: Socket,
    forwarders: BTreeMap<SocketAddr, Forwarder>,
    space: Space,
    disk: Disk,
    vpc: Vpc,
}

impl NodeBox {
    /// Boots an instance: its interfaces are plugged in, IMDS answers, and AWS is at the same address as outside.
    pub async fn boot(vpc: &Vpc, instance: &InstanceId) -> Result<Self, BoxError> {
        let aws = vpc.sandbox().address();
        Self::boot_from(vpc, instance, Disk::new()?, &[aws]).await
    }

    async fn boot_from(
        vpc: &Vpc,
        instance: &InstanceId,
        disk: Disk,
        carried: &[SocketAddr],
    ) -> Result<Self, BoxError> {
        let known = vpc.sandbox().world().read(|world| {
            let instance = world.instances.get(instance)?;
            Some((instance.private_dns.clone(), instance.private_ip))
        });
        let (name, address) =
            known.ok_or_else(|| BoxError::Sandbox(format!("there is no instance {instance}")))?;
        let space = Space::new(&disk.mounts())?;
        space.tool("/bin/sh", &["-ec", FRESH], "")?;
        let imds = vpc.imds(instance).await?;
        let socket = vpc.fabric().plug(instance, &space, imds).await?;
        let mut node = Self {
            name,
            instance: instance.clone(),
            address,
            socket,
            forwarders: BTreeMap::new(),
            space,
            disk,
            vpc: vpc.clone(),
        };
        for server in carried {
            node.carry(*server)?;
        }
        Ok(node)
    }

    /// Power off and on: processes, namespaces, rules and /run are gone, the disk and the interfaces are not.
    pub async fn reboot(self) -> Result<Self, BoxError> {
        let Self {
            name: _,
            instance,
            address: _,
            socket,
            forwarders,
            space,
            disk,
            vpc,
        } = self;
        let carried: Vec<SocketAddr> = forwarders.keys().copied().collect();
        drop((socket, forwarders, space));
        disk.forget()?;
        Self::boot_from(&vpc, &instance, disk, &carried).await
    }

    /// Lets programs inside reach a server of this machine at the same loopback address.
    pub fn carry(&mut self, server: SocketAddr) -> Result<(), BoxError> {
        if self.forwarders.contains_key(&server) {
            return Ok(());
        }
        let forwarder = Forwarder::start(&self.space, server, server)?;
        self.forwarders.insert(server, forwarder);
        Ok(())
    }

    /// The name of its Node: the private DNS name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its instance.
    pub fn instance(&self) -> &InstanceId {
        &self.instance
    }

    /// Its primary address.
    pub fn address(&self) -> IpAddr {
        self.address.into()
    }

    /// The same, which is of IPv4 always.
    pub fn primary(&self) -> Ipv4Addr {
        self.address
    }

    /// Its namespaces.
    pub fn space(&self) -> &Space {
        &self.space
    }

    /// The VPC that it is in.
    pub fn vpc(&self) -> &Vpc {
        &self.vpc
    }

    /// A path of the node as this process can open it.
    pub fn path(&self, inside: impl AsRef<Path>) -> PathBuf {
        let inside = inside.as_ref();
        self.disk
            .outside(inside)
            .unwrap_or_else(|| self.space.path(inside))
    }

    /// Runs a program of the node to its end and gives what it printed.
    pub fn run(&self, program: &str, args: &[&str]) -> Result<String, BoxError> {
        self.space.run(program, args, "")
    }

    /// Starts a program with this environment and no other; its output goes to `/var/log/<name>.log`.
    pub fn start(
        &self,
        name: &str,
        program: &Path,
        args: &[&str],
        env: &BTreeMap<String, String>,
    ) -> Result<Running, BoxError> {
        let log = self.path(format!("/var/log/{name}.log"));
        let mut command = Command::new("/bin/sh");
        command.args(["-c", cgroup::ENTER, "enter"]).arg(program);
        command.args(args).env_clear().env("PATH", PATH).envs(env);
        Running::start(&self.space, command.current_dir("/"), log)
    }
}
