//! The public limits of EC2's request throttling, by action; and for services that publish none, figures of the
//! sandbox's own, which are marked.

use crate::service::{Call, Request, Service};
use crate::wire::params::Params;

/// How many tokens a bucket holds, and how many come back each second.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Limit {
    pub(super) capacity: f64,
    pub(super) refill: f64,
}

const fn limit(capacity: f64, refill: f64) -> Limit {
    Limit { capacity, refill }
}

/// What one request takes: from which bucket of its action, with which limit, how many tokens.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Toll {
    pub(super) bucket: &'static str,
    pub(super) limit: Limit,
    pub(super) tokens: f64,
}

/// The bucket of requests, beside which some actions have one of resources.
const REQUESTS: &str = "requests";

/// Describes without filter and page have a smaller bucket of their own. The list is that of the EC2 documentation,
/// as far as the sandbox has the actions; whether ids count as a filter is not documented, here they do.
const WHOLE: [&str; 4] = [
    "DescribeInstances",
    "DescribeInstanceStatus",
    "DescribeNetworkInterfaces",
    "DescribeSecurityGroups",
];

/// What a request takes.
pub(super) fn tolls(call: &Call) -> Vec<Toll> {
    let action = call.action.as_str();
    let one = |bucket, limit| Toll {
        bucket,
        limit,
        tokens: 1.0,
    };
    match (call.service, &call.request) {
        (Service::Ec2, Request::Query(params)) => {
            if WHOLE.contains(&action) && is_whole(params) {
                return vec![one("requests without filter and page", limit(50.0, 10.0))];
            }
            let mut tolls = vec![one(REQUESTS, ec2(call.changes(), action))];
            tolls.extend(resources(action, params));
            tolls
        }
        // STS says 600 a second for an account and region.
        (Service::Sts, _) => vec![one(REQUESTS, limit(600.0, 600.0))],
        (Service::Other, _) => Vec::new(),
        // Unpublished: EC2's usual figures stand in.
        _ => vec![one(REQUESTS, ec2(call.changes(), action))],
    }
}

fn ec2(changes: bool, action: &str) -> Limit {
    match action {
        "AssignIpv6Addresses"
        | "AssignPrivateIpAddresses"
        | "CreateNetworkInterface"
        | "DeleteNetworkInterface"
        | "ModifyNetworkInterfaceAttribute"
        | "TerminateInstances"
        | "UnassignPrivateIpAddresses" => limit(100.0, 5.0),
        "CreateTags" | "DeleteTags" => limit(100.0, 10.0),
        "CreateSubnetCidrReservation" => limit(5.0, 1.0),
        "RunInstances" => limit(5.0, 2.0),
        _ if changes => limit(50.0, 5.0),
        _ => limit(100.0, 20.0),
    }
}

/// Launches and terminations are limited by instances too.
fn resources(action: &str, params: &Params) -> Option<Toll> {
    let (limit, count) = match action {
        "RunInstances" => {
            let count = params
                .peek("MaxCount")
                .and_then(|count| count.parse::<u16>().ok());
            (limit(1000.0, 2.0), count.unwrap_or(1))
        }
        "TerminateInstances" => {
            let count = u16::try_from(params.count_under("InstanceId.")).unwrap_or(u16::MAX);
            (limit(1000.0, 20.0), count)
        }
        _ => return None,
    };
    Some(Toll {
        bucket: "instances",
        limit,
        tokens: f64::from(count),
    })
}

fn is_whole(params: &Params) -> bool {
    [
        "Filter.",
        "InstanceId.",
        "NetworkInterfaceId.",
        "GroupId.",
        "GroupName.",
    ]
    .iter()
    .all(|under| params.count_under(under) == 0)
        && params.peek("MaxResults").is_none()
        && params.peek("NextToken").is_none()
}
