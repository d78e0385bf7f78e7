//! The executable: what it reads, what it prints, and what it logs.

use std::fs;

use serde_json::{Value, json};

use crate::call::{Call, Spawned};
use crate::ipamd::{look, start, state};

#[test]
fn it_says_which_versions_it_speaks() {
    let folder = tempfile::tempdir().unwrap();
    let call = Call::new("VERSION", folder.path());
    let versions = json!(["0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0"]);
    for (stdin, wanted) in [
        (r#"{"cniVersion": "0.4.0"}"#, "0.4.0"),
        (r#"{"cniVersion": "7.0.0"}"#, "1.1.0"),
        ("", "1.1.0"),
    ] {
        let answer = call.spawn_with(stdin.as_bytes());
        assert_eq!((answer.code, &*answer.stderr), (Some(0), ""));
        assert_eq!(
            answer.json(),
            json!({"cniVersion": wanted, "supportedVersions": versions})
        );
    }
}

#[test]
fn what_is_wrong_with_a_call_has_the_code_of_the_specification() {
    let folder = tempfile::tempdir().unwrap();
    let add = Call::new("ADD", folder.path());
    let code = |spawned: Spawned| spawned.error();
    assert_eq!(code(add.clone().set("cniVersion", "2.0.0").spawn()), 1);
    assert_eq!(code(add.clone().env("CNI_COMMAND", "PLAY").spawn()), 4);
    assert_eq!(code(add.clone().env("CNI_NETNS", "").spawn()), 4);
    assert_eq!(code(add.clone().env("CNI_ARGS", "X=1").spawn()), 4);
    assert_eq!(code(add.spawn_with(b"{\"name\":")), 6);
    assert_eq!(code(add.clone().set("vethPrefix", "abcde").spawn()), 7);
    assert_eq!(code(add.clone().env("CNI_COMMAND", "CHECK").spawn()), 7);
    for (command, oldest) in [("CHECK", "0.3.1"), ("STATUS", "1.0.0"), ("GC", "1.0.0")] {
        let old = add.clone().env("CNI_COMMAND", command).set("cniVersion", oldest);
        assert_eq!(code(old.spawn()), 1, "{command}");
    }
}

#[test]
fn an_error_is_all_that_standard_output_has() {
    let folder = tempfile::tempdir().unwrap();
    let answer = Call::new("ADD", folder.path()).set("cniVersion", "1.0.0").spawn();
    assert_eq!(answer.stderr, "");
    let error = answer.json();
    assert_eq!(
        (&error["cniVersion"], &error["code"], &error["msg"]),
        (&json!("1.0.0"), &json!(11), &json!("ipamd is away"))
    );
    assert!(
        error["details"].as_str().unwrap().contains("ipamd.sock"),
        "{error}"
    );
    let log = fs::read_to_string(folder.path().join("plugin.log")).unwrap();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert!(lines.iter().all(|line| line["container"] == "c1"), "{log}");
    let last = lines.last().unwrap();
    assert_eq!(last["level"], "error");
    assert!(
        last["msg"]
            .as_str()
            .unwrap()
            .starts_with("ADD failed: ipamd is away"),
        "{log}"
    );
}

#[test]
fn the_log_goes_where_it_is_told_or_nowhere() {
    let folder = tempfile::tempdir().unwrap();
    let add = Call::new("ADD", folder.path());
    for file in ["stderr", "stdout", ""] {
        let answer = add.clone().set("pluginLogFile", file).spawn();
        assert_eq!(answer.error(), 11);
        assert!(
            answer.stderr.contains("\"level\":\"error\""),
            "{file}: {answer:?}"
        );
    }
    let answer = add.clone().set("pluginLogFile", "/proc/none/plugin.log").spawn();
    assert_eq!((answer.error(), &*answer.stderr), (11, ""));
    let answer = add
        .set("pluginLogFile", "stderr")
        .set("pluginLogLevel", "FATAL")
        .spawn();
    assert_eq!((answer.error(), &*answer.stderr), (11, ""));
}

#[test]
fn status_tells_an_agent_that_is_away_from_a_pool_that_is_empty() {
    let folder = tempfile::tempdir().unwrap();
    let status = Call::new("STATUS", folder.path());
    let message = |spawned: Spawned| {
        assert_eq!(spawned.error(), 50);
        spawned.json()["msg"].as_str().unwrap().to_owned()
    };
    assert_eq!(message(status.spawn()), "ipamd is away");
    let ipamd = start(&folder.path().join("ipamd.sock"), &state(|_| ()));
    status.spawn().assert_quiet();
    ipamd.set_health(true, false);
    assert_eq!(message(status.spawn()), "ipamd has no address for a pod now");
    ipamd.set_health(false, true);
    assert_eq!(message(status.spawn()), "ipamd does not serve");
}

#[test]
fn gc_frees_what_the_runtime_does_not_know() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|state| {
        for (network, container) in [("aws-cni", "c1"), ("aws-cni", "c2"), ("other", "c3")] {
            let key = (network.to_owned(), container.to_owned(), "eth0".to_owned());
            let address = state.free.pop().unwrap();
            state.assigned.insert(key, vec![address]);
        }
    });
    let gc = Call::new("GC", folder.path());
    let valid = json!([{"containerID": "c1", "ifname": "eth0"}]);
    let all = "cni.dev/valid-attachments";
    assert_eq!(gc.clone().set(all, valid.clone()).spawn().error(), 11);
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let containers = || -> Vec<String> { look(&ipam).assigned.keys().map(|key| key.1.clone()).collect() };
    gc.spawn().assert_quiet();
    assert_eq!(
        containers(),
        ["c1", "c2", "c3"],
        "nothing said is not nothing known"
    );
    gc.clone().set(all, valid).spawn().assert_quiet();
    assert_eq!(containers(), ["c1", "c3"]);
    gc.set(all, Value::Null).spawn().assert_quiet();
    assert_eq!(containers(), ["c3"]);
}

#[test]
fn a_del_with_nothing_to_delete_is_quiet() {
    let folder = tempfile::tempdir().unwrap();
    let del = Call::new("DEL", folder.path()).env("CNI_NETNS", "");
    del.spawn().assert_quiet();
    let _ipamd = start(&folder.path().join("ipamd.sock"), &state(|_| ()));
    del.spawn().assert_quiet();
}
