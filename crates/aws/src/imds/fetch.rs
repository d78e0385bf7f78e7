//! Requests to the metadata service: token, time-outs and second attempts.

use http::{Method, Request, StatusCode};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use std::fmt::Display;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use tokio::net::TcpStream;
use vpccni_core::ports::{CloudError, CloudErrorKind};

/// Where the service is on every instance.
pub const DEFAULT_ENDPOINT: &str = "http://169.254.169.254";

/// How calls to it are named in errors and metrics.
pub(super) const ACTION: &str = "imds:Get";

/// Six hours, the longest that a token lives.
const TOKEN_SECONDS: u64 = 21_600;

/// A token is replaced this long before its end.
const TOKEN_MARGIN: Duration = Duration::from_mins(5);

/// For one request. The answer of a token dies on its way where the hop limit is too low: then this is all that tells.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Attempts of a request, the first included.
const ATTEMPTS: u32 = 4;

/// Before the second attempt; doubled each time.
const FIRST_PAUSE: Duration = Duration::from_millis(100);

/// The longest text that is read: lists of addresses are a few kilobytes.
const MAX_TEXT: usize = 1 << 20;

/// The endpoint, and the token it gave.
#[derive(Debug)]
pub(super) struct Fetch {
    authority: String,
    token: Mutex<Option<(String, Instant)>>,
}

impl Fetch {
    pub(super) fn new(endpoint: &str) -> Result<Self, CloudError> {
        let authority = endpoint
            .strip_prefix("http://")
            .map(|rest| rest.trim_end_matches('/'))
            .filter(|rest| !rest.is_empty() && !rest.contains('/'))
            .ok_or_else(|| {
                let message = format!("the endpoint {endpoint:?} is not of the form http://host:port");
                failed(CloudErrorKind::Invalid, "InvalidEndpoint", message)
            })?;
        let has_port = authority
            .rsplit_once(':')
            .is_some_and(|(_, port)| port.parse::<u16>().is_ok());
        Ok(Self {
            authority: if has_port {
                authority.to_owned()
            } else {
                format!("{authority}:80")
            },
            token: Mutex::new(None),
        })
    }

    /// The text under `/latest/meta-data/`; none where there is no such path.
    pub(super) async fn text(&self, path: &str) -> Result<Option<String>, CloudError> {
        let mut pause = FIRST_PAUSE;
        let mut attempt = 1;
        loop {
            match self.try_text(path).await {
                Err(error) if attempt < ATTEMPTS && may_pass(&error) => {
                    tracing::debug!(%error, path, attempt, "asking the metadata service again");
                }
                outcome => return outcome,
            }
            tokio::time::sleep(pause).await;
            pause *= 2;
            attempt += 1;
        }
    }

    async fn try_text(&self, path: &str) -> Result<Option<String>, CloudError> {
        let token = self.token().await?;
        let uri = format!("/latest/meta-data/{path}");
        let headers = [("x-aws-ec2-metadata-token", token.as_str())];
        let (status, text) = self.send(Method::GET, &uri, &headers).await?;
        match status {
            StatusCode::OK => Ok(Some(text)),
            StatusCode::NOT_FOUND => Ok(None),
            StatusCode::UNAUTHORIZED => {
                // An instance that was stopped and started has forgotten its tokens.
                self.keep(None);
                Err(failed(CloudErrorKind::Throttled, "TokenExpired", path))
            }
            status => Err(of_status(status, path)),
        }
    }

    async fn token(&self) -> Result<String, CloudError> {
        let now = Instant::now();
        let kept = self.token.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((token, _)) = kept.filter(|(_, until)| now < *until) {
            return Ok(token);
        }
        let seconds = TOKEN_SECONDS.to_string();
        let headers = [("x-aws-ec2-metadata-token-ttl-seconds", seconds.as_str())];
        let (status, token) = self.send(Method::PUT, "/latest/api/token", &headers).await?;
        if status != StatusCode::OK {
            return Err(of_status(status, "api/token"));
        }
        let until = now + Duration::from_secs(TOKEN_SECONDS).saturating_sub(TOKEN_MARGIN);
        self.keep(Some((token.clone(), until)));
        Ok(token)
    }

    fn keep(&self, token: Option<(String, Instant)>) {
        *self.token.lock().unwrap_or_else(PoisonError::into_inner) = token;
    }

    async fn send(
        &self,
        method: Method,
        uri: &str,
        headers: &[(&str, &str)],
    ) -> Result<(StatusCode, String), CloudError> {
        let mut request = Request::builder()
            .method(method)
            .uri(uri)
            .header("host", &self.authority);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request
            .body(Empty::new())
            .map_err(|error| failed(CloudErrorKind::Invalid, "InvalidRequest", error))?;
        tokio::time::timeout(TIMEOUT, self.exchange(request))
            .await
            .unwrap_or_else(|_| {
                let message = format!(
                    "{uri}: no answer within {} s; if this goes on, the hop limit of the instance's metadata options may \
                     be too low",
                    TIMEOUT.as_secs()
                );
                Err(failed(CloudErrorKind::TimedOut, "Timeout", message))
            })
    }

    async fn exchange(&self, request: Request<Empty<Bytes>>) -> Result<(StatusCode, String), CloudError> {
        let unreachable = |error: &dyn Display| failed(CloudErrorKind::Unreachable, "Unreachable", error);
        let stream = TcpStream::connect(&self.authority)
            .await
            .map_err(|error| unreachable(&error))?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(&error))?;
        // The connection may end before its last answer was taken; what it says is seen by the sender, too.
        let driven = async {
            connection.await.ok();
            std::future::pending::<()>().await;
        };
        let answered = async {
            let answer = sender
                .send_request(request)
                .await
                .map_err(|error| unreachable(&error))?;
            let status = answer.status();
            let body = Limited::new(answer.into_body(), MAX_TEXT).collect().await;
            let body = body.map_err(|error| unreachable(&error))?.to_bytes();
            Ok((status, String::from_utf8_lossy(&body).into_owned()))
        };
        tokio::select! {
            biased;
            answer = answered => answer,
            () = driven => Err(unreachable(&"the connection ended")),
        }
    }
}

fn failed(kind: CloudErrorKind, code: &str, message: impl Display) -> CloudError {
    CloudError {
        kind,
        action: ACTION,
        code: code.to_owned(),
        message: message.to_string(),
    }
}

fn of_status(status: StatusCode, path: &str) -> CloudError {
    let kind = match status.as_u16() {
        403 => CloudErrorKind::Denied,
        429 | 503 => CloudErrorKind::Throttled,
        500.. => CloudErrorKind::Internal,
        _ => CloudErrorKind::Invalid,
    };
    failed(kind, &format!("HTTP{}", status.as_u16()), path)
}

fn may_pass(error: &CloudError) -> bool {
    matches!(
        error.kind,
        CloudErrorKind::Throttled
            | CloudErrorKind::TimedOut
            | CloudErrorKind::Unreachable
            | CloudErrorKind::Internal
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_a_host_and_perhaps_a_port() {
        let authority = |endpoint| Fetch::new(endpoint).map(|fetch| fetch.authority).ok();
        assert_eq!(authority(DEFAULT_ENDPOINT), Some("169.254.169.254:80".to_owned()));
        assert_eq!(
            authority("http://127.0.0.1:8080/"),
            Some("127.0.0.1:8080".to_owned())
        );
        assert_eq!(authority("https://169.254.169.254"), None);
        assert_eq!(authority("http://host/path"), None);
    }
}
