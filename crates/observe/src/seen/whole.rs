//! Objects that are kept as they are: there is one of each, and all of it may be asked for.

use crate::target::CONFIG_MAP;
use crate::watching::{Kind, MayMiss, Scope, Watched};
use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::ConfigMap;
use kube::core::DeserializeGuard;
use kube::runtime::watcher::Config;
use kube::{Api, Client, Resource, ResourceExt};
use std::ops::Deref;
use vpccni_api::{CniMigration, CniPolicy};

/// A whole object; two are the same when they are the same version of the same object.
#[derive(Debug, Clone)]
pub struct Whole<K>(pub K);

impl<K> Deref for Whole<K> {
    type Target = K;

    fn deref(&self) -> &K {
        &self.0
    }
}

impl<K: Resource> PartialEq for Whole<K> {
    fn eq(&self, other: &Self) -> bool {
        self.0.uid() == other.0.uid() && self.0.resource_version() == other.0.resource_version()
    }
}

impl Watched for Whole<CniPolicy> {
    type Wire = CniPolicy;
    const KIND: Kind = Kind::Policy;

    fn api(client: Client, _scope: &Scope) -> Api<DeserializeGuard<CniPolicy>> {
        Api::all(client)
    }

    fn parse(wire: CniPolicy, _scope: &Scope) -> Result<Self, String> {
        Ok(Self(wire))
    }
}

impl Watched for Whole<CniMigration> {
    type Wire = CniMigration;
    const KIND: Kind = Kind::Migration;
    /// A chart of definitions from before there were migrations.
    const MAY_MISS: MayMiss = MayMiss::TypeOrPermission;

    fn api(client: Client, _scope: &Scope) -> Api<DeserializeGuard<CniMigration>> {
        Api::all(client)
    }

    fn parse(wire: CniMigration, _scope: &Scope) -> Result<Self, String> {
        Ok(Self(wire))
    }
}

impl Watched for Whole<DaemonSet> {
    type Wire = DaemonSet;
    const KIND: Kind = Kind::Target;

    fn api(client: Client, scope: &Scope) -> Api<DeserializeGuard<DaemonSet>> {
        Api::namespaced(client, &scope.target.namespace)
    }

    fn narrow(config: Config, scope: &Scope) -> Config {
        config.fields(&format!("metadata.name={}", scope.target.name))
    }

    fn parse(wire: DaemonSet, _scope: &Scope) -> Result<Self, String> {
        Ok(Self(wire))
    }

    fn same_view(old: &Scope, new: &Scope) -> bool {
        old.target == new.target
    }
}

impl Watched for Whole<ConfigMap> {
    type Wire = ConfigMap;
    const KIND: Kind = Kind::ConfigMap;

    fn api(client: Client, scope: &Scope) -> Api<DeserializeGuard<ConfigMap>> {
        Api::namespaced(client, &scope.target.namespace)
    }

    fn narrow(config: Config, _scope: &Scope) -> Config {
        config.fields(&format!("metadata.name={CONFIG_MAP}"))
    }

    fn parse(wire: ConfigMap, _scope: &Scope) -> Result<Self, String> {
        Ok(Self(wire))
    }

    fn same_view(old: &Scope, new: &Scope) -> bool {
        old.target.namespace == new.target.namespace
    }
}
