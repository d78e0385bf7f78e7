//! A plan that is carried out leaves nothing to do, whatever is asked for.

use super::scene::{carry_out, name, text, world};
use crate::config::Key;
use crate::policy::plan;
use proptest::prelude::*;

fn setting() -> impl Strategy<Value = (Key, String)> {
    prop_oneof![
        (0..20_u8).prop_map(|n| (Key::WarmEniTarget, n.to_string())),
        (1..20_u8).prop_map(|n| (Key::WarmIpTarget, n.to_string())),
        (1..9_u8).prop_map(|n| (Key::MaxEni, n.to_string())),
        any::<bool>().prop_map(|on| (Key::EnablePrefixDelegation, on.to_string())),
        any::<bool>().prop_map(|on| (Key::CustomNetworkCfg, on.to_string())),
        any::<bool>().prop_map(|on| (Key::AnnotatePodIp, on.to_string())),
    ]
}

proptest! {
    #[test]
    fn a_plan_carried_out_leads_to_an_empty_plan(
        wanted in proptest::collection::vec(setting(), 0..6),
        later in proptest::collection::vec(setting(), 0..6),
    ) {
        let mut world = world(&[]);
        for round in [&wanted, &later] {
            world.intent.settings = round.iter().map(|(key, value)| (name(*key), text(value))).collect();
            let planned = plan(&world);
            let before = world.target.clone().unwrap();
            carry_out(&mut world, &planned);
            prop_assert_eq!(plan(&world).steps, Vec::new());
            if planned.verdict.refused {
                let pd = name(Key::EnablePrefixDelegation);
                let now = &world.target.as_ref().unwrap().settings[&pd].value;
                prop_assert_eq!(now, &before.settings[&pd].value);
            }
        }
    }
}
