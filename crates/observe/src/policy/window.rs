//! Rollout windows: a five-field cron schedule, a duration and a time zone; whether one is open, and when the next opens.
//!
//! Pure but for the time zone database of the system. Bad schedules are errors that name the field.

use jiff::tz::TimeZone;
use jiff::{Span, Timestamp, Zoned};
use thiserror::Error;

/// A window as the policy gives it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowSpec {
    /// Minute, hour, day of month, month, day of week.
    pub schedule: String,
    /// How long it stays open, in seconds.
    pub duration_seconds: i64,
    /// An IANA name; UTC where absent.
    pub time_zone: Option<String>,
}

impl WindowSpec {
    /// Windows of a policy.
    pub fn all<'a>(windows: impl IntoIterator<Item = &'a vpccni_api::policy::Window>) -> Vec<Self> {
        let spec = |window: &vpccni_api::policy::Window| {
            let vpccni_api::policy::Window {
                schedule,
                duration_seconds,
                time_zone,
            } = window;
            Self {
                schedule: schedule.clone(),
                duration_seconds: *duration_seconds,
                time_zone: time_zone.clone(),
            }
        };
        windows.into_iter().map(spec).collect()
    }
}

/// A window that cannot be understood.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum WindowError {
    /// Not five fields.
    #[error("schedule {0:?} has {1} fields; write five: minute, hour, day of month, month, day of week")]
    Fields(String, usize),
    /// A field out of its range.
    #[error(
        "schedule field {name} is {text:?}; write *, a number from {min} to {max}, a range, a list or */n"
    )]
    Field {
        /// Which.
        name: &'static str,
        /// What was given.
        text: String,
        /// The least value.
        min: u8,
        /// The greatest.
        max: u8,
    },
    /// No such zone.
    #[error("time zone {0:?} is not known; write an IANA name such as Asia/Tokyo")]
    TimeZone(String),
}

/// Whether a rollout may start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Opening {
    /// Now.
    Open,
    /// From then on, or never within eight days.
    Next(Option<Timestamp>),
}

const FIELDS: [(&str, u8, u8); 5] = [
    ("minute", 0, 59),
    ("hour", 0, 23),
    ("day of month", 1, 31),
    ("month", 1, 12),
    ("day of week", 0, 7),
];

/// Minutes in eight days: every weekly schedule opens in that time.
const HORIZON_MINUTES: i64 = 8 * 24 * 60;

struct Schedule {
    allowed: [u64; 5],
    any_day: bool,
    any_weekday: bool,
}

impl Schedule {
    fn parse(text: &str) -> Result<Self, WindowError> {
        let parts: Vec<&str> = text.split_whitespace().collect();
        if parts.len() != FIELDS.len() {
            return Err(WindowError::Fields(text.to_owned(), parts.len()));
        }
        let mut allowed = [0_u64; 5];
        for (slot, (part, (name, min, max))) in allowed.iter_mut().zip(parts.iter().zip(FIELDS)) {
            *slot = field(part, min, max).ok_or_else(|| WindowError::Field {
                name,
                text: (*part).to_owned(),
                min,
                max,
            })?;
        }
        if allowed[4] & (1 << 7) != 0 {
            allowed[4] |= 1;
        }
        Ok(Self {
            allowed,
            any_day: parts[2] == "*",
            any_weekday: parts[4] == "*",
        })
    }

    fn matches(&self, at: &Zoned) -> bool {
        let has = |field: usize, value: i8| {
            u32::try_from(value).is_ok_and(|value| self.allowed[field] & (1_u64 << value) != 0)
        };
        let day = has(2, at.day());
        let weekday = has(4, at.weekday().to_sunday_zero_offset());
        // As in cron: where both are given, either is enough.
        let date = if self.any_day || self.any_weekday {
            day && weekday
        } else {
            day || weekday
        };
        has(0, at.minute()) && has(1, at.hour()) && has(3, at.month()) && date
    }
}

fn field(text: &str, min: u8, max: u8) -> Option<u64> {
    let mut bits = 0;
    for part in text.split(',') {
        let (range, step) = match part.split_once('/') {
            Some((range, step)) => (range, step.parse::<u8>().ok().filter(|step| *step > 0)?),
            None => (part, 1),
        };
        let (from, to) = match (range, range.split_once('-')) {
            ("*", _) => (min, max),
            (_, Some((from, to))) => (from.parse().ok()?, to.parse().ok()?),
            (one, None) => one.parse().ok().map(|one: u8| (one, one))?,
        };
        if from < min || to > max || from > to {
            return None;
        }
        for value in (from..=to).step_by(usize::from(step)) {
            bits |= 1_u64 << value;
        }
    }
    Some(bits)
}

/// Whether any of the windows is open at `now`; no windows means always.
pub fn opening(windows: &[WindowSpec], now: Timestamp) -> Result<Opening, WindowError> {
    if windows.is_empty() {
        return Ok(Opening::Open);
    }
    let mut next: Option<Timestamp> = None;
    for window in windows {
        match one(window, now)? {
            Opening::Open => return Ok(Opening::Open),
            Opening::Next(at) => next = [next, at].into_iter().flatten().min(),
        }
    }
    Ok(Opening::Next(next))
}

fn one(window: &WindowSpec, now: Timestamp) -> Result<Opening, WindowError> {
    let schedule = Schedule::parse(&window.schedule)?;
    let name = window.time_zone.as_deref().unwrap_or("UTC");
    let zone = TimeZone::get(name).map_err(|_| WindowError::TimeZone(name.to_owned()))?;
    let minute = |offset: i64| {
        let at = now
            .checked_add(Span::new().minutes(offset))
            .ok()?
            .to_zoned(zone.clone());
        Some(at)
    };
    let back = (window.duration_seconds.max(60) - 1) / 60;
    let started = (0..=back)
        .filter_map(|ago| minute(-ago))
        .any(|at| schedule.matches(&at));
    if started {
        return Ok(Opening::Open);
    }
    let next = (1..=HORIZON_MINUTES)
        .filter_map(minute)
        .find(|at| schedule.matches(at));
    Ok(Opening::Next(next.map(|at| at.timestamp())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window(schedule: &str, hours: i64, zone: &str) -> Vec<WindowSpec> {
        vec![WindowSpec {
            schedule: schedule.to_owned(),
            duration_seconds: hours * 3600,
            time_zone: Some(zone.to_owned()),
        }]
    }

    #[track_caller]
    fn check(windows: &[WindowSpec], now: &str, expected: &Result<Opening, WindowError>) {
        assert_eq!(opening(windows, now.parse().unwrap()), *expected);
    }

    #[test]
    fn no_window_is_always_open() {
        check(&[], "2026-11-21T10:00:00Z", &Ok(Opening::Open));
    }

    #[test]
    fn a_window_is_open_for_its_duration_in_its_zone() {
        let nights = window("0 2 * * 1-5", 4, "Asia/Tokyo");
        // 02:00 in Tokyo is 17:00 UTC the day before; 2026-11-23 is a Monday.
        check(&nights, "2026-11-22T17:00:00Z", &Ok(Opening::Open));
        check(&nights, "2026-11-22T20:59:00Z", &Ok(Opening::Open));
        let next = Opening::Next(Some("2026-11-23T17:00:00Z".parse().unwrap()));
        check(&nights, "2026-11-22T21:00:00Z", &Ok(next.clone()));
        let monday = Opening::Next(Some("2026-11-22T17:00:00Z".parse().unwrap()));
        check(&nights, "2026-11-21T17:00:00Z", &Ok(monday));
    }

    #[test]
    fn day_of_month_and_weekday_are_alternatives() {
        let both = window("0 0 1 * 0", 1, "UTC");
        check(&both, "2026-11-22T00:30:00Z", &Ok(Opening::Open));
        check(&both, "2026-12-01T00:30:00Z", &Ok(Opening::Open));
    }

    #[test]
    fn bad_schedules_name_the_field() {
        let now = "2026-11-21T10:00:00Z";
        let fields = WindowError::Fields("0 2".to_owned(), 2);
        check(&window("0 2", 1, "UTC"), now, &Err(fields));
        let hour = WindowError::Field {
            name: "hour",
            text: "25".to_owned(),
            min: 0,
            max: 23,
        };
        check(&window("0 25 * * *", 1, "UTC"), now, &Err(hour));
        check(
            &window("0 2 * * *", 1, "Mars/Base"),
            now,
            &Err(WindowError::TimeZone("Mars/Base".to_owned())),
        );
    }
}
