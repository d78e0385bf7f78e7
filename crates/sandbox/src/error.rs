//! Every refusal of the sandbox: AWS's code with its HTTP status, and the message.

use http::StatusCode;
use std::borrow::Cow;
use std::fmt;

macro_rules! codes {
    ($($name:ident = $text:literal, $status:literal;)*) => {
        /// The error codes that the sandbox gives by itself; a fault may give any other.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
        #[expect(missing_docs, reason = "the names are AWS's own")]
        pub enum Code { $($name,)* }

        impl Code {
            /// The code as AWS writes it.
            pub fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }

            fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }
        }
    };
}

codes! {
    ActiveInstanceRefreshNotFound = "ActiveInstanceRefreshNotFound", 400;
    AlreadyExists = "AlreadyExists", 400;
    AttachmentLimitExceeded = "AttachmentLimitExceeded", 400;
    CannotDelete = "CannotDelete", 400;
    CidrConflict = "CidrConflict", 400;
    CidrLimitExceeded = "CidrLimitExceeded", 400;
    DependencyViolation = "DependencyViolation", 400;
    DryRunOperation = "DryRunOperation", 412;
    FilterLimitExceeded = "FilterLimitExceeded", 400;
    IdempotentParameterMismatch = "IdempotentParameterMismatch", 400;
    IncorrectInstanceState = "IncorrectInstanceState", 400;
    IncorrectState = "IncorrectState", 400;
    InstanceRefreshInProgress = "InstanceRefreshInProgress", 400;
    InsufficientCidrBlocks = "InsufficientCidrBlocks", 400;
    InsufficientFreeAddressesInSubnet = "InsufficientFreeAddressesInSubnet", 400;
    InsufficientInstanceCapacity = "InsufficientInstanceCapacity", 500;
    InterfaceLimitExceeded = "NetworkInterfaceLimitExceeded", 400;
    InternalError = "InternalError", 500;
    InvalidAction = "InvalidAction", 400;
    InvalidAttachmentNotFound = "InvalidAttachmentID.NotFound", 400;
    InvalidCapacityReservationNotFound = "InvalidCapacityReservationId.NotFound", 400;
    InvalidFleetConfig = "InvalidFleetConfig", 400;
    InvalidGroupDuplicate = "InvalidGroup.Duplicate", 400;
    InvalidGroupNotFound = "InvalidGroup.NotFound", 400;
    InvalidGroupMalformed = "InvalidGroupId.Malformed", 400;
    InvalidIdNotFound = "InvalidID", 400;
    InvalidImageMalformed = "InvalidAMIID.Malformed", 400;
    InvalidImageNotFound = "InvalidAMIID.NotFound", 400;
    InvalidInstanceMalformed = "InvalidInstanceID.Malformed", 400;
    InvalidInstanceNotFound = "InvalidInstanceID.NotFound", 400;
    InvalidInstanceType = "InvalidInstanceType", 400;
    InvalidInterfaceInUse = "InvalidNetworkInterface.InUse", 400;
    InvalidInterfaceMalformed = "InvalidNetworkInterfaceID.Malformed", 400;
    InvalidInterfaceNotFound = "InvalidNetworkInterfaceID.NotFound", 400;
    InvalidNextToken = "InvalidNextToken", 400;
    InvalidParameterCombination = "InvalidParameterCombination", 400;
    InvalidParameterValue = "InvalidParameterValue", 400;
    InvalidPermissionDuplicate = "InvalidPermission.Duplicate", 400;
    InvalidPermissionNotFound = "InvalidPermission.NotFound", 400;
    InvalidPlacementGroupUnknown = "InvalidPlacementGroup.Unknown", 400;
    InvalidReservationNotFound = "InvalidSubnetCidrReservationID.NotFound", 400;
    InvalidRouteTableNotFound = "InvalidRouteTableID.NotFound", 400;
    InvalidRuleNotFound = "InvalidSecurityGroupRuleId.NotFound", 400;
    InvalidSubnetCidrAssociationNotFound = "InvalidSubnetCidrBlockAssociationID.NotFound", 400;
    InvalidSubnetConflict = "InvalidSubnet.Conflict", 400;
    InvalidSubnetMalformed = "InvalidSubnetID.Malformed", 400;
    InvalidSubnetNotFound = "InvalidSubnetID.NotFound", 400;
    InvalidSubnetRange = "InvalidSubnet.Range", 400;
    InvalidTemplateIdMalformed = "InvalidLaunchTemplateId.Malformed", 400;
    InvalidTemplateIdNotFound = "InvalidLaunchTemplateId.NotFound", 400;
    InvalidTemplateNameExists = "InvalidLaunchTemplateName.AlreadyExistsException", 400;
    InvalidTemplateNameMalformed = "InvalidLaunchTemplateName.MalformedException", 400;
    InvalidTemplateNameNotFound = "InvalidLaunchTemplateName.NotFoundException", 400;
    InvalidTemplateVersionNotFound = "InvalidLaunchTemplateId.VersionNotFound", 400;
    InvalidTrunkAssociationNotFound = "InvalidTrunkInterfaceAssociationID.NotFound", 400;
    InvalidVolumeNotFound = "InvalidVolume.NotFound", 400;
    InvalidVpcCidrAssociationNotFound = "InvalidVpcCidrBlockAssociationID.NotFound", 400;
    InvalidVpcMalformed = "InvalidVpcID.Malformed", 400;
    InvalidVpcNotFound = "InvalidVpcID.NotFound", 400;
    InvalidVpcRange = "InvalidVpc.Range", 400;
    IrreversibleInstanceRefresh = "IrreversibleInstanceRefresh", 400;
    LimitExceeded = "LimitExceeded", 400;
    MissingParameter = "MissingParameter", 400;
    OperationNotPermitted = "OperationNotPermitted", 400;
    PrivateIpAddressLimitExceeded = "PrivateIpAddressLimitExceeded", 400;
    ResourceAlreadyAssigned = "Resource.AlreadyAssigned", 400;
    RulesPerSecurityGroupLimitExceeded = "RulesPerSecurityGroupLimitExceeded", 400;
    RequestLimitExceeded = "RequestLimitExceeded", 503;
    ResourceInUse = "ResourceInUse", 400;
    ScalingActivityInProgress = "ScalingActivityInProgress", 400;
    SecurityGroupsPerInterfaceLimitExceeded = "SecurityGroupsPerInterfaceLimitExceeded", 400;
    TagLimitExceeded = "TagLimitExceeded", 400;
    Throttling = "Throttling", 400;
    ThrottlingException = "ThrottlingException", 400;
    UnknownParameter = "UnknownParameter", 400;
    UnsupportedOperation = "UnsupportedOperation", 400;
    Validation = "ValidationError", 400;
    AccessDenied = "AccessDenied", 403;
    DeleteConflict = "DeleteConflict", 409;
    EntityAlreadyExists = "EntityAlreadyExists", 409;
    ExpiredToken = "ExpiredTokenException", 400;
    IamInvalidInput = "InvalidInput", 400;
    IamLimitExceeded = "LimitExceeded", 409;
    InvalidIdentityToken = "InvalidIdentityToken", 400;
    MalformedPolicyDocument = "MalformedPolicyDocument", 400;
    NoSuchEntity = "NoSuchEntity", 404;
    ParameterNotFound = "ParameterNotFound", 400;
    JsonValidation = "ValidationException", 400;
    JsonSerialization = "SerializationException", 400;
    IllegalArgument = "IllegalArgumentException", 400;
    InvalidPaginationToken = "InvalidPaginationTokenException", 400;
    NoSuchResource = "NoSuchResourceException", 400;
    EksInvalidParameter = "InvalidParameterException", 400;
    EksInvalidRequest = "InvalidRequestException", 400;
    EksResourceInUse = "ResourceInUseException", 409;
    EksResourceNotFound = "ResourceNotFoundException", 404;
    EksUnknownOperation = "UnknownOperationException", 404;
}

/// A refused request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiError {
    code: Cow<'static, str>,
    status: StatusCode,
    message: String,
    /// What it is about, by names that the service has for it.
    about: Vec<(&'static str, String)>,
}

impl ApiError {
    /// A refusal of the sandbox's own.
    pub fn new(code: Code, message: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.status()).unwrap_or(StatusCode::BAD_REQUEST);
        Self {
            code: Cow::Borrowed(code.as_str()),
            status,
            message: message.into(),
            about: Vec::new(),
        }
    }

    /// A refusal that a fault rule ordered.
    pub(crate) fn ordered(code: String, status: StatusCode, message: String) -> Self {
        Self {
            code: Cow::Owned(code),
            status,
            message,
            about: Vec::new(),
        }
    }

    pub(crate) fn value(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterValue, message)
    }

    pub(crate) fn combination(message: impl Into<String>) -> Self {
        Self::new(Code::InvalidParameterCombination, message)
    }

    /// What cannot be: the sandbox's own books do not agree.
    pub(crate) fn internal() -> Self {
        Self::new(Code::InternalError, "An internal error has occurred")
    }

    pub(crate) fn unsupported(message: impl Into<String>) -> Self {
        Self::new(Code::UnsupportedOperation, message)
    }

    pub(crate) fn missing(parameter: &str) -> Self {
        Self::new(
            Code::MissingParameter,
            format!("The request must contain the parameter {parameter}"),
        )
    }

    /// The same refusal with a name of what it is about.
    #[must_use]
    pub(crate) fn about(mut self, (member, name): (&'static str, String)) -> Self {
        self.about.push((member, name));
        self
    }

    /// The body of the JSON protocols.
    pub(crate) fn json(&self) -> String {
        let mut body = serde_json::Map::new();
        let members = [("__type", self.code()), ("message", self.message())];
        let about = self.about.iter().map(|(member, name)| (*member, name.as_str()));
        for (member, text) in members.into_iter().chain(about) {
            body.insert(member.to_owned(), text.into());
        }
        serde_json::Value::Object(body).to_string()
    }

    /// The code as AWS writes it.
    pub fn code(&self) -> &str {
        &self.code
    }

    /// The HTTP status.
    pub fn status(&self) -> StatusCode {
        self.status
    }

    /// What it says.
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.message)
    }
}

impl std::error::Error for ApiError {}
