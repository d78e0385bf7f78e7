//! Pod identity associations.

use super::{Eks, ROLE};
use crate::lab::code;
use aws_sdk_eks::types::AddonPodIdentityAssociations;

const OTHER: &str = "arn:aws:iam::123456789012:role/other";

impl Eks {
    /// Asks for an association of a service account in `apps`, and gives its id.
    async fn associate(&self, account: &str, role: &str) -> Result<String, String> {
        let call = self.eks.create_pod_identity_association();
        let call = call.cluster_name("one").namespace("apps");
        let made = call.service_account(account).role_arn(role).send().await;
        let made = made.map_err(code)?;
        let id = made.association().and_then(|a| a.association_id());
        Ok(id.expect("an id").to_owned())
    }
}

#[tokio::test]
async fn a_service_account_has_one_association_and_is_found_by_it() {
    let lab = Eks::with_cluster().await;
    let id = lab.associate("shop", ROLE).await.expect("made");
    lab.associate("till", ROLE).await.expect("made");
    assert_eq!(
        lab.associate("shop", OTHER).await,
        Err("ResourceInUseException".to_owned())
    );
    assert_eq!(
        lab.associate("desk", "no-role").await,
        Err("InvalidParameterException".to_owned())
    );
    let list = || lab.eks.list_pod_identity_associations().cluster_name("one");
    let all = list().namespace("apps").send().await.expect("associations");
    assert_eq!(all.associations().len(), 2);
    let one = list().service_account("shop").send().await.expect("associations");
    assert_eq!(one.associations()[0].association_id(), Some(id.as_str()));
    let none = list().namespace("other").send().await.expect("associations");
    assert!(none.associations().is_empty());
    lab.end().await;
}

#[tokio::test]
async fn an_association_is_changed_and_deleted() {
    let lab = Eks::with_cluster().await;
    let id = lab.associate("shop", ROLE).await.expect("made");
    let change = lab.eks.update_pod_identity_association().cluster_name("one");
    let changed = change
        .association_id(&id)
        .role_arn(OTHER)
        .target_role_arn(ROLE)
        .send()
        .await;
    let changed = changed.expect("changed");
    let changed = changed.association().expect("an association");
    assert_eq!(
        (changed.role_arn(), changed.target_role_arn()),
        (Some(OTHER), Some(ROLE))
    );
    assert!(changed.external_id().is_some());
    let describe = || {
        lab.eks
            .describe_pod_identity_association()
            .cluster_name("one")
            .association_id(&id)
            .send()
    };
    let seen = describe().await.expect("an association");
    assert_eq!(seen.association().and_then(|a| a.role_arn()), Some(OTHER));
    let delete = lab.eks.delete_pod_identity_association().cluster_name("one");
    delete.association_id(&id).send().await.expect("deleted");
    assert_eq!(
        describe().await.map(|_| ()).map_err(code),
        Err("ResourceNotFoundException".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn an_add_on_owns_its_associations() {
    let lab = Eks::with_cluster().await;
    let create = |account: &str| {
        let identity = AddonPodIdentityAssociations::builder()
            .service_account(account)
            .role_arn(ROLE);
        lab.eks
            .create_addon()
            .cluster_name("one")
            .addon_name("vpc-cni")
            .pod_identity_associations(identity.build().expect("complete"))
            .send()
    };
    assert_eq!(
        create("other").await.map(|_| ()).map_err(code),
        Err("InvalidParameterException".to_owned())
    );
    let made = create("aws-node").await.expect("an add-on");
    let addon = made.addon().expect("an add-on");
    let list = || {
        lab.eks
            .list_pod_identity_associations()
            .cluster_name("one")
            .send()
    };
    let listed = list().await.expect("associations");
    let [association] = listed.associations() else {
        panic!("one association: {listed:?}");
    };
    assert_eq!(association.owner_arn(), addon.addon_arn());
    assert_eq!(association.service_account(), Some("aws-node"));
    assert_eq!(
        addon.pod_identity_associations(),
        [association.association_arn().expect("an ARN")]
    );
    let delete = lab.eks.delete_addon().cluster_name("one").addon_name("vpc-cni");
    delete.send().await.expect("deleted");
    assert!(list().await.expect("associations").associations().is_empty());
    lab.end().await;
}
