//! max_pods.
