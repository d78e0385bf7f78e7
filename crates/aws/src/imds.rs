//! The metadata service of an instance, version 2: a token first, then plain texts by path.
//!
//! One connection a request: the service is on the same host, and it closes what it has answered. Only the token is
//! kept.

mod fetch;
mod parse;

pub use fetch::DEFAULT_ENDPOINT;

use fetch::Fetch;
use std::fmt::Display;
use std::str::FromStr;
use vpccni_core::ids::SecurityGroupId;
use vpccni_core::net::Mac;
use vpccni_core::ports::node::{Identity, Imds, ImdsAddresses, ImdsEni, VpcCidrs};
use vpccni_core::ports::{Answer, CloudError};

/// The client of one service.
#[derive(Debug)]
pub struct ImdsClient {
    fetch: Fetch,
}

impl ImdsClient {
    /// For an endpoint such as [`DEFAULT_ENDPOINT`]; only plain HTTP exists there.
    pub fn new(endpoint: &str) -> Result<Self, CloudError> {
        Ok(Self {
            fetch: Fetch::new(endpoint)?,
        })
    }

    /// A text that must be there.
    async fn required<T>(&self, path: &str) -> Result<T, CloudError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.fetch.text(path).await?;
        let text = text.ok_or_else(|| parse::missing(path))?;
        parse::one(path, &text)
    }

    async fn optional<T>(&self, path: &str) -> Result<Option<T>, CloudError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.fetch.text(path).await?;
        text.map(|text| parse::one(path, &text)).transpose()
    }

    /// The lines of a text; a path that is not there has none.
    async fn lines<T>(&self, path: &str) -> Result<Vec<T>, CloudError>
    where
        T: FromStr,
        T::Err: Display,
    {
        let text = self.fetch.text(path).await?;
        parse::lines(path, text.as_deref().unwrap_or_default())
    }

    async fn read_identity(&self) -> Result<Identity, CloudError> {
        let zone: String = self.required("placement/availability-zone").await?;
        Ok(Identity {
            instance: self.required("instance-id").await?,
            instance_type: self.required("instance-type").await?,
            region: self.required("placement/region").await?,
            primary_mac: self.required("mac").await?,
            local_ipv4: self.optional("local-ipv4").await?,
            zone: parse::one("placement/availability-zone", &zone)?,
        })
    }

    async fn read_interface(&self, mac: Mac) -> Result<Option<ImdsEni>, CloudError> {
        let at = |leaf: &str| format!("network/interfaces/macs/{mac}/{leaf}");
        let Some(id) = self.optional(&at("interface-id")).await? else {
            return Ok(None);
        };
        let Some(device_index) = self.optional(&at("device-number")).await? else {
            return Ok(None);
        };
        let Some(addresses) = self.read_addresses(mac).await? else {
            return Ok(None);
        };
        Ok(Some(ImdsEni {
            mac,
            id,
            device_index,
            network_card: self.optional(&at("network-card")).await?.unwrap_or(0),
            subnet: self.required(&at("subnet-id")).await?,
            subnet_cidr: self.optional(&at("subnet-ipv4-cidr-block")).await?,
            subnet_cidr_v6: self
                .lines(&at("subnet-ipv6-cidr-blocks"))
                .await?
                .into_iter()
                .next(),
            vpc: self.required(&at("vpc-id")).await?,
            addresses,
            security_groups: self.lines(&at("security-group-ids")).await?,
        }))
    }

    async fn read_addresses(&self, mac: Mac) -> Result<Option<ImdsAddresses>, CloudError> {
        let at = |leaf: &str| format!("network/interfaces/macs/{mac}/{leaf}");
        let known: Option<String> = self.optional(&at("interface-id")).await?;
        if known.is_none() {
            return Ok(None);
        }
        let prefixes = self.lines(&at("ipv4-prefix")).await?;
        Ok(Some(ImdsAddresses {
            ipv4: self.lines(&at("local-ipv4s")).await?,
            prefixes: parse::prefixes(&at("ipv4-prefix"), &prefixes)?,
            ipv6: self.lines(&at("ipv6s")).await?,
            ipv6_prefixes: self.lines(&at("ipv6-prefix")).await?,
        }))
    }
}

impl Imds for ImdsClient {
    fn identity(&self) -> Answer<'_, Identity> {
        Box::pin(self.read_identity())
    }

    fn macs(&self) -> Answer<'_, Vec<Mac>> {
        Box::pin(self.lines("network/interfaces/macs/"))
    }

    fn interface(&self, mac: Mac) -> Answer<'_, Option<ImdsEni>> {
        Box::pin(self.read_interface(mac))
    }

    fn addresses(&self, mac: Mac) -> Answer<'_, Option<ImdsAddresses>> {
        Box::pin(self.read_addresses(mac))
    }

    fn security_groups(&self, mac: Mac) -> Answer<'_, Vec<SecurityGroupId>> {
        Box::pin(async move {
            self.lines(&format!("network/interfaces/macs/{mac}/security-group-ids"))
                .await
        })
    }

    fn vpc_cidrs(&self, mac: Mac) -> Answer<'_, VpcCidrs> {
        Box::pin(async move {
            let at = |leaf: &str| format!("network/interfaces/macs/{mac}/{leaf}");
            Ok(VpcCidrs {
                ipv4: self.lines(&at("vpc-ipv4-cidr-blocks")).await?,
                ipv6: self.lines(&at("vpc-ipv6-cidr-blocks")).await?,
            })
        })
    }
}
