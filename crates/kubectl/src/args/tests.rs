//! The command line holds, and its reference page has all of it.

use super::*;

#[test]
fn the_definition_holds() {
    Args::definition().debug_assert();
}

#[test]
fn durations_are_those_of_kubectl() {
    let seconds = |text| duration(text).map(|duration| duration.as_secs());
    assert_eq!(
        [seconds("0"), seconds("90"), seconds("30s"), seconds("1m30s")],
        [Ok(0), Ok(90), Ok(30), Ok(90)]
    );
    assert!(duration("soon").is_err() && duration("-5s").is_err());
}

#[test]
fn global_flags_may_stand_behind_the_command() {
    let args = Args::try_parse_from(["x", "plan", "-f", "p.yaml", "-o", "json", "--context", "c"]).unwrap();
    assert_eq!(
        (args.flags.output, args.flags.context.as_deref()),
        (Format::Json, Some("c"))
    );
    let Command::Plan(plan) = args.command else {
        panic!("not a plan");
    };
    assert_eq!(plan.filename, Some(PathBuf::from("p.yaml")));
}

/// Every command and every flag, below a command.
fn collect(command: &clap::Command, names: &mut Vec<String>) {
    for argument in command.get_arguments().filter_map(clap::Arg::get_long) {
        names.push(format!("`--{argument}"));
    }
    for below in command.get_subcommands() {
        names.push(below.get_name().to_owned());
        collect(below, names);
    }
}

#[test]
fn the_reference_page_has_every_command_and_flag() {
    let page = include_str!("../../../../docs/reference/kubectl.md");
    let mut all = Vec::new();
    collect(&Args::definition(), &mut all);
    assert!(all.len() > 30, "{all:?}");
    let missing: Vec<_> = all
        .into_iter()
        .filter(|name| !page.contains(name.as_str()))
        .collect();
    assert_eq!(missing, Vec::<String>::new());
}
