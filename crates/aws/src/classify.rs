//! Every error of the SDK, sorted once by what the caller can do.

use aws_credential_types::provider::error::CredentialsError;
use aws_smithy_runtime_api::client::orchestrator::HttpResponse;
use aws_smithy_runtime_api::client::result::SdkError;
use aws_smithy_types::error::metadata::ProvideErrorMetadata;
use std::error::Error;
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// What to do when there are no credentials; the chain itself is in the SDK's documentation.
const CREDENTIALS_HINT: &str = "no usable AWS credentials: bind the service account to a role (EKS Pod Identity or \
                                IRSA), or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY";

/// Sorts a failed call.
pub(crate) fn error<E>(action: &'static str, error: &SdkError<E, HttpResponse>) -> CloudError
where
    E: ProvideErrorMetadata + Error + 'static,
{
    let (kind, code, message) = match error {
        SdkError::ServiceError(service) => {
            let (code, message) = (service.err().code(), service.err().message());
            let status = service.raw().status().as_u16();
            (
                of_code(code, status),
                code.map_or_else(|| format!("HTTP{status}"), str::to_owned),
                message.map_or_else(|| chain(error), str::to_owned),
            )
        }
        SdkError::TimeoutError(_) => (CloudErrorKind::TimedOut, "Timeout".to_owned(), chain(error)),
        _ if lacks_credentials(error) => {
            let message = format!("{CREDENTIALS_HINT} ({})", chain(error));
            (CloudErrorKind::Denied, "NoCredentials".to_owned(), message)
        }
        SdkError::DispatchFailure(failure) if failure.is_timeout() => {
            (CloudErrorKind::TimedOut, "Timeout".to_owned(), chain(error))
        }
        SdkError::DispatchFailure(_) => (
            CloudErrorKind::Unreachable,
            "Unreachable".to_owned(),
            chain(error),
        ),
        SdkError::ResponseError(response) => {
            let status = response.raw().status().as_u16();
            // A body that ends early or is no answer at all says nothing about the request.
            let kind = if status < 400 {
                CloudErrorKind::Internal
            } else {
                of_status(status)
            };
            (kind, "UnreadableAnswer".to_owned(), chain(error))
        }
        _ => (CloudErrorKind::Invalid, "InvalidRequest".to_owned(), chain(error)),
    };
    CloudError {
        kind,
        action,
        code,
        message,
    }
}

/// No region in the environment: nothing can be asked.
pub(crate) fn no_region() -> CloudError {
    CloudError {
        kind: CloudErrorKind::Denied,
        action: "aws:configure",
        code: "NoRegion".to_owned(),
        message: "no AWS region: set AWS_REGION".to_owned(),
    }
}

/// The codes that AWS gives, by name; what has none is sorted by status.
fn of_code(code: Option<&str>, status: u16) -> CloudErrorKind {
    let Some(code) = code else {
        return of_status(status);
    };
    match code {
        "UnauthorizedOperation"
        | "AccessDenied"
        | "AccessDeniedException"
        | "AuthFailure"
        | "Blocked"
        | "ExpiredToken"
        | "ExpiredTokenException"
        | "IncompleteSignature"
        | "InvalidClientTokenId"
        | "InvalidSignatureException"
        | "MissingAuthenticationToken"
        | "MissingAuthenticationTokenException"
        | "OptInRequired"
        | "PendingVerification"
        | "RequestExpired"
        | "SignatureDoesNotMatch"
        | "UnrecognizedClientException" => CloudErrorKind::Denied,
        "RequestLimitExceeded"
        | "Client.RequestLimitExceeded"
        | "BandwidthLimitExceeded"
        | "EC2ThrottledException"
        | "PriorRequestNotComplete"
        | "RequestThrottled"
        | "RequestThrottledException"
        | "SlowDown"
        | "ThrottledException"
        | "Throttling"
        | "ThrottlingException"
        | "TooManyRequestsException" => CloudErrorKind::Throttled,
        "ResourceNotFoundException" | "NotFoundException" => CloudErrorKind::NotFound,
        "InternalError"
        | "InternalFailure"
        | "InternalServerError"
        | "ServerException"
        | "ServiceUnavailable"
        | "ServiceUnavailableException"
        | "Unavailable" => CloudErrorKind::Internal,
        _ if code.ends_with(".NotFound") => CloudErrorKind::NotFound,
        _ => of_status(status),
    }
}

fn of_status(status: u16) -> CloudErrorKind {
    match status {
        401 | 403 => CloudErrorKind::Denied,
        404 => CloudErrorKind::NotFound,
        429 => CloudErrorKind::Throttled,
        500.. => CloudErrorKind::Internal,
        _ => CloudErrorKind::Invalid,
    }
}

fn lacks_credentials(error: &(dyn Error + 'static)) -> bool {
    sources(error).any(|source| source.downcast_ref::<CredentialsError>().is_some())
}

/// An error with its causes: the outermost alone says "dispatch failure" and nothing else.
fn chain(error: &(dyn Error + 'static)) -> String {
    let mut texts: Vec<String> = Vec::new();
    for text in sources(error).map(ToString::to_string) {
        if texts.last() != Some(&text) {
            texts.push(text);
        }
    }
    texts.join(": ")
}

fn sources<'e>(error: &'e (dyn Error + 'static)) -> impl Iterator<Item = &'e (dyn Error + 'static)> {
    std::iter::successors(Some(error), |error: &&'e (dyn Error + 'static)| (*error).source())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_have_their_kind_whatever_the_status() {
        for (code, status, kind) in [
            (Some("UnauthorizedOperation"), 403, CloudErrorKind::Denied),
            (Some("AccessDeniedException"), 400, CloudErrorKind::Denied),
            (Some("RequestLimitExceeded"), 503, CloudErrorKind::Throttled),
            (Some("ThrottlingException"), 400, CloudErrorKind::Throttled),
            (Some("InvalidSubnetID.NotFound"), 400, CloudErrorKind::NotFound),
            (Some("ResourceNotFoundException"), 404, CloudErrorKind::NotFound),
            (Some("InvalidParameterValue"), 400, CloudErrorKind::Invalid),
            (Some("InternalError"), 500, CloudErrorKind::Internal),
            (Some("Unavailable"), 400, CloudErrorKind::Internal),
            (Some("SomethingNew"), 502, CloudErrorKind::Internal),
            (Some("SomethingNew"), 403, CloudErrorKind::Denied),
            (None, 429, CloudErrorKind::Throttled),
            (None, 404, CloudErrorKind::NotFound),
            (None, 500, CloudErrorKind::Internal),
            (None, 400, CloudErrorKind::Invalid),
        ] {
            assert_eq!(of_code(code, status), kind, "{code:?} {status}");
        }
    }
}
