//! STS.

use crate::lab::{Lab, code};

#[tokio::test]
async fn the_caller_has_an_identity() {
    let lab = Lab::new().await;
    let sts = aws_sdk_sts::Client::new(&lab.config);
    let seen = sts.get_caller_identity().send().await.expect("an identity");
    assert_eq!(seen.account(), Some("123456789012"));
    let role = sts
        .assume_role()
        .role_arn("arn:aws:iam::1:role/x")
        .role_session_name("s");
    assert_eq!(
        role.send().await.map(|_| ()).map_err(code),
        Err("AccessDenied".to_owned())
    );
    lab.end().await;
}
