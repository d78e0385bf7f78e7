//! OpenID Connect providers.

use super::{read_tags, write_tags};
use crate::action::{Effect, Family};
use crate::error::ApiError;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::NewProvider;

pub(super) const ACTIONS: Family = &[
    ("CreateOpenIDConnectProvider", create),
    ("DeleteOpenIDConnectProvider", delete),
    ("GetOpenIDConnectProvider", get),
    ("ListOpenIDConnectProviders", list),
];

const ARN: &str = "OpenIDConnectProviderArn";

fn create(params: &mut Params) -> Result<Effect, ApiError> {
    let new = NewProvider {
        url: params.required("Url")?,
        clients: params.list("ClientIDList.member"),
        thumbprints: params.list("ThumbprintList.member"),
        tags: read_tags(params)?,
    };
    Ok(Box::new(move |world| {
        let tags = new.tags.clone();
        let arn = world.create_provider(new)?;
        let mut xml = Xml::default();
        xml.text(ARN, arn);
        write_tags(&mut xml, &tags);
        Ok(xml)
    }))
}

fn get(params: &mut Params) -> Result<Effect, ApiError> {
    let arn = params.required(ARN)?;
    Ok(Box::new(move |world| {
        let provider = world.provider(&arn)?;
        let mut xml = Xml::default();
        xml.text("Url", &provider.url)
            .members("ClientIDList", &provider.clients, |xml, client| {
                xml.plain(client);
            })
            .members("ThumbprintList", &provider.thumbprints, |xml, print| {
                xml.plain(print);
            })
            .text("CreateDate", provider.created);
        write_tags(&mut xml, &provider.tags);
        Ok(xml)
    }))
}

fn delete(params: &mut Params) -> Result<Effect, ApiError> {
    let arn = params.required(ARN)?;
    Ok(Box::new(move |world| {
        world.delete_provider(&arn);
        Ok(Xml::default())
    }))
}

#[expect(clippy::unnecessary_wraps, reason = "an action may refuse")]
fn list(_params: &mut Params) -> Result<Effect, ApiError> {
    Ok(Box::new(|world| {
        let mut xml = Xml::default();
        xml.members(
            "OpenIDConnectProviderList",
            world.iam.providers.keys(),
            |xml, arn| {
                xml.text("Arn", arn);
            },
        );
        Ok(xml)
    }))
}
