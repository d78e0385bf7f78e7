//! The network-policy agent: asked where ipamd names a mode, and only there.

use crate::call::{Call, assert_quiet, error, result};
use crate::ipamd::{look, start, start_policy_agent, state};
use crate::kernel::Remembering;

#[test]
fn without_a_mode_nobody_is_asked() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|_| ());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let _agent = start_policy_agent(&folder.path().join("npa.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let kept = result(&add.with(&mut kernel));
    assert_quiet(&add.after("DEL", &kept).with(&mut kernel));
    assert!(look(&ipam).policies.is_empty());
}

#[test]
fn with_a_mode_the_agent_enforces_and_forgets() {
    let folder = tempfile::tempdir().unwrap();
    let ipam = state(|state| state.mode = "strict".to_owned());
    let _ipamd = start(&folder.path().join("ipamd.sock"), &ipam);
    let agent = start_policy_agent(&folder.path().join("npa.sock"), &ipam);
    let mut kernel = Remembering::default();
    let add = Call::new("ADD", folder.path());
    let kept = result(&add.with(&mut kernel));
    assert_eq!(look(&ipam).policies, ["enforce default/sample-pod strict 1"]);
    let del = add.after("DEL", &kept);
    // A call that fails costs nothing: the agent looks after its pods by itself.
    look(&ipam).enforces = false;
    assert_quiet(&del.with(&mut kernel));
    assert_eq!(error(&add.with(&mut kernel)), 102);
    look(&ipam).enforces = true;
    assert_quiet(&del.with(&mut kernel));
    assert_eq!(look(&ipam).policies.last().unwrap(), "forget default/sample-pod");
    drop(agent);
    assert_eq!(error(&add.with(&mut kernel)), 102);
    assert_eq!(error(&del.with(&mut kernel)), 102);
    assert!(
        look(&ipam).assigned.is_empty(),
        "what ipamd took back stays there"
    );
}
