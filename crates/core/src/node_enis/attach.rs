//! Waiting for an interface to show up whole, and the delays between tries.

use jiff::SignedDuration;

/// How often the metadata service is looked at for an interface that was just attached.
pub const ATTACH_LOOKS: u32 = 12;

/// Delays that double up to a most.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    /// The first one.
    pub first: SignedDuration,
    /// The longest one.
    pub most: SignedDuration,
    /// Tries in all.
    pub tries: u32,
}

const fn up_to_a_minute(milliseconds: i64) -> Backoff {
    Backoff {
        first: SignedDuration::from_millis(milliseconds),
        most: SignedDuration::from_secs(60),
        tries: 12,
    }
}

/// Between two looks at the metadata service after an attach.
pub const CREATE_LOOK: Backoff = up_to_a_minute(100);

/// Between two tries to detach.
pub const DETACH_RETRY: Backoff = up_to_a_minute(200);

/// Between two tries to delete.
pub const DELETE_RETRY: Backoff = up_to_a_minute(500);

impl Backoff {
    /// The delay after a failed try, counted from 1; none after the last one. `jitter`, in thousandths, takes up to a
    /// half away, so that nodes that failed together do not come back together.
    pub fn delay(&self, tried: u32, jitter: u32) -> Option<SignedDuration> {
        if tried >= self.tries {
            return None;
        }
        let doubled = self
            .first
            .checked_mul(2_i32.saturating_pow(tried.saturating_sub(1)))
            .unwrap_or(self.most);
        let full = doubled.min(self.most).as_millis();
        let less = full / 2 * i128::from(jitter.min(1000)) / 1000;
        Some(SignedDuration::from_millis(
            i64::try_from(full - less).unwrap_or(i64::MAX),
        ))
    }
}

/// What a look at a new interface says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Attach {
    /// All is there.
    Whole,
    /// Look again.
    Wait,
    /// The looks are used up; what is there will do.
    Partial,
    /// The looks are used up and nothing is there: the interface is of no use.
    Failed,
}

/// What to make of the addresses or prefixes found at a look, counted from 1.
pub fn after_look(found: u32, wanted: u32, look: u32) -> Attach {
    if found >= wanted {
        Attach::Whole
    } else if look < ATTACH_LOOKS {
        Attach::Wait
    } else if found > 0 {
        Attach::Partial
    } else {
        Attach::Failed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_a_minute() {
        let delays: Vec<i64> = (1..=12)
            .filter_map(|tried| CREATE_LOOK.delay(tried, 0))
            .map(|delay| i64::try_from(delay.as_millis()).unwrap())
            .collect();
        assert_eq!(
            delays,
            [
                100, 200, 400, 800, 1600, 3200, 6400, 12_800, 25_600, 51_200, 60_000
            ]
        );
        assert_eq!(
            DELETE_RETRY.delay(1, 1000),
            Some(SignedDuration::from_millis(250))
        );
        let many = Backoff {
            tries: u32::MAX,
            ..DETACH_RETRY
        };
        assert_eq!(many.delay(1_000_000, 0), Some(SignedDuration::from_secs(60)));
    }

    #[test]
    fn nothing_found_is_waited_for_and_then_given_up() {
        assert_eq!(after_look(0, 1, 11), Attach::Wait);
        assert_eq!(after_look(0, 1, 12), Attach::Failed);
        assert_eq!(after_look(0, 0, 1), Attach::Whole);
    }
}
