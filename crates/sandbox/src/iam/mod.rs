//! IAM over the Query protocol: what nodes, their bootstrap and Karpenter ask.

use crate::query::QueryService;

pub(crate) const SERVICE: QueryService = QueryService {
    version: "2010-05-08",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    families: &[],
};
