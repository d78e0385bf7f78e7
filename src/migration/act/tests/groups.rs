//! Auto Scaling groups and their launch templates.

use super::super::marks;
use super::*;
use vpccni_core::user_data::max_pods_of_encoded;
use vpccni_testbed::sandbox::world::Process;

fn refused(outcome: Outcome, part: &str) {
    match outcome {
        Outcome::Failed {
            category: "refused",
            message,
        } => assert!(message.contains(part), "{message}"),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_group_grows_to_its_maximum_and_never_shrinks() {
    let lab = Lab::with_aws().await;
    lab.done_once(ActionKind::Grow { group: asg(), to: 3 }).await;
    assert_eq!(
        lab.act(ActionKind::Grow { group: asg(), to: 1 }).await,
        Outcome::Unchanged
    );
    refused(
        lab.act(ActionKind::Grow { group: asg(), to: 5 }).await,
        "no more than 4 nodes",
    );
    assert_eq!((lab.group().desired, lab.group().active().count()), (3, 3));
    let gone = NodeGroup {
        name: "gone".to_owned(),
        ..asg()
    };
    assert!(matches!(
        lab.act(ActionKind::Grow { group: gone, to: 3 }).await,
        Outcome::Dropped(_)
    ));
}

fn suspend(on: bool) -> ActionKind {
    ActionKind::Suspend { group: asg(), on }
}

#[tokio::test]
async fn rebalancing_stops_and_goes_on_as_it_was() {
    let lab = Lab::with_aws().await;
    let stopped = |lab: &Lab| lab.group().suspended.contains_key(&Process::AzRebalance);
    lab.done_once(suspend(true)).await;
    assert!(stopped(&lab) && lab.group().tags.contains_key(marks::SUSPENDED));
    lab.done_once(suspend(false)).await;
    assert!(!stopped(&lab) && lab.group().tags.is_empty());
    // What somebody else has suspended stays so.
    lab.world(|world| world.suspend_processes("g", &[Process::AzRebalance]))
        .unwrap();
    lab.done_once(suspend(true)).await;
    lab.done_once(suspend(false)).await;
    assert!(stopped(&lab) && lab.group().tags.is_empty());
}

#[tokio::test]
async fn bounds_are_set_aside_and_put_back() {
    let lab = Lab::with_aws().await;
    let bounds = |lab: &Lab| (lab.group().min, lab.group().max, lab.group().desired);
    let freeze = |on| ActionKind::Freeze { group: asg(), on };
    let lower = |on| ActionKind::LowerMinimum { group: asg(), on };
    lab.done_once(freeze(true)).await;
    assert_eq!(bounds(&lab), (1, 2, 2));
    lab.done_once(lower(true)).await;
    assert_eq!(bounds(&lab), (0, 2, 2));
    assert_eq!(
        lab.group().tags.get(marks::MAXIMUM).map(String::as_str),
        Some("4")
    );
    lab.done_once(freeze(false)).await;
    lab.done_once(lower(false)).await;
    assert_eq!((bounds(&lab), lab.group().tags), ((1, 4, 2), Tags::new()));
}

#[tokio::test]
async fn a_crash_between_mark_and_deed_is_made_good() {
    let lab = Lab::with_aws().await;
    let aside = |key: &str, value: &str| {
        lab.world(|world| {
            let tag = vpccni_testbed::sandbox::world::GroupTag {
                group: "g".to_owned(),
                key: key.to_owned(),
                value: value.to_owned(),
                propagate: false,
            };
            world.tag_scaling_groups(&[tag]).unwrap();
        });
    };
    aside(marks::MAXIMUM, "4");
    lab.done_once(ActionKind::Freeze {
        group: asg(),
        on: true,
    })
    .await;
    assert_eq!(lab.group().max, 2);
    lab.done_once(ActionKind::Freeze {
        group: asg(),
        on: false,
    })
    .await;
    // Somebody wished for more meanwhile.
    aside(marks::MAXIMUM, "3");
    lab.done_once(ActionKind::Freeze {
        group: asg(),
        on: false,
    })
    .await;
    assert_eq!(lab.group().max, 4);
    aside(marks::MINIMUM, "many");
    refused(
        lab.act(ActionKind::LowerMinimum {
            group: asg(),
            on: false,
        })
        .await,
        "is no number",
    );
    aside(marks::SUSPENDED, "AZRebalance");
    lab.done_once(suspend(true)).await;
    assert!(lab.group().suspended.contains_key(&Process::AzRebalance));
}

fn edit(max_pods: u32) -> ActionKind {
    ActionKind::EditTemplate {
        group: asg(),
        max_pods,
    }
}

/// The version the group launches from, and the pods its user data says.
fn launches(lab: &Lab) -> (Option<String>, Option<u32>) {
    let source = lab.group().source;
    lab.world(|world| {
        let template = world.template(&source.template.id_or_name).unwrap();
        let number = template.number_of(source.template.version.as_deref()).unwrap();
        let version = &template.versions[&number];
        let user_data = version.data.settings.get("UserData");
        (source.template.version, max_pods_of_encoded(user_data).unwrap())
    })
}

fn follow(lab: &Lab, version: &str) {
    let mut source = lab.group().source;
    source.template.version = Some(version.to_owned());
    let change = GroupChange {
        source: Some(source),
        ..GroupChange::default()
    };
    lab.world(|world| world.update_scaling_group("g", change))
        .unwrap();
}

#[tokio::test]
async fn a_template_gets_a_version_and_the_group_launches_from_it() {
    let lab = Lab::with_aws().await;
    assert_eq!(launches(&lab), (Some("1".to_owned()), None));
    lab.done_once(edit(110)).await;
    assert_eq!(launches(&lab), (Some("2".to_owned()), Some(110)));
    lab.done_once(edit(29)).await;
    assert_eq!(launches(&lab), (Some("3".to_owned()), Some(29)));
    // A crash before the group was pointed to it: the version is there, and is not made again.
    follow(&lab, "2");
    lab.done_once(edit(29)).await;
    assert_eq!(launches(&lab), (Some("3".to_owned()), Some(29)));
}

#[tokio::test]
async fn who_follows_the_latest_goes_on_following_and_who_follows_the_default_is_noted() {
    let lab = Lab::with_aws().await;
    follow(&lab, "$Latest");
    lab.done_once(edit(110)).await;
    assert_eq!(launches(&lab), (Some("$Latest".to_owned()), Some(110)));
    follow(&lab, "$Default");
    lab.done_once(edit(110)).await;
    assert_eq!(launches(&lab), (Some("2".to_owned()), Some(110)));
    assert_eq!(
        lab.group().tags.get(marks::VERSION).map(String::as_str),
        Some("$Default")
    );
}

#[tokio::test]
async fn a_template_of_somebody_else_or_not_understood_is_never_edited() {
    let lab = Lab::with_aws().await;
    let from = |name: &str, user_data: &str, tags: Tags| {
        lab.world(|world| {
            let template = template(world, name, user_data, tags);
            let change = GroupChange {
                source: Some(LaunchSource {
                    template,
                    mixed: None,
                }),
                ..GroupChange::default()
            };
            world.update_scaling_group("g", change).unwrap();
        });
    };
    let owned = Tags::from([("ManagedBy".to_owned(), "Pulumi".to_owned())]);
    from("theirs", BOOTSTRAP, owned);
    refused(
        lab.act(edit(110)).await,
        "the launch template theirs is written by Pulumi: set its max-pods to 110 there",
    );
    // `hello`
    from("odd", "aGVsbG8=", Tags::new());
    refused(lab.act(edit(110)).await, "is not understood");
    let versions = lab.world(|world| {
        world
            .templates
            .values()
            .map(|t| t.versions.len())
            .collect::<Vec<_>>()
    });
    assert_eq!(versions, [1, 1, 1]);
}
