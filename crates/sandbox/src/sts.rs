//! STS: who is calling, and keys with which the caller is a role.

use crate::action::Effect;
use crate::error::{ApiError, Code};
use crate::query::QueryService;
use crate::wire::params::Params;
use crate::wire::xml::Xml;
use crate::world::{NewSession, Session, WebIdentity};
use serde::Deserialize;

pub(crate) const SERVICE: QueryService = QueryService {
    version: "2011-06-15",
    namespace: "https://sts.amazonaws.com/doc/2011-06-15/",
    families: &[&[
        ("AssumeRole", assume),
        ("AssumeRoleWithWebIdentity", assume_with_web_identity),
        ("GetCallerIdentity", caller_identity),
    ]],
};

/// Signatures are not checked, so the secret may be the same for all.
const SECRET: &str = "sandboxsandboxsandboxsandboxsandboxsandb";

#[expect(clippy::unnecessary_wraps, reason = "an action may refuse")]
fn caller_identity(_params: &mut Params) -> Result<Effect, ApiError> {
    Ok(Box::new(|world| {
        let identity = world.caller_identity();
        let mut xml = Xml::default();
        xml.text("Arn", identity.arn)
            .text("UserId", identity.user_id)
            .text("Account", identity.account);
        Ok(xml)
    }))
}

fn read_session(params: &mut Params) -> Result<NewSession, ApiError> {
    Ok(NewSession {
        role_arn: params.required("RoleArn")?,
        name: params.required("RoleSessionName")?,
        duration: params.parsed("DurationSeconds")?,
    })
}

fn assume(params: &mut Params) -> Result<Effect, ApiError> {
    let new = read_session(params)?;
    Ok(Box::new(move |world| {
        let session = world.assume_role(&new)?;
        let mut xml = Xml::default();
        write(&mut xml, session);
        Ok(xml)
    }))
}

fn assume_with_web_identity(params: &mut Params) -> Result<Effect, ApiError> {
    let new = read_session(params)?;
    let claims = read_token(&params.required("WebIdentityToken")?)?;
    let subject = claims.sub.clone();
    let token = WebIdentity {
        issuer: claims.iss,
        audiences: claims.aud.into_all(),
        expires: claims.exp,
    };
    Ok(Box::new(move |world| {
        let session = world.assume_role_with(&new, &token)?;
        let mut xml = Xml::default();
        write(&mut xml, session);
        xml.text("SubjectFromWebIdentityToken", &subject)
            .maybe("Audience", token.audiences.first())
            .text("Provider", &token.issuer);
        Ok(xml)
    }))
}

fn write(xml: &mut Xml, session: &Session) {
    xml.element("Credentials", |xml| {
        xml.text("AccessKeyId", &session.access_key)
            .text("SecretAccessKey", SECRET)
            .text("SessionToken", format!("sandbox-{}", session.access_key))
            .text("Expiration", session.expires);
    })
    .element("AssumedRoleUser", |xml| {
        xml.text("AssumedRoleId", &session.identity.user_id)
            .text("Arn", &session.identity.arn);
    });
}

/// What is read of the claims of a token.
#[derive(Debug, Deserialize)]
struct Claims {
    iss: String,
    sub: String,
    aud: Audience,
    exp: Option<i64>,
}

#[derive(Debug, Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn into_all(self) -> Vec<String> {
        match self {
            Self::One(one) => vec![one],
            Self::Many(many) => many,
        }
    }
}

/// The claims are the second of three parts, in base 64.
fn read_token(token: &str) -> Result<Claims, ApiError> {
    let mut parts = token.split('.');
    let claims = match (parts.next(), parts.next(), parts.next(), parts.next()) {
        (Some(_), Some(claims), Some(_), None) => decode(claims),
        _ => None,
    };
    claims
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(|| {
            ApiError::new(
                Code::InvalidIdentityToken,
                "The ID Token provided is not a valid JWT. (You may see this error if you sent an Access Token)",
            )
        })
}

/// Base 64 with the alphabet of URLs, without padding.
fn decode(text: &str) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len());
    let (mut bits, mut count) = (0_u32, 0_u32);
    for symbol in text.trim_end_matches('=').bytes() {
        let value = match symbol {
            b'A'..=b'Z' => symbol - b'A',
            b'a'..=b'z' => symbol - b'a' + 26,
            b'0'..=b'9' => symbol - b'0' + 52,
            b'-' => 62,
            b'_' => 63,
            _ => return None,
        };
        bits = (bits << 6) | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push(u8::try_from((bits >> count) & 0xff).ok()?);
        }
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_claims_of_a_token_are_read() {
        // {"iss":"https://oidc.test","sub":"system:serviceaccount:kube-system:aws-node","aud":["sts.amazonaws.com"],"exp":2000000000}
        let claims = "eyJpc3MiOiJodHRwczovL29pZGMudGVzdCIsInN1YiI6InN5c3RlbTpzZXJ2aWNlYWNjb3VudDprdWJlLXN5c3RlbTphd3Mtbm9kZSIsImF1ZCI6WyJzdHMuYW1hem9uYXdzLmNvbSJdLCJleHAiOjIwMDAwMDAwMDB9";
        let read = read_token(&format!("e30.{claims}.c2ln")).unwrap();
        assert_eq!(read.iss, "https://oidc.test");
        assert_eq!(read.exp, Some(2_000_000_000));
        assert_eq!(read.aud.into_all(), ["sts.amazonaws.com"]);
        for bad in ["", "a.b", "a.%%.c", "a.e30.c", "a.e30.c.d"] {
            assert_eq!(
                read_token(bad).unwrap_err().code(),
                "InvalidIdentityToken",
                "{bad}"
            );
        }
    }
}
