//! Writes ENIConfigs. Each by itself: one that fails does not hold the others.

use crate::context::Context;
use crate::write::{Apply, Target, WriteError, WriteSite, outcome_of};
use serde_json::json;
use std::time::Duration;
use vpccni_api::EniConfig;
use vpccni_core::eni_configs::{EniAction, Seen};
use vpccni_core::ids::{EniConfigName, SecurityGroupId};
use vpccni_core::policy::Outcome;
use vpccni_core::safety::EniConfigSpec;
use vpccni_observe::seen::EniConfigSeen;

/// How long the read before a write may take.
const READ_TIMEOUT: Duration = Duration::from_secs(10);

/// Carries the steps out; one outcome each.
pub(crate) async fn act(ctx: &Context, steps: &[EniAction]) -> Vec<(EniConfigName, Outcome)> {
    let mut outcomes = Vec::new();
    for step in steps {
        let (name, result) = match step {
            EniAction::Apply { name, spec, seen } => (name, rewrite(ctx, name, spec, seen).await),
            EniAction::HandToReleased(name) => (name, hand_over(ctx, name).await),
        };
        outcomes.push((name.clone(), outcome_of(result)));
    }
    outcomes
}

/// Nodes may have begun to use what the caches do not show yet: what was decided on is compared with what stands, and
/// the write is bound to that version. Only the creation of an absent one cannot be bound to its absence; an ENIConfig
/// that somebody creates between the read and the write is too young for a node to use.
async fn rewrite(
    ctx: &Context,
    name: &EniConfigName,
    spec: &EniConfigSpec,
    seen: &Seen,
) -> Result<(), WriteError> {
    let now = live(ctx, name).await?;
    let says = now.as_ref().map(EniConfigSeen::spec);
    if Seen::of(says.as_ref().map(Result::as_ref)) != *seen {
        return Err(changed(name));
    }
    let body = json!({"metadata": bound(now.as_ref()), "spec": spec_body(spec)});
    let site = WriteSite::ApplyEniConfig;
    ctx.writer
        .apply(site, &target(name), Apply::TAKE_OVER, body)
        .await
        .map(|_| ())
}

/// First somebody else owns the values as they stand, then we let go of them: so they stay.
async fn hand_over(ctx: &Context, name: &EniConfigName) -> Result<(), WriteError> {
    let Some(now) = live(ctx, name).await? else {
        return Ok(());
    };
    let site = WriteSite::HandEniConfigToReleased;
    let Ok(spec) = now.spec() else {
        return Err(changed(name));
    };
    let body = json!({"metadata": bound(Some(&now)), "spec": spec_body(&spec)});
    ctx.writer
        .apply(site, &target(name), Apply::RELEASED, body)
        .await?;
    ctx.writer
        .apply(site, &target(name), Apply::OURS, json!({}))
        .await
        .map(|_| ())
}

async fn live(ctx: &Context, name: &EniConfigName) -> Result<Option<EniConfigSeen>, WriteError> {
    let read = EniConfigSeen::live(ctx.client.clone(), name);
    match tokio::time::timeout(READ_TIMEOUT, read).await {
        Ok(read) => read.map_err(|error| WriteError::from_client(&target(name), error)),
        Err(_) => Err(WriteError::TimedOut { target: target(name) }),
    }
}

fn changed(name: &EniConfigName) -> WriteError {
    WriteError::Conflict {
        target: target(name),
        message: "it changed after this was decided".to_owned(),
        fields: Vec::new(),
    }
}

fn bound(seen: Option<&EniConfigSeen>) -> serde_json::Value {
    seen.and_then(|seen| seen.resource_version.as_deref())
        .map_or_else(|| json!({}), |version| json!({"resourceVersion": version}))
}

fn target(name: &EniConfigName) -> Target {
    Target::cluster::<EniConfig>(name.as_str())
}

fn spec_body(spec: &EniConfigSpec) -> serde_json::Value {
    let groups: Vec<&str> = spec.security_groups.iter().map(SecurityGroupId::as_str).collect();
    if groups.is_empty() {
        json!({"subnet": spec.subnet.as_str()})
    } else {
        json!({"subnet": spec.subnet.as_str(), "securityGroups": groups})
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{FakeApi, context};
    use crate::write::OpenGate;
    use jiff::Timestamp;
    use std::sync::Arc;
    use vpccni_core::ids::SubnetId;

    const PATH: &str = "/apis/crd.k8s.amazonaws.com/v1alpha1/eniconfigs/us-west-2a";

    fn spec(subnet: &str) -> EniConfigSpec {
        EniConfigSpec {
            subnet: SubnetId::parse(subnet).unwrap(),
            security_groups: Vec::new(),
            zone: None,
        }
    }

    fn step(seen: Seen) -> EniAction {
        EniAction::Apply {
            name: EniConfigName::parse("us-west-2a").unwrap(),
            spec: spec("subnet-0b"),
            seen,
        }
    }

    fn object(subnet: &str) -> serde_json::Value {
        json!({
            "apiVersion": "crd.k8s.amazonaws.com/v1alpha1", "kind": "ENIConfig",
            "metadata": {"name": "us-west-2a", "uid": "u1"}, "spec": {"subnet": subnet},
        })
    }

    async fn outcome(api: &FakeApi, step: EniAction) -> Outcome {
        let ctx = context(api, Arc::new(OpenGate), Timestamp::now);
        act(&ctx, &[step]).await.remove(0).1
    }

    fn subnet(api: &FakeApi) -> String {
        api.object(PATH).unwrap()["spec"]["subnet"]
            .as_str()
            .unwrap()
            .to_owned()
    }

    #[tokio::test]
    async fn one_that_the_caches_do_not_show_yet_is_not_rewritten() {
        for decided_on in [Seen::Absent, Seen::Unreadable, Seen::Says(spec("subnet-0c"))] {
            let api = FakeApi::default();
            api.put(PATH, object("subnet-0a"));
            let outcome = outcome(&api, step(decided_on)).await;
            let conflict = matches!(
                outcome,
                Outcome::Failed {
                    category: "conflict",
                    ..
                }
            );
            assert!(conflict, "{outcome:?}");
            assert_eq!((subnet(&api).as_str(), api.writes().len()), ("subnet-0a", 0));
        }
    }

    #[tokio::test]
    async fn what_was_decided_on_is_rewritten_in_the_version_that_was_read() {
        let api = FakeApi::default();
        api.put(PATH, object("subnet-0a"));
        let done = outcome(&api, step(Seen::Says(spec("subnet-0a")))).await;
        assert_eq!((done, subnet(&api).as_str()), (Outcome::Done, "subnet-0b"));
        let bound = &api.writes()[0].body["metadata"]["resourceVersion"];
        assert!(bound.is_string(), "{bound}");
        let api = FakeApi::default();
        let done = outcome(&api, step(Seen::Absent)).await;
        assert_eq!((done, subnet(&api).as_str()), (Outcome::Done, "subnet-0b"));
    }
}
