//! A netlink socket: many requests in one send, and their answers.
//!
//! A socket belongs to the namespace of the thread that opened it, for good: it may be used from any thread then.

use crate::errno::{answer, failed, io};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use vpccni_core::ports::KernelError;

/// The kernel answers in microseconds; a whole second of RTNL waits behind a burst of namespaces being torn down was
/// seen, ten were not.
const PATIENCE: TimeVal = TimeVal::new(30, 0);
/// More than the kernel puts into one datagram of a dump.
const DATAGRAM: usize = 64 * 1024;
const HEADER: usize = 16;

/// A change or a question.
#[derive(Debug)]
pub(crate) struct Request {
    /// The message.
    pub message: RouteNetlinkMessage,
    /// Its flags besides request and acknowledgement.
    pub flags: u16,
    /// What is done, for an error.
    pub call: &'static str,
    /// To what, for an error.
    pub object: String,
    /// Errors that mean it is so already.
    pub fine: &'static [i32],
}

/// A netlink socket of one namespace.
pub(crate) struct Socket {
    inner: netlink_sys::Socket,
    sequence: u32,
    buffer: Vec<u8>,
}

impl Socket {
    /// For links, addresses, routes, rules and neighbours of the calling thread's namespace.
    pub(crate) fn route() -> Result<Self, KernelError> {
        Self::open(NETLINK_ROUTE)
    }

    /// For nftables of the calling thread's namespace.
    pub(crate) fn netfilter() -> Result<Self, KernelError> {
        Self::open(NETLINK_NETFILTER)
    }

    fn open(protocol: isize) -> Result<Self, KernelError> {
        let wrong = |error: &std::io::Error| io("open", "a netlink socket", error);
        let mut inner = netlink_sys::Socket::new(protocol).map_err(|error| wrong(&error))?;
        inner.bind_auto().map_err(|error| wrong(&error))?;
        setsockopt(&inner, sockopt::ReceiveTimeout, &PATIENCE).map_err(|error| wrong(&error.into()))?;
        Ok(Self {
            inner,
            sequence: 0,
            buffer: Vec::with_capacity(DATAGRAM),
        })
    }

    /// The number of the next message.
    pub(crate) fn next_sequence(&mut self) -> u32 {
        self.sequence = self.sequence.wrapping_add(1);
        self.sequence
    }

    /// Sends bytes that are whole messages.
    pub(crate) fn send(&self, call: &'static str, bytes: &[u8]) -> Result<(), KernelError> {
        self.inner
            .send(bytes, 0)
            .map(drop)
            .map_err(|error| io(call, "netlink", &error))
    }

    /// The next datagram, message by message: sequence, type, payload.
    pub(crate) fn receive(&mut self, call: &'static str) -> Result<Vec<(u32, u16, Vec<u8>)>, KernelError> {
        self.buffer.clear();
        self.inner
            .recv(&mut self.buffer, 0)
            .map_err(|error| io(call, "netlink", &error))?;
        let mut messages = Vec::new();
        let mut rest = self.buffer.as_slice();
        while rest.len() >= HEADER {
            let (length, kind, sequence) = header(rest).ok_or_else(|| answer(call, "no header"))?;
            let payload = rest
                .get(HEADER..length)
                .ok_or_else(|| answer(call, "a message is cut off"))?;
            messages.push((sequence, kind, payload.to_vec()));
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(messages)
    }

    /// Sends all requests at once and reads an acknowledgement of each. The kernel goes on after a request it refuses;
    /// the first refusal that is not fine is the error. Gives what was answered to questions, in order.
    pub(crate) fn batch(&mut self, requests: Vec<Request>) -> Result<Vec<RouteNetlinkMessage>, KernelError> {
        if requests.is_empty() {
            return Ok(Vec::new());
        }
        let first = self.sequence.wrapping_add(1);
        let mut bytes = Vec::with_capacity(requests.len() * 128);
        let mut labels = Vec::with_capacity(requests.len());
        for request in requests {
            let sequence = self.next_sequence();
            let flags = NLM_F_REQUEST | NLM_F_ACK | request.flags;
            append(&mut bytes, request.message, flags, sequence);
            labels.push((request.call, request.object, request.fine));
        }
        let call = labels.first().map_or("talk to", |label| label.0);
        self.send(call, &bytes)?;
        let mut refusal = None;
        let mut replies = Vec::new();
        let mut open = labels.len();
        while open > 0 {
            for message in self.replies(call)? {
                let (header, payload) = message.into_parts();
                let place = usize::try_from(header.sequence_number.wrapping_sub(first)).unwrap_or(usize::MAX);
                let Some((call, object, fine)) = labels.get(place) else {
                    continue;
                };
                match payload {
                    NetlinkPayload::Error(error) => {
                        open -= 1;
                        let errno = error.raw_code().saturating_neg();
                        if errno != 0 && !fine.contains(&errno) && refusal.is_none() {
                            refusal = Some(failed(call, object.clone(), errno));
                        }
                    }
                    NetlinkPayload::InnerMessage(reply) => replies.push(reply),
                    _ => {}
                }
            }
        }
        refusal.map_or(Ok(replies), Err)
    }

    fn replies(
        &mut self,
        call: &'static str,
    ) -> Result<Vec<NetlinkMessage<RouteNetlinkMessage>>, KernelError> {
        self.buffer.clear();
        self.inner
            .recv(&mut self.buffer, 0)
            .map_err(|error| io(call, "netlink", &error))?;
        let mut messages = Vec::new();
        let mut rest = self.buffer.as_slice();
        while rest.len() >= HEADER {
            let (length, ..) = header(rest).ok_or_else(|| answer(call, "no header"))?;
            let whole = rest
                .get(..length)
                .ok_or_else(|| answer(call, "a message is cut off"))?;
            messages.push(NetlinkMessage::deserialize(whole).map_err(|error| answer(call, error))?);
            rest = rest.get(length.next_multiple_of(4)..).unwrap_or_default();
        }
        Ok(messages)
    }

    /// Everything of a kind.
    pub(crate) fn dump(
        &mut self,
        call: &'static str,
        message: RouteNetlinkMessage,
    ) -> Result<Vec<RouteNetlinkMessage>, KernelError> {
        let sequence = self.next_sequence();
        let mut bytes = Vec::new();
        append(&mut bytes, message, NLM_F_REQUEST | NLM_F_DUMP, sequence);
        self.send(call, &bytes)?;
        let mut all = Vec::new();
        loop {
            for message in self.replies(call)? {
                let (header, payload) = message.into_parts();
                if header.sequence_number != sequence {
                    continue;
                }
                match payload {
                    NetlinkPayload::Done(_) => return Ok(all),
                    NetlinkPayload::Error(error) => {
                        return Err(failed(call, "a list", error.raw_code().saturating_neg()));
                    }
                    NetlinkPayload::InnerMessage(reply) => all.push(reply),
                    _ => {}
                }
            }
        }
    }
}

/// Length, type and sequence of the message at the front; none where the length cannot be.
fn header(bytes: &[u8]) -> Option<(usize, u16, u32)> {
    let length = u32::from_ne_bytes(bytes.get(0..4)?.try_into().ok()?);
    let kind = u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?);
    let sequence = u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?);
    let length = usize::try_from(length).ok()?;
    (length >= HEADER).then_some((length, kind, sequence))
}

fn append(bytes: &mut Vec<u8>, message: RouteNetlinkMessage, flags: u16, sequence: u32) {
    let mut header = NetlinkHeader::default();
    header.flags = flags;
    header.sequence_number = sequence;
    let mut message = NetlinkMessage::new(header, NetlinkPayload::InnerMessage(message));
    message.finalize();
    let start = bytes.len();
    bytes.resize(start + message.buffer_len().next_multiple_of(4), 0);
    message.serialize(&mut bytes[start..]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_that_claims_less_than_itself_is_none() {
        let mut bytes = [0; 16];
        bytes[0..4].copy_from_slice(&15u32.to_ne_bytes());
        assert_eq!(header(&bytes), None);
        bytes[0..4].copy_from_slice(&16u32.to_ne_bytes());
        assert_eq!(header(&bytes), Some((16, 0, 0)));
    }
}
