//! Every sort of block, the figures made of them, and the cross-check against what EC2 counts.

use super::*;
use proptest::prelude::*;

fn net(text: &str) -> Ipv4Net {
    text.parse().unwrap()
}

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

/// 10.0.0.0/24: sixteen blocks, the first and the last at the edge.
fn map(
    addresses: &[&str],
    prefixes: &[&str],
    reservations: &[(&str, ReservationKind)],
    available: u32,
) -> Known<BlockMap> {
    let reservations: Vec<Reservation> = reservations
        .iter()
        .map(|(cidr, kind)| Reservation {
            cidr: net(cidr),
            kind: *kind,
        })
        .collect();
    BlockMap::of(
        net("10.0.0.0/24"),
        addresses.iter().map(|address| ip(address)),
        prefixes.iter().map(|prefix| net(prefix)),
        &reservations,
        available,
    )
}

fn known(map: Known<BlockMap>) -> BlockMap {
    match map {
        Known::Yes(map) => map,
        Known::Unknown(why) => panic!("{why}"),
    }
}

#[test]
fn an_empty_subnet_gives_all_but_its_edges() {
    let map = known(map(&[], &[], &[], 251));
    assert_eq!(map.free_prefixes(), 14);
    assert_eq!(
        map.counts(),
        BlockCounts {
            free: 14,
            edge: 2,
            ..BlockCounts::default()
        }
    );
    let run = Run {
        first: Ipv4Prefix::containing(ip("10.0.0.16")),
        blocks: 14,
    };
    assert_eq!(map.runs(), [run]);
    assert_eq!(map.fragmentation(), 0);
    assert_eq!((map.cidr(), map.available()), (net("10.0.0.0/24"), 251));
}

#[test]
fn every_sort_of_block() {
    let full: Vec<String> = (64..80).map(|last| format!("10.0.0.{last}")).collect();
    let mut addresses: Vec<&str> = full.iter().map(String::as_str).collect();
    addresses.extend(["10.0.0.5", "10.0.0.33", "10.0.0.34", "10.9.9.9"]);
    let reservations = [
        ("10.0.0.128/27", ReservationKind::Prefix),
        ("10.0.0.192/30", ReservationKind::Explicit),
    ];
    // 256 - 5 - 19 addresses - 16 of the prefix - 36 free ones in reservations.
    let map = known(map(&addresses, &["10.0.0.16/28"], &reservations, 180));
    let expected = BlockCounts {
        free: 8,
        free_reserved: 2,
        explicit: 1,
        prefixes: 1,
        fragmented: 1,
        full: 1,
        edge: 2,
    };
    assert_eq!(map.counts(), expected);
    assert_eq!((map.free_prefixes(), map.free_in_reservations()), (10, 2));
    let lengths: Vec<(String, u32)> = map
        .runs()
        .iter()
        .map(|run| (run.first.to_string(), run.blocks))
        .collect();
    let expected = [("10.0.0.80/28", 7), ("10.0.0.208/28", 2), ("10.0.0.48/28", 1)];
    assert_eq!(
        lengths,
        expected.map(|(first, blocks)| (first.to_owned(), blocks))
    );
    assert_eq!(map.fragmentation(), 20);
    let third = map.blocks().nth(2).map(|(_, block)| block.state);
    assert_eq!(third, Some(BlockState::Fragmented(2)));
}

#[test]
fn a_used_block_in_a_reservation_is_not_free() {
    let reservations = [("10.0.0.128/28", ReservationKind::Prefix)];
    let map = known(map(&["10.0.0.130"], &[], &reservations, 235));
    assert_eq!((map.free_prefixes(), map.free_in_reservations()), (13, 0));
}

#[test]
fn addresses_nobody_can_see_make_it_unknown() {
    assert_eq!(
        map(&["10.0.0.20"], &[], &[], 240),
        Known::Unknown(
            "240 of the 256 addresses of 10.0.0.0/24 are available, but the 1 that can be seen in use \
             leave 250: interfaces that cannot be seen hold 10"
                .to_owned()
        )
    );
    assert!(map(&["10.0.0.20"], &[], &[], 250).as_option().is_some());
    // Released between two reads.
    assert!(map(&["10.0.0.20"], &[], &[], 251).as_option().is_some());
    // A reservation takes its free addresses off the count.
    let reservations = [("10.0.0.128/27", ReservationKind::Prefix)];
    assert!(map(&[], &[], &reservations, 219).as_option().is_some());
    assert!(map(&[], &[], &reservations, 218).as_option().is_none());
}

#[test]
fn a_network_no_subnet_can_have_is_unknown() {
    for cidr in ["10.0.0.0/8", "10.0.0.0/29"] {
        assert!(
            BlockMap::of(net(cidr), [], [], &[], 0).as_option().is_none(),
            "{cidr}"
        );
    }
    let least = known(BlockMap::of(net("10.0.0.0/28"), [], [], &[], 11));
    assert_eq!((least.free_prefixes(), least.counts().edge), (0, 1));
    assert_eq!(least.fragmentation(), 0);
}

proptest! {
    #[test]
    fn every_block_counts_once_and_runs_hold_all_free_ones(
        used in proptest::collection::btree_set(0u32..1024, 0..200),
        prefixes in proptest::collection::btree_set(0u32..64, 0..20),
    ) {
        let first = u32::from(ip("10.4.0.0"));
        let map = known(BlockMap::of(
            net("10.4.0.0/22"),
            used.iter().map(|offset| Ipv4Addr::from(first + offset)),
            prefixes.iter().map(|block| Ipv4Net::new(Ipv4Addr::from(first + block * 16), 28).unwrap()),
            &[],
            1024,
        ));
        let c = map.counts();
        prop_assert_eq!(c.free + c.free_reserved + c.explicit + c.prefixes + c.fragmented + c.full + c.edge, 64);
        prop_assert_eq!(map.runs().iter().map(|run| run.blocks).sum::<u32>(), map.free_prefixes());
        prop_assert!(map.fragmentation() <= 100);
    }
}
