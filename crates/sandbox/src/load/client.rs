//! One connection that is kept for as long as the other side keeps it.

use std::net::SocketAddr;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// A client with one connection.
#[derive(Debug)]
pub(crate) struct Client {
    address: SocketAddr,
    stream: Option<TcpStream>,
    buffer: Vec<u8>,
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) body: String,
}

impl Answer {
    /// The texts of all elements of this name.
    pub(crate) fn texts(&self, element: &str) -> Vec<String> {
        let open = format!("<{element}>");
        let after = self.body.split(open.as_str()).skip(1);
        after
            .filter_map(|rest| Some(rest.split_once('<')?.0.to_owned()))
            .collect()
    }

    pub(crate) fn text(&self, element: &str) -> Result<String, String> {
        let found = self.texts(element).into_iter().next();
        found.ok_or_else(|| format!("no {element} in {}", self.body))
    }
}

impl Client {
    pub(crate) fn new(address: SocketAddr) -> Self {
        Self {
            address,
            stream: None,
            buffer: Vec::new(),
        }
    }

    /// An action with its parameters; any status is an answer.
    pub(crate) async fn call(&mut self, action: &str) -> Result<Answer, String> {
        self.exchange(action)
            .await
            .map_err(|error| format!("{}: {error}", action.split('&').next().unwrap_or_default()))
    }

    /// An action that must succeed.
    pub(crate) async fn must(&mut self, action: &str) -> Result<Answer, String> {
        let answer = self.call(action).await?;
        if answer.status == 200 {
            Ok(answer)
        } else {
            Err(format!("{action}: {} {}", answer.status, answer.body))
        }
    }

    /// An order to the control API of the sandbox, which must succeed.
    pub(crate) async fn order(&mut self, path: &str, body: &str) -> Result<(), String> {
        let request = format!(
            "PUT /_sandbox/{path} HTTP/1.1\r\nHost: {}\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        let answer = self
            .send(&request)
            .await
            .map_err(|error| format!("{path}: {error}"))?;
        if answer.status == 200 {
            Ok(())
        } else {
            Err(format!("{path}: {} {}", answer.status, answer.body))
        }
    }

    async fn exchange(&mut self, action: &str) -> std::io::Result<Answer> {
        let body = format!("Version=2016-11-15&Action={action}");
        let request = format!(
            "POST / HTTP/1.1\r\nHost: {}\r\nContent-Type: application/x-www-form-urlencoded\r\nAuthorization: \
             AWS4-HMAC-SHA256 Credential=load/20260101/us-west-2/ec2/aws4_request\r\nContent-Length: {}\r\n\r\n{body}",
            self.address,
            body.len()
        );
        self.send(&request).await
    }

    async fn send(&mut self, request: &str) -> std::io::Result<Answer> {
        let mut stream = if let Some(stream) = self.stream.take() {
            stream
        } else {
            let stream = TcpStream::connect(self.address).await?;
            stream.set_nodelay(true)?;
            stream
        };
        stream.write_all(request.as_bytes()).await?;
        self.buffer.clear();
        let (status, keep, body) = loop {
            if let Some(answer) = split(&self.buffer) {
                break answer;
            }
            if stream.read_buf(&mut self.buffer).await? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        };
        if keep {
            self.stream = Some(stream);
        }
        Ok(Answer { status, body })
    }
}

/// Status, whether the connection is kept, and the body, once all of it is there.
fn split(bytes: &[u8]) -> Option<(u16, bool, String)> {
    let end = bytes.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(bytes.get(..end)?).ok()?;
    let status = head.get(9..12)?.parse().ok()?;
    let field = |name: &str| {
        head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    };
    let length: usize = field("content-length")?.parse().ok()?;
    let body = bytes.get(end + 4..end + 4 + length)?;
    let keep = !field("connection").is_some_and(|value| value.eq_ignore_ascii_case("close"));
    Some((status, keep, String::from_utf8_lossy(body).into_owned()))
}
