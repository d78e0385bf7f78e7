//! Which calls a rule is about, and when it fires.

use super::effect::Effect;
use crate::service::Service;
use crate::world::Caller;
use http::Uri;
use serde::{Deserialize, Serialize};

/// A rule. What is not given matches everything and always.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Rule {
    /// The service, such as `ec2`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// The action, such as `AssignPrivateIpAddresses`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub action: Option<String>,
    /// The caller: an access key, an account, or the instance whose role signs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub caller: Option<String>,
    /// A text that the path, the query or the body of the request contains, such as the id of an interface.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// Only the nth call that matches, counted from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub nth: Option<u64>,
    /// With this probability, by the seed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probability: Option<f64>,
    /// At most so often.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub times: Option<u64>,
    /// For so many seconds of the sandbox's clock from when it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub for_seconds: Option<f64>,
    /// What happens.
    pub effect: Effect,
}

/// A call, as a rule looks at it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Subject<'a> {
    pub(crate) service: Service,
    pub(crate) action: &'a str,
    pub(crate) caller: &'a Caller,
    pub(crate) uri: &'a Uri,
    pub(crate) body: &'a [u8],
}

impl Rule {
    /// Why it can never fire as it is meant to, if so.
    pub(super) fn check(&self) -> Result<(), String> {
        if let Some(service) = &self.service
            && !Service::ALL.iter().any(|known| known.as_str() == service)
        {
            let known: Vec<_> = Service::ALL.iter().map(|service| service.as_str()).collect();
            return Err(format!("service: {service:?} is none of {}", known.join(", ")));
        }
        if self.probability.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
            return Err("probability: must be between 0 and 1".to_owned());
        }
        if self.nth == Some(0) {
            return Err("nth: counts from 1".to_owned());
        }
        if self
            .for_seconds
            .is_some_and(|s| std::time::Duration::try_from_secs_f64(s).is_err())
        {
            return Err("for_seconds: must be a number of seconds".to_owned());
        }
        if self.resource.as_deref() == Some("") {
            return Err("resource: every request contains nothing".to_owned());
        }
        self.effect.check()
    }

    /// Whether the call is one that it is about.
    pub(super) fn matches(&self, call: &Subject<'_>) -> bool {
        self.service.as_deref().is_none_or(|s| s == call.service.as_str())
            && self.action.as_deref().is_none_or(|a| a == call.action)
            && self.caller.as_deref().is_none_or(|c| call.caller.is(c))
            && self.resource.as_deref().is_none_or(|r| call.mentions(r))
    }
}

impl Subject<'_> {
    fn mentions(&self, text: &str) -> bool {
        // In a form, what is not a letter or a digit may be encoded: the form is asked as it was meant.
        let in_form = |form: &[u8]| form_urlencoded::parse(form).any(|(_, value)| value.contains(text));
        self.uri.path().contains(text)
            || self.uri.query().is_some_and(|query| in_form(query.as_bytes()))
            || in_form(self.body)
            || self.body.windows(text.len()).any(|part| part == text.as_bytes())
    }
}
