//! What the policies of a role allow, in the way of SimulatePrincipalPolicy: a deny wins, an allow is needed.
//!
//! Nothing of the context of a request is known here, so a condition that asks for a key is not met, and the key is
//! named. Conditions that hold without a key are refused.

use super::document::{Effect, PolicyDocument, Statement, wildcard};
use super::managed::ManagedPolicy;
use super::no_such;
use crate::error::{ApiError, Code};
use crate::world::World;
use std::collections::BTreeSet;

/// What became of an action on a resource.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are AWS's own")]
pub enum Decision {
    Allowed,
    ExplicitDeny,
    ImplicitDeny,
}

impl Decision {
    /// The name as AWS writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Allowed => "allowed",
            Self::ExplicitDeny => "explicitDeny",
            Self::ImplicitDeny => "implicitDeny",
        }
    }
}

/// An action on a resource, and what becomes of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evaluation {
    /// The action.
    pub action: String,
    /// The resource.
    pub resource: String,
    /// What becomes of it.
    pub decision: Decision,
    /// The policies whose statements decided.
    pub matched: Vec<String>,
    /// Keys that conditions asked for.
    pub missing: BTreeSet<String>,
}

impl World {
    /// Evaluates each action on each resource for a role.
    pub fn simulate(
        &self,
        source: &str,
        actions: &[String],
        resources: &[String],
    ) -> Result<Vec<Evaluation>, ApiError> {
        let role = self
            .role_of_arn(source)
            .ok_or_else(|| no_such(format!("The principal {source} cannot be found.")))?;
        let mut policies: Vec<(String, PolicyDocument)> = Vec::new();
        for arn in &role.attached {
            let managed = ManagedPolicy::of_arn(arn)?;
            policies.push((managed.name.to_owned(), managed.parsed()?));
        }
        for (name, document) in &role.inline {
            policies.push((name.clone(), document.clone()));
        }
        let mut all = Vec::new();
        for action in actions {
            for resource in resources {
                all.push(evaluate(&policies, action, resource)?);
            }
        }
        Ok(all)
    }
}

fn evaluate(
    policies: &[(String, PolicyDocument)],
    action: &str,
    resource: &str,
) -> Result<Evaluation, ApiError> {
    let mut allowed = Vec::new();
    let mut denied = Vec::new();
    let mut missing = BTreeSet::new();
    for (name, document) in policies {
        for statement in document
            .statements
            .iter()
            .filter(|s| s.is_about(action, resource))
        {
            let keys = statement.keys_asked()?;
            if !keys.is_empty() {
                missing.extend(keys);
                continue;
            }
            match statement.effect {
                Effect::Allow => allowed.push(name.clone()),
                Effect::Deny => denied.push(name.clone()),
            }
        }
    }
    let (decision, matched) = match (denied.is_empty(), allowed.is_empty()) {
        (false, _) => (Decision::ExplicitDeny, denied),
        (true, false) => (Decision::Allowed, allowed),
        (true, true) => (Decision::ImplicitDeny, Vec::new()),
    };
    Ok(Evaluation {
        action: action.to_owned(),
        resource: resource.to_owned(),
        decision,
        matched,
        missing,
    })
}

impl Statement {
    /// Actions are compared without regard to case, resources with it.
    fn is_about(&self, action: &str, resource: &str) -> bool {
        let action = action.to_ascii_lowercase();
        let of = |patterns: &[String]| {
            patterns
                .iter()
                .any(|p| wildcard(&p.to_ascii_lowercase(), &action))
        };
        let on = |patterns: &[String]| patterns.iter().any(|p| wildcard(p, resource));
        let acts = of(self.action.all()) || (!self.not_action.all().is_empty() && !of(self.not_action.all()));
        let meant =
            on(self.resource.all()) || (!self.not_resource.all().is_empty() && !on(self.not_resource.all()));
        acts && meant
    }

    /// The keys of its conditions.
    fn keys_asked(&self) -> Result<BTreeSet<String>, ApiError> {
        for operator in self.condition.keys() {
            let holds_without = operator.contains("Not")
                || operator.ends_with("IfExists")
                || operator.starts_with("ForAllValues")
                || operator == "Null";
            if holds_without {
                let sid = self.sid.as_deref().unwrap_or("without an id");
                return Err(ApiError::new(
                    Code::UnsupportedOperation,
                    format!("The sandbox does not model the condition {operator} of the statement {sid}"),
                ));
            }
        }
        Ok(self
            .condition
            .values()
            .flat_map(|keys| keys.keys().cloned())
            .collect())
    }
}
