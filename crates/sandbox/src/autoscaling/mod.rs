//! Auto Scaling over the Query protocol: one file a family of actions.

use crate::query::QueryService;

pub(crate) const SERVICE: QueryService = QueryService {
    version: "2011-01-01",
    namespace: "http://autoscaling.amazonaws.com/doc/2011-01-01/",
    families: &[],
};
