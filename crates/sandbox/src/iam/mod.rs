//! IAM over the Query protocol: what nodes, their bootstrap and Karpenter ask. One file a family of actions.

mod policies;
mod profiles;
mod providers;
mod roles;
mod simulate;

use crate::action::Family;
use crate::error::ApiError;
use crate::query::QueryService;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::Tags;

const FAMILIES: &[Family] = &[
    policies::ACTIONS,
    profiles::ACTIONS,
    providers::ACTIONS,
    roles::ACTIONS,
    simulate::ACTIONS,
];

pub(crate) const SERVICE: QueryService = QueryService {
    version: "2010-05-08",
    namespace: "https://iam.amazonaws.com/doc/2010-05-08/",
    families: FAMILIES,
};

/// The names of the parameters of pages, and the usual and the largest size.
const PAGE: (&str, &str) = ("MaxItems", "Marker");
const SIZES: (u32, u32) = (100, 1000);

/// Reads `Tags.member.N`.
fn read_tags(params: &mut Params) -> Result<Tags, ApiError> {
    let pairs = params.structures("Tags.member", |item| {
        Ok((item.required("Key")?, item.text("Value").unwrap_or_default()))
    })?;
    Ok(pairs.into_iter().collect())
}

fn write_tags(xml: &mut Xml, tags: &Tags) {
    if tags.is_empty() {
        return;
    }
    xml.members("Tags", tags, |xml, (key, value)| {
        xml.text("Key", key).text("Value", value);
    });
}

/// The end of a list.
fn write_marker(xml: &mut Xml, next: Option<String>) {
    xml.text("IsTruncated", next.is_some()).maybe("Marker", next);
}

/// Policy documents are percent-encoded in answers (RFC 3986).
fn encoded(document: &str) -> String {
    let form: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
    form.replace('+', "%20")
}
