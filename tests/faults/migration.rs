//! The lives of migrations in memory, with a fault at every write site: the end is that of the life without faults, and
//! nothing on the way breaks a rule.

mod end;
mod ground;
mod rules;
mod script;

use super::inject::{Faults, Life};
use super::life::Cast;
use super::memory::{Witness, on_paused_clock, play, setting};
use super::snapshot::difference;
use crate::bed::logs;
use ground::Replacing;
use serde_json::Value;

/// What `cargo xtask test` runs of each life.
const MANY: u64 = 2;

/// Lives one, and checks every moment of it.
async fn lived(life: Life, seed: u64, faults: Faults, expected: Option<&Value>) -> Value {
    let cast = Cast::alone(faults);
    let ground = Replacing::start(life, seed).await;
    let witness = Witness {
        seed,
        faults: &cast.faults,
        api: ground.cluster.api.clone(),
    };
    let end = script::live(&ground, life, &cast, expected).await;
    rules::check(&witness.api, life);
    let missed = cast.faults.missed();
    assert!(missed.is_empty(), "the script never came to {missed:?}");
    end
}

fn a_fault_at_any_write_changes_nothing(life: Life) {
    logs();
    // Made on a runtime of its own, before there is another one.
    setting();
    let expected = on_paused_clock(0, lived(life, 0, Faults::none(), None));
    play(MANY, |seed| {
        let faults = Faults::of_seed(life, seed);
        let end = on_paused_clock(seed, lived(life, seed, faults, Some(&expected)));
        assert_eq!(difference(&expected, &end), "");
    });
}

#[test]
fn a_fault_at_any_write_of_groups_that_aws_keeps_changes_nothing_about_the_end() {
    a_fault_at_any_write_changes_nothing(Life::Groups);
}

#[test]
fn a_fault_at_any_write_of_pools_of_karpenter_changes_nothing_about_the_end() {
    a_fault_at_any_write_changes_nothing(Life::Karpenter);
}
