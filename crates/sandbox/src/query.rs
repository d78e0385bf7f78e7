//! The services of the plain Query protocol: Auto Scaling, IAM and STS. Unlike EC2 they wrap what they answer in
//! `<ActionResult>` and spell lists as `member`.

use crate::action::{self, Family};
use crate::error::{ApiError, Code};
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::World;

/// What these services call a parameter that is missing, unknown or wrong.
fn validation(error: ApiError) -> ApiError {
    let of_parameters = [
        Code::MissingParameter,
        Code::UnknownParameter,
        Code::InvalidParameterValue,
        Code::InvalidInstanceMalformed,
        Code::InvalidSubnetMalformed,
    ];
    if of_parameters.iter().any(|code| code.as_str() == error.code()) {
        ApiError::new(Code::Validation, error.message())
    } else {
        error
    }
}

/// A service of the plain Query protocol.
#[derive(Debug)]
pub(crate) struct QueryService {
    /// The version that every SDK sends.
    pub(crate) version: &'static str,
    /// The namespace of its answers.
    pub(crate) namespace: &'static str,
    /// Its actions.
    pub(crate) families: &'static [Family],
}

impl QueryService {
    /// Serves one request; gives the whole answer.
    pub(crate) fn serve(
        &self,
        action: &str,
        mut params: Params,
        request_id: &str,
        world: &mut World,
    ) -> Result<String, ApiError> {
        let unknown = || {
            ApiError::new(
                Code::InvalidAction,
                format!("Could not find operation {action} for version {}", self.version),
            )
        };
        if params
            .text("Version")
            .is_some_and(|version| version != self.version)
        {
            return Err(unknown());
        }
        let read = action::find(self.families, action).ok_or_else(unknown)?;
        let effect = read(&mut params).map_err(validation)?;
        params.finish().map_err(validation)?;
        let result = effect(world)?;
        let mut body = Xml::default();
        body.raw(&format!("{action}Result"), &result)
            .element("ResponseMetadata", |xml| {
                xml.text("RequestId", request_id);
            });
        Ok(format!(
            "<{action}Response xmlns=\"{}\">{}</{action}Response>",
            self.namespace,
            body.into_text()
        ))
    }
}
