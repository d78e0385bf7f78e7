//! Properties that hold between the reader and the writer, for arbitrary configurations.

use super::arbitrary::any_config;
use super::write::raw;
use super::{Key, merge_agent_args, read};
use proptest::prelude::*;

proptest! {
    #[test]
    fn what_is_written_is_read_back(config in any_config()) {
        let seen = read(&raw(&config));
        prop_assert_eq!(&seen.config, &config);
        prop_assert!(seen.notes.is_empty(), "{:?}", seen.notes);
        prop_assert!(seen.unknown.is_empty(), "{:?}", seen.unknown);
    }

    #[test]
    fn merging_what_is_there_changes_nothing(config in any_config()) {
        let written = raw(&config).node_agent_args;
        let owned = Key::all().collect();
        prop_assert_eq!(merge_agent_args(&written, &config, &owned), written);
    }

    #[test]
    fn merged_flags_are_read_as_wanted(before in any_config(), wanted in any_config()) {
        let owned = Key::all().collect();
        let mut existing = raw(&before).node_agent_args;
        existing.insert(0, "--not-ours=1".to_owned());
        let mut merged = raw(&wanted);
        merged.node_agent_args = merge_agent_args(&existing, &wanted, &owned);
        prop_assert_eq!(merged.node_agent_args.first(), existing.first());
        prop_assert_eq!(read(&merged).config, wanted);
    }
}
