//! What a rule does to a call, and AWS's own words and statuses where the rule does not give any.

use crate::error::ApiError;
use crate::service::Service;
use crate::world::{Caller, Random};
use http::StatusCode;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// When a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Disconnect {
    /// Nothing happened yet.
    Before,
    /// The change is made, the answer is lost.
    After,
    /// The change is made, and half of the answer comes.
    Midway,
}

/// An error that a rule orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorEffect {
    /// The code, such as `RequestLimitExceeded`.
    pub code: String,
    /// The HTTP status; AWS's own for the code where none is given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// What it says; about what AWS says where nothing is given.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// A delay that differs from call to call.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase", deny_unknown_fields)]
pub enum Latency {
    /// Anything between two bounds.
    Uniform {
        /// At least so many milliseconds.
        min_ms: u64,
        /// At most so many.
        max_ms: u64,
    },
    /// Around a mean; never less than nothing.
    Gaussian {
        /// The mean in milliseconds.
        mean_ms: f64,
        /// The standard deviation in milliseconds.
        deviation_ms: f64,
    },
}

/// What happens to a call: a delay, then one of a cut, an error, a page of HTML or an old answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Effect {
    /// Milliseconds before anything else. Delays are of the machine's clock even where the sandbox's is manual: a
    /// client that waits for a clock that nobody moves would hang.
    #[serde(skip_serializing_if = "is_zero")]
    pub delay_ms: u64,
    /// A delay by chance, on top.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
    /// Cut the connection.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub drop: Option<Disconnect>,
    /// Refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<ErrorEffect>,
    /// Refuse as to a caller who may not, in the words of the service.
    #[serde(skip_serializing_if = "is_false")]
    pub deny: bool,
    /// Refuse as to a caller whose credentials have expired, in the words of the service.
    #[serde(skip_serializing_if = "is_false")]
    pub expired: bool,
    /// Answer with a page of HTML and this status, as a load balancer in front of AWS does.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub html: Option<u16>,
    /// Answer a describe of EC2 from the world of so many milliseconds ago; what is younger is not found.
    #[serde(skip_serializing_if = "is_zero")]
    pub stale_ms: u64,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_zero(value: &u64) -> bool {
    *value == 0
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes references")]
fn is_false(value: &bool) -> bool {
    !*value
}

/// How a call goes on, where it does not go on as usual.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Way {
    CutBefore,
    CutAfter,
    CutMidway,
    Html(StatusCode),
    Refuse(ApiError),
}

impl Effect {
    /// Why the effect can never be had, if so.
    pub(super) fn check(&self) -> Result<(), String> {
        let ways = [
            self.drop.is_some(),
            self.error.is_some(),
            self.deny,
            self.expired,
            self.html.is_some(),
            self.stale_ms > 0,
        ];
        let delays = self.delay_ms > 0 || self.latency.is_some();
        match ways.iter().filter(|given| **given).count() {
            0 if !delays => {
                return Err(
                    "effect: one of delay_ms, latency, drop, error, deny, expired, html and stale_ms is needed"
                        .to_owned(),
                );
            }
            0 | 1 => {}
            _ => return Err("effect: only one beside delays".to_owned()),
        }
        let status = self.error.as_ref().and_then(|error| error.status).or(self.html);
        if status.is_some_and(|status| !(400..600).contains(&status)) {
            return Err("effect: a status must be between 400 and 599".to_owned());
        }
        match self.latency {
            Some(Latency::Uniform { min_ms, max_ms }) if min_ms > max_ms => {
                Err("effect.latency: min_ms is above max_ms".to_owned())
            }
            Some(Latency::Gaussian {
                mean_ms,
                deviation_ms,
            }) if !(mean_ms.is_finite() && deviation_ms.is_finite() && deviation_ms >= 0.0) => Err(
                "effect.latency: mean_ms and deviation_ms must be numbers, the second not below 0".to_owned(),
            ),
            _ => Ok(()),
        }
    }

    /// How long the call waits.
    pub(super) fn delay(&self, random: &mut Random) -> Duration {
        let fixed = Duration::from_millis(self.delay_ms);
        let drawn = match self.latency {
            None => return fixed,
            Some(Latency::Uniform { min_ms, max_ms }) => {
                let (min, max) = (Duration::from_millis(min_ms), Duration::from_millis(max_ms));
                min + max.saturating_sub(min).mul_f64(random.share())
            }
            Some(Latency::Gaussian {
                mean_ms,
                deviation_ms,
            }) => {
                // The sum of twelve uniform numbers less six is normal enough, and needs no logarithm.
                let normal: f64 = (0..12).map(|_| random.share()).sum::<f64>() - 6.0;
                let millis = (mean_ms + normal * deviation_ms).max(0.0);
                Duration::try_from_secs_f64(millis / 1000.0).unwrap_or_default()
            }
        };
        fixed + drawn
    }

    /// How the call goes on.
    pub(super) fn way(&self, service: Service, action: &str, caller: &Caller) -> Option<Way> {
        if self.deny {
            return Some(Way::Refuse(denied(service, action, caller)));
        }
        if self.expired {
            return Some(Way::Refuse(expired(service)));
        }
        if let Some(error) = &self.error {
            return Some(Way::Refuse(error.as_error(service, action, caller)));
        }
        if let Some(status) = self.html {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            return Some(Way::Html(status));
        }
        self.drop.map(|when| match when {
            Disconnect::Before => Way::CutBefore,
            Disconnect::After => Way::CutAfter,
            Disconnect::Midway => Way::CutMidway,
        })
    }
}

impl ErrorEffect {
    fn as_error(&self, service: Service, action: &str, caller: &Caller) -> ApiError {
        let status = self.status.unwrap_or_else(|| usual_status(service, &self.code));
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let message = if self.message.is_empty() {
            match self.code.as_str() {
                "UnauthorizedOperation" => denied(Service::Ec2, action, caller).message().to_owned(),
                code => usual_message(code).to_owned(),
            }
        } else {
            self.message.clone()
        };
        ApiError::ordered(self.code.clone(), status, message)
    }
}

/// AWS's status for a code: 400 unless it is listed.
fn usual_status(service: Service, code: &str) -> u16 {
    match code {
        "RequestLimitExceeded" | "ServiceUnavailable" | "ServiceUnavailableException" | "Unavailable" => 503,
        "InsufficientInstanceCapacity" | "InternalError" | "InternalFailure" | "ServerException" => 500,
        "AccessDenied"
        | "AccessDeniedException"
        | "UnauthorizedOperation"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "InvalidClientTokenId" => 403,
        "AuthFailure" => 401,
        "DryRunOperation" => 412,
        "ThrottlingException" | "TooManyRequestsException" if service == Service::Eks => 429,
        "ResourceNotFoundException" if service == Service::Eks => 404,
        "ResourceInUseException" if service == Service::Eks => 409,
        _ => 400,
    }
}

/// About what AWS says with a code.
fn usual_message(code: &str) -> &'static str {
    match code {
        "RequestLimitExceeded" => "Request limit exceeded.",
        "Throttling" | "ThrottlingException" => "Rate exceeded",
        "InternalError" | "InternalFailure" => "An internal error has occurred",
        "Unavailable" | "ServiceUnavailable" => "The service is unavailable. Please try again shortly.",
        "InsufficientFreeAddressesInSubnet" => {
            "The specified subnet does not have enough free addresses to satisfy the request."
        }
        "InsufficientCidrBlocks" => {
            "The specified subnet does not have enough free cidr blocks to satisfy the request."
        }
        "PrivateIpAddressLimitExceeded" => "Number of private addresses will exceed limit.",
        "AuthFailure" => "AWS was not able to validate the provided access credentials",
        "ExpiredToken" | "ExpiredTokenException" => "The security token included in the request is expired",
        "RequestExpired" => "Request has expired.",
        _ => "A fault of the sandbox ordered this error.",
    }
}

/// What a service says to a caller who may not.
fn denied(service: Service, action: &str, caller: &Caller) -> ApiError {
    let user = format!(
        "arn:aws:sts::{}:assumed-role/sandbox/{}",
        caller.account,
        caller.name()
    );
    let name = service.as_str();
    let (code, message) = match service {
        // The message carries the reasons encoded, which only DecodeAuthorizationMessage reads.
        Service::Ec2 | Service::Other => (
            "UnauthorizedOperation",
            format!(
                "You are not authorized to perform this operation. User: {user} is not authorized to perform: \
                 {name}:{action} because no identity-based policy allows the {name}:{action} action. Encoded \
                 authorization failure message: {}",
                encoded(action, &user)
            ),
        ),
        Service::Eks | Service::Ssm | Service::Quotas => (
            "AccessDeniedException",
            format!("User: {user} is not authorized to perform: {name}:{action}"),
        ),
        Service::AutoScaling | Service::Sts | Service::Iam => (
            "AccessDenied",
            format!("User: {user} is not authorized to perform: {name}:{action}"),
        ),
    };
    let status = match service {
        // The JSON services answer 400 for everything that is the client's.
        Service::Ssm | Service::Quotas => StatusCode::BAD_REQUEST,
        _ => StatusCode::FORBIDDEN,
    };
    ApiError::ordered(code.to_owned(), status, message)
}

/// Something of the look of an encoded message, the same for the same call.
fn encoded(action: &str, user: &str) -> String {
    const LETTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    const LENGTH: usize = 160;
    let seed = action.bytes().chain(user.bytes()).fold(7, |seed: u64, byte| {
        seed.wrapping_mul(0x0100_0000_01b3) ^ u64::from(byte)
    });
    let mut random = Random::new(seed);
    (0..LENGTH)
        .filter_map(|_| LETTERS.get(random.below(64) as usize))
        .map(|letter| char::from(*letter))
        .collect()
}

/// What a service says to a caller whose credentials have expired; EC2 has a code of its own for it.
fn expired(service: Service) -> ApiError {
    let (code, status) = match service {
        Service::Ec2 | Service::Other => ("RequestExpired", StatusCode::BAD_REQUEST),
        Service::Eks => ("ExpiredTokenException", StatusCode::FORBIDDEN),
        Service::Ssm | Service::Quotas => ("ExpiredTokenException", StatusCode::BAD_REQUEST),
        Service::AutoScaling | Service::Sts | Service::Iam => ("ExpiredToken", StatusCode::FORBIDDEN),
    };
    ApiError::ordered(code.to_owned(), status, usual_message(code).to_owned())
}
