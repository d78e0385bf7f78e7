//! What answers are made of: a whole text, one that breaks off, or events for as long as somebody reads them.

use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, header};
use hyper::body::{Body as HttpBody, Frame, SizeHint};
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

/// What a request is answered with.
pub(crate) type Answer = Response<Body>;

/// An answer in JSON.
pub(crate) fn json_answer(status: StatusCode, value: &serde_json::Value) -> Answer {
    with_type(status, value.to_string(), "application/json")
}

/// An answer of some type of content.
pub(crate) fn with_type(status: StatusCode, body: impl Into<Body>, content_type: &'static str) -> Answer {
    let mut answer = Response::new(body.into());
    *answer.status_mut() = status;
    answer
        .headers_mut()
        .insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    answer
}

/// The rest of an answer does not come.
#[derive(Debug, thiserror::Error)]
#[error("a fault cut the answer")]
pub(crate) struct Torn;

/// The next lines of a stream, and the number to go on from; none at its end.
pub(crate) type Lines = Pin<Box<dyn Future<Output = Option<(u64, Bytes)>> + Send>>;

/// The body of an answer.
pub(crate) enum Body {
    /// All of it; none once it was sent.
    Whole(Option<Bytes>),
    /// The first half of so many bytes, and then the connection breaks.
    Half {
        /// What is still to be sent before it breaks.
        first: Option<Bytes>,
        /// What `Content-Length` promises.
        promised: u64,
    },
    /// Events as they happen, one JSON text a line.
    Follow {
        /// Waits for what comes after a number.
        lines: Box<dyn FnMut(u64) -> Lines + Send>,
        /// What is waited for.
        next: Lines,
    },
}

impl Body {
    /// A text that breaks off in the middle.
    pub(crate) fn half(whole: &Bytes) -> Self {
        Self::Half {
            first: Some(whole.slice(..whole.len() / 2)),
            promised: whole.len() as u64,
        }
    }

    /// Pieces, for as long as `lines` gives more.
    pub(crate) fn follow(mut lines: impl FnMut(u64) -> Lines + Send + 'static, after: u64) -> Self {
        let next = lines(after);
        let lines = Box::new(lines);
        Self::Follow { lines, next }
    }
}

impl Default for Body {
    fn default() -> Self {
        Self::Whole(None)
    }
}

impl<T: Into<Bytes>> From<T> for Body {
    fn from(whole: T) -> Self {
        Self::Whole(Some(whole.into()).filter(|bytes| !bytes.is_empty()))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Whole(_) => "Whole",
            Self::Half { .. } => "Half",
            Self::Follow { .. } => "Follow",
        })
    }
}

impl HttpBody for Body {
    type Data = Bytes;
    type Error = Torn;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Torn>>> {
        match &mut *self {
            Self::Whole(whole) => Poll::Ready(whole.take().map(|bytes| Ok(Frame::data(bytes)))),
            Self::Half { first, .. } => Poll::Ready(Some(first.take().map(Frame::data).ok_or(Torn))),
            Self::Follow { lines, next } => match next.as_mut().poll(context) {
                Poll::Pending => Poll::Pending,
                Poll::Ready(None) => Poll::Ready(None),
                Poll::Ready(Some((after, bytes))) => {
                    *next = lines(after);
                    Poll::Ready(Some(Ok(Frame::data(bytes))))
                }
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    fn size_hint(&self) -> SizeHint {
        match self {
            Self::Whole(whole) => SizeHint::with_exact(whole.as_ref().map_or(0, Bytes::len) as u64),
            Self::Half { promised, .. } => SizeHint::with_exact(*promised),
            Self::Follow { .. } => SizeHint::default(),
        }
    }
}
