//! What is written is read, and no bytes make reading fail.

use super::expression::{Expression, expressions};
use crate::attribute::{Attributes, parse};
use proptest::prelude::*;
use vpccni_core::datapath::{Action, Match, NftRule, Random};

#[test]
fn every_expression_is_read_as_it_was_written() {
    let matches = [
        Match::From("10.0.1.5/32".parse().unwrap()),
        Match::To("10.0.0.0/12".parse().unwrap()),
        Match::To("fd00::/8".parse().unwrap()),
        Match::ToThisNode,
        Match::NotToThisNode,
        Match::ToIncomingDevice,
        Match::In("eth0".to_owned()),
        Match::InPrefix("eni".to_owned()),
        Match::NotOutPrefix("vlan".to_owned()),
        Match::ConnectionMarked(0x80),
        Match::ConnectionNotMarked(0x80),
        Match::NewConnection,
    ];
    for action in [
        Action::Return,
        Action::Accept,
        Action::Jump("snat-mark".to_owned()),
        Action::MarkConnection(0x80),
        Action::MarkPacket(0x80),
        Action::UnmarkPacket(0x80),
        Action::Snat("10.0.0.10".parse().unwrap(), Random::None),
        Action::Snat("2001:db8::1".parse().unwrap(), Random::Hash),
        Action::Snat("10.0.0.10".parse().unwrap(), Random::Full),
        Action::Reject,
    ] {
        let rule = NftRule::new(matches.clone(), action, "");
        for expression in expressions(&rule, true) {
            let mut list = Attributes::default();
            expression.write(&mut list);
            let (_, element) = parse(list.as_bytes()).next().unwrap();
            assert_eq!(Expression::read(&element), expression);
        }
    }
}

#[test]
fn an_expression_that_is_never_written_is_not_taken_for_another() {
    for (name, register) in [("counter", 1u32), ("payload", 2), ("nat", 2), ("cmp", 2)] {
        let mut element = Attributes::default();
        element.text(1, name).nest(2, |data| {
            data.number(1, register).number(2, 1).number(3, 2);
        });
        assert_eq!(
            Expression::read(element.as_bytes()),
            Expression::Other(name.to_owned())
        );
    }
}

proptest! {
    #[test]
    fn any_bytes_are_an_expression_of_some_kind(bytes in proptest::collection::vec(any::<u8>(), 0..64)) {
        for (_, element) in parse(&bytes) {
            prop_assert!(element.len() <= bytes.len());
            let is_known = !matches!(Expression::read(&element), Expression::Other(_));
            // A name alone is six bytes with its header, and its data as many again.
            prop_assert!(!is_known || element.len() > 12);
        }
    }
}
