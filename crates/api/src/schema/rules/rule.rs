//! One CEL rule, and how it is put into the schema.

use crate::schema::error::SchemaError;
use crate::schema::walk::find;
use serde_json::{Value, json};

/// One rule of the schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rule {
    /// The node it is evaluated on, as a path from the root.
    pub at: &'static str,
    /// The expression that must hold.
    pub expression: String,
    /// What is said when it does not; names the field and what to do.
    pub message: String,
    /// An expression for the same with the names in it.
    pub message_expression: Option<String>,
    /// The field to blame, below the node.
    pub blames: Option<&'static str>,
}

impl Rule {
    pub(super) fn new(at: &'static str, expression: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            at,
            expression: expression.into(),
            message: message.into(),
            message_expression: None,
            blames: None,
        }
    }

    /// Blames a field below the node.
    pub(super) fn blaming(mut self, field: &'static str) -> Self {
        self.blames = Some(field);
        self
    }

    /// Says it with names.
    pub(super) fn saying(mut self, expression: impl Into<String>) -> Self {
        self.message_expression = Some(expression.into());
        self
    }

    /// Puts the rule into the schema.
    pub(crate) fn insert(&self, root: &mut Value) -> Result<(), SchemaError> {
        let mut rule = json!({"rule": self.expression, "message": self.message});
        if let Some(expression) = &self.message_expression {
            rule["messageExpression"] = json!(expression);
        }
        if let Some(field) = self.blames {
            let path = [self.at, field].concat();
            find(root, path.trim_start_matches('.'), &self.message)?;
            rule["fieldPath"] = json!(field);
        }
        let node = find(root, self.at, &self.message)?;
        match node["x-kubernetes-validations"].as_array_mut() {
            Some(rules) => rules.push(rule),
            None => node["x-kubernetes-validations"] = json!([rule]),
        }
        Ok(())
    }
}
