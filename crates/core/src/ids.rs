//! Parsed names: past the door no function receives an invalid id.

use std::fmt;

/// A name that does not have the form its type requires.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is not {expected}, for example {example}")]
pub struct InvalidId {
    /// What was given.
    pub value: String,
    /// What the type requires, in words.
    pub expected: &'static str,
    /// A valid value.
    pub example: &'static str,
}

fn is_aws_id(value: &str, prefix: &str) -> bool {
    value.strip_prefix(prefix).is_some_and(|rest| {
        (1..=17).contains(&rest.len()) && rest.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
    })
}

fn is_dns_name(value: &str) -> bool {
    (1..=253).contains(&value.len())
        && value
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-' || b == b'.')
        && value.as_bytes().first().is_some_and(u8::is_ascii_alphanumeric)
        && value.as_bytes().last().is_some_and(u8::is_ascii_alphanumeric)
}

fn is_plain(value: &str) -> bool {
    (1..=253).contains(&value.len()) && value.bytes().all(|b| b.is_ascii_graphic())
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $expected:literal, $example:literal, $check:expr) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(String);

        impl $name {
            /// Parses the text; the error says what the type requires.
            pub fn parse(value: &str) -> Result<Self, InvalidId> {
                let check: fn(&str) -> bool = $check;
                if check(value) {
                    Ok(Self(value.to_owned()))
                } else {
                    Err(InvalidId { value: value.to_owned(), expected: $expected, example: $example })
                }
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;

            fn from_str(value: &str) -> Result<Self, InvalidId> {
                Self::parse(value)
            }
        }
    };
}

id!(/// An elastic network interface.
    EniId, "the id of a network interface", "eni-0a1b2c3d4e5f60718", |v| is_aws_id(v, "eni-"));
id!(/// A subnet.
    SubnetId, "the id of a subnet", "subnet-0a1b2c3d4e5f60718", |v| is_aws_id(v, "subnet-"));
id!(/// A security group.
    SecurityGroupId, "the id of a security group", "sg-0a1b2c3d4e5f60718", |v| is_aws_id(v, "sg-"));
id!(/// A VPC.
    VpcId, "the id of a VPC", "vpc-0a1b2c3d4e5f60718", |v| is_aws_id(v, "vpc-"));
id!(/// An EC2 instance.
    InstanceId, "the id of an instance", "i-0a1b2c3d4e5f60718", |v| is_aws_id(v, "i-"));
id!(/// A launch template.
    LaunchTemplateId, "the id of a launch template", "lt-0a1b2c3d4e5f60718", |v| is_aws_id(v, "lt-"));
id!(/// A Kubernetes node.
    NodeName, "the name of a node", "ip-10-0-1-5.us-west-2.compute.internal", is_dns_name);
id!(/// An ENIConfig object.
    EniConfigName, "the name of an ENIConfig", "us-west-2a", is_dns_name);
id!(/// An availability zone.
    Zone, "the name of an availability zone", "us-west-2a", is_dns_name);
id!(/// An EC2 instance type.
    InstanceType, "an instance type", "m5.large", |v| is_plain(v) && v.contains('.'));

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_have_their_prefix() {
        assert_eq!(
            SubnetId::parse("subnet-0a1").map(|s| s.to_string()),
            Ok("subnet-0a1".to_owned())
        );
        let error = SubnetId::parse("sg-0a1").map_err(|e| e.to_string());
        assert_eq!(
            error,
            Err("\"sg-0a1\" is not the id of a subnet, for example subnet-0a1b2c3d4e5f60718".to_owned())
        );
        assert!(EniId::parse("eni-").is_err());
        assert!(InstanceId::parse("i-XYZ").is_err());
    }

    #[test]
    fn names_are_dns_names() {
        assert!(NodeName::parse("ip-10-0-1-5.ec2.internal").is_ok());
        assert!(NodeName::parse("Node").is_err());
        assert!(Zone::parse("").is_err());
        assert!(InstanceType::parse("m5.large").is_ok());
        assert!(InstanceType::parse("m5").is_err());
    }
}
