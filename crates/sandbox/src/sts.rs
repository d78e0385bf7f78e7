//! STS over the Query protocol: GetCallerIdentity. Any signature is accepted, so everybody is the same role.

use crate::error::{ApiError, Code};
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::ACCOUNT;

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Serves one request; gives the whole answer.
pub(crate) fn serve(action: &str, mut params: Params, request_id: &str) -> Result<String, ApiError> {
    if action != "GetCallerIdentity" {
        return Err(ApiError::new(
            Code::InvalidAction,
            format!("Could not find operation {action} for version 2011-06-15"),
        ));
    }
    let _version = params.text("Version");
    params.finish()?;
    let mut body = Xml::default();
    body.element("GetCallerIdentityResult", |xml| {
        xml.text(
            "Arn",
            format!("arn:aws:sts::{ACCOUNT}:assumed-role/sandbox/session"),
        )
        .text("UserId", "AROASANDBOX0000000000:session")
        .text("Account", ACCOUNT);
    })
    .element("ResponseMetadata", |xml| {
        xml.text("RequestId", request_id);
    });
    Ok(format!(
        "<GetCallerIdentityResponse xmlns=\"{NAMESPACE}\">{}</GetCallerIdentityResponse>",
        body.into_text()
    ))
}
