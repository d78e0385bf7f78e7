//! Which service and action a request means: the service from the scope of its signature, or from the protocol where
//! it is unsigned.

use crate::json_service::Body;
use crate::wire::params::Params;
use crate::world::Caller;
use crate::{action, autoscaling, ec2, eks, iam, quotas, ssm, sts};
use http::request::Parts;

/// A service that the sandbox speaks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Service {
    Ec2,
    AutoScaling,
    Sts,
    Iam,
    Eks,
    Ssm,
    Quotas,
    /// Another one: it gets an error of the Query protocol.
    Other,
}

impl Service {
    /// Those that the sandbox speaks for.
    pub(crate) const ALL: [Self; 7] = [
        Self::Ec2,
        Self::AutoScaling,
        Self::Sts,
        Self::Iam,
        Self::Eks,
        Self::Ssm,
        Self::Quotas,
    ];

    /// Its name in the scope of a signature.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Ec2 => "ec2",
            Self::AutoScaling => "autoscaling",
            Self::Sts => "sts",
            Self::Iam => "iam",
            Self::Eks => "eks",
            Self::Ssm => "ssm",
            Self::Quotas => "servicequotas",
            Self::Other => "other",
        }
    }

    /// The names of its actions.
    pub(crate) fn actions(self) -> Vec<&'static str> {
        match self {
            Self::Ec2 => ec2::names(),
            Self::AutoScaling => action::names(autoscaling::SERVICE.families),
            Self::Sts => action::names(sts::SERVICE.families),
            Self::Iam => action::names(iam::SERVICE.families),
            Self::Eks => eks::names(),
            Self::Ssm => ssm::SERVICE.names(),
            Self::Quotas => quotas::SERVICE.names(),
            Self::Other => Vec::new(),
        }
    }
}

/// A request as its service understands it.
#[derive(Debug)]
pub(crate) struct Call {
    pub(crate) service: Service,
    pub(crate) action: String,
    pub(crate) request: Request,
    pub(crate) caller: Caller,
}

/// The families of protocols.
#[derive(Debug)]
pub(crate) enum Request {
    Query(Params),
    Rest(eks::Route),
    Json(Body),
}

impl Call {
    /// Whether it may change the world. What is refused may have used up chance, so only the name counts.
    pub(crate) fn changes(&self) -> bool {
        const LOOKS: [&str; 6] = ["Describe", "Get", "List", "Search", "Simulate", "Unknown"];
        !LOOKS.iter().any(|word| self.action.starts_with(word))
    }

    pub(crate) fn read(parts: &Parts, body: &[u8]) -> Self {
        let mut params = match parts.uri.query() {
            Some(query) if body.is_empty() => Params::parse(query.as_bytes()),
            _ => Params::parse(body),
        };
        let (key, scope) = signature(parts).unwrap_or_default();
        let caller = Caller::of_key(key);
        let signed = Service::ALL.into_iter().find(|service| service.as_str() == scope);
        let service = match signed {
            Some(service) => service,
            None if scope.is_empty() => guess(parts, &params),
            None => Service::Other,
        };
        let (action, request) = match service {
            Service::Eks => {
                let route = eks::Route::read(parts, body);
                (route.action().to_owned(), Request::Rest(route))
            }
            Service::Ssm | Service::Quotas => {
                let action = target(parts).map_or("", |(_, action)| action).to_owned();
                (action, Request::Json(Body(body.to_vec())))
            }
            _ => (params.text("Action").unwrap_or_default(), Request::Query(params)),
        };
        Self {
            service,
            action,
            request,
            caller,
        }
    }
}

/// Key and service of `Credential=KEY/DATE/REGION/SERVICE/aws4_request`.
fn signature(parts: &Parts) -> Option<(&str, &str)> {
    let header = parts.headers.get(http::header::AUTHORIZATION)?.to_str().ok()?;
    let scope = header.split_once("Credential=")?.1.split(',').next()?;
    let mut elements = scope.split('/');
    Some((elements.next()?, elements.nth(2)?))
}

/// Service and action of `X-Amz-Target: AmazonSSM.GetParameter`.
fn target(parts: &Parts) -> Option<(&str, &str)> {
    parts.headers.get("x-amz-target")?.to_str().ok()?.rsplit_once('.')
}

/// An unsigned request is told by its protocol.
fn guess(parts: &Parts, params: &Params) -> Service {
    match target(parts) {
        Some((prefix, _)) if prefix == ssm::SERVICE.target_prefix => return Service::Ssm,
        Some((prefix, _)) if prefix == quotas::SERVICE.target_prefix => return Service::Quotas,
        Some(_) => return Service::Other,
        None => {}
    }
    if parts.uri.path() != "/" {
        return Service::Eks;
    }
    match params.peek("Version") {
        Some(version) if version == sts::SERVICE.version => Service::Sts,
        Some(version) if version == autoscaling::SERVICE.version => Service::AutoScaling,
        Some(version) if version == iam::SERVICE.version => Service::Iam,
        _ => Service::Ec2,
    }
}
