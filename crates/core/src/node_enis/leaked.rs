//! Interfaces an agent made and nobody uses any more, because their node died between two calls.

use super::managed::EniTags;
use crate::eni_tags::{CLUSTER_TAG, INSTANCE_TAG};
use jiff::{SignedDuration, Timestamp};

/// The tag with the time of creation.
pub const CREATED_TAG: &str = "node.k8s.amazonaws.com/createdAt";

/// How old an interface must be: a younger one may be about to be attached.
pub const LEAKED_AGE: SignedDuration = SignedDuration::from_mins(5);

/// What the description of every interface an agent makes begins with.
const DESCRIPTION: &str = "aws-K8S-";

/// An interface in the VPC, as DescribeNetworkInterfaces has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stray<'a> {
    /// Its description.
    pub description: &'a str,
    /// Its status.
    pub status: &'a str,
    /// Its tags.
    pub tags: &'a EniTags,
}

/// What is to be done with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeakVerdict {
    /// Delete it.
    Leaked,
    /// Not ours, in use, or too young.
    Keep,
    /// Nobody knows how old it is: tag it with the time now, and look again.
    TagNow,
}

/// Whether an interface was leaked. With a cluster name only interfaces of that cluster are; without one all of the VPC
/// that an agent made.
pub fn is_leaked(stray: Stray<'_>, cluster: Option<&str>, now: Timestamp) -> LeakVerdict {
    let ours = stray.status == "available"
        && stray.description.starts_with(DESCRIPTION)
        && stray.tags.contains_key(INSTANCE_TAG)
        && cluster.is_none_or(|name| stray.tags.get(CLUSTER_TAG).is_some_and(|tag| tag == name));
    if !ours {
        return LeakVerdict::Keep;
    }
    // A time that cannot be read says nothing about the age.
    let created = stray
        .tags
        .get(CREATED_TAG)
        .and_then(|text| text.parse::<Timestamp>().ok());
    match created {
        None => LeakVerdict::TagNow,
        Some(created) if now.duration_since(created) > LEAKED_AGE => LeakVerdict::Leaked,
        // By a clock that was hours or years ahead; it would be kept for as long.
        Some(created) if created.duration_since(now) > LEAKED_AGE => LeakVerdict::TagNow,
        Some(_) => LeakVerdict::Keep,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(created: Option<&str>, cluster: (Option<&str>, Option<&str>)) -> LeakVerdict {
        let mut tags = EniTags::from([(INSTANCE_TAG.to_owned(), "i-0a1".to_owned())]);
        for (tag, value) in [(CREATED_TAG, created), (CLUSTER_TAG, cluster.0)] {
            if let Some(value) = value {
                tags.insert(tag.to_owned(), value.to_owned());
            }
        }
        let stray = Stray {
            description: "aws-K8S-i-0a1",
            status: "available",
            tags: &tags,
        };
        is_leaked(stray, cluster.1, "2026-01-01T00:10:00Z".parse().unwrap())
    }

    #[test]
    fn an_age_that_cannot_be_read_never_deletes() {
        let none = (None, None);
        assert_eq!(verdict(Some("2026-01-01T00:04:00Z"), none), LeakVerdict::Leaked);
        assert_eq!(verdict(Some("2026-01-01T00:05:00Z"), none), LeakVerdict::Keep);
        assert_eq!(verdict(Some("yesterday"), none), LeakVerdict::TagNow);
        assert_eq!(verdict(Some("2026-01-01T00:15:00Z"), none), LeakVerdict::Keep);
        assert_eq!(verdict(Some("2026-01-01T07:00:00Z"), none), LeakVerdict::TagNow);
        assert_eq!(verdict(None, none), LeakVerdict::TagNow);
    }

    #[test]
    fn another_cluster_is_left_alone() {
        let old = Some("2026-01-01T00:00:00Z");
        assert_eq!(verdict(old, (Some("a"), Some("a"))), LeakVerdict::Leaked);
        assert_eq!(verdict(old, (Some("b"), Some("a"))), LeakVerdict::Keep);
        assert_eq!(verdict(old, (None, Some("a"))), LeakVerdict::Keep);
        assert_eq!(verdict(old, (Some("b"), None)), LeakVerdict::Leaked);
    }
}
