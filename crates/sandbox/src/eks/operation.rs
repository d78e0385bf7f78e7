//! Operations of a REST service: a name, a method, a pattern of paths, and what serves them.

use super::input::Input;
use crate::error::ApiError;
use crate::world::World;
use http::Method;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use std::collections::BTreeMap;

/// Serves a request that was understood.
pub(super) type Serve = fn(&Input, &mut World) -> Result<Value, ApiError>;

/// One operation.
#[derive(Debug)]
pub(super) struct Operation {
    pub(super) name: &'static str,
    pub(super) method: Method,
    /// Elements in braces are names: `/clusters/{clusterName}/addons`.
    pub(super) path: &'static str,
    /// The parameters of the query that it reads; any other is refused.
    pub(super) query: &'static [&'static str],
    pub(super) serve: Serve,
}

/// The operations of one family.
pub(super) type Family = &'static [Operation];

/// The names in the path of a request, by what the pattern calls them.
pub(super) type Names = BTreeMap<&'static str, String>;

/// The operation that a request means, and the names in its path. Where two patterns fit, that with fewer names does:
/// no add-on is called `supported-versions`.
pub(super) fn find(families: &[Family], method: &Method, path: &str) -> Option<(&'static Operation, Names)> {
    let all = families.iter().flat_map(|family| family.iter());
    all.filter(|operation| operation.method == *method)
        .filter_map(|operation| Some((operation, names(operation.path, path)?)))
        .min_by_key(|(_, names)| names.len())
}

fn names(pattern: &'static str, path: &str) -> Option<Names> {
    let mut names = Names::new();
    let mut elements = path.split('/');
    for wanted in pattern.split('/') {
        let element = elements.next()?;
        match wanted.strip_prefix('{').and_then(|name| name.strip_suffix('}')) {
            Some(name) => {
                let decoded = percent_decode_str(element).decode_utf8().ok()?;
                if decoded.is_empty() {
                    return None;
                }
                names.insert(name, decoded.into_owned());
            }
            None if wanted == element => {}
            None => return None,
        }
    }
    elements.next().is_none().then_some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_read_out_of_a_path() {
        let read = |path| names("/clusters/{clusterName}/addons/{addonName}", path);
        let found = read("/clusters/one/addons/vpc%2Dcni").unwrap();
        assert_eq!(found["clusterName"], "one");
        assert_eq!(found["addonName"], "vpc-cni");
        for other in [
            "/clusters/one/addons",
            "/clusters/one/addons/",
            "/clusters/one/addons/a/b",
            "/cluster/one/addons/a",
            "/clusters/%ff/addons/a",
        ] {
            assert_eq!(read(other), None, "{other}");
        }
        let arn = names(
            "/tags/{resourceArn}",
            "/tags/arn%3Aaws%3Aeks%3A%3A%3Acluster%2Fone",
        )
        .unwrap();
        assert_eq!(arn["resourceArn"], "arn:aws:eks:::cluster/one");
    }
}
