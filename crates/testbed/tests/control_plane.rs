//! The control plane comes up, obeys, survives an outage of its API server and leaves nothing behind.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{ConfigMap, Node};
use kube::Api;
use kube::api::{DeleteParams, ListParams, ObjectMeta, PostParams};
use vpccni_testbed::control_plane::Etcd;
use vpccni_testbed::{ControlPlane, Options, Toolbox};

fn lives(pid: u32) -> bool {
    // A zombie has ended; whoever is its parent by then collects it.
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
        !stat
            .rsplit(')')
            .next()
            .unwrap_or_default()
            .trim_start()
            .starts_with('Z')
    })
}

#[tokio::test]
async fn starts_and_leaves_nothing_behind() {
    let begun = Instant::now();
    let plane = ControlPlane::start(Options::default()).await.unwrap();
    println!("started in {:?}", begun.elapsed());
    let folder = plane.folder().to_owned();
    let pids = plane.pids().await;
    assert_eq!(pids.len(), 4);
    assert!(pids.iter().copied().all(lives));

    let version = plane
        .kubectl_ok(&["version", "--output=json"], None)
        .await
        .unwrap();
    assert!(version.contains("serverVersion"), "{version}");
    let listed = plane.helm_ok(&["list", "--all-namespaces"]).await.unwrap();
    assert!(listed.starts_with("NAME"), "{listed}");

    let ending = Instant::now();
    plane.shutdown().await;
    println!("ended in {:?}", ending.elapsed());
    assert!(!folder.exists());
    assert!(!pids.iter().copied().any(lives), "a program outlived shutdown");
}

#[tokio::test]
async fn two_share_an_etcd_and_see_only_their_own() {
    let tools = tokio::task::spawn_blocking(|| {
        let mut programs = Options::api_only().programs();
        programs.dedup();
        Toolbox::ready(&programs, &mut |line| println!("{line}"))
    });
    let tools = tools.await.unwrap().unwrap();
    let etcd = Arc::new(Etcd::start(&tools).await.unwrap());
    let options = Options {
        etcd: Some(Arc::clone(&etcd)),
        ..Options::api_only()
    };
    let (first, second) = tokio::join!(
        ControlPlane::start_with(tools.clone(), options.clone()),
        ControlPlane::start_with(tools.clone(), options),
    );
    let (first, second) = (first.unwrap(), second.unwrap());
    let node = Node {
        metadata: ObjectMeta {
            name: Some("only-here".into()),
            ..ObjectMeta::default()
        },
        ..Node::default()
    };
    Api::<Node>::all(first.client())
        .create(&PostParams::default(), &node)
        .await
        .unwrap();
    let count = async |plane: &ControlPlane| {
        Api::<Node>::all(plane.client())
            .list(&ListParams::default())
            .await
            .unwrap()
            .items
            .len()
    };
    assert_eq!((count(&first).await, count(&second).await), (1, 0));

    // Dropped, not shut down: as a test that fails does it.
    let left: Vec<(u32, std::path::PathBuf)> = [&first, &second]
        .iter()
        .zip([first.pids().await, second.pids().await])
        .flat_map(|(plane, pids)| {
            let folder = plane.folder().to_owned();
            pids.into_iter().map(move |pid| (pid, folder.clone()))
        })
        .collect();
    drop((first, second));
    let store = etcd.pid();
    assert!(lives(store), "a shared etcd must outlive its users");
    drop(etcd);
    assert!(!lives(store));
    assert!(
        left.iter()
            .all(|(pid, folder)| *pid == store || (!lives(*pid) && !Path::new(folder).exists()))
    );
}

#[tokio::test]
async fn a_service_account_may_do_what_its_role_says() {
    let plane = ControlPlane::start(Options::api_only()).await.unwrap();
    let manifest = r#"
{"apiVersion": "v1", "kind": "List", "items": [
  {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "reader", "namespace": "default"}},
  {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role", "metadata": {"name": "reader", "namespace": "default"},
   "rules": [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["list"]}]},
  {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "RoleBinding", "metadata": {"name": "reader", "namespace": "default"},
   "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "reader"},
   "subjects": [{"kind": "ServiceAccount", "name": "reader", "namespace": "default"}]}]}"#;
    plane
        .kubectl_ok(&["apply", "-f", "-"], Some(manifest))
        .await
        .unwrap();
    let access = plane.service_account("default", "reader").await.unwrap();
    let maps = Api::<ConfigMap>::namespaced(access.client.clone(), "default");
    maps.list(&ListParams::default()).await.unwrap();
    let refused = maps.delete("any", &DeleteParams::default()).await.unwrap_err();
    assert!(
        refused
            .to_string()
            .contains("system:serviceaccount:default:reader"),
        "{refused}"
    );
    let kubeconfig = access.kubeconfig.to_str().unwrap();
    let who = plane
        .kubectl_ok(&["--kubeconfig", kubeconfig, "auth", "whoami"], None)
        .await
        .unwrap();
    assert!(who.contains("system:serviceaccount:default:reader"), "{who}");
    assert!(plane.service_account("default", "nobody").await.is_err());
    plane.shutdown().await;
}

#[tokio::test]
async fn an_outage_of_the_api_server_ends_with_all_data_there() {
    let plane = ControlPlane::start(Options::api_only()).await.unwrap();
    plane
        .kubectl_ok(&["create", "configmap", "kept", "-n", "default"], None)
        .await
        .unwrap();
    plane.stop_apiserver().await;
    let maps = Api::<ConfigMap>::namespaced(plane.client(), "default");
    let during = tokio::time::timeout(Duration::from_secs(5), maps.get("kept")).await;
    assert!(matches!(during, Ok(Err(_))), "{during:?}");
    plane.start_apiserver().await.unwrap();
    maps.get("kept").await.unwrap();
    plane.restart_apiserver().await.unwrap();
    maps.get("kept").await.unwrap();
    plane.shutdown().await;
}

#[tokio::test]
async fn what_does_not_come_up_shows_its_log() {
    let programs = tempfile::tempdir().unwrap();
    let fake = programs.path().join("etcd");
    std::fs::write(&fake, "#!/bin/sh\n[ \"$1\" = --version ] && echo 'etcd Version: 3.6.0' && exit\necho 'no space left' >&2; exit 3\n").unwrap();
    std::fs::set_permissions(&fake, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    let search = vpccni_testbed::tools::Search::new(
        Some(programs.path().to_owned()),
        programs.path().join("cache"),
        vec![],
    );
    let tools = Toolbox::ready_in(&search, &[vpccni_testbed::Program::Etcd], &mut |_| {}).unwrap();
    let error = Etcd::start(&tools).await.unwrap_err().to_string();
    assert!(
        error.contains("no space left") && error.contains("exit status: 3"),
        "{error}"
    );
}
