//! Which service and action a request means: the service from the scope of its signature, or from the protocol where
//! it is unsigned.

use crate::eks;
use crate::wire::params::Params;
use http::request::Parts;

/// A service that the sandbox speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    Sts,
    Eks,
    /// Another one: it gets an error of the Query protocol.
    Other,
}

impl Service {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::Sts => "sts",
            Self::Eks => "eks",
            Self::Other => "other",
        }
    }
}

/// A request as its service understands it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) request: Request,
}

/// The two families of protocols.
#[derive(Debug)]
pub(crate) enum Request {
    Query(Params),
    Rest(eks::Route),
}

impl Call {
    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Self {
        let mut params = match parts.uri.query() {
            Some(query) if body.is_empty() => Params::parse(query.as_bytes()),
            _ => Params::parse(body),
        };
        let service = signed_service(parts).unwrap_or_else(|| guess(parts, &params));
        if service == Service::Eks {
            let route = eks::Route::read(parts, body);
            return Self {
                service,
                action: route.action().to_owned(),
                request: Request::Rest(route),
            };
        }
        let action = params.text("Action").unwrap_or_default();
        Self {
            service,
            action,
            request: Request::Query(params),
        }
    }
}

/// The service of `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn signed_service(parts: &Parts) -> Option<Service> {
    let header = parts.headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let scope = header.split_once("Credential=")?.1.split(',').next()?;
    Some(match scope.split('/').nth(3)? {
        "ec2" => Service::Ec2,
        "sts" => Service::Sts,
        "eks" => Service::Eks,
        _ => Service::Other,
    })
}

fn guess(parts: &Parts, params: &Params) -> Service {
    if parts.uri.path() != "/" {
        return Service::Eks;
    }
    match params.peek("Version") {
        Some("2011-06-15") => Service::Sts,
        _ => Service::Ec2,
    }
}
