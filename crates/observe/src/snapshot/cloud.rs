//! What AWS said while a snapshot was taken: kept call by call, and answered again from what was kept.
//!
//! A port that is asked something nobody asked then says so; it is never taken for "there is none".

use super::wire::{
    AddonForm, EniForm, ErrorKindForm, Form, InstanceForm, LimitsForm, NodegroupForm, ReservationForm,
    SecurityGroupForm, SubnetForm,
};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use vpccni_core::ports::CloudError;

/// An answer, or what came instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) enum Heard<F> {
    Answer(F),
    Failure(Failure),
}

/// A call that failed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    kind: ErrorKindForm,
    code: String,
    message: String,
}

impl<F> Heard<F> {
    pub(super) fn of<D>(answer: &Result<D, CloudError>) -> Self
    where
        D: Clone,
        F: Form<D>,
    {
        match answer {
            Ok(answer) => Self::Answer(F::of(answer.clone())),
            Err(error) => Self::Failure(Failure {
                kind: Form::of(error.kind),
                code: error.code.clone(),
                message: error.message.clone(),
            }),
        }
    }

    pub(super) fn answer<D>(&self, action: &'static str) -> Result<D, CloudError>
    where
        F: Form<D> + Clone,
    {
        match self {
            Self::Answer(form) => Ok(form.clone().value()),
            Self::Failure(failure) => Err(CloudError {
                kind: failure.kind.value(),
                action,
                code: failure.code.clone(),
                message: failure.message.clone(),
            }),
        }
    }
}

/// Answers by what was asked about.
pub(super) type Answers<F> = BTreeMap<String, Heard<F>>;

/// Everything AWS said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Said {
    /// By VPC.
    pub(super) subnets: Answers<Vec<SubnetForm>>,
    /// By id; those of the VPC are not among them.
    pub(super) subnets_elsewhere: Answers<Option<SubnetForm>>,
    /// By subnet.
    pub(super) reservations: Answers<Vec<ReservationForm>>,
    /// By VPC.
    pub(super) interfaces: Answers<Vec<EniForm>>,
    /// By VPC.
    pub(super) security_groups: Answers<Vec<SecurityGroupForm>>,
    /// By id.
    pub(super) security_groups_elsewhere: Answers<Option<SecurityGroupForm>>,
    /// By id.
    pub(super) instances: Answers<Option<InstanceForm>>,
    /// By name.
    pub(super) instance_types: Answers<Option<LimitsForm>>,
    /// By cluster.
    pub(super) nodegroup_names: Answers<Vec<String>>,
    /// By cluster and name.
    pub(super) nodegroups: Answers<Option<NodegroupForm>>,
    /// By cluster and name.
    pub(super) addons: Answers<Option<AddonForm>>,
    /// By name and version of Kubernetes.
    pub(super) addon_versions: Answers<Vec<String>>,
}

/// What two parts name together.
pub(super) fn both(one: &str, other: &str) -> String {
    format!("{one}/{other}")
}

pub(super) const SUBNETS: &str = "ec2:DescribeSubnets";
pub(super) const RESERVATIONS: &str = "ec2:GetSubnetCidrReservations";
pub(super) const INTERFACES: &str = "ec2:DescribeNetworkInterfaces";
pub(super) const SECURITY_GROUPS: &str = "ec2:DescribeSecurityGroups";
pub(super) const INSTANCES: &str = "ec2:DescribeInstances";
pub(super) const INSTANCE_TYPES: &str = "ec2:DescribeInstanceTypes";
pub(super) const NODEGROUPS: &str = "eks:ListNodegroups";
pub(super) const NODEGROUP: &str = "eks:DescribeNodegroup";
pub(super) const ADDON: &str = "eks:DescribeAddon";
pub(super) const ADDON_VERSIONS: &str = "eks:DescribeAddonVersions";
pub(super) const UPDATE_ADDON: &str = "eks:UpdateAddon";
