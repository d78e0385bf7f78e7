//! A netlink socket: many requests in one send, and their answers.
//!
//! A socket belongs to the namespace of the thread that opened it, for good: it may be used from any thread then.

use crate::errno::{answer, failed, io};
use netlink_packet_core::{
    NLM_F_ACK, NLM_F_DUMP, NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_sys::protocols::{NETLINK_NETFILTER, NETLINK_ROUTE};
use nix::libc::{NLMSG_DONE, NLMSG_ERROR};
use nix::sys::socket::{setsockopt, sockopt};
use nix::sys::time::TimeVal;
use vpccni_core::ports::KernelError;

/// A burst of namespaces being torn down holds the kernel's lock of links for a while; beyond this something is broken.
const PATIENCE: TimeVal = TimeVal::new(30, 0);
/// More than the kernel puts into one datagram of a dump.
const DATAGRAM: usize = 64 * 1024;
const HEADER: usize = 16;
/// What a socket sends as it is, everywhere.
const USUAL: usize = 32 * 1024;
/// Acknowledgements of one send wait in the socket's buffer, which has room for a few hundred.
const REQUESTS: usize = 64;
/// A list that changed while it was read is read again this often.
const ATTEMPTS: u32 = 8;
/// The kernel's mark of such a list.
const NLM_F_DUMP_INTR: u16 = 0x10;

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
        if bytes.len() > USUAL {
            // A transaction is one send, however many rules it has. The kernel doubles what it is given.
            setsockopt(&self.inner, sockopt::SndBufForce, &bytes.len())
                .map_err(|error| io(call, "a large netlink message", &error.into()))?;
        }
        self.inner
            .send(bytes, 0)
            .map(drop)
            .map_err(|error| io(call, "netlink", &error))
    }

    /// The next datagram, message by message.
    pub(crate) fn receive(&mut self, call: &'static str) -> Result<Vec<Raw>, KernelError> {
        self.buffer.clear();
        loop {
            match self.inner.recv(&mut self.buffer, 0) {
                Ok(_) => break,
                // A socket with a limit of patience is not restarted after a signal.
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
                Err(error) => return Err(io(call, "netlink", &error)),
            }
        }
        let mut messages = Vec::new();
        let mut rest = self.buffer.as_slice();
        while rest.len() >= HEADER {
            let raw = Raw::first(rest).ok_or_else(|| answer(call, "a message is cut off"))?;
            rest = rest
                .get(raw.bytes.len().next_multiple_of(4)..)
                .unwrap_or_default();
            messages.push(raw);
        }
        Ok(messages)
    }

    /// Sends all requests at once and reads an acknowledgement of each. The kernel goes on after a request it refuses;
    /// the first refusal that is not fine is the error. Gives what was answered to questions, in order.
    pub(crate) fn batch(
        &mut self,
        mut requests: Vec<Request>,
    ) -> Result<Vec<RouteNetlinkMessage>, KernelError> {
        let mut replies = Vec::new();
        let mut outcome = Ok(());
        while !requests.is_empty() {
            let rest = requests.split_off(requests.len().min(REQUESTS));
            outcome = outcome.and(self.round(requests, &mut replies)?);
            requests = rest;
        }
        outcome.map(|()| replies)
    }

    /// One send. The outer error is of the socket, the inner one the kernel's refusal.
    fn round(
        &mut self,
        requests: Vec<Request>,
        replies: &mut Vec<RouteNetlinkMessage>,
    ) -> Result<Result<(), KernelError>, KernelError> {
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
        let mut outcome = Ok(());
        let mut open = labels.len();
        while open > 0 {
            for raw in self.receive(call)? {
                let place = usize::try_from(raw.sequence.wrapping_sub(first)).unwrap_or(usize::MAX);
                let Some((call, object, fine)) = labels.get(place) else {
                    continue;
                };
                match raw.understand(call)? {
                    NetlinkPayload::Error(error) => {
                        open -= 1;
                        let errno = error.raw_code().saturating_neg();
                        if errno != 0 && !fine.contains(&errno) {
                            outcome = outcome.and_then(|()| Err(failed(call, object.clone(), errno)));
                        }
                    }
                    NetlinkPayload::InnerMessage(reply) => replies.push(reply),
                    _ => {}
                }
            }
        }
        Ok(outcome)
    }

    /// What is wanted of everything of a kind. Each message is let go before the next is understood: a node with 250
    /// pods has megabytes of them.
    pub(crate) fn dump<T>(
        &mut self,
        call: &'static str,
        message: &RouteNetlinkMessage,
        wanted: impl Fn(RouteNetlinkMessage) -> Option<T>,
    ) -> Result<Vec<T>, KernelError> {
        let question = |bytes: &mut Vec<u8>, sequence| {
            append(bytes, message.clone(), NLM_F_REQUEST | NLM_F_DUMP, sequence);
        };
        self.list(call, question, |raw| {
            Ok(match raw.understand(call)? {
                NetlinkPayload::InnerMessage(message) => wanted(message),
                _ => None,
            })
        })
    }

    /// Sends the question and gives what is wanted of each message of the list it asks for. One that changed while it
    /// was read may lack what was there all the time, so it is read again.
    pub(crate) fn list<T>(
        &mut self,
        call: &'static str,
        question: impl Fn(&mut Vec<u8>, u32),
        wanted: impl Fn(&Raw) -> Result<Option<T>, KernelError>,
    ) -> Result<Vec<T>, KernelError> {
        let mut all = Vec::new();
        for _ in 0..ATTEMPTS {
            let sequence = self.next_sequence();
            let mut bytes = Vec::new();
            question(&mut bytes, sequence);
            self.send(call, &bytes)?;
            let is_whole;
            (all, is_whole) = self.read_list(call, sequence, &wanted)?;
            if is_whole {
                break;
            }
        }
        Ok(all)
    }

    fn read_list<T>(
        &mut self,
        call: &'static str,
        sequence: u32,
        wanted: impl Fn(&Raw) -> Result<Option<T>, KernelError>,
    ) -> Result<(Vec<T>, bool), KernelError> {
        let mut all = Vec::new();
        let mut is_whole = true;
        loop {
            for raw in self.receive(call)? {
                if raw.sequence != sequence {
                    continue;
                }
                is_whole &= raw.flags & NLM_F_DUMP_INTR == 0;
                match i32::from(raw.kind) {
                    NLMSG_DONE => return Ok((all, is_whole)),
                    NLMSG_ERROR => {
                        let errno = raw
                            .errno()
                            .ok_or_else(|| answer(call, "an error without a number"))?;
                        return Err(failed(call, "a list", errno));
                    }
                    _ => all.extend(wanted(&raw)?),
                }
            }
        }
    }
}

/// A message as it came.
#[derive(Debug)]
pub(crate) struct Raw {
    /// Its type.
    pub(crate) kind: u16,
    flags: u16,
    /// The number of the request it belongs to.
    pub(crate) sequence: u32,
    bytes: Vec<u8>,
}

impl Raw {
    /// The message at the front; none where its length cannot be.
    fn first(bytes: &[u8]) -> Option<Self> {
        let length = u32::from_ne_bytes(*bytes.first_chunk()?);
        let length = usize::try_from(length).ok().filter(|length| *length >= HEADER)?;
        Some(Self {
            kind: u16::from_ne_bytes(bytes.get(4..6)?.try_into().ok()?),
            flags: u16::from_ne_bytes(bytes.get(6..8)?.try_into().ok()?),
            sequence: u32::from_ne_bytes(bytes.get(8..12)?.try_into().ok()?),
            bytes: bytes.get(..length)?.to_vec(),
        })
    }

    /// What follows the header.
    pub(crate) fn payload(&self) -> &[u8] {
        self.bytes.get(HEADER..).unwrap_or_default()
    }

    /// The positive number of an error, 0 for an acknowledgement.
    pub(crate) fn errno(&self) -> Option<i32> {
        let code = self.payload().first_chunk()?;
        Some(i32::from_ne_bytes(*code).saturating_neg())
    }

    fn understand(&self, call: &'static str) -> Result<NetlinkPayload<RouteNetlinkMessage>, KernelError> {
        NetlinkMessage::deserialize(&self.bytes)
            .map(|message| message.into_parts().1)
            .map_err(|error| answer(call, error.to_string()))
    }
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
    fn a_message_has_the_length_it_claims_or_is_none() {
        let mut bytes = [0; 20];
        for (claimed, expected) in [(15u32, None), (16, Some(0)), (20, Some(4)), (21, None)] {
            bytes[0..4].copy_from_slice(&claimed.to_ne_bytes());
            let length = Raw::first(&bytes).map(|raw| raw.payload().len());
            assert_eq!(length, expected, "{claimed}");
        }
    }
}
