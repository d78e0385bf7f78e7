//! What can go wrong with simulated nodes.

/// A simulated node could not be made or changed.
#[derive(Debug, thiserror::Error)]
pub enum NodeError {
    /// The API server refused.
    #[error("{call} {name}: {source}")]
    Api {
        /// The call.
        call: &'static str,
        /// Its object.
        name: String,
        /// The answer.
        source: Box<kube::Error>,
    },
    /// The shape is no Node.
    #[error("the node {name} cannot be written: {message}")]
    Shape {
        /// Its name.
        name: String,
        /// Why.
        message: String,
    },
}

impl NodeError {
    /// Whether there is such an object already.
    pub fn is_there_already(&self) -> bool {
        let Self::Api { source, .. } = self else {
            return false;
        };
        matches!(&**source, kube::Error::Api(status) if status.reason == "AlreadyExists")
    }

    pub(super) fn api(call: &'static str, name: &str) -> impl FnOnce(kube::Error) -> Self {
        let name = name.to_owned();
        move |source| Self::Api {
            call,
            name,
            source: Box::new(source),
        }
    }

    pub(super) fn shape(name: &str) -> impl FnOnce(serde_json::Error) -> Self {
        let name = name.to_owned();
        move |error| Self::Shape {
            name,
            message: error.to_string(),
        }
    }
}
