//! The life of an add-on: its configuration, its updates, and what a user changed.

use super::{Eks, ROLE, put};
use crate::lab::{code, message};
use aws_sdk_eks::operation::create_addon::builders::CreateAddonFluentBuilder;
use aws_sdk_eks::operation::update_addon::builders::UpdateAddonFluentBuilder;
use aws_sdk_eks::types::{Addon, AddonStatus, ErrorCode, ResolveConflicts, Update, UpdateStatus, UpdateType};

const WARM: &str = r#"{"env":{"WARM_IP_TARGET":"3"}}"#;
const FIELD: &str = r#"DaemonSet.apps aws-node - .spec.template.spec.containers[name="aws-node"].image"#;

impl Eks {
    fn create_cni(&self) -> CreateAddonFluentBuilder {
        self.eks.create_addon().cluster_name("one").addon_name("vpc-cni")
    }

    fn update_cni(&self) -> UpdateAddonFluentBuilder {
        self.eks.update_addon().cluster_name("one").addon_name("vpc-cni")
    }

    async fn cni(&self) -> Addon {
        let describe = self
            .eks
            .describe_addon()
            .cluster_name("one")
            .addon_name("vpc-cni");
        let seen = describe.send().await.expect("an add-on");
        seen.addon().expect("an add-on").clone()
    }

    /// The newest update of the add-on, and how many there are.
    async fn last_update(&self) -> (usize, Update) {
        let list = self.eks.list_updates().name("one").addon_name("vpc-cni");
        let listed = list.send().await.expect("updates");
        let id = listed.update_ids().last().expect("an update");
        let describe = self.eks.describe_update().name("one").addon_name("vpc-cni");
        let seen = describe.update_id(id).send().await.expect("an update");
        (
            listed.update_ids().len(),
            seen.update().expect("an update").clone(),
        )
    }
}

#[tokio::test]
async fn an_add_on_comes_from_the_catalogue_and_goes() {
    let lab = Eks::with_cluster().await;
    assert_eq!(
        lab.create_cni()
            .addon_version("v0.0.1-eksbuild.1")
            .send()
            .await
            .map(|_| ())
            .map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    let create = lab.create_cni().configuration_values(WARM);
    create.send().await.expect("an add-on");
    assert_eq!(
        lab.create_cni().send().await.map(|_| ()).map_err(code),
        Err("ResourceInUseException".to_owned())
    );
    let addon = lab.cni().await;
    assert_eq!(addon.status(), Some(&AddonStatus::Active));
    assert_eq!(addon.configuration_values(), Some(WARM));
    assert_eq!(
        addon.addon_version(),
        Some("v1.22.4-eksbuild.3"),
        "the default of 1.34"
    );
    let delete = lab.eks.delete_addon().cluster_name("one").addon_name("vpc-cni");
    delete.send().await.expect("deleted");
    let describe = lab.eks.describe_addon().cluster_name("one").addon_name("vpc-cni");
    assert!(describe.send().await.is_err());
    lab.end().await;
}

#[tokio::test]
async fn a_configuration_that_the_schema_lacks_is_refused_in_the_words_of_aws() {
    let lab = Eks::with_cluster().await;
    let create = |values: &str| lab.create_cni().configuration_values(values).send();
    let refused = create(r#"{"env":{"NO_SUCH_KEY":"1"}}"#)
        .await
        .expect_err("refused");
    assert_eq!(
        message(&refused),
        "ConfigurationValue provided in request is not supported: Json schema validation failed with error: \
         [$.env.NO_SUCH_KEY: is not defined in the schema and the schema does not allow additional properties]"
    );
    assert_eq!(code(refused), "InvalidParameterException");
    let refused = create("env:\n  WARM_IP_TARGET: 3\n").await.expect_err("refused");
    assert!(
        message(&refused).ends_with("[$.env.WARM_IP_TARGET: integer found, string expected]"),
        "{refused:?}"
    );
    let yaml = "env:\n  WARM_IP_TARGET: \"3\"\n";
    create(yaml).await.expect("an add-on");
    assert_eq!(
        lab.cni().await.configuration_values(),
        Some(yaml),
        "as it was written"
    );
    lab.end().await;
}

#[tokio::test]
async fn what_is_omitted_stays_and_an_empty_document_resets() {
    let lab = Eks::with_cluster().await;
    let create = lab.create_cni().addon_version("v1.21.2-eksbuild.2");
    let create = create.configuration_values(WARM).service_account_role_arn(ROLE);
    create.send().await.expect("an add-on");
    let begun = lab.update_cni().addon_version("v1.22.4-eksbuild.3").send().await;
    let begun = begun.expect("an update");
    let begun = begun.update().expect("an update");
    assert_eq!(begun.r#type(), Some(&UpdateType::AddonUpdate));
    assert_eq!(begun.status(), Some(&UpdateStatus::InProgress));
    let addon = lab.cni().await;
    assert_eq!(addon.addon_version(), Some("v1.22.4-eksbuild.3"));
    assert_eq!(addon.configuration_values(), Some(WARM));
    assert_eq!(addon.service_account_role_arn(), Some(ROLE));
    lab.update_cni()
        .configuration_values("{}")
        .send()
        .await
        .expect("an update");
    let addon = lab.cni().await;
    assert_eq!(addon.configuration_values(), Some("{}"));
    assert_eq!(addon.addon_version(), Some("v1.22.4-eksbuild.3"));
    let (count, last) = lab.last_update().await;
    assert_eq!((count, last.status()), (2, Some(&UpdateStatus::Successful)));
    assert_eq!(last.params()[0].value(), Some("{}"));
    lab.end().await;
}

#[tokio::test]
async fn values_that_stay_must_be_good_for_the_new_version() {
    let lab = Eks::with_cluster().await;
    let create = lab
        .create_cni()
        .configuration_values(r#"{"nodeAgent":{"conntrackCacheTableSize":65536}}"#);
    create.send().await.expect("an add-on");
    let older = || lab.update_cni().addon_version("v1.21.2-eksbuild.2");
    let refused = older().send().await.expect_err("refused");
    assert!(
        message(&refused).contains("$.nodeAgent.conntrackCacheTableSize: is not defined"),
        "{refused:?}"
    );
    older()
        .configuration_values("{}")
        .send()
        .await
        .expect("an update");
    lab.end().await;
}

#[tokio::test]
async fn one_update_at_a_time() {
    let lab = Eks::with_cluster().await;
    lab.create_cni().send().await.expect("an add-on");
    lab.slow();
    lab.update_cni()
        .configuration_values(WARM)
        .send()
        .await
        .expect("an update");
    let addon = lab.cni().await;
    assert_eq!(addon.status(), Some(&AddonStatus::Updating));
    assert_eq!(addon.configuration_values(), None, "not yet");
    let in_use = Err("ResourceInUseException".to_owned());
    let again = lab.update_cni().configuration_values("{}").send().await;
    assert_eq!(again.map(|_| ()).map_err(code), in_use);
    let delete = lab.eks.delete_addon().cluster_name("one").addon_name("vpc-cni");
    assert_eq!(delete.send().await.map(|_| ()).map_err(code), in_use);
    lab.pass();
    let addon = lab.cni().await;
    assert_eq!(addon.status(), Some(&AddonStatus::Active));
    assert_eq!(addon.configuration_values(), Some(WARM));
    lab.end().await;
}

#[tokio::test]
async fn a_conflict_fails_the_creation_unless_it_is_overwritten() {
    let lab = Eks::with_cluster().await;
    let provoke = || {
        let body = serde_json::json!({ "fields": [FIELD] }).to_string();
        let lab = &lab;
        async move { put(lab, "clusters/one/addons/vpc-cni/conflicts", &body).await }
    };
    for resolve in [ResolveConflicts::None, ResolveConflicts::Preserve] {
        assert!(provoke().await.starts_with("HTTP/1.1 200"));
        lab.create_cni()
            .resolve_conflicts(resolve)
            .send()
            .await
            .expect("an add-on");
        let addon = lab.cni().await;
        assert_eq!(addon.status(), Some(&AddonStatus::CreateFailed));
        let issue = &addon.health().expect("health").issues()[0];
        assert_eq!(
            issue.code().map(aws_sdk_eks::types::AddonIssueCode::as_str),
            Some("ConfigurationConflict")
        );
        assert!(issue.message().is_some_and(|m| m.ends_with(FIELD)));
        let delete = lab.eks.delete_addon().cluster_name("one").addon_name("vpc-cni");
        delete.send().await.expect("deleted");
    }
    provoke().await;
    lab.create_cni()
        .resolve_conflicts(ResolveConflicts::Overwrite)
        .send()
        .await
        .expect("an add-on");
    assert_eq!(lab.cni().await.status(), Some(&AddonStatus::Active));
    lab.end().await;
}

#[tokio::test]
async fn a_conflict_fails_an_update_is_kept_or_is_overwritten() {
    let lab = Eks::with_cluster().await;
    lab.create_cni().send().await.expect("an add-on");
    lab.world(|world| world.set_addon_conflicts("one", "vpc-cni", vec![FIELD.to_owned()]))
        .expect("an add-on");
    let update = || lab.update_cni().configuration_values(WARM);
    update().send().await.expect("begun");
    let addon = lab.cni().await;
    assert_eq!(addon.status(), Some(&AddonStatus::UpdateFailed));
    assert_eq!(addon.configuration_values(), None, "nothing was applied");
    assert_eq!(addon.health().map(|h| h.issues().len()), Some(1));
    let (_, failed) = lab.last_update().await;
    assert_eq!(failed.status(), Some(&UpdateStatus::Failed));
    assert_eq!(
        failed.errors()[0].error_code(),
        Some(&ErrorCode::ConfigurationConflict)
    );
    let preserve = update().resolve_conflicts(ResolveConflicts::Preserve);
    preserve.send().await.expect("begun");
    let addon = lab.cni().await;
    assert_eq!(addon.status(), Some(&AddonStatus::Active));
    assert_eq!(addon.configuration_values(), Some(WARM));
    assert_eq!(addon.health().map(|h| h.issues().len()), Some(0));
    update().send().await.expect("begun");
    assert_eq!(
        lab.cni().await.status(),
        Some(&AddonStatus::UpdateFailed),
        "the user's value is still there"
    );
    let overwrite = update().resolve_conflicts(ResolveConflicts::Overwrite);
    overwrite.send().await.expect("begun");
    update().send().await.expect("begun");
    assert_eq!(lab.cni().await.status(), Some(&AddonStatus::Active));
    lab.end().await;
}

#[tokio::test]
async fn an_add_on_is_degraded_while_something_is_wrong() {
    let lab = Eks::with_cluster().await;
    lab.create_cni().send().await.expect("an add-on");
    let path = "clusters/one/addons/vpc-cni/health";
    let wrong = r#"{"issues":[{"code":"InsufficientNumberOfReplicas","message":"2 of 3","resourceIds":["aws-node"]}]}"#;
    assert!(put(&lab, path, wrong).await.starts_with("HTTP/1.1 200"));
    let addon = lab.cni().await;
    assert_eq!(addon.status(), Some(&AddonStatus::Degraded));
    let issue = &addon.health().expect("health").issues()[0];
    assert_eq!(issue.resource_ids(), ["aws-node"]);
    assert!(
        put(&lab, path, r#"{"issues":[]}"#)
            .await
            .starts_with("HTTP/1.1 200")
    );
    assert_eq!(lab.cni().await.status(), Some(&AddonStatus::Active));
    lab.end().await;
}

#[tokio::test]
async fn who_follows_the_events_hears_whether_the_objects_stay() {
    let lab = Eks::with_cluster().await;
    lab.create_cni().send().await.expect("an add-on");
    let delete = lab.eks.delete_addon().cluster_name("one").addon_name("vpc-cni");
    delete.preserve(true).send().await.expect("deleted");
    let last = lab.world(|world| world.events_after(0).last().cloned());
    let said = serde_json::to_value(last.expect("an event")).expect("JSON");
    assert_eq!(
        (&said["kind"], &said["addon"], &said["preserved"]),
        (&"addon-deleted".into(), &"vpc-cni".into(), &true.into())
    );
    lab.end().await;
}
