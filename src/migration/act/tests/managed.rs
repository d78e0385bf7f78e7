//! EKS managed node groups.

use super::super::marks;
use super::*;
use vpccni_testbed::sandbox::world::{NewNodegroup, Nodegroup, Sizes, UpdateRules};

fn blue() -> NodeGroup {
    NodeGroup {
        provider: Provider::ManagedNodeGroup,
        name: "blue".to_owned(),
    }
}

/// A node group `blue` of two nodes, at least one and at most five.
fn create(lab: &Lab, template: Option<TemplateRef>) {
    lab.world(|world| {
        let subnets = world.clusters["prod"].subnets.clone();
        let typed = template.is_some();
        let new = NewNodegroup {
            cluster: "prod".to_owned(),
            name: "blue".to_owned(),
            sizes: Sizes {
                min: 1,
                max: 5,
                desired: 2,
            },
            rules: UpdateRules::default(),
            subnets,
            role: "arn:aws:iam::123456789012:role/node".to_owned(),
            version: None,
            release: None,
            ami_type: None,
            spot: false,
            instance_types: if typed {
                Vec::new()
            } else {
                vec!["m5.large".parse().unwrap()]
            },
            disk_size: None,
            labels: [("team".to_owned(), "net".to_owned())].into(),
            taints: Vec::new(),
            template,
            tags: Tags::new(),
        };
        world.create_nodegroup(new).unwrap();
        world.rest();
    });
}

fn nodegroup(lab: &Lab, name: &str) -> Option<Nodegroup> {
    lab.world(|world| {
        world.rest();
        world.clusters["prod"].nodegroups.get(name).cloned()
    })
}

fn successor(max_pods: Option<u32>) -> ActionKind {
    ActionKind::CreateSuccessor {
        group: blue(),
        name: "green".to_owned(),
        max_pods,
    }
}

#[tokio::test]
async fn a_successor_starts_empty_from_a_template_of_our_own() {
    let lab = Lab::with_aws().await;
    create(&lab, None);
    lab.done_once(successor(Some(110))).await;
    let green = nodegroup(&lab, "green").unwrap();
    assert_eq!((green.sizes.min, green.sizes.max, green.sizes.desired), (0, 5, 0));
    assert_eq!(green.labels.get("team").map(String::as_str), Some("net"));
    assert_eq!(
        green.tags.get(marks::SUCCESSOR_OF).map(String::as_str),
        Some("blue")
    );
    assert_eq!(
        green.user_template.map(|template| template.name),
        Some("vpccni-green-110".to_owned())
    );
    let taken = ActionKind::CreateSuccessor {
        group: blue(),
        name: "blue".to_owned(),
        max_pods: None,
    };
    assert!(matches!(
        lab.act(taken).await,
        Outcome::Failed {
            category: "refused",
            ..
        }
    ));
}

#[tokio::test]
async fn a_successor_of_a_group_with_a_template_gets_a_version_of_it() {
    let lab = Lab::with_aws().await;
    let template = lab.world(|world| template(world, "mine", BOOTSTRAP, Tags::new()));
    create(&lab, Some(template));
    lab.done_once(successor(Some(110))).await;
    let green = nodegroup(&lab, "green").unwrap();
    let its = green.user_template.unwrap();
    assert_eq!((its.name.as_str(), its.version), ("mine", 2));
    // The old one stays at what it has.
    assert_eq!(
        nodegroup(&lab, "blue")
            .unwrap()
            .user_template
            .map(|its| its.version),
        Some(1)
    );
}

#[tokio::test]
async fn the_old_group_goes_when_it_is_empty_and_leaves_its_minimum() {
    let lab = Lab::with_aws().await;
    create(&lab, None);
    lab.done_once(successor(Some(110))).await;
    let delete = ActionKind::DeleteGroup { group: blue() };
    assert!(
        matches!(lab.act(delete.clone()).await, Outcome::Dropped(why) if why.contains("2 instances left"))
    );
    let lower = |on| ActionKind::LowerMinimum { group: blue(), on };
    lab.done_once(lower(true)).await;
    assert_eq!(nodegroup(&lab, "blue").unwrap().sizes.min, 0);
    let green = NodeGroup {
        name: "green".to_owned(),
        ..blue()
    };
    lab.done_once(ActionKind::Grow { group: green, to: 2 }).await;
    lab.world(|world| {
        let name = world.clusters["prod"].nodegroups["blue"].scaling_group.clone();
        let ids: Vec<_> = world.scaling.groups[&name]
            .active()
            .map(|member| member.id.clone())
            .collect();
        for id in ids {
            world.terminate_in_group(&id, true).unwrap();
        }
        world.rest();
    });
    lab.done_once(delete).await;
    assert!(nodegroup(&lab, "blue").is_none());
    assert_eq!(nodegroup(&lab, "green").unwrap().sizes.min, 1);
}

#[tokio::test]
async fn eks_rolls_a_group_to_the_version_that_was_made() {
    let lab = Lab::with_aws().await;
    let template = lab.world(|world| template(world, "mine", BOOTSTRAP, Tags::new()));
    create(&lab, Some(template));
    let edit = ActionKind::EditTemplate {
        group: blue(),
        max_pods: 110,
    };
    assert_eq!(lab.act(edit.clone()).await, Outcome::Done);
    assert_eq!(lab.act(edit).await, Outcome::Unchanged);
    lab.done_once(ActionKind::UpdateGroup { group: blue() }).await;
    assert_eq!(
        nodegroup(&lab, "blue")
            .unwrap()
            .user_template
            .map(|its| its.version),
        Some(2)
    );
    // Which update it was is noted, because only that says how it ended.
    let noted = || {
        lab.world(|world| {
            let group = &world.clusters["prod"].nodegroups["blue"].scaling_group;
            world.scaling.groups[group].tags.contains_key(marks::UPDATE)
        })
    };
    assert!(noted());
    lab.done_once(ActionKind::ForgetUpdate { group: blue() }).await;
    assert!(!noted());
}

/// Stories in memory use the second: what they show is to be what the SDK shows.
#[tokio::test]
async fn the_ports_over_http_and_in_memory_answer_alike() {
    let lab = Lab::with_aws().await;
    let template = lab.world(|world| template(world, "mine", BOOTSTRAP, Tags::new()));
    create(&lab, Some(template));
    let memory = Cloud::of(&Arc::new(vpccni_testbed::memory::WorldPorts::new(
        lab.sandbox.as_ref().unwrap().world(),
    )));
    let (http, ctx) = (&lab.ctx, &memory);
    let blue = http
        .node_groups
        .managed_group("prod", "blue")
        .await
        .unwrap()
        .unwrap();
    assert_eq!(
        ctx.node_groups.managed_group("prod", "blue").await,
        Ok(Some(blue.clone()))
    );
    let mut names = blue.scaling_groups.clone();
    names.push("g".to_owned());
    let groups = http.scaling.groups(&names).await.unwrap();
    let mut alike = ctx.scaling.groups(&names).await.unwrap();
    alike.sort_by_key(|group| names.iter().position(|name| *name == group.name));
    let mut over_http = groups.clone();
    over_http.sort_by_key(|group| names.iter().position(|name| *name == group.name));
    assert_eq!(alike, over_http);
    let ids: Vec<_> = groups
        .iter()
        .flat_map(|group| &group.members)
        .map(|member| member.id.clone())
        .collect();
    assert_eq!(
        http.scaling.groups_of(&ids).await,
        ctx.scaling.groups_of(&ids).await
    );
    let its = blue.template.unwrap();
    let version = http.templates.template_version(&its).await;
    assert_eq!(ctx.templates.template_version(&its).await, version);
    for name in ["g", "gone"] {
        assert_eq!(
            http.scaling.set_desired(name, 3).await.is_ok(),
            ctx.scaling.set_desired(name, 3).await.is_ok()
        );
    }
}

#[tokio::test]
async fn a_group_without_a_template_cannot_be_edited() {
    let lab = Lab::with_aws().await;
    create(&lab, None);
    let edit = ActionKind::EditTemplate {
        group: blue(),
        max_pods: 110,
    };
    assert!(matches!(
        lab.act(edit).await,
        Outcome::Failed {
            category: "refused",
            ..
        }
    ));
}
