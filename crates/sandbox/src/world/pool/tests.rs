//! The pool alone: what it gives, what it refuses, and that a refusal takes nothing.

use super::*;

fn pool(cidr: &str) -> (Pool, Random) {
    (Pool::new(cidr.parse().unwrap()), Random::new(7))
}

fn addresses(count: u32) -> Want {
    Want {
        count,
        ..Want::default()
    }
}

fn prefixes(prefix_count: u32) -> Want {
    Want {
        prefix_count,
        ..Want::default()
    }
}

#[test]
fn a_28_gives_eleven_addresses_and_no_twelfth() {
    let (mut pool, mut random) = pool("10.0.0.0/28");
    let grant = pool.take(&addresses(11), &mut random).unwrap();
    let mut given = grant.addresses.clone();
    given.sort();
    let expected: Vec<Ipv4Addr> = (4..15).map(|last| Ipv4Addr::new(10, 0, 0, last)).collect();
    assert_eq!(given, expected);
    assert_eq!(pool.available(), 0);
    assert_eq!(
        pool.take(&addresses(1), &mut random),
        Err(PoolError::NoFreeAddress)
    );
    pool.release(&grant);
    assert_eq!(pool.available(), 11);
}

#[test]
fn a_refusal_takes_nothing() {
    let (mut pool, mut random) = pool("10.0.0.0/28");
    assert_eq!(
        pool.take(&addresses(12), &mut random),
        Err(PoolError::NoFreeAddress)
    );
    assert_eq!((pool.used(), pool.available()), (0, 11));
}

#[test]
fn the_first_and_last_block_of_a_subnet_hold_no_prefix() {
    let (mut pool, mut random) = pool("10.0.0.0/26");
    let grant = pool.take(&prefixes(2), &mut random).unwrap();
    let given: Vec<String> = grant.prefixes.iter().map(ToString::to_string).collect();
    assert_eq!(given, ["10.0.0.16/28", "10.0.0.32/28"]);
    assert_eq!(pool.take(&prefixes(1), &mut random), Err(PoolError::NoFreeBlock));
    assert_eq!(pool.available(), 64 - 5 - 32);
}

#[test]
fn one_address_in_a_block_spoils_it() {
    let (mut pool, mut random) = pool("10.0.0.0/26");
    let spoil = Want {
        addresses: vec!["10.0.0.20".parse().unwrap(), "10.0.0.40".parse().unwrap()],
        ..Want::default()
    };
    pool.take(&spoil, &mut random).unwrap();
    assert_eq!(pool.take(&prefixes(1), &mut random), Err(PoolError::NoFreeBlock));
    assert_eq!(pool.available(), 64 - 5 - 2);
}

#[test]
fn a_prefix_reservation_keeps_single_addresses_out_and_is_used_first() {
    let (mut pool, mut random) = pool("10.0.0.0/26");
    pool.set_reservations([("10.0.0.32/28".parse().unwrap(), true)].into_iter());
    assert_eq!(pool.available(), 64 - 5 - 16);
    let grant = pool.take(&prefixes(1), &mut random).unwrap();
    assert_eq!(
        grant.prefixes.first().map(ToString::to_string).as_deref(),
        Some("10.0.0.32/28")
    );
    let singles = pool.take(&addresses(43), &mut random).unwrap();
    assert!(
        singles
            .addresses
            .iter()
            .all(|a| !(32..48).contains(&a.octets()[3]))
    );
    assert_eq!(
        pool.take(&addresses(1), &mut random),
        Err(PoolError::NoFreeAddress)
    );
}

#[test]
fn nothing_is_chosen_from_an_explicit_reservation_but_it_can_be_asked_for() {
    let (mut pool, mut random) = pool("10.0.0.0/26");
    pool.set_reservations([("10.0.0.16/28".parse().unwrap(), false)].into_iter());
    let grant = pool.take(&prefixes(1), &mut random).unwrap();
    assert_eq!(
        grant.prefixes.first().map(ToString::to_string).as_deref(),
        Some("10.0.0.32/28")
    );
    let asked = Want {
        addresses: vec!["10.0.0.17".parse().unwrap()],
        ..Want::default()
    };
    assert!(pool.take(&asked, &mut random).is_ok());
}
