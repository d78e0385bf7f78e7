//! Service Quotas: the quotas that the sandbox enforces, and no other.

use crate::error::{ApiError, Code};
use crate::json_service::{Body, JsonService};
use crate::world::{ACCOUNT, World};
use serde::Deserialize;
use serde_json::{Value, json};

pub(crate) const SERVICE: JsonService = JsonService {
    target_prefix: "ServiceQuotasV20190624",
    actions: &[
        ("GetServiceQuota", get),
        ("GetAWSDefaultServiceQuota", default),
        ("ListServiceQuotas", list),
    ],
};

/// A quota as AWS has it.
struct Quota {
    service: &'static str,
    service_name: &'static str,
    code: &'static str,
    name: &'static str,
    default: u32,
    adjustable: bool,
    value: fn(&World) -> u32,
}

/// The figures are those of the pages "Amazon VPC quotas" and "Quotas for Amazon EC2 Auto Scaling" of AWS.
const QUOTAS: [Quota; 2] = [
    Quota {
        service: "vpc",
        service_name: "Amazon Virtual Private Cloud (Amazon VPC)",
        code: "L-DF5E4CA3",
        name: "Network interfaces per Region",
        default: 5000,
        adjustable: true,
        value: |world| world.quotas.interfaces,
    },
    Quota {
        service: "autoscaling",
        service_name: "Amazon EC2 Auto Scaling",
        code: "L-CDE20ADC",
        name: "Auto Scaling groups per region",
        default: 500,
        adjustable: true,
        value: |world| world.quotas.scaling_groups,
    },
];

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct One {
    service_code: String,
    quota_code: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase", deny_unknown_fields)]
struct List {
    service_code: String,
    quota_code: Option<String>,
    max_results: Option<usize>,
    next_token: Option<String>,
}

fn get(body: &Body, world: &mut World) -> Result<Value, ApiError> {
    let quota = find(&body.read()?)?;
    Ok(json!({ "Quota": write(quota, (quota.value)(world), &world.region) }))
}

fn default(body: &Body, world: &mut World) -> Result<Value, ApiError> {
    let quota = find(&body.read()?)?;
    Ok(json!({ "Quota": write(quota, quota.default, &world.region) }))
}

/// Two quotas need no second page; a token can only be made up.
fn list(body: &Body, world: &mut World) -> Result<Value, ApiError> {
    let asked: List = body.read()?;
    if asked.next_token.is_some() {
        let message = "Your request failed because the pagination token is invalid.";
        return Err(ApiError::new(Code::InvalidPaginationToken, message));
    }
    if asked.max_results.is_some_and(|max| !(1..=100).contains(&max)) {
        return Err(ApiError::new(
            Code::IllegalArgument,
            "MaxResults must be between 1 and 100",
        ));
    }
    let found: Vec<&Quota> = QUOTAS
        .iter()
        .filter(|quota| quota.service == asked.service_code)
        .filter(|quota| asked.quota_code.as_ref().is_none_or(|code| quota.code == code))
        .collect();
    if found.is_empty() {
        return Err(no_such());
    }
    let quotas: Vec<Value> = found
        .iter()
        .map(|quota| write(quota, (quota.value)(world), &world.region))
        .collect();
    Ok(json!({ "Quotas": quotas }))
}

fn find(asked: &One) -> Result<&'static Quota, ApiError> {
    QUOTAS
        .iter()
        .find(|quota| quota.service == asked.service_code && quota.code == asked.quota_code)
        .ok_or_else(no_such)
}

fn no_such() -> ApiError {
    ApiError::new(
        Code::NoSuchResource,
        "The request failed because the specified service or quota does not exist in the sandbox.",
    )
}

fn write(quota: &Quota, value: u32, region: &str) -> Value {
    json!({
        "ServiceCode": quota.service,
        "ServiceName": quota.service_name,
        "QuotaArn": format!("arn:aws:servicequotas:{region}:{ACCOUNT}:{}/{}", quota.service, quota.code),
        "QuotaCode": quota.code,
        "QuotaName": quota.name,
        "Value": f64::from(value),
        "Unit": "None",
        "Adjustable": quota.adjustable,
        "GlobalQuota": false,
    })
}
