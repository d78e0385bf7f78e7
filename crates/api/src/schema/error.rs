//! What can go wrong while the definitions are generated.

/// A definition that could not be generated: a mistake in this crate, which its tests would show.
#[derive(Debug, thiserror::Error)]
pub enum SchemaError {
    /// The definition could not be written.
    #[error("failed to write the definition of {kind}")]
    Write {
        /// Its kind.
        kind: String,
        /// Why.
        source: serde_norway::Error,
    },
    /// The definition could not be taken apart.
    #[error("failed to take the definition of {kind} apart")]
    Read {
        /// Its kind.
        kind: String,
        /// Why.
        source: serde_json::Error,
    },
    /// A row of the table or a rule is about a field that no type has.
    #[error("the schema has no field {path}, which {wanted_by} is about")]
    NoSuchField {
        /// The field.
        path: String,
        /// The row or rule.
        wanted_by: String,
    },
}
