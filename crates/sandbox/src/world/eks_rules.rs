//! What all parts of EKS hold requests to, in EKS's own words.

use super::{Tags, tags};
use crate::error::{ApiError, Code};

/// Tags as EKS allows them; the refusal has EKS's code.
pub(super) fn eks_tags(tags: &Tags) -> Result<(), ApiError> {
    tags::check(tags).map_err(|error| invalid(error.message()))
}

/// The refusal that most rules of EKS end in.
pub(super) fn invalid(message: impl Into<String>) -> ApiError {
    ApiError::new(Code::EksInvalidParameter, message)
}
