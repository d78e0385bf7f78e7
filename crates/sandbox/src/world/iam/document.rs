//! Policy documents, as far as they are understood: effect, actions, resources, and that there are conditions.

use crate::error::{ApiError, Code};
use serde::Deserialize;
use serde_json::Value;
use std::collections::BTreeMap;

/// A policy document that reads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyDocument {
    /// As it was given.
    pub text: String,
    pub(super) statements: Vec<Statement>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub(super) struct Statement {
    pub(super) sid: Option<String>,
    pub(super) effect: Effect,
    #[serde(default)]
    pub(super) action: OneOrMany,
    #[serde(default)]
    pub(super) not_action: OneOrMany,
    #[serde(default)]
    pub(super) resource: OneOrMany,
    #[serde(default)]
    pub(super) not_resource: OneOrMany,
    #[serde(default)]
    pub(super) condition: BTreeMap<String, BTreeMap<String, Value>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(super) enum Effect {
    Allow,
    Deny,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub(super) enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

impl Default for OneOrMany {
    fn default() -> Self {
        Self::Many(Vec::new())
    }
}

impl OneOrMany {
    pub(super) fn all(&self) -> &[String] {
        match self {
            Self::One(one) => std::slice::from_ref(one),
            Self::Many(many) => many,
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Document {
    statement: Statements,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Statements {
    One(Box<Statement>),
    Many(Vec<Statement>),
}

impl PolicyDocument {
    /// Reads a document; what does not read is malformed.
    pub fn parse(text: &str) -> Result<Self, ApiError> {
        let read: Document = serde_json::from_str(text).map_err(|error| {
            ApiError::new(
                Code::MalformedPolicyDocument,
                format!("Syntax errors in policy. {error}"),
            )
        })?;
        Ok(Self {
            text: text.to_owned(),
            statements: match read.statement {
                Statements::One(one) => vec![*one],
                Statements::Many(many) => many,
            },
        })
    }
}

/// `*` and `?` as IAM has them.
pub(super) fn wildcard(pattern: &str, text: &str) -> bool {
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    // Which beginnings of the text the pattern up to here matches.
    let mut reached = vec![false; text.len() + 1];
    if let Some(first) = reached.first_mut() {
        *first = true;
    }
    for p in pattern {
        let mut next = vec![false; text.len() + 1];
        let mut any_before = false;
        for (index, slot) in next.iter_mut().enumerate() {
            any_before |= reached.get(index).copied().unwrap_or(false);
            let before = index.checked_sub(1);
            *slot = if p == '*' {
                any_before
            } else {
                before.is_some_and(|i| {
                    reached.get(i).copied().unwrap_or(false) && (p == '?' || text.get(i) == Some(&p))
                })
            };
        }
        reached = next;
    }
    reached.last().copied().unwrap_or(false)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_match_anywhere() {
        for (pattern, text, expected) in [
            ("ec2:*", "ec2:describeinstances", true),
            ("*", "", true),
            ("ec2:describe*", "ec2:createtags", false),
            (
                "arn:aws:ec2:*:*:network-interface/*",
                "arn:aws:ec2:us-west-2:1:network-interface/eni-1",
                true,
            ),
            (
                "arn:aws:ec2:*:*:network-interface/*",
                "arn:aws:ec2:us-west-2:1:instance/i-1",
                false,
            ),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("abc", "abcd", false),
        ] {
            assert_eq!(wildcard(pattern, text), expected, "{pattern} on {text}");
        }
    }

    #[test]
    fn a_document_has_one_statement_or_a_list() {
        let one =
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"ec2:*","Resource":"*"}}"#;
        assert_eq!(PolicyDocument::parse(one).unwrap().statements.len(), 1);
        let none = PolicyDocument::parse(r#"{"Statement":[]}"#).unwrap();
        assert_eq!(none.statements, []);
        let bad = PolicyDocument::parse("{").unwrap_err();
        assert_eq!(bad.code(), "MalformedPolicyDocument");
        assert!(PolicyDocument::parse(r#"{"Statement":[{"Effect":"Maybe"}]}"#).is_err());
    }
}
