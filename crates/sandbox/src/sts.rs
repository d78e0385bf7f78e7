//! STS: GetCallerIdentity. Any signature is accepted, so everybody of an account is the same role.

use crate::action::Effect;
use crate::error::ApiError;
use crate::query::QueryService;
use crate::wire::params::Params;
use crate::wire::xml::Xml;

pub(crate) const SERVICE: QueryService = QueryService {
    version: "2011-06-15",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    families: &[&[("GetCallerIdentity", caller_identity)]],
};

#[expect(clippy::unnecessary_wraps, reason = "an action may refuse")]
fn caller_identity(_params: &mut Params) -> Result<Effect, ApiError> {
    Ok(Box::new(|world| {
        let account = &world.caller.account;
        let mut xml = Xml::default();
        xml.text(
            "Arn",
            format!("arn:aws:sts::{account}:assumed-role/sandbox/session"),
        )
        .text("UserId", "AROASANDBOX0000000000:session")
        .text("Account", account);
        Ok(xml)
    }))
}
