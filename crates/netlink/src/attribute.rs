//! Netlink attributes of netfilter: numbers are big-endian, nests say that they are nests.

use netlink_packet_core::{NLA_F_NESTED, NlasIterator};

const HEADER: usize = 4;

/// Attributes being written.
#[derive(Debug, Default, Clone)]
pub(crate) struct Attributes(Vec<u8>);

impl Attributes {
    pub(crate) fn bytes(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        // Nothing here comes near 64 KiB: a rule with its comment has a few hundred bytes.
        let length = u16::try_from(HEADER + value.len()).unwrap_or(u16::MAX);
        self.0.extend_from_slice(&length.to_ne_bytes());
        self.0.extend_from_slice(&kind.to_ne_bytes());
        self.0.extend_from_slice(value);
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self
    }

    pub(crate) fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.bytes(kind, &value.to_be_bytes())
    }

    pub(crate) fn text(&mut self, kind: u16, value: &str) -> &mut Self {
        let mut bytes = value.as_bytes().to_vec();
        bytes.push(0);
        self.bytes(kind, &bytes)
    }

    pub(crate) fn nest(&mut self, kind: u16, fill: impl FnOnce(&mut Self)) -> &mut Self {
        let mut inner = Self::default();
        fill(&mut inner);
        self.bytes(kind | NLA_F_NESTED, &inner.0)
    }

    /// Attributes that were written before.
    pub(crate) fn raw(&mut self, written: &[u8]) {
        self.0.extend_from_slice(written);
    }

    pub(crate) fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Attributes as they were received; what cannot be read is left out.
pub(crate) fn parse(bytes: &[u8]) -> impl Iterator<Item = (u16, Vec<u8>)> + '_ {
    NlasIterator::new(bytes)
        .filter_map(Result::ok)
        .map(|attribute| (attribute.kind(), attribute.value().to_vec()))
}

/// One attribute.
pub(crate) fn find(bytes: &[u8], wanted: u16) -> Option<Vec<u8>> {
    parse(bytes)
        .find(|(kind, _)| *kind == wanted)
        .map(|(_, value)| value)
}

/// A number.
pub(crate) fn number(bytes: &[u8], kind: u16) -> Option<u32> {
    let value: [u8; 4] = find(bytes, kind)?.try_into().ok()?;
    Some(u32::from_be_bytes(value))
}

/// A text without the zero at its end.
pub(crate) fn text(bytes: &[u8], kind: u16) -> Option<String> {
    let mut value = find(bytes, kind)?;
    if value.last() == Some(&0) {
        value.pop();
    }
    String::from_utf8(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let mut written = Attributes::default();
        written.text(1, "eni").nest(2, |inner| {
            inner.number(3, 0x80);
        });
        let bytes = written.as_bytes();
        assert_eq!(bytes.len(), 8 + 4 + 8);
        assert_eq!(text(bytes, 1).as_deref(), Some("eni"));
        assert_eq!(number(&find(bytes, 2).unwrap(), 3), Some(0x80));
        assert_eq!(find(bytes, 4), None);
    }

    #[test]
    fn a_length_beyond_the_end_ends_the_list() {
        let mut written = Attributes::default();
        written.number(1, 7);
        let mut bytes = written.as_bytes().to_vec();
        bytes.extend_from_slice(&[200, 0, 2, 0]);
        assert_eq!(parse(&bytes).count(), 1);
    }
}
