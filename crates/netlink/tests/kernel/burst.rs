//! What ADD does not do, so that pods that start together do not wait for each other.

use crate::scene::{Sandbox, on_a_node, pod, run};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};
use vpccni_netlink::pod as wire;

#[test]
fn what_is_so_already_is_not_written() {
    on_a_node(|| {
        // Whatever is written now fails.
        unshare(CloneFlags::CLONE_NEWNS).unwrap();
        let mounted = |path, flags| mount(Some(path), path, None::<&str>, flags, None::<&str>).unwrap();
        mounted("/", MsFlags::MS_REC | MsFlags::MS_PRIVATE);
        mounted("/proc/sys", MsFlags::MS_BIND);
        run("sysctl -qw net.ipv6.conf.default.accept_ra=0");
        mounted(
            "/proc/sys",
            MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY,
        );
        let sandbox = Sandbox::new();
        wire::add(&sandbox.path(), &pod("a", "10.0.1.5")).unwrap();
        mounted("/proc/sys", MsFlags::MS_BIND | MsFlags::MS_REMOUNT);
        run("sysctl -qw net.ipv6.conf.default.accept_ra=1");
        mounted(
            "/proc/sys",
            MsFlags::MS_BIND | MsFlags::MS_REMOUNT | MsFlags::MS_RDONLY,
        );
        let error = wire::add(&Sandbox::new().path(), &pod("b", "10.0.1.6")).unwrap_err();
        assert!(error.to_string().contains("accept_ra=0"), "{error}");
    });
}

#[test]
fn a_pair_has_one_queue_and_no_more() {
    on_a_node(|| {
        let sandbox = Sandbox::new();
        let pod = pod("a", "10.0.1.5");
        wire::add(&sandbox.path(), &pod).unwrap();
        let links = [
            run(&format!("ip -d -o link show {}", pod.host_veth)),
            sandbox.run("ip -d -o link show eth0"),
        ];
        for link in links {
            assert!(
                link.contains("numtxqueues 1 ") && link.contains("numrxqueues 1 "),
                "{link}"
            );
        }
    });
}
