//! Filters of EC2 describes: several values are OR, several filters AND, `*` and `?` are wildcards, `\` escapes.

use super::params::Params;
use crate::error::{ApiError, Code};
use crate::world::Tags;
use std::borrow::Cow;

/// AWS's limit on the values of one filter.
const MAX_VALUES: usize = 200;

/// What a filter can look at.
pub(crate) trait Filterable {
    /// The names it has beside `tag:<key>` and `tag-key`.
    const NAMES: &'static [&'static str];
    /// The values under a name of the list.
    fn values(&self, name: &str) -> Vec<Cow<'_, str>>;
    fn tags(&self) -> Option<&Tags>;
}

#[derive(Debug, Clone)]
struct Filter {
    name: String,
    values: Vec<String>,
}

#[derive(Debug, Clone, Default)]
pub(crate) struct Filters(Vec<Filter>);

impl Filters {
    /// Reads `Filter.N`; a name that the resource does not have is refused.
    pub(crate) fn parse<F: Filterable>(params: &mut Params) -> Result<Self, ApiError> {
        Self::parse_named::<F>(params, "Filter", "Value")
    }

    /// Reads them under the names that a service has for the list and for the values.
    pub(crate) fn parse_named<F: Filterable>(
        params: &mut Params,
        list: &str,
        values: &str,
    ) -> Result<Self, ApiError> {
        let filters = params.structures(list, |item| {
            Ok(Filter {
                name: item.required("Name")?,
                values: item.list(values),
            })
        })?;
        for filter in &filters {
            let of_tags = filter.name.starts_with("tag:") || filter.name == "tag-key";
            if !of_tags && !F::NAMES.contains(&filter.name.as_str()) {
                return Err(ApiError::value(format!(
                    "The filter '{}' is invalid",
                    filter.name
                )));
            }
            if filter.values.is_empty() {
                return Err(ApiError::value(format!(
                    "The filter '{}' must have at least one value",
                    filter.name
                )));
            }
            if filter.values.len() > MAX_VALUES {
                return Err(ApiError::new(
                    Code::FilterLimitExceeded,
                    format!("The maximum number of filter values is {MAX_VALUES}"),
                ));
            }
        }
        Ok(Self(filters))
    }

    pub(crate) fn accept<F: Filterable>(&self, item: &F) -> bool {
        self.0.iter().all(|filter| {
            filter
                .values
                .iter()
                .any(|pattern| matches(item, &filter.name, pattern))
        })
    }

    /// The values of a filter without wildcards: what an index can answer.
    pub(crate) fn exact(&self, name: &str) -> Option<&[String]> {
        let filter = self.0.iter().find(|filter| filter.name == name)?;
        let plain = filter
            .values
            .iter()
            .all(|value| !value.contains(['*', '?', '\\']));
        plain.then_some(filter.values.as_slice())
    }

    /// The first `tag:<key>` without wildcards, as key and values.
    pub(crate) fn exact_tag(&self) -> Option<(&str, &[String])> {
        self.0.iter().find_map(|filter| {
            let key = filter.name.strip_prefix("tag:")?;
            Some((key, self.exact(&filter.name)?))
        })
    }

    /// All of them in one text: a page token is good for the same filters only.
    pub(crate) fn fingerprint(&self) -> String {
        self.0.iter().fold(String::new(), |text, filter| {
            text + &filter.name + "=" + &filter.values.join(",") + "&"
        })
    }
}

fn matches<F: Filterable>(item: &F, name: &str, pattern: &str) -> bool {
    if let Some(key) = name.strip_prefix("tag:") {
        return item
            .tags()
            .and_then(|tags| tags.get(key))
            .is_some_and(|value| glob(pattern, value));
    }
    if name == "tag-key" {
        return item
            .tags()
            .is_some_and(|tags| tags.keys().any(|key| glob(pattern, key)));
    }
    item.values(name).iter().any(|value| glob(pattern, value))
}

/// Wildcards without recursion: on a mismatch the last star swallows one more character.
fn glob(pattern: &str, text: &str) -> bool {
    if !pattern.contains(['*', '?', '\\']) {
        return pattern == text;
    }
    let (pattern, text): (Vec<char>, Vec<char>) = (pattern.chars().collect(), text.chars().collect());
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while t < text.len() {
        match pattern.get(p) {
            Some('*') => {
                star = Some((p + 1, t));
                p += 1;
                continue;
            }
            Some('?') => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            Some('\\') if pattern.get(p + 1) == text.get(t) => {
                (p, t) = (p + 2, t + 1);
                continue;
            }
            Some(c) if *c != '\\' && Some(c) == text.get(t) => {
                (p, t) = (p + 1, t + 1);
                continue;
            }
            _ => {}
        }
        let Some((after, swallowed)) = star else {
            return false;
        };
        star = Some((after, swallowed + 1));
        (p, t) = (after, swallowed + 1);
    }
    pattern.get(p..).is_none_or(|rest| rest.iter().all(|c| *c == '*'))
}

#[cfg(test)]
mod tests {
    use super::glob;

    #[test]
    fn wildcards() {
        for (pattern, text, expected) in [
            ("eni-1", "eni-1", true),
            ("eni-*", "eni-123", true),
            ("*node*", "aws-K8S-node", true),
            ("*node", "a-node-b-node", true),
            ("a?c", "abc", true),
            ("a?c", "ac", false),
            ("a\\*c", "a*c", true),
            ("a\\*c", "abc", false),
            ("*", "", true),
            ("?*", "", false),
        ] {
            assert_eq!(glob(pattern, text), expected, "{pattern} on {text}");
        }
    }
}
