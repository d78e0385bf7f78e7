//! IAM and STS over plain HTTP, as any client sends them.

use crate::lab::{Lab, code, sdk_config};
use crate::protocol::post;
use aws_credential_types::Credentials;

const TRUST: &str = "%7B%22Version%22%3A%222012-10-17%22%2C%22Statement%22%3A%5B%5D%7D";
const CNI: &str = "arn:aws:iam::aws:policy/AmazonEKS_CNI_Policy";

/// Calls IAM; gives the status and the body.
async fn iam(lab: &Lab, action: &str, rest: &str) -> (u16, String) {
    let answer = post(lab, "/", &format!("Version=2010-05-08&Action={action}&{rest}")).await;
    let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok());
    (status.expect("a status"), answer)
}

async fn done(lab: &Lab, action: &str, rest: &str) -> String {
    let (status, body) = iam(lab, action, rest).await;
    assert_eq!(status, 200, "{action}: {body}");
    body
}

async fn refused(lab: &Lab, action: &str, rest: &str) -> (u16, String) {
    let (status, body) = iam(lab, action, rest).await;
    (status, between(&body, "Code").to_owned())
}

/// The text of the first element of a name.
fn between<'a>(body: &'a str, element: &str) -> &'a str {
    let rest = body.split(&format!("<{element}>")).nth(1).unwrap_or_default();
    rest.split("</").next().unwrap_or_default()
}

async fn with_role() -> Lab {
    let lab = Lab::new().await;
    done(
        &lab,
        "CreateRole",
        &format!("RoleName=node&AssumeRolePolicyDocument={TRUST}"),
    )
    .await;
    lab
}

#[tokio::test]
async fn a_role_goes_only_when_nothing_hangs_on_it() {
    let lab = with_role().await;
    let body = done(&lab, "GetRole", "RoleName=node").await;
    assert_eq!(between(&body, "Arn"), "arn:aws:iam::123456789012:role/node");
    assert_eq!(between(&body, "AssumeRolePolicyDocument"), TRUST);
    let again = format!("RoleName=NODE&AssumeRolePolicyDocument={TRUST}");
    assert_eq!(
        refused(&lab, "CreateRole", &again).await,
        (409, "EntityAlreadyExists".to_owned())
    );
    assert_eq!(
        refused(&lab, "GetRole", "RoleName=nobody").await,
        (404, "NoSuchEntity".to_owned())
    );
    let bad = "RoleName=other&AssumeRolePolicyDocument=%7B";
    assert_eq!(
        refused(&lab, "CreateRole", bad).await,
        (400, "MalformedPolicyDocument".to_owned())
    );
    let policy = format!("RoleName=node&PolicyArn={CNI}");
    done(&lab, "AttachRolePolicy", &policy).await;
    assert_eq!(
        refused(&lab, "DeleteRole", "RoleName=node").await,
        (409, "DeleteConflict".to_owned())
    );
    let attached = done(&lab, "ListAttachedRolePolicies", "RoleName=node").await;
    assert_eq!(between(&attached, "PolicyName"), "AmazonEKS_CNI_Policy");
    done(&lab, "DetachRolePolicy", &policy).await;
    assert_eq!(
        refused(&lab, "DetachRolePolicy", &policy).await,
        (404, "NoSuchEntity".to_owned())
    );
    let inline = format!("RoleName=node&PolicyName=own&PolicyDocument={TRUST}");
    done(&lab, "PutRolePolicy", &inline).await;
    assert_eq!(
        refused(&lab, "DeleteRole", "RoleName=node").await,
        (409, "DeleteConflict".to_owned())
    );
    done(&lab, "DeleteRolePolicy", "RoleName=node&PolicyName=own").await;
    done(&lab, "DeleteRole", "RoleName=node").await;
    lab.end().await;
}

/// What Karpenter does for an EC2NodeClass: a profile under a path of its own, with one role, found by that path.
#[tokio::test]
async fn an_instance_profile_has_a_path_and_one_role() {
    let lab = with_role().await;
    let path = "/karpenter/us-west-2/demo/uid/";
    let made = done(
        &lab,
        "CreateInstanceProfile",
        &format!("InstanceProfileName=demo_1&Path={path}&Tags.member.1.Key=a&Tags.member.1.Value=b"),
    )
    .await;
    assert_eq!(
        between(&made, "Arn"),
        "arn:aws:iam::123456789012:instance-profile/karpenter/us-west-2/demo/uid/demo_1"
    );
    let missing = "InstanceProfileName=demo_1&RoleName=nobody";
    let (status, body) = iam(&lab, "AddRoleToInstanceProfile", missing).await;
    // Karpenter tells by the word "role" that it is not the profile that is missing.
    assert_eq!(
        (status, between(&body, "Message")),
        (404, "The role with name nobody cannot be found.")
    );
    let add = "InstanceProfileName=demo_1&RoleName=node";
    done(&lab, "AddRoleToInstanceProfile", add).await;
    assert_eq!(
        refused(&lab, "AddRoleToInstanceProfile", add).await,
        (409, "LimitExceeded".to_owned())
    );
    done(&lab, "CreateInstanceProfile", "InstanceProfileName=other").await;
    let listed = done(&lab, "ListInstanceProfiles", &format!("PathPrefix={path}")).await;
    assert_eq!(listed.matches("<InstanceProfileName>").count(), 1);
    assert_eq!(between(&listed, "RoleName"), "node");
    let delete = "InstanceProfileName=demo_1";
    assert_eq!(
        refused(&lab, "DeleteInstanceProfile", delete).await,
        (409, "DeleteConflict".to_owned())
    );
    done(&lab, "RemoveRoleFromInstanceProfile", add).await;
    done(&lab, "DeleteInstanceProfile", delete).await;
    assert_eq!(
        refused(&lab, "GetInstanceProfile", delete).await,
        (404, "NoSuchEntity".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn instance_profiles_have_pages_and_tags() {
    let lab = Lab::new().await;
    for name in ["demo_1&Tags.member.1.Key=a&Tags.member.1.Value=b", "other"] {
        done(
            &lab,
            "CreateInstanceProfile",
            &format!("InstanceProfileName={name}"),
        )
        .await;
    }
    let page = done(&lab, "ListInstanceProfiles", "MaxItems=1").await;
    assert_eq!(between(&page, "IsTruncated"), "true");
    let next = done(
        &lab,
        "ListInstanceProfiles",
        &format!("MaxItems=1&Marker={}", between(&page, "Marker")),
    )
    .await;
    assert_eq!(
        (
            between(&next, "InstanceProfileName"),
            between(&next, "IsTruncated")
        ),
        ("other", "false")
    );
    done(
        &lab,
        "TagInstanceProfile",
        "InstanceProfileName=demo_1&Tags.member.1.Key=c&Tags.member.1.Value=d",
    )
    .await;
    done(
        &lab,
        "UntagInstanceProfile",
        "InstanceProfileName=demo_1&TagKeys.member.1=a",
    )
    .await;
    let seen = done(&lab, "GetInstanceProfile", "InstanceProfileName=demo_1").await;
    assert_eq!((between(&seen, "Key"), between(&seen, "Value")), ("c", "d"));
    lab.end().await;
}

#[tokio::test]
async fn simulation_says_what_policies_allow_and_what_it_cannot_say() {
    let lab = with_role().await;
    done(
        &lab,
        "AttachRolePolicy",
        &format!("RoleName=node&PolicyArn={CNI}"),
    )
    .await;
    let arn = "arn:aws:iam::123456789012:role/node";
    let ask = |action: &str, resource: &str| {
        format!("PolicySourceArn={arn}&ActionNames.member.1={action}&ResourceArns.member.1={resource}")
    };
    let decision = async |action: &str, resource: &str| {
        let body = done(&lab, "SimulatePrincipalPolicy", &ask(action, resource)).await;
        between(&body, "EvalDecision").to_owned()
    };
    let eni = "arn:aws:ec2:us-west-2:123456789012:network-interface/eni-1";
    let instance = "arn:aws:ec2:us-west-2:123456789012:instance/i-1";
    assert_eq!(decision("ec2:assignprivateipaddresses", "*").await, "allowed");
    assert_eq!(decision("ec2:CreateTags", eni).await, "allowed");
    assert_eq!(decision("ec2:CreateTags", instance).await, "implicitDeny");
    let own = |statement: &str| {
        let document = format!("{{\"Statement\":{statement}}}");
        let encoded: String = form_urlencoded::byte_serialize(document.as_bytes()).collect();
        format!("RoleName=node&PolicyName=own&PolicyDocument={encoded}")
    };
    let deny = own(r#"{"Effect":"Deny","Action":"ec2:Create*","Resource":"*"}"#);
    done(&lab, "PutRolePolicy", &deny).await;
    assert_eq!(decision("ec2:CreateTags", eni).await, "explicitDeny");
    let asks = own(
        r#"{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"StringEquals":{"aws:RequestTag/a":"b"}}}"#,
    );
    done(&lab, "PutRolePolicy", &asks).await;
    let body = done(&lab, "SimulatePrincipalPolicy", &ask("ec2:RunInstances", "*")).await;
    assert_eq!(between(&body, "EvalDecision"), "implicitDeny");
    assert!(
        body.contains("<MissingContextValues><member>aws:RequestTag/a</member>"),
        "{body}"
    );
    let absent = own(
        r#"{"Effect":"Allow","Action":"ec2:RunInstances","Resource":"*","Condition":{"Null":{"aws:RequestTag/a":"true"}}}"#,
    );
    done(&lab, "PutRolePolicy", &absent).await;
    assert_eq!(
        refused(&lab, "SimulatePrincipalPolicy", &ask("ec2:RunInstances", "*")).await,
        (400, "UnsupportedOperation".to_owned())
    );
    lab.end().await;
}

#[tokio::test]
async fn who_assumes_a_role_is_that_role() {
    let lab = with_role().await;
    let sts = aws_sdk_sts::Client::new(&lab.config);
    let assume = sts.assume_role().role_session_name("me");
    let unknown = assume.clone().role_arn("arn:aws:iam::123456789012:role/nobody");
    assert_eq!(
        unknown.send().await.map(|_| ()).map_err(code),
        Err("AccessDenied".to_owned())
    );
    let role = "arn:aws:iam::123456789012:role/node";
    let long = assume.clone().role_arn(role).duration_seconds(7200);
    assert_eq!(
        long.send().await.map(|_| ()).map_err(code),
        Err("ValidationError".to_owned())
    );
    let made = assume.role_arn(role).send().await.expect("a session");
    let keys = made.credentials().expect("keys");
    let config = sdk_config(lab.sandbox.endpoint()).await.into_builder();
    let credentials = Credentials::new(
        keys.access_key_id(),
        keys.secret_access_key(),
        Some(keys.session_token().to_owned()),
        None,
        "test",
    );
    let provider = aws_credential_types::provider::SharedCredentialsProvider::new(credentials);
    let config = config.credentials_provider(provider).build();
    let me = aws_sdk_sts::Client::new(&config)
        .get_caller_identity()
        .send()
        .await
        .expect("me");
    assert_eq!(me.arn(), Some("arn:aws:sts::123456789012:assumed-role/node/me"));
    assert!(
        me.user_id()
            .is_some_and(|id| id.starts_with("AROA") && id.ends_with(":me"))
    );
    lab.end().await;
}

#[tokio::test]
async fn a_web_identity_needs_a_provider_that_knows_its_audience() {
    let lab = with_role().await;
    let sts = aws_sdk_sts::Client::new(&lab.config);
    // {"iss":"https://oidc.test","sub":"aws-node","aud":["sts.amazonaws.com"],"exp":4000000000}
    let claims = "eyJpc3MiOiJodHRwczovL29pZGMudGVzdCIsInN1YiI6ImF3cy1ub2RlIiwiYXVkIjpbInN0cy5hbWF6b25hd3MuY29tIl0sImV4cCI6NDAwMDAwMDAwMH0";
    let assume = || {
        sts.assume_role_with_web_identity()
            .role_arn("arn:aws:iam::123456789012:role/node")
            .role_session_name("pod")
            .web_identity_token(format!("e30.{claims}.c2ln"))
            .send()
    };
    let refused = assume().await.map(|_| ()).map_err(code);
    assert_eq!(refused, Err("InvalidIdentityToken".to_owned()));
    let provider = "Url=https://oidc.test&ClientIDList.member.1=sts.amazonaws.com";
    let made = done(&lab, "CreateOpenIDConnectProvider", provider).await;
    assert_eq!(
        between(&made, "OpenIDConnectProviderArn"),
        "arn:aws:iam::123456789012:oidc-provider/oidc.test"
    );
    let session = assume().await.expect("a session");
    assert_eq!(session.subject_from_web_identity_token(), Some("aws-node"));
    let user = session.assumed_role_user().expect("a user");
    assert_eq!(user.arn(), "arn:aws:sts::123456789012:assumed-role/node/pod");
    lab.end().await;
}
