//! Carries out the steps of a plan, in order. A failed step ends the round: what follows it rests on it. Every write is
//! bound to the version that was decided on. Reads nothing, decides nothing.

use super::{addon, body};
use crate::context::Context;
use crate::write::{Apply, Target, WriteError, WriteSite, outcome_of};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ConfigMap;
use serde_json::{Value, json};
use std::collections::{BTreeMap, BTreeSet};
use vpccni_core::config::{CniConfig, Key, Place, merge_agent_args};
use vpccni_core::policy::{Action, Outcome, Outcomes, SettingName, Written, config_of};
use vpccni_observe::policy::{Carrier, UNDO_STRATEGY};
use vpccni_observe::target::CONFIG_MAP;

/// Carries the steps out against the carrier they were decided on.
pub(crate) async fn act(ctx: &Context, carrier: &Carrier, steps: &[Action]) -> Outcomes {
    let mut hand = Hand::new(ctx, carrier);
    let mut outcomes = Outcomes::default();
    let mut failed = false;
    for step in steps {
        let outcome = if failed {
            Outcome::Skipped
        } else {
            outcome_of(hand.step(step).await)
        };
        failed |= outcome != Outcome::Done;
        outcomes.steps.push(outcome);
    }
    outcomes
}

fn flags<'a>(names: impl Iterator<Item = &'a SettingName>) -> BTreeSet<Key> {
    names
        .filter(|name| name.is_agent_flag())
        .filter_map(SettingName::key)
        .collect()
}

struct Hand<'a> {
    ctx: &'a Context,
    carrier: &'a Carrier,
    daemon_set: Target,
    config_map: Target,
    version: String,
    config_map_version: Option<String>,
}

impl<'a> Hand<'a> {
    fn new(ctx: &'a Context, carrier: &'a Carrier) -> Self {
        Self {
            ctx,
            carrier,
            daemon_set: Target::namespaced::<DaemonSet>(&carrier.namespace, &carrier.name),
            config_map: Target::namespaced::<ConfigMap>(&carrier.namespace, CONFIG_MAP),
            version: carrier.resource_version.clone(),
            config_map_version: carrier
                .config_map
                .as_ref()
                .map(|map| map.resource_version.clone()),
        }
    }

    async fn step(&mut self, step: &Action) -> Result<(), WriteError> {
        match step {
            Action::HandToReleased { settings } => {
                self.own(
                    settings,
                    Apply::RELEASED,
                    WriteSite::HandToReleased,
                    WriteSite::HandConfigMapToReleased,
                )
                .await
            }
            Action::Apply { settings, .. } => {
                self.own(
                    settings,
                    Apply::TAKE_OVER,
                    WriteSite::ApplyDaemonSet,
                    WriteSite::ApplyConfigMap,
                )
                .await
            }
            Action::Unset { settings } => self.unset(settings).await,
            Action::UpdateAddon {
                set,
                unset,
                version,
                overwrite,
                changed: _,
            } => {
                let update = addon::Update {
                    set,
                    unset,
                    version: *version,
                    overwrite: *overwrite,
                };
                addon::update(self.ctx, self.carrier, update).await
            }
            Action::StopRollout { .. } => self.stop_rollout().await,
            Action::ResumeRollout => self.resume_rollout().await,
        }
    }

    async fn own(
        &mut self,
        settings: &BTreeMap<SettingName, Written>,
        how: Apply<'_>,
        site: WriteSite,
        config_map_site: WriteSite,
    ) -> Result<(), WriteError> {
        let args = self.args(settings);
        let body = body::daemon_set(settings, args.as_deref(), &self.version);
        let written = self.ctx.writer.apply(site, &self.daemon_set, how, body).await?;
        self.saw(written.resource_version());
        let named = settings.keys().any(|name| name.place == Place::ConfigMap);
        let owned = self
            .carrier
            .config_map
            .as_ref()
            .is_some_and(|map| !map.owned.is_empty());
        if named || owned {
            let body = body::config_map(settings, self.config_map_version.as_deref());
            let written = self
                .ctx
                .writer
                .apply(config_map_site, &self.config_map, how, body)
                .await?;
            self.config_map_version = written.resource_version().map(str::to_owned);
        }
        Ok(())
    }

    /// The whole argument list, where a flag is among the settings.
    fn args(&self, settings: &BTreeMap<SettingName, Written>) -> Option<Vec<String>> {
        let flags = flags(settings.keys());
        (!flags.is_empty()).then(|| merge_agent_args(&self.carrier.agent_args, &config_of(settings), &flags))
    }

    async fn unset(&mut self, settings: &BTreeSet<SettingName>) -> Result<(), WriteError> {
        let flags = flags(settings.iter());
        let nothing = CniConfig::default();
        let args = (!flags.is_empty()).then(|| merge_agent_args(&self.carrier.agent_args, &nothing, &flags));
        if let Some(body) = body::unset_daemon_set(settings, args.as_deref(), &self.version) {
            let written = self
                .ctx
                .writer
                .strategic_merge_unowned(WriteSite::UnsetDaemonSet, &self.daemon_set, body)
                .await?;
            self.saw(written.resource_version());
        }
        let version = self.config_map_version.clone().unwrap_or_default();
        if let Some(body) = body::unset_config_map(settings, &version) {
            self.ctx
                .writer
                .merge_unowned(WriteSite::UnsetConfigMap, &self.config_map, body)
                .await?;
        }
        Ok(())
    }

    async fn stop_rollout(&mut self) -> Result<(), WriteError> {
        let kept = self
            .carrier
            .undo_strategy
            .as_ref()
            .unwrap_or(&self.carrier.update_strategy);
        let body = json!({
            "metadata": {"resourceVersion": self.version, "annotations": {UNDO_STRATEGY: kept.to_string()}},
            "spec": {"updateStrategy": {"type": "OnDelete", "rollingUpdate": null}},
        });
        self.merge(WriteSite::StopRollout, body).await
    }

    async fn resume_rollout(&mut self) -> Result<(), WriteError> {
        let fallback = || json!({"type": "RollingUpdate", "rollingUpdate": {"maxUnavailable": "10%"}});
        let strategy = self.carrier.undo_strategy.clone().unwrap_or_else(fallback);
        let body = json!({
            "metadata": {"resourceVersion": self.version, "annotations": {UNDO_STRATEGY: null}},
            "spec": {"updateStrategy": strategy},
        });
        self.merge(WriteSite::ResumeRollout, body).await
    }

    async fn merge(&mut self, site: WriteSite, body: Value) -> Result<(), WriteError> {
        let written = self
            .ctx
            .writer
            .merge_unowned(site, &self.daemon_set, body)
            .await?;
        self.saw(written.resource_version());
        Ok(())
    }

    fn saw(&mut self, version: Option<&str>) {
        if let Some(version) = version {
            version.clone_into(&mut self.version);
        }
    }
}
