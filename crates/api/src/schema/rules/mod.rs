//! The CEL rules of a `CniPolicy`: what is impossible by itself, whatever the cluster looks like.
//!
//! Each message names the field and what to do. What depends on the cluster is a rule of `vpccni_core::safety`.

mod cni_migration;
mod env;
mod migration;
mod rule;
mod settings;

pub use cni_migration::rules as migration_rules;
pub use rule::Rule;

/// Every rule of the schema of `CniPolicy`.
pub fn policy_rules() -> Vec<Rule> {
    let mut rules = vec![
        Rule::new(
            "",
            "self.metadata.name == 'default'",
            "metadata.name: a cluster has one CniPolicy, named default; rename this one",
        ),
        // Compared with what was seen, so that removing the field and adding another value does not escape; a value
        // that was there before the family was seen must not make the operator's own status writes fail.
        Rule::new(
            "",
            "!has(self.spec.ipFamily) || self.spec.ipFamily == oldSelf.?spec.?ipFamily.orValue('') \
             || self.spec.ipFamily == oldSelf.?status.?cluster.?ipFamily.orValue(self.spec.ipFamily)",
            "spec.ipFamily: the IP family of a cluster is fixed at its creation and status.cluster.ipFamily says what it is; \
             write that one or leave the field out",
        )
        .blaming(".spec.ipFamily"),
    ];
    rules.extend(settings::rules());
    rules.extend(env::rules());
    rules.extend(migration::rules());
    rules
}
