//! A budget of calls around the ports, and their counts. A call here is one question to a port: it may take several
//! pages, which the SDK fetches inside it.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use vpccni_core::ports::{Answer, CloudError, CloudErrorKind};
use vpccni_core::with_cloud_ports;

const WINDOW: Duration = Duration::from_mins(1);

/// The code of a call that was never made.
const LOCAL_BUDGET: &str = "LocalBudget";

/// Calls by action and outcome: `ok`, the category of the error, or `over_budget` for one that was not made.
type Counts = BTreeMap<(&'static str, &'static str), u64>;

#[derive(Debug, Default)]
struct Meter {
    counts: Counts,
    /// When the calls of the last minute were made.
    recent: VecDeque<Instant>,
}

/// Ports that may be asked only so often.
#[derive(Debug)]
pub struct Metered<E> {
    inner: E,
    per_minute: usize,
    meter: Mutex<Meter>,
}

impl<E> Metered<E> {
    /// Lets through so many calls in any minute.
    pub fn new(inner: E, per_minute: usize) -> Self {
        Self {
            inner,
            per_minute,
            meter: Mutex::new(Meter::default()),
        }
    }

    /// Calls by action and outcome since the start.
    pub fn counts(&self) -> BTreeMap<(&'static str, &'static str), u64> {
        self.meter().counts.clone()
    }

    /// What it wraps.
    pub fn inner(&self) -> &E {
        &self.inner
    }

    /// Counts stay right after a panic elsewhere: each change of them is whole.
    fn meter(&self) -> MutexGuard<'_, Meter> {
        self.meter.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn admit(&self, action: &'static str, now: Instant) -> Result<(), CloudError> {
        let mut meter = self.meter();
        while meter
            .recent
            .front()
            .is_some_and(|made| now.saturating_duration_since(*made) >= WINDOW)
        {
            meter.recent.pop_front();
        }
        if meter.recent.len() < self.per_minute {
            meter.recent.push_back(now);
            return Ok(());
        }
        *meter.counts.entry((action, "over_budget")).or_default() += 1;
        Err(CloudError {
            kind: CloudErrorKind::Throttled,
            action,
            code: LOCAL_BUDGET.to_owned(),
            message: format!("the budget of {} calls a minute is used up", self.per_minute),
        })
    }

    fn record<T>(&self, action: &'static str, result: &Result<T, CloudError>) {
        let outcome = result.as_ref().map_or_else(CloudError::category, |_| "ok");
        *self.meter().counts.entry((action, outcome)).or_default() += 1;
    }

    /// Makes a call if the budget allows, and counts it.
    fn call<'a, T: Send + 'a>(
        &'a self,
        action: &'static str,
        make: impl FnOnce(&'a E) -> Answer<'a, T> + Send + 'a,
    ) -> Answer<'a, T>
    where
        E: Sync,
    {
        Box::pin(async move {
            self.admit(action, Instant::now())?;
            let result = make(&self.inner).await;
            self.record(action, &result);
            result
        })
    }
}

macro_rules! metered {
    ($($port:path as $field:ident {
        $($call:ident($($name:ident: $argument:ty),+) -> $answer:ty = $action:literal;)+
    })+) => {
        $(impl<E: $port> $port for Metered<E> {
            $(fn $call<'a>(&'a self, $($name: $argument),+) -> Answer<'a, $answer> {
                self.call($action, move |inner| inner.$call($($name),+))
            })+
        })+
    };
}

with_cloud_ports!(metered);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_minute_has_at_most_so_many_calls() {
        let metered = Metered::new((), 2);
        let start = Instant::now();
        let admit = |seconds| {
            metered
                .admit("ec2:X", start + Duration::from_secs(seconds))
                .map_err(|e| e.code)
        };
        assert_eq!(admit(0), Ok(()));
        assert_eq!(admit(30), Ok(()));
        assert_eq!(admit(59), Err("LocalBudget".to_owned()));
        assert_eq!(admit(60), Ok(()));
        assert_eq!(admit(61), Err("LocalBudget".to_owned()));
        assert_eq!(admit(90), Ok(()));
        assert_eq!(metered.counts().get(&("ec2:X", "over_budget")), Some(&2));
    }
}
