//! Faults by rule: which calls, how often, and what happens to them.

use crate::error::ApiError;
use crate::world::Random;
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
}

/// An error that a rule orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ErrorEffect {
    /// The code, such as `RequestLimitExceeded`.
    pub code: String,
    /// The HTTP status.
    pub status: u16,
    /// What it says.
    #[serde(default)]
    pub message: String,
}

/// What happens to a call: a delay, then a cut or an error.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Effect {
    /// Milliseconds before anything else.
    #[serde(default)]
    pub delay_ms: u64,
    /// Cut the connection.
    #[serde(default)]
    pub drop: Option<Disconnect>,
    /// Refuse.
    #[serde(default)]
    pub error: Option<ErrorEffect>,
}

/// A rule. What is not given matches everything and always.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rule {
    /// The service, such as `ec2`.
    #[serde(default)]
    pub service: Option<String>,
    /// The action, such as `AssignPrivateIpAddresses`.
    #[serde(default)]
    pub action: Option<String>,
    /// Only the nth call that matches, counted from 1.
    #[serde(default)]
    pub nth: Option<u64>,
    /// With this probability, by the seed.
    #[serde(default)]
    pub probability: Option<f64>,
    /// At most so often.
    #[serde(default)]
    pub times: Option<u64>,
    /// What happens.
    pub effect: Effect,
}

/// What a call meets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Met {
    pub(crate) delay: Duration,
    pub(crate) drop: Option<Disconnect>,
    pub(crate) error: Option<ApiError>,
}

#[derive(Debug, Clone, Serialize)]
pub(crate) struct Armed {
    #[serde(flatten)]
    rule: Rule,
    seen: u64,
    fired: u64,
}

/// The rules in force, and their own chance: a fault must not move the addresses of the world.
#[derive(Debug)]
pub(crate) struct Faults {
    rules: Vec<Armed>,
    random: Random,
}

impl Faults {
    pub(crate) fn new(seed: u64) -> Self {
        Self {
            rules: Vec::new(),
            random: Random::new(seed ^ 0xfa17),
        }
    }

    /// Adds a rule; a rule that can never do anything is refused.
    pub(crate) fn add(&mut self, rule: Rule) -> Result<(), String> {
        if rule.effect == Effect::default() {
            return Err("effect: one of delay_ms, drop and error is needed".to_owned());
        }
        if rule.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("probability: must be between 0 and 1".to_owned());
        }
        if rule.nth == Some(0) {
            return Err("nth: counts from 1".to_owned());
        }
        if let Some(error) = &rule.effect.error
            && !(400..600).contains(&error.status)
        {
            return Err("effect.error.status: must be between 400 and 599".to_owned());
        }
        self.rules.push(Armed {
            rule,
            seen: 0,
            fired: 0,
        });
        Ok(())
    }

    pub(crate) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(crate) fn rules(&self) -> &[Armed] {
        &self.rules
    }

    /// What this call meets: the first rule that fires.
    pub(crate) fn meet(&mut self, service: &str, action: &str) -> Met {
        for armed in &mut self.rules {
            let rule = &armed.rule;
            let matches = rule.service.as_deref().is_none_or(|s| s == service)
                && rule.action.as_deref().is_none_or(|a| a == action);
            if !matches {
                continue;
            }
            armed.seen += 1;
            let due = rule.nth.is_none_or(|nth| nth == armed.seen)
                && rule.times.is_none_or(|times| armed.fired < times)
                && rule.probability.is_none_or(|p| self.random.chance(p));
            if due {
                armed.fired += 1;
                return met(&rule.effect);
            }
        }
        Met::default()
    }
}

fn met(effect: &Effect) -> Met {
    Met {
        delay: Duration::from_millis(effect.delay_ms),
        drop: effect.drop,
        error: effect.error.as_ref().map(|error| {
            let status = StatusCode::from_u16(error.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            ApiError::ordered(error.code.clone(), status, error.message.clone())
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(text: &str) -> Rule {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn a_rule_fires_on_the_call_it_names_and_as_often_as_it_says() {
        let mut faults = Faults::new(1);
        faults
            .add(rule(
                r#"{"service":"ec2","action":"A","nth":2,"effect":{"drop":"after"}}"#,
            ))
            .unwrap();
        faults
            .add(rule(r#"{"action":"B","times":1,"effect":{"delay_ms":5}}"#))
            .unwrap();
        assert_eq!(faults.meet("ec2", "A"), Met::default());
        assert_eq!(faults.meet("eks", "A"), Met::default());
        assert_eq!(faults.meet("ec2", "A").drop, Some(Disconnect::After));
        assert_eq!(faults.meet("ec2", "A"), Met::default());
        assert_eq!(faults.meet("eks", "B").delay, Duration::from_millis(5));
        assert_eq!(faults.meet("eks", "B"), Met::default());
    }

    #[test]
    fn probability_follows_the_seed() {
        let fired = |seed| {
            let mut faults = Faults::new(seed);
            faults
                .add(rule(
                    r#"{"probability":0.3,"effect":{"error":{"code":"X","status":503}}}"#,
                ))
                .unwrap();
            (0..1000)
                .map(|_| faults.meet("ec2", "A").error.is_some())
                .collect::<Vec<_>>()
        };
        let one = fired(1);
        let count = one.iter().filter(|f| **f).count();
        assert!((200..400).contains(&count), "{count}");
        assert_eq!(one, fired(1));
        assert_ne!(one, fired(2));
    }

    #[test]
    fn a_rule_without_an_effect_is_refused() {
        let mut faults = Faults::new(1);
        assert!(faults.add(rule(r#"{"effect":{}}"#)).is_err());
        assert!(serde_json::from_str::<Rule>(r#"{"efect":{}}"#).is_err());
    }
}
