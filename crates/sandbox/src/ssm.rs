//! SSM: the public parameters that name the images of EKS nodes.

use crate::json_service::JsonService;

pub(crate) const SERVICE: JsonService = JsonService {
    target_prefix: "AmazonSSM",
    actions: &[],
};
