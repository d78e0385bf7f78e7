//! The form facts have in a snapshot, and their conversion each way. Ids are parsed as the file is read, so that nothing
//! behind it meets an invalid one.

use crate::deep::DeepFacts;
use jiff::SignedDuration;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::net::Ipv4Addr;
use std::str::FromStr;
use vpccni_core::ids::{EniId, InstanceId, InstanceType, SecurityGroupId, SubnetId, VpcId, Zone};
use vpccni_core::known::Known;
use vpccni_core::limits::InstanceLimits;
use vpccni_core::migration::{GroupFacts, GroupSize, KarpenterFacts, Template};
use vpccni_core::net::{Ipv4Net, Ipv4Prefix};
use vpccni_core::ports::{
    Addon, Attachment, CloudErrorKind, Eni, EniKind, Instance, Nodegroup, Reservation, ReservationKind,
    SecurityGroup, Subnet,
};
use vpccni_core::safety::{NodeGroup, NodePodFacts, Provider, WorkloadFacts};

/// A form of `D`.
pub(super) trait Form<D>: Sized {
    /// The form of a value.
    fn of(value: D) -> Self;
    /// The value of the form.
    fn value(self) -> D;
}

/// A value that is written as its text.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Text<T>(T);

impl<T: Display> Serialize for Text<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de, T: FromStr<Err: Display>> Deserialize<'de> for Text<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map(Self).map_err(D::Error::custom)
    }
}

impl<T> Form<T> for Text<T> {
    fn of(value: T) -> Self {
        Self(value)
    }

    fn value(self) -> T {
        self.0
    }
}

/// A /28, written as a network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Prefix(Text<Ipv4Net>);

impl Form<Ipv4Prefix> for Prefix {
    fn of(value: Ipv4Prefix) -> Self {
        Self(Text(value.net()))
    }

    fn value(self) -> Ipv4Prefix {
        Ipv4Prefix::containing(self.0.0.network())
    }
}

macro_rules! as_it_is {
    ($($type:ty),+) => {$(
        impl Form<$type> for $type {
            fn of(value: $type) -> Self {
                value
            }

            fn value(self) -> $type {
                self
            }
        }
    )+};
}

as_it_is!(u32, bool, String);

impl<D, F: Form<D>> Form<Vec<D>> for Vec<F> {
    fn of(value: Vec<D>) -> Self {
        value.into_iter().map(F::of).collect()
    }

    fn value(self) -> Vec<D> {
        self.into_iter().map(F::value).collect()
    }
}

impl<D: Ord, F: Form<D> + Ord> Form<BTreeSet<D>> for BTreeSet<F> {
    fn of(value: BTreeSet<D>) -> Self {
        value.into_iter().map(F::of).collect()
    }

    fn value(self) -> BTreeSet<D> {
        self.into_iter().map(F::value).collect()
    }
}

impl<D, F: Form<D>> Form<Option<D>> for Option<F> {
    fn of(value: Option<D>) -> Self {
        value.map(F::of)
    }

    fn value(self) -> Option<D> {
        self.map(F::value)
    }
}

impl<D, F: Form<D>> Form<BTreeMap<String, D>> for BTreeMap<String, F> {
    fn of(value: BTreeMap<String, D>) -> Self {
        value
            .into_iter()
            .map(|(name, value)| (name, F::of(value)))
            .collect()
    }

    fn value(self) -> BTreeMap<String, D> {
        self.into_iter()
            .map(|(name, form)| (name, form.value()))
            .collect()
    }
}

/// A fact that may not be known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Fact<F> {
    Known(F),
    Unknown(String),
}

/// What a snapshot of an earlier version does not have.
fn not_written<F>() -> Fact<F> {
    Fact::Unknown("the snapshot was taken by a version that did not read it".to_owned())
}

impl<D, F: Form<D>> Form<Known<D>> for Fact<F> {
    fn of(value: Known<D>) -> Self {
        match value {
            Known::Yes(fact) => Self::Known(F::of(fact)),
            Known::Unknown(why) => Self::Unknown(why),
        }
    }

    fn value(self) -> Known<D> {
        match self {
            Self::Known(form) => Known::Yes(form.value()),
            Self::Unknown(why) => Known::Unknown(why),
        }
    }
}

/// A struct of forms for a struct of facts.
macro_rules! forms {
    ($($name:ident = $domain:ident { $($(#[$of:meta])* $field:ident: $type:ty,)+ })+) => {$(
        #[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(rename_all = "camelCase")]
        pub(super) struct $name { $($(#[$of])* $field: $type,)+ }

        impl Form<$domain> for $name {
            fn of(value: $domain) -> Self {
                let $domain { $($field),+ } = value;
                Self { $($field: Form::of($field)),+ }
            }

            fn value(self) -> $domain {
                let Self { $($field),+ } = self;
                $domain { $($field: $field.value()),+ }
            }
        }
    )+};
}

/// An enumeration of words for one of facts.
macro_rules! words {
    ($($name:ident = $domain:ident { $($word:ident),+ })+) => {$(
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
        pub(super) enum $name { $($word),+ }

        impl Form<$domain> for $name {
            fn of(value: $domain) -> Self {
                match value { $($domain::$word => Self::$word),+ }
            }

            fn value(self) -> $domain {
                match self { $(Self::$word => $domain::$word),+ }
            }
        }
    )+};
}

words! {
    ErrorKindForm = CloudErrorKind { Denied, Throttled, TimedOut, Unreachable, NotFound, Invalid, Internal }
    EniKindForm = EniKind { Interface, Trunk, Branch, Efa, EfaOnly, Other }
    ReservationKindForm = ReservationKind { Prefix, Explicit }
    ProviderForm = Provider { ManagedNodeGroup, AutoScalingGroup, Karpenter, SelfManaged }
}

forms! {
    SubnetForm = Subnet {
        id: Text<SubnetId>,
        vpc: Text<VpcId>,
        zone: Text<Zone>,
        cidr: Text<Ipv4Net>,
        available: u32,
        tags: BTreeMap<String, String>,
        owner: String,
    }

    AttachmentForm = Attachment {
        instance: Text<InstanceId>,
        device_index: u32,
        network_card: u32,
    }

    EniForm = Eni {
        id: Text<EniId>,
        kind: EniKindForm,
        subnet: Text<SubnetId>,
        attachment: Option<AttachmentForm>,
        primary_ip: Option<Text<Ipv4Addr>>,
        secondary_ips: Vec<Text<Ipv4Addr>>,
        prefixes: Vec<Prefix>,
        tags: BTreeMap<String, String>,
        security_groups: Vec<Text<SecurityGroupId>>,
    }

    ReservationForm = Reservation {
        cidr: Text<Ipv4Net>,
        kind: ReservationKindForm,
    }

    SecurityGroupForm = SecurityGroup {
        id: Text<SecurityGroupId>,
        vpc: Text<VpcId>,
        tags: BTreeMap<String, String>,
    }

    InstanceForm = Instance {
        id: Text<InstanceId>,
        instance_type: Text<InstanceType>,
        vpc: Text<VpcId>,
        subnet: Text<SubnetId>,
        tags: BTreeMap<String, String>,
    }

    LimitsForm = InstanceLimits {
        max_enis: u32,
        ipv4_per_eni: u32,
        prefix_delegation: bool,
        nitro: bool,
        bare_metal: bool,
        trunk: Option<bool>,
        branches: Option<u32>,
        vcpus: Option<u32>,
    }

    NodegroupForm = Nodegroup {
        name: String,
        subnets: Vec<Text<SubnetId>>,
        max_size: u32,
    }

    AddonForm = Addon {
        version: String,
        status: String,
        configuration_values: Option<String>,
        issues: Vec<String>,
    }

    PodsForm = NodePodFacts {
        pods: u32,
        with_security_groups: u32,
        multi_nic: u32,
    }

    WorkloadsForm = WorkloadFacts {
        security_group_policies: Fact<u32>,
        network_policies: Fact<u32>,
        local_traffic_services: Fact<u32>,
        node_local_dns: Fact<bool>,
        kube_proxy_ipvs: Fact<bool>,
        probed_security_group_pods: Fact<u32>,
    }

    SizeForm = GroupSize {
        min: u32,
        max: u32,
        desired: u32,
    }

    KarpenterForm = KarpenterFacts {
        node_class: String,
        budgets: Vec<String>,
        allows_none: Option<String>,
        expire_after: Option<Text<SignedDuration>>,
        termination_grace: Option<Text<SignedDuration>>,
        does_not_drift: Option<String>,
        pool_owned_by: Option<String>,
        #[serde(default = "not_written")]
        reserved_enis: Fact<u32>,
    }

    TemplateForm = Template {
        max_pods: Fact<Option<u32>>,
        owned_by: Option<String>,
        nitro_only: Fact<bool>,
        karpenter: Option<KarpenterForm>,
    }

    GroupFactsForm = GroupFacts {
        size: Option<SizeForm>,
        template: TemplateForm,
        subnets: BTreeSet<Text<SubnetId>>,
        paused: Option<String>,
        update_surge: Option<u32>,
    }

    NodeGroupForm = NodeGroup {
        provider: ProviderForm,
        name: String,
    }

    CountsForm = DeepFacts {
        pods: Fact<BTreeMap<String, PodsForm>>,
        workloads: WorkloadsForm,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_comes_back_as_it_went() {
        let facts = GroupFacts {
            size: Some(GroupSize {
                min: 1,
                max: 9,
                desired: 3,
            }),
            template: Template {
                max_pods: Known::Yes(Some(110)),
                owned_by: Some("argocd-controller".to_owned()),
                nitro_only: Known::Unknown("its types were not read".to_owned()),
                karpenter: Some(KarpenterFacts {
                    node_class: "nitro".to_owned(),
                    budgets: vec![r#"{"nodes":"10%"}"#.to_owned()],
                    allows_none: None,
                    expire_after: Some(SignedDuration::from_hours(720)),
                    termination_grace: None,
                    does_not_drift: None,
                    pool_owned_by: None,
                    reserved_enis: Known::Yes(1),
                }),
            },
            subnets: BTreeSet::from([SubnetId::parse("subnet-0a1b2c3d").unwrap()]),
            paused: Some("it is being made".to_owned()),
            update_surge: Some(2),
        };
        let text = serde_json::to_string(&GroupFactsForm::of(facts.clone())).unwrap();
        let read: GroupFactsForm = serde_json::from_str(&text).unwrap();
        assert_eq!(read.value(), facts);
        let older = text.replace(r#","reservedEnis":{"known":1}"#, "");
        assert_ne!(older, text);
        let read: GroupFactsForm = serde_json::from_str(&older).unwrap();
        let karpenter = read.value().template.karpenter.unwrap();
        assert!(matches!(karpenter.reserved_enis, Known::Unknown(_)));
    }
}
