//! The words that the manifest starts the executable with: init, probe, run, and clean at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use vpccni_testbed::boxes::{Agent, AgentOptions, Egress, NodeBox};

use crate::bed::{ZONES, vpc};
use crate::steady::{add, names};

const RP_FILTER: &str = "ipv4/conf/eth0/rp_filter";
const DEMUX: &str = "ipv4/tcp_early_demux";
const FORWARDING: &str = "ipv6/conf/all/forwarding";
const ROUTER: &str = "ipv6/conf/eth0/accept_ra";

fn value(node: &NodeBox, name: &str) -> String {
    let path = format!("/proc/sys/net/{name}");
    node.run("cat", &[&path]).unwrap().trim().to_owned()
}

fn env(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
    let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
    pairs.iter().map(own).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_is_set_up_watched_and_cleaned_by_one_executable() {
    let Some(vpc) = vpc(Egress::InternetGateway).await else {
        return;
    };
    let node = vpc.launch(ZONES[0], "m5.large").await.unwrap();
    let all = |node: &NodeBox| [RP_FILTER, DEMUX, FORWARDING, ROUTER].map(|name| value(node, name));
    let fresh = all(&node);
    assert_eq!((&fresh[0][..], &fresh[1][..], &fresh[2][..]), ("1", "1", "0"));

    node.ipamd(&["init"], &BTreeMap::new()).unwrap();
    assert_eq!(all(&node)[..2], ["2", "1"]);
    assert_eq!(all(&node)[2..], fresh[2..], "IPv6 is nobody's business here");
    let settings = env(&[("DISABLE_TCP_EARLY_DEMUX", "true"), ("ENABLE_IPv6", "true")]);
    for _ in 0..2 {
        node.ipamd(&["init"], &settings).unwrap();
        assert_eq!(all(&node), ["2", "0", "1", "2"]);
    }
    // Without the metadata service it is the interface of the default route.
    node.run("sh", &["-c", "echo 1 >/proc/sys/net/ipv4/conf/eth0/rp_filter"])
        .unwrap();
    let nobody = env(&[
        ("DISABLE_TCP_EARLY_DEMUX", "true"),
        ("AWS_EC2_METADATA_SERVICE_ENDPOINT", "http://127.0.0.1:9"),
    ]);
    node.ipamd(&["init"], &nobody).unwrap();
    assert_eq!(all(&node)[..2], ["2", "0"]);

    let refused = node.ipamd(&["probe"], &BTreeMap::new()).unwrap_err().to_string();
    assert!(refused.contains("/var/run/aws-node/ipamd.sock"), "{refused}");
    let options = AgentOptions::new(&[("DISABLE_TCP_EARLY_DEMUX", "true"), ("MAX_ENI", "1")]);
    let agent = Agent::start(&node, &options).await.unwrap();
    node.ipamd(&["probe"], &BTreeMap::new()).unwrap();
    assert_eq!(value(&node, DEMUX), "0", "the agent leaves it as init set it");
    let pods = add(&node, &names("pod", 2));
    assert!(agent.stop(Duration::from_secs(10)), "it did not end in time");
    assert!(node.ipamd(&["probe"], &BTreeMap::new()).is_err());

    let of_pods = |node: &NodeBox| node.run("ip", &["rule"]).unwrap().matches("512:").count();
    assert_eq!(of_pods(&node), 2);
    let said = node.ipamd(&["clean"], &BTreeMap::new()).unwrap();
    assert!(
        said.contains("vpc-cni-host") && !said.contains("aws-cni"),
        "{said}"
    );
    assert_eq!(of_pods(&node), 2, "pods are kept");
    for pod in pods {
        pod.remove().unwrap();
    }
    let said = node.ipamd(&["clean", "--everything"], &BTreeMap::new()).unwrap();
    assert_eq!(said.matches("512").count(), 2, "{said}");
    assert_eq!(of_pods(&node), 0);
    let ruleset = node.space().tool("nft", &["list", "ruleset"], "").unwrap();
    assert_eq!(ruleset, "");
}
