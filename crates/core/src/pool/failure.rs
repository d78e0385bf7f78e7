//! What a failed call of the pool leads to, and how long a subnet without room is left alone.

use crate::ports::{CloudError, CloudErrorKind};
use jiff::{SignedDuration, Timestamp};

/// How long a subnet without room is left alone.
pub const CAPACITY_COOLDOWN: SignedDuration = SignedDuration::from_secs(120);

/// What is to be done after AssignPrivateIpAddresses failed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Ask for one: a fragmented or nearly empty subnet may still have it.
    RetryWithOne,
    /// Ask EC2 what the interface has: it has more than we know, or nobody knows what the call did.
    Look,
    /// The subnet has no room: leave it alone until the cooldown is over, and use another interface or subnet.
    SubnetFull,
    /// Try again later, after a growing delay.
    BackOff,
}

/// Whether an error says that the subnet has no room. The last two are what CreateNetworkInterface may say.
pub fn is_capacity_error(code: &str, message: &str) -> bool {
    match code {
        "InsufficientCidrBlocks" | "InsufficientFreeAddressesInSubnet" => true,
        "InvalidParameterValue" => {
            let message = message.to_ascii_lowercase();
            [
                "sufficient free ipv4 addresses",
                "insufficient free",
                "not enough free",
            ]
            .iter()
            .any(|words| message.contains(words))
        }
        _ => false,
    }
}

/// What to do after so many addresses or prefixes could not be assigned.
pub fn after_assign_failed(error: &CloudError, count: u32) -> Next {
    if error.code == "PrivateIpAddressLimitExceeded" {
        return Next::Look;
    }
    let full = is_capacity_error(&error.code, &error.message);
    let refused = matches!(error.kind, CloudErrorKind::Invalid | CloudErrorKind::Internal);
    match error.kind {
        CloudErrorKind::TimedOut | CloudErrorKind::NotFound => Next::Look,
        _ if refused && count > 1 => Next::RetryWithOne,
        _ if refused && full => Next::SubnetFull,
        _ => Next::BackOff,
    }
}

/// Until when a subnet is left alone that had no room. `jitter` is a random number of thousandths: it spreads the nodes
/// of a cluster over another quarter of the cooldown.
pub fn capacity_blocked_until(failed: Timestamp, jitter: u32) -> Timestamp {
    let spread = CAPACITY_COOLDOWN.as_millis() / 4 * i128::from(jitter.min(1000)) / 1000;
    let wait = CAPACITY_COOLDOWN + SignedDuration::from_millis(i64::try_from(spread).unwrap_or(0));
    failed.saturating_add(wait).unwrap_or(failed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(kind: CloudErrorKind, code: &str, message: &str) -> CloudError {
        CloudError {
            kind,
            action: "ec2:AssignPrivateIpAddresses",
            code: code.to_owned(),
            message: message.to_owned(),
        }
    }

    #[test]
    fn a_full_subnet_is_asked_for_one_and_then_left_alone() {
        let full = error(CloudErrorKind::Invalid, "InsufficientCidrBlocks", "");
        assert_eq!(after_assign_failed(&full, 14), Next::RetryWithOne);
        assert_eq!(after_assign_failed(&full, 1), Next::SubnetFull);
        let message = "There aren't sufficient free Ipv4 addresses or prefixes";
        let odd = error(CloudErrorKind::Invalid, "InvalidParameterValue", message);
        assert_eq!(after_assign_failed(&odd, 1), Next::SubnetFull);
        let other = error(CloudErrorKind::Invalid, "InvalidParameterValue", "the value of x");
        assert_eq!(after_assign_failed(&other, 1), Next::BackOff);
    }

    #[test]
    fn a_throttled_call_is_not_repeated_at_once_and_a_late_one_is_looked_after() {
        let throttled = error(CloudErrorKind::Throttled, "RequestLimitExceeded", "");
        assert_eq!(after_assign_failed(&throttled, 14), Next::BackOff);
        let late = error(CloudErrorKind::TimedOut, "timeout", "");
        assert_eq!(after_assign_failed(&late, 14), Next::Look);
        let more = error(CloudErrorKind::Invalid, "PrivateIpAddressLimitExceeded", "");
        assert_eq!(after_assign_failed(&more, 14), Next::Look);
    }

    #[test]
    fn nodes_come_back_spread_over_a_quarter() {
        let at = Timestamp::from_second(1000).unwrap();
        let after = |jitter| capacity_blocked_until(at, jitter).as_second() - 1000;
        assert_eq!(
            (after(0), after(500), after(1000), after(5000)),
            (120, 135, 150, 150)
        );
    }
}
