//! Request throttling: token buckets by account and action, on the sandbox's clock, refused in the words of each
//! service.

mod limits;

use crate::error::{ApiError, Code};
use crate::service::{Call, Service};
use http::StatusCode;
use jiff::Timestamp;
use limits::{Limit, Toll};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::str::FromStr;
use std::time::Duration;

/// How fast clients may call.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub enum Rate {
    /// As fast as they can.
    #[default]
    Off,
    /// As on AWS.
    On,
    /// So many times as fast as on AWS.
    Factor(f64),
}

impl Rate {
    fn factor(self) -> Option<f64> {
        match self {
            Self::Off => None,
            Self::On => Some(1.0),
            Self::Factor(factor) => Some(factor),
        }
    }
}

impl FromStr for Rate {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "on" => Ok(Self::On),
            _ => match text.parse() {
                Ok(factor) if factor > 0.0 && f64::is_finite(factor) => Ok(Self::Factor(factor)),
                _ => Err(format!("{text:?} is neither off nor on nor a factor above 0")),
            },
        }
    }
}

#[derive(Debug)]
struct Bucket {
    limit: Limit,
    tokens: f64,
    seen: Timestamp,
}

impl Bucket {
    fn refill(&mut self, limit: Limit, now: Timestamp) {
        let passed = Duration::try_from(now.duration_since(self.seen)).unwrap_or_default();
        self.tokens = (self.tokens + passed.as_secs_f64() * limit.refill).min(limit.capacity);
        self.limit = limit;
        self.seen = self.seen.max(now);
    }
}

/// Account, service, action, and which of its buckets.
type Key = (String, &'static str, String, &'static str);

/// The buckets, and whom they refused.
#[derive(Debug)]
pub(crate) struct Throttle {
    rate: Rate,
    buckets: BTreeMap<Key, Bucket>,
    refused: BTreeMap<(String, &'static str, String), u64>,
}

impl Throttle {
    pub(crate) fn new(rate: Rate) -> Self {
        Self {
            rate,
            buckets: BTreeMap::new(),
            refused: BTreeMap::new(),
        }
    }

    /// From now on clients may call so fast; buckets start full.
    pub(crate) fn set(&mut self, rate: Rate) {
        *self = Self::new(rate);
    }

    /// Takes what the request costs, or refuses it and takes nothing.
    pub(crate) fn admit(&mut self, call: &Call, now: Timestamp) -> Result<(), ApiError> {
        let Some(factor) = self.rate.factor() else {
            return Ok(());
        };
        let tolls = limits::tolls(call);
        let key = |toll: &Toll| {
            (
                call.caller.account.clone(),
                call.service.as_str(),
                call.action.clone(),
                toll.bucket,
            )
        };
        let mut pays = true;
        for toll in &tolls {
            let limit = Limit {
                capacity: toll.limit.capacity * factor,
                refill: toll.limit.refill * factor,
            };
            let bucket = self.buckets.entry(key(toll)).or_insert(Bucket {
                limit,
                tokens: limit.capacity,
                seen: now,
            });
            bucket.refill(limit, now);
            pays &= bucket.tokens >= toll.tokens;
        }
        if pays {
            for toll in &tolls {
                if let Some(bucket) = self.buckets.get_mut(&key(toll)) {
                    bucket.tokens -= toll.tokens;
                }
            }
            return Ok(());
        }
        let who = (
            call.caller.name().to_owned(),
            call.service.as_str(),
            call.action.clone(),
        );
        *self.refused.entry(who).or_default() += 1;
        Err(refusal(call.service))
    }

    /// How full the buckets are, and who was refused how often.
    pub(crate) fn report(&mut self, now: Timestamp) -> Value {
        let buckets: Vec<Value> = self
            .buckets
            .iter_mut()
            .map(|((account, service, action, bucket), state)| {
                state.refill(state.limit, now);
                json!({
                    "account": account, "service": service, "action": action, "bucket": bucket,
                    "capacity": state.limit.capacity, "refill_per_second": state.limit.refill,
                    "tokens": (state.tokens * 1000.0).round() / 1000.0,
                })
            })
            .collect();
        let refused: Vec<Value> = self
            .refused
            .iter()
            .map(|((caller, service, action), count)| {
                json!({ "caller": caller, "service": service, "action": action, "count": count })
            })
            .collect();
        let rate = match self.rate {
            Rate::Off => json!("off"),
            Rate::On => json!("on"),
            Rate::Factor(factor) => json!(factor),
        };
        json!({ "rate": rate, "buckets": buckets, "refused": refused })
    }
}

/// What a service says to who calls too fast.
pub(crate) fn refusal(service: Service) -> ApiError {
    match service {
        Service::Ec2 | Service::Other => ApiError::new(Code::RequestLimitExceeded, "Request limit exceeded."),
        Service::AutoScaling | Service::Sts | Service::Iam => {
            ApiError::new(Code::Throttling, "Rate exceeded")
        }
        Service::Eks => ApiError::ordered(
            Code::ThrottlingException.as_str().to_owned(),
            StatusCode::TOO_MANY_REQUESTS,
            "Too Many Requests".to_owned(),
        ),
        Service::Ssm | Service::Quotas => ApiError::new(Code::ThrottlingException, "Rate exceeded"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(query: &str) -> Call {
        let request = http::Request::builder().uri("/").method("POST").body(()).unwrap();
        Call::read(&request.into_parts().0, query.as_bytes())
    }

    fn at(millis: i64) -> Timestamp {
        Timestamp::from_millisecond(millis).unwrap()
    }

    /// So many go through at once.
    fn burst(throttle: &mut Throttle, query: &str, now: Timestamp) -> usize {
        let call = call(query);
        (0..5000)
            .take_while(|_| throttle.admit(&call, now).is_ok())
            .count()
    }

    #[test]
    fn each_action_has_its_public_capacity_and_refill() {
        for (query, capacity, refill) in [
            ("Action=DescribeSubnets", 100, 20),
            ("Action=DescribeNetworkInterfaces", 50, 10),
            ("Action=DescribeNetworkInterfaces&MaxResults=5", 100, 20),
            ("Action=DescribeInstances&Filter.1.Name=vpc-id", 100, 20),
            ("Action=AttachNetworkInterface", 50, 5),
            ("Action=DetachNetworkInterface", 50, 5),
            ("Action=UnassignIpv6Addresses", 50, 5),
            ("Action=AssociateTrunkInterface", 50, 5),
            ("Action=AssignPrivateIpAddresses", 100, 5),
            ("Action=UnassignPrivateIpAddresses", 100, 5),
            ("Action=CreateNetworkInterface", 100, 5),
            ("Action=CreateTags", 100, 10),
            ("Action=CreateSubnetCidrReservation", 5, 1),
            ("Action=RunInstances&MaxCount=1", 5, 2),
            ("Action=TerminateInstances&InstanceId.1=i-1", 100, 5),
        ] {
            let mut throttle = Throttle::new(Rate::On);
            assert_eq!(burst(&mut throttle, query, at(0)), capacity, "{query}");
            assert_eq!(burst(&mut throttle, query, at(1000)), refill, "{query}");
            assert_eq!(burst(&mut throttle, query, at(1_000_000)), capacity, "{query}");
        }
    }

    #[test]
    fn launches_are_limited_by_instances_too() {
        let mut throttle = Throttle::new(Rate::On);
        let launch = call("Action=RunInstances&MaxCount=600");
        assert!(throttle.admit(&launch, at(0)).is_ok());
        assert!(throttle.admit(&launch, at(0)).is_err());
        let smaller = call("Action=RunInstances&MaxCount=400");
        assert!(throttle.admit(&smaller, at(0)).is_ok());
    }

    #[test]
    fn accounts_do_not_share_and_a_factor_scales() {
        let mut throttle = Throttle::new(Rate::Factor(2.0));
        assert_eq!(
            burst(&mut throttle, "Action=CreateSubnetCidrReservation", at(0)),
            10
        );
        let mut other = call("Action=CreateSubnetCidrReservation");
        other.caller = crate::world::Caller::of_key("210987654321");
        assert!(throttle.admit(&other, at(0)).is_ok());
        let report = throttle.report(at(0)).to_string();
        assert!(report.contains(r#""caller":"anonymous","count":1"#), "{report}");
        assert_eq!("1.5".parse(), Ok(Rate::Factor(1.5)));
        assert!("0".parse::<Rate>().is_err() && "fast".parse::<Rate>().is_err());
    }

    #[test]
    fn each_service_refuses_in_its_own_words() {
        for (service, code, status) in [
            (Service::Ec2, "RequestLimitExceeded", 503),
            (Service::AutoScaling, "Throttling", 400),
            (Service::Eks, "ThrottlingException", 429),
            (Service::Ssm, "ThrottlingException", 400),
        ] {
            let error = refusal(service);
            assert_eq!((error.code(), error.status().as_u16()), (code, status));
        }
    }
}
