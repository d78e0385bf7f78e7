//! Answers on the wire: the envelope that each service's protocol has for its results and its errors.

use crate::body::{Answer, Body, with_type};
use crate::error::ApiError;
use crate::service::Service;
use crate::wire::xml;
use http::{HeaderValue, Response, StatusCode};

/// What a load balancer in front of AWS says when what is behind it broke.
pub(super) fn html(status: StatusCode) -> Answer {
    let reason = status.canonical_reason().unwrap_or("Error");
    let text = format!(
        "<html><body><h1>{} {reason}</h1></body></html>\n",
        status.as_u16()
    );
    with_type(status, text, "text/html")
}

/// An answer without a body.
pub(super) fn empty(status: StatusCode) -> Answer {
    let mut answer = Response::new(Body::default());
    *answer.status_mut() = status;
    answer
}

/// The answer of a service.
pub(super) fn render(service: Service, result: Result<String, ApiError>, request_id: &str) -> Answer {
    let json = matches!(service, Service::Eks | Service::Ssm | Service::Quotas);
    let content_type = match service {
        Service::Eks => "application/json",
        Service::Ssm | Service::Quotas => "application/x-amz-json-1.1",
        _ => "text/xml;charset=UTF-8",
    };
    let (status, text, error_code) = match result {
        Ok(text) => (StatusCode::OK, text, None),
        Err(error) => {
            let (code, message) = (error.code(), error.message());
            let text = match service {
                Service::Ec2 => xml::ec2_error(code, message, request_id),
                _ if json => error.json(),
                _ => xml::query_error(code, message, error.status().is_client_error(), request_id),
            };
            (error.status(), text, Some(code.to_owned()))
        }
    };
    let mut answer = with_type(status, text, content_type);
    let headers = answer.headers_mut();
    if let Ok(value) = HeaderValue::from_str(request_id) {
        headers.insert("x-amzn-requestid", value);
    }
    if let Some(Ok(value)) = error_code
        .filter(|_| json)
        .map(|code| HeaderValue::from_str(&code))
    {
        headers.insert("x-amzn-errortype", value);
    }
    answer
}
